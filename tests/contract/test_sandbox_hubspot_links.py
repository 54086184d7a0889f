"""The sandbox's HubSpot: associations by the thousand, by record, and their labels."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sandbox_hubspot import Portal, portal

PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}
PARTNER = {"associationCategory": "USER_DEFINED", "associationTypeId": 101}


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


def link(
    hubspot: Portal,
    deal: Any,
    company: Any,
    *types: dict[str, Any],
    status: int = 201,
    version: str = "/crm/v4/associations",
) -> Any:
    body = {"inputs": [{"from": {"id": deal}, "to": {"id": company}, "types": list(types)}]}
    return hubspot.post(f"{version}/deals/companies/batch/create", body, status)


def test_a_link_is_made_with_numbers_for_ids_and_its_labels(hubspot: Portal) -> None:
    deal, company = hubspot.create("deals", dealname="d"), hubspot.create("companies", name="c")
    assert link(hubspot, int(deal), int(company), PRIMARY)["results"] == [
        {
            "fromObjectTypeId": "0-3",
            "fromObjectId": int(deal),
            "toObjectTypeId": "0-2",
            "toObjectId": int(company),
            "labels": ["Primary"],
        }
    ]
    back = hubspot.get(f"/crm/v4/objects/companies/{company}/associations/deals")["results"]
    assert [t["typeId"] for t in back[0]["associationTypes"]] == [6, 342]


def test_the_dated_path_answers_200_where_v4_answers_201(hubspot: Portal) -> None:
    deal, company = hubspot.create("deals", dealname="d"), hubspot.create("companies", name="c")
    link(hubspot, deal, company, PARTNER, status=200, version="/crm/associations/2026-09")
    found = hubspot.get(f"/crm/objects/2026-09/deals/{deal}/associations/companies")["results"]
    assert [t["label"] for t in found[0]["associationTypes"]] == ["partner", None]


def test_a_record_without_links_makes_a_207_and_an_unknown_one_looks_the_same(hubspot: Portal) -> None:
    lonely, linked = hubspot.create("deals", dealname="d"), hubspot.create("deals", dealname="e")
    company = hubspot.create("companies", name="c")
    link(hubspot, linked, company, PRIMARY)
    body = {"inputs": [{"id": lonely}, {"id": linked}, {"id": "1"}]}
    done = hubspot.post("/crm/v4/associations/deals/companies/batch/read", body, 207)
    assert [r["from"]["id"] for r in done["results"]] == [linked]
    assert [r["toObjectId"] for r in done["results"][0]["to"]] == [int(company)]
    assert done["numErrors"] == 2
    for error, record_id in zip(done["errors"], (lonely, "1"), strict=True):
        assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
        assert error["message"] == f"No company is associated with deal {record_id}."
        assert error["context"]["fromObjectId"] == [record_id]
    hubspot.post("/crm/v4/associations/deals/companies/batch/read", {"inputs": [{"id": linked}]}, 200)


def test_a_thousand_records_are_read_at_once_and_not_one_more(hubspot: Portal) -> None:
    for count, status in ((1000, 207), (1001, 400)):
        body = {"inputs": [{"id": str(n)} for n in range(count)]}
        hubspot.post("/crm/v4/associations/deals/companies/batch/read", body, status)


def test_more_than_five_hundred_links_of_a_record_come_in_pages(hubspot: Portal) -> None:
    company = hubspot.create("companies", name="hub")
    deals = [hubspot.crm.manual("create", {"object": "deals", "fields": {"dealname": "d"}})["id"] for _ in range(503)]
    body = {"inputs": [{"from": {"id": d}, "to": {"id": company}} for d in deals]}
    hubspot.post("/crm/v4/associations/deals/companies/batch/associate/default", body)
    path = f"/crm/v4/objects/companies/{company}/associations/deals"
    first = hubspot.get(path)
    assert len(first["results"]) == 500
    second = hubspot.get(path, after=first["paging"]["next"]["after"])
    assert [r["toObjectId"] for r in first["results"] + second["results"]] == sorted(map(int, deals))
    hubspot.get(path, 400, limit=501)
    read = "/crm/v4/associations/companies/deals/batch/read"
    [page] = hubspot.post(read, {"inputs": [{"id": company}]})["results"]
    assert len(page["to"]) == 500
    [rest] = hubspot.post(read, {"inputs": [{"id": company, "after": page["paging"]["next"]["after"]}]})["results"]
    assert len(rest["to"]) == 3


def test_a_wrong_id_fails_its_row(hubspot: Portal) -> None:
    deal = hubspot.create("deals", dealname="d")
    assert link(hubspot, deal, "1234", PRIMARY, status=207)["errors"][0]["message"] == "COMPANY=1234 is not valid"
    refused = link(hubspot, deal, "abc", PRIMARY, status=207)["errors"][0]
    assert refused["subCategory"] == "crm.associations.INVALID_IDENTIFIER"
    assert refused["context"] == {"id": ["abc"]}
    unknown = {"associationCategory": "USER_DEFINED", "associationTypeId": 999}
    company = hubspot.create("companies", name="c")
    assert link(hubspot, deal, company, unknown, status=207)["errors"][0]["category"] == "VALIDATION_ERROR"


def test_links_are_taken_away_by_pair_and_labels_alone(hubspot: Portal) -> None:
    deal, company = hubspot.create("deals", dealname="d"), hubspot.create("companies", name="c")
    link(hubspot, deal, company, PARTNER)
    path = f"/crm/v4/objects/deals/{deal}/associations/companies"
    row = {"from": {"id": deal}, "to": {"id": company}, "types": [PARTNER]}
    hubspot.call("POST", "/crm/v4/associations/deals/companies/batch/labels/archive", {"inputs": [row]})
    assert [t["typeId"] for t in hubspot.get(path)["results"][0]["associationTypes"]] == [341]
    gone = {"inputs": [{"from": {"id": deal}, "to": [{"id": company}, {"id": "1234"}]}]}
    assert hubspot.call("POST", "/crm/v4/associations/deals/companies/batch/archive", gone).status_code == 204
    assert hubspot.get(path)["results"] == []
    assert hubspot.get(f"/crm/v4/objects/companies/{company}/associations/deals")["results"] == []


def test_one_link_can_be_put_and_deleted(hubspot: Portal) -> None:
    deal, company = hubspot.create("deals", dealname="d"), hubspot.create("companies", name="c")
    path = f"/crm/v4/objects/deals/{deal}/associations/companies"
    put = hubspot.call("PUT", f"{path}/{company}", [PARTNER])
    assert (put.status_code, put.json()["labels"]) == (201, ["partner"])
    assert hubspot.call("DELETE", f"{path}/{company}").status_code == 204
    assert hubspot.get(path)["results"] == []


def test_labels_are_listed_and_made_with_a_number_for_each_direction(hubspot: Portal) -> None:
    path = "/crm/v4/associations/deals/companies/labels"
    assert {(t["category"], t["typeId"], t["label"]) for t in hubspot.get(path)["results"]} >= {
        ("HUBSPOT_DEFINED", 341, None),
        ("HUBSPOT_DEFINED", 5, "Primary"),
        ("USER_DEFINED", 101, "partner"),
    }
    made = hubspot.post(path, {"label": "Distributor", "name": "distributor"})["results"]
    assert len({t["typeId"] for t in made}) == 2
    hubspot.post(path, {"label": "Distributor", "name": "distributor"}, 409)


def test_links_to_archived_records_are_not_shown(hubspot: Portal) -> None:
    deal, company = hubspot.create("deals", dealname="d"), hubspot.create("companies", name="c")
    link(hubspot, deal, company, PRIMARY)
    hubspot.call("DELETE", f"/crm/v3/objects/companies/{company}")
    assert hubspot.get(f"/crm/v4/objects/deals/{deal}/associations/companies")["results"] == []
