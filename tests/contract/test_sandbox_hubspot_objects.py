"""The sandbox's HubSpot: lists, single records, batches, merges, as the wire facts tell them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.contract.sandbox_hubspot import Portal, portal

PATHS = ("/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09")


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


def live_ids(hubspot: Portal, name: str) -> list[str]:
    return sorted((r.id for r in hubspot.crm.store.live(name)), key=int)


@pytest.mark.parametrize("prefix", PATHS)
def test_a_list_walks_through_every_record_by_id_on_any_version_of_the_path(hubspot: Portal, prefix: str) -> None:
    """after is the last id plus one, the link is absolute, the last page has no paging."""
    seen, after = [], None
    while True:
        page = hubspot.get(f"{prefix}/deals", limit=7, **({"after": after} if after else {}))
        seen += [record["id"] for record in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
        assert int(after) == int(seen[-1]) + 1
        assert page["paging"]["next"]["link"].startswith(f"{hubspot.base}{prefix}/deals?")
    assert seen == live_ids(hubspot, "deals")


def test_paging_links_can_be_followed_as_they_stand(hubspot: Portal) -> None:
    page = hubspot.get("/crm/v3/objects/deals", limit=20, properties="dealname,dealstage")
    following = hubspot.session.get(page["paging"]["next"]["link"], timeout=10).json()
    assert following["results"][0]["properties"]["dealname"]
    assert int(following["results"][0]["id"]) > int(page["results"][-1]["id"])


@pytest.mark.parametrize("name", ["deals", "deal", "0-3", "DEAL", "Deals"])
def test_an_object_answers_to_all_its_names(hubspot: Portal, name: str) -> None:
    assert hubspot.get(f"/crm/v3/objects/{name}", limit=1)["results"]


def test_an_unknown_object_is_refused_without_a_category(hubspot: Portal) -> None:
    refused = hubspot.get("/crm/v3/objects/butterflies", 400)
    assert refused["message"] == "Unable to infer object type from: butterflies"
    assert "category" not in refused


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 101},
        {"limit": 51, "propertiesWithHistory": "dealstage"},
        {"limit": 0},
        {"limit": "many"},
        {"after": "x"},
    ],
)
def test_a_page_too_large_is_refused(hubspot: Portal, params: dict[str, Any]) -> None:
    assert hubspot.get("/crm/v3/objects/deals", 400, **params)["category"] == "VALIDATION_ERROR"


def test_a_cursor_made_up_starts_over(hubspot: Portal) -> None:
    first = hubspot.get("/crm/v3/objects/deals", limit=2)["results"]
    assert hubspot.get("/crm/v3/objects/deals", limit=2, after=10**15)["results"] == first


def test_properties_come_as_asked_null_when_unset_and_not_at_all_when_unknown(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="株式会社甲")
    for asked in ("name,phone,nonsense", ["name", "phone", "nonsense"]):
        found = hubspot.get(f"/crm/v3/objects/companies/{made}", properties=asked)["properties"]
        assert found.keys() == {"name", "phone", "createdate", "hs_lastmodifieddate", "hs_object_id"}
        assert found["name"] == "株式会社甲"
        assert found["phone"] is None


def test_history_is_newest_first_and_tells_people_from_integrations(hubspot: Portal) -> None:
    made = hubspot.crm.manual(
        "create", {"object": "deals", "fields": {"dealname": "d", "pipeline": "partner", "dealstage": "1001"}}
    )["id"]
    hubspot.patch(f"/crm/v3/objects/deals/{made}", {"properties": {"dealstage": "1003"}})
    found = hubspot.get(f"/crm/v3/objects/deals/{made}", propertiesWithHistory="dealstage,amount")[
        "propertiesWithHistory"
    ]
    assert [(v["value"], v["sourceType"]) for v in found["dealstage"]] == [("1003", "INTEGRATION"), ("1001", "CRM_UI")]
    assert found["dealstage"][0]["timestamp"] >= found["dealstage"][1]["timestamp"]
    assert found["amount"] == []


def test_at_most_twenty_versions_of_a_property_are_kept(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="0")
    for n in range(1, 25):
        hubspot.crm.manual("edit", {"object": "companies", "id": made, "fields": {"name": str(n)}})
    found = hubspot.get(f"/crm/v3/objects/companies/{made}", propertiesWithHistory="name")
    assert [v["value"] for v in found["propertiesWithHistory"]["name"]] == [str(n) for n in range(24, 4, -1)]


def test_a_deal_remembers_when_it_entered_a_stage(hubspot: Portal) -> None:
    made = hubspot.create("deals", dealname="d", pipeline="partner", dealstage="1001")
    moved = hubspot.patch(f"/crm/v3/objects/deals/{made}", {"properties": {"dealstage": "1006"}})
    names = "hs_v2_date_entered_1001,hs_v2_date_exited_1001,hs_v2_date_entered_1006,hs_is_closed_won"
    found = hubspot.get(f"/crm/v3/objects/deals/{made}", properties=names)["properties"]
    assert found["hs_v2_date_entered_1006"] == found["hs_v2_date_exited_1001"] == moved["updatedAt"]
    assert found["hs_v2_date_entered_1001"] <= found["hs_v2_date_entered_1006"]
    assert found["hs_is_closed_won"] == "true"


def test_every_accepted_write_moves_the_stamp_even_one_that_changes_nothing(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="same")
    before = hubspot.get(f"/crm/v3/objects/companies/{made}")["updatedAt"]
    after = hubspot.patch(f"/crm/v3/objects/companies/{made}", {"properties": {"name": "same"}})["updatedAt"]
    assert after > before


def test_calculated_values_and_links_move_no_stamp(hubspot: Portal) -> None:
    """Searching by last-modified misses both: the connector must sweep."""
    made = hubspot.create("companies", name="c", attack_list_submitted_on="2026-01-01")
    deal = hubspot.create("deals", dealname="d", pipeline="partner", dealstage="1001")
    before = hubspot.get(f"/crm/v3/objects/companies/{made}")["updatedAt"]
    hubspot.crm.refresh_calculated(datetime.fromisoformat("2027-03-01T00:00:00+00:00"))
    hubspot.crm.manual(
        "edit",
        {"object": "deals", "id": deal, "associate": [{"to_object": "companies", "to_id": made, "label": "partner"}]},
    )
    hubspot.crm._counted = datetime.fromisoformat("2027-03-01").date()
    record = hubspot.crm.records.find(hubspot.crm.records.kinds.find("companies"), made)
    assert record is not None
    assert record.fields["days_since_attack_list"] == "424"
    assert hubspot.get(f"/crm/v3/objects/companies/{made}")["updatedAt"] == before
    hubspot.crm._counted = None


def test_values_are_kept_as_text_dates_and_stamps_in_one_form(hubspot: Portal) -> None:
    made = hubspot.create(
        "deals",
        dealname="d",
        amount="5000.00",
        closedate="1651568400000",
        listed_on=1767225600000,
        attempt=2,
        executed_on="2026-02-03",
    )
    asked = "amount,closedate,listed_on,attempt,executed_on,agreed_on"
    found = hubspot.get(f"/crm/v3/objects/deals/{made}", properties=asked)["properties"]
    assert found["amount"] == "5000.00"
    assert found["closedate"] == "2022-05-03T09:00:00Z"
    assert (found["listed_on"], found["executed_on"], found["attempt"]) == ("2026-01-01", "2026-02-03", "2")
    hubspot.patch(f"/crm/v3/objects/deals/{made}", {"properties": {"listed_on": "", "executed_on": None}})
    cleared = hubspot.get(f"/crm/v3/objects/deals/{made}", properties=asked)["properties"]
    assert cleared["listed_on"] is cleared["executed_on"] is None


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"days_since_attack_list": "1"}, "READ_ONLY_VALUE"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"partner_contract": "barter"}, "INVALID_OPTION"),
        ({"partner_flag": "maybe"}, "INVALID_OPTION"),
        ({"numberofemployees": "many"}, "INVALID_DOUBLE"),
        ({"partner_since": "03/04/2026"}, "INVALID_DATE"),
        ({"partner_since": "1767229200000"}, "INVALID_DATE"),
        ({"hubspot_owner_id": "1"}, "INVALID_OPTION"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_code(
    hubspot: Portal, properties: dict[str, str], code: str
) -> None:
    refused = hubspot.post("/crm/v3/objects/companies", {"properties": properties}, 400)
    assert refused["category"] == "VALIDATION_ERROR"
    assert [e["code"] for e in refused["errors"]] == [code]
    assert refused["errors"][0]["context"]["propertyName"] == list(properties)
    assert code in refused["message"]


def test_a_stage_of_another_pipeline_is_no_option(hubspot: Portal) -> None:
    wrong = {"properties": {"dealname": "d", "pipeline": "partner", "dealstage": "closedwon"}}
    assert hubspot.post("/crm/v3/objects/deals", wrong, 400)["errors"][0]["code"] == "INVALID_OPTION"


def test_the_archive_is_a_list_of_its_own_and_leaves_the_stamp_alone(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="old")
    before = hubspot.get(f"/crm/v3/objects/companies/{made}")["updatedAt"]
    assert hubspot.call("DELETE", f"/crm/v3/objects/companies/{made}").status_code == 204
    assert hubspot.get(f"/crm/v3/objects/companies/{made}", 404)["category"] == "OBJECT_NOT_FOUND"
    gone = hubspot.get("/crm/v3/objects/companies", archived="True", limit=100)["results"]
    found = next(record for record in gone if record["id"] == made)
    assert found["archived"] is True
    assert found["updatedAt"] == before < found["archivedAt"]
    assert hubspot.call("DELETE", f"/crm/v3/objects/companies/{made}").status_code == 204
    read = {"inputs": [{"id": made}], "properties": ["name"], "propertiesWithHistory": []}
    assert hubspot.post("/crm/v3/objects/companies/batch/read", read, archived="true")["results"][0]["id"] == made
    hubspot.crm.manual("undelete", {"object": "companies", "id": made})
    assert hubspot.get(f"/crm/v3/objects/companies/{made}")["archived"] is False


def test_a_merge_mints_a_new_id_and_both_old_ids_lead_to_it(hubspot: Portal) -> None:
    one = hubspot.create("companies", name="甲", phone="03-1")
    two = hubspot.create("companies", name="乙", city="渋谷区")
    deal = hubspot.create("deals", dealname="d", pipeline="partner", dealstage="1001")
    hubspot.crm.manual(
        "edit",
        {"object": "deals", "id": deal, "associate": [{"to_object": "companies", "to_id": two, "label": "partner"}]},
    )
    merged = hubspot.post("/crm/v3/objects/companies/merge", {"primaryObjectId": one, "objectIdToMerge": two})
    new = merged["id"]
    assert new not in (one, two)
    for old in (one, two):
        found = hubspot.get(f"/crm/v3/objects/companies/{old}", properties="name,phone,city,hs_merged_object_ids")
        assert found["id"] == new
        assert found["properties"]["name"] == "甲"
        assert found["properties"]["city"] == "渋谷区"
        assert found["properties"]["hs_merged_object_ids"] == f"{one};{two}"
    archived = hubspot.get("/crm/v3/objects/companies", archived="true", limit=100)["results"]
    assert not {one, two} & {record["id"] for record in archived}
    assert not {one, two} & set(live_ids(hubspot, "companies"))
    links = hubspot.get(f"/crm/v4/objects/deals/{deal}/associations/companies")["results"]
    assert [link["toObjectId"] for link in links] == [int(new)]
    ledger = {row["id"]: row for row in hubspot.crm.store.ledger("companies")}
    assert ledger[one]["merged_into"] == new


def test_a_privacy_deletion_leaves_no_trace_in_any_list(hubspot: Portal) -> None:
    made = hubspot.create("contacts", email="forget@sample.invalid")
    assert hubspot.call("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": made}).status_code == 204
    hubspot.get(f"/crm/v3/objects/contacts/{made}", 404)
    for archived in ("false", "true"):
        assert made not in [
            r["id"] for r in hubspot.get("/crm/v3/objects/contacts", archived=archived, limit=100)["results"]
        ]


def test_associations_asked_for_are_shown_inside_the_record(hubspot: Portal) -> None:
    """One entry a label, as v3 does: the same id comes twice."""
    company, deal = hubspot.create("companies", name="c"), hubspot.create("deals", dealname="d")
    link = {
        "inputs": [
            {
                "from": {"id": deal},
                "to": {"id": company},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}],
            }
        ]
    }
    hubspot.post("/crm/v4/associations/deals/companies/batch/create", link, 201)
    found = hubspot.get(f"/crm/v3/objects/deals/{deal}", associations="companies")["associations"]
    assert found["companies"]["results"] == [
        {"id": company, "type": "deal_to_company"},
        {"id": company, "type": "deal_to_company_unlabeled"},
    ]


def test_surrogates_and_nul_do_not_stop_a_page(hubspot: Portal) -> None:
    bad = {"object": "notes", "raw": True, "fields": {"hs_note_body": "half \ud83d and \x00"}}
    made = hubspot.crm.manual("create", bad)["id"]
    found = hubspot.get(f"/crm/v3/objects/notes/{made}", properties="hs_note_body")
    assert found["properties"]["hs_note_body"] == "half \ud83d and \x00"


def test_a_long_address_is_refused(hubspot: Portal) -> None:
    reply = hubspot.session.get(f"{hubspot.base}/crm/v3/objects/deals", params={"properties": "p" * 17_000}, timeout=10)
    assert reply.status_code == 414


def test_malformed_json_is_a_400_with_its_place(hubspot: Portal) -> None:
    reply = hubspot.session.post(f"{hubspot.base}/crm/v3/objects/deals/search", data='{"limit": 1,', timeout=10)
    assert reply.status_code == 400
    assert reply.json()["message"].startswith("Invalid input JSON on line 1, column")
