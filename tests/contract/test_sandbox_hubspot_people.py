"""The sandbox's HubSpot: what people do in its pages, as `POST /_sandbox/records` asks for it, and what the ledger tells of it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.contract.sandbox_hubspot import Portal, portal


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


def act(hubspot: Portal, action: str, status: int = 200, **told: Any) -> Any:
    reply = requests.post(
        f"{hubspot.base}/_sandbox/records", json={"crm": "hubspot", "action": action, **told}, timeout=10
    )
    assert reply.status_code == status, reply.text
    return reply.json()


def ledger(hubspot: Portal, name: str) -> dict[str, Any]:
    told = requests.get(f"{hubspot.base}/_sandbox/ledger", params={"crm": "hubspot", "object": name}, timeout=10).json()
    return {row["id"]: row for row in told["records"]} | {"writes": told["writes"]}


def test_people_create_edit_delete_and_bring_back_without_a_line_among_the_writes(hubspot: Portal) -> None:
    before = len(ledger(hubspot, "companies")["writes"])
    made = act(hubspot, "create", object="companies", fields={"name": "人の会社", "partner_flag": True})["id"]
    act(hubspot, "edit", object="companies", id=made, fields={"city": "港区"})
    found = hubspot.get(f"/crm/v3/objects/companies/{made}", propertiesWithHistory="city")
    assert found["propertiesWithHistory"]["city"][0]["sourceType"] == "CRM_UI"
    assert ledger(hubspot, "companies")[made]["fields"]["partner_flag"] == "true"
    act(hubspot, "delete", object="companies", id=made)
    assert ledger(hubspot, "companies")[made]["deleted"] is True
    act(hubspot, "undelete", object="companies", id=made)
    hubspot.get(f"/crm/v3/objects/companies/{made}")
    act(hubspot, "purge", object="companies", id=made)
    hubspot.get(f"/crm/v3/objects/companies/{made}", 404)
    assert len(ledger(hubspot, "companies")["writes"]) == before


def test_several_merges_leave_one_survivor_with_every_old_id(hubspot: Portal) -> None:
    ids = [act(hubspot, "create", object="deals", fields={"dealname": str(n)})["id"] for n in range(3)]
    new = act(hubspot, "merge", object="deals", id=ids[0], merge_id=ids[1:])["id"]
    for old in ids:
        found = hubspot.get(f"/crm/v3/objects/deals/{old}", properties="dealname,hs_merged_object_ids")
        assert (found["id"], found["properties"]["dealname"]) == (new, "0")
        assert set(ids) <= set(found["properties"]["hs_merged_object_ids"].split(";"))


def test_a_merged_deal_keeps_the_primarys_stage_history(hubspot: Portal) -> None:
    stage = {"pipeline": "partner", "dealstage": "1001"}
    one, two = (act(hubspot, "create", object="deals", fields={"dealname": "d", **stage})["id"] for _ in range(2))
    act(hubspot, "edit", object="deals", id=one, fields={"dealstage": "1004"})
    new = act(hubspot, "merge", object="deals", id=one, merge_id=two)["id"]
    found = hubspot.get(f"/crm/v3/objects/deals/{new}", propertiesWithHistory="dealstage", properties="dealstage")
    assert [v["value"] for v in found["propertiesWithHistory"]["dealstage"]] == ["1004", "1001"]


def test_links_alone_move_no_stamp(hubspot: Portal) -> None:
    deal = act(hubspot, "create", object="deals", fields={"dealname": "d"})["id"]
    company = act(hubspot, "create", object="companies", fields={"name": "c"})["id"]
    before = hubspot.get(f"/crm/v3/objects/deals/{deal}")["updatedAt"]
    end = [{"to_object": "companies", "to_id": company, "label": "partner"}]
    act(hubspot, "edit", object="deals", id=deal, associate=end)
    assert hubspot.get(f"/crm/v4/objects/deals/{deal}/associations/companies")["results"]
    act(hubspot, "edit", object="deals", id=deal, dissociate=end)
    assert hubspot.get(f"/crm/v4/objects/deals/{deal}/associations/companies")["results"] == []
    assert hubspot.get(f"/crm/v3/objects/deals/{deal}")["updatedAt"] == before


def test_a_version_can_be_kept_from_search_for_longer(hubspot: Portal) -> None:
    made = act(hubspot, "create", object="companies", fields={"name": "hidden for long"}, visible_after_s=600)["id"]
    assert hubspot.search("companies", query="hidden for long")["total"] == 0
    assert hubspot.get(f"/crm/v3/objects/companies/{made}")["id"] == made
    act(hubspot, "create", object="companies", fields={"name": "seen soon"})
    assert hubspot.search("companies", query="seen soon")["total"] == 1


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"action": "edit", "object": "companies", "id": "1"}, "there is no live company with id 1"),
        ({"action": "edit", "object": "butterflies", "id": "1"}, "Unable to infer object type"),
        ({"action": "create", "object": "companies", "fields": {"partner_contract": "barter"}}, "INVALID_OPTION"),
    ],
)
def test_what_people_cannot_do_is_told_in_a_sentence(hubspot: Portal, told: dict[str, Any], sentence: str) -> None:
    assert sentence in act(hubspot, status=400, **told)["error"]


def test_one_object_can_be_made_large_and_is_all_there() -> None:
    with portal(rows={"hubspot.meetings": 5_000, "hubspot.2-20001": 40}, partners=3, entries=10) as hubspot:
        assert hubspot.search("meetings")["total"] == 5_000
        assert hubspot.search("attack_list_entry")["total"] == 40
        page = hubspot.get("/crm/v3/objects/meetings", limit=50, propertiesWithHistory="hs_meeting_title")
        versions = [r["propertiesWithHistory"]["hs_meeting_title"] for r in page["results"]]
        assert all(len(v) == 1 and v[0]["value"] for v in versions)
