"""The sandbox's HubSpot: properties, groups, pipelines, owners, schemas, account and limits."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sandbox_hubspot import Portal, portal

DEALS = "/crm/v3/properties/deals"


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


def definition(name: str, **told: Any) -> dict[str, Any]:
    return {"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "dealinformation"} | told


def test_read_only_is_told_by_its_mark_and_not_by_being_calculated(hubspot: Portal) -> None:
    found = {p["name"]: p for p in hubspot.get(DEALS)["results"]}
    entered = found["hs_v2_date_entered_1001"]
    assert (entered["calculated"], entered["modificationMetadata"]["readOnlyValue"]) == (False, True)
    assert found["hs_is_closed"]["calculated"] is True
    assert found["dealname"]["modificationMetadata"]["readOnlyValue"] is False
    assert found["dealstage"]["externalOptions"] is True


@pytest.mark.parametrize("prefix", ["/crm/v3/properties", "/crm/properties/2026-09"])
def test_a_property_is_made_used_changed_and_archived(hubspot: Portal, prefix: str) -> None:
    name, path = f"tier_{len(prefix)}", f"{prefix}/companies"
    group = {"name": f"sakigake_{len(prefix)}", "label": "Sakigake"}
    assert hubspot.post(f"{path}/groups", group, 201)["archived"] is False
    told = [{"label": f"Tier {t}", "value": t, "displayOrder": n, "hidden": False} for n, t in enumerate("ABCD")]
    made = hubspot.post(
        path,
        definition(
            name, type="enumeration", fieldType="select", groupName=group["name"], options=told, description="rank"
        ),
        201,
    )
    assert made["modificationMetadata"] == {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False}
    company = hubspot.create("companies", **{name: "B"})
    assert hubspot.get(f"/crm/v3/objects/companies/{company}", properties=name)["properties"][name] == "B"
    assert hubspot.patch(f"{path}/{name}", {"label": "Rank", "options": told[:3]})["label"] == "Rank"
    hubspot.post("/crm/v3/objects/companies", {"properties": {name: "D"}}, 400)
    assert hubspot.call("DELETE", f"{path}/{name}").status_code == 204
    assert name not in hubspot.get(f"/crm/v3/objects/companies/{company}", properties=name)["properties"]
    assert name in [p["name"] for p in hubspot.get(path, archived="true")["results"]]
    hubspot.get(f"{path}/{name}", 404)


def test_a_batch_of_properties_tells_which_were_there_already(hubspot: Portal) -> None:
    hubspot.post(DEALS, definition("held"), 201)
    done = hubspot.post(f"{DEALS}/batch/create", {"inputs": [definition("held"), definition("fresh")]}, 207)
    assert [p["name"] for p in done["results"]] == ["fresh"]
    assert done["errors"][0]["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    assert done["errors"][0]["context"] == {"name": ["held"]}
    assert hubspot.post(DEALS, definition("held"), 409)["category"] == "OBJECT_ALREADY_EXISTS"
    for version, status in (("/crm/v3/properties/deals", 201), ("/crm/properties/2026-09/deals", 200)):
        hubspot.post(f"{version}/batch/create", {"inputs": [definition(f"batch_{status}")]}, status)


@pytest.mark.parametrize(
    "wrong",
    [
        {"groupName": "nowhere"},
        {"type": "text"},
        {"type": "number", "fieldType": "text"},
        {"type": "bool", "fieldType": "booleancheckbox"},
        {"name": "1st"},
        {"name": "has-dash"},
        {"label": None},
    ],
)
def test_a_definition_that_does_not_hold_together_is_refused(hubspot: Portal, wrong: dict[str, Any]) -> None:
    assert hubspot.post(DEALS, definition("never") | wrong, 400)["category"] == "VALIDATION_ERROR"
    hubspot.get(f"{DEALS}/never", 404)


def test_no_more_than_ten_unique_properties(hubspot: Portal) -> None:
    for n in range(10):
        hubspot.post("/crm/v3/properties/notes", definition(f"u{n}", groupName="note", hasUniqueValue=True), 201)
    hubspot.post("/crm/v3/properties/notes", definition("u10", groupName="note", hasUniqueValue=True), 400)


def test_hubspots_own_properties_cannot_be_archived(hubspot: Portal) -> None:
    assert hubspot.call("DELETE", f"{DEALS}/dealname").status_code == 400
    hubspot.get(f"{DEALS}/dealname")


@pytest.mark.parametrize("prefix", ["/crm/v3/pipelines", "/crm/pipelines/2026-09"])
def test_pipelines_show_their_stages_with_metadata_as_text(hubspot: Portal, prefix: str) -> None:
    found = {p["id"]: p for p in hubspot.get(f"{prefix}/deals")["results"]}
    stages = found["partner"]["stages"]
    assert [s["id"] for s in stages] == ["1001", "1002", "1003", "1004", "1005", "1006", "1007"]
    assert stages[5]["metadata"] == {"isClosed": "true", "probability": "1.0"}
    assert found["default"]["createdAt"] == "1970-01-01T00:00:00Z"
    assert hubspot.get(f"{prefix}/deals/partner/stages/1003")["label"] == "合意"
    hubspot.get(f"{prefix}/deals/none", 404)


def test_a_stage_added_by_an_administrator_brings_its_properties(hubspot: Portal) -> None:
    made = hubspot.post(
        "/crm/v3/pipelines/deals/partner/stages",
        {"label": "保留", "displayOrder": 9, "metadata": {"probability": "0.3"}},
        201,
    )
    hubspot.get(f"{DEALS}/hs_v2_date_entered_{made['id']}")
    hubspot.create("deals", dealname="d", pipeline="partner", dealstage=made["id"])
    assert hubspot.call("DELETE", f"/crm/v3/pipelines/deals/partner/stages/{made['id']}").status_code == 400


def test_owners_come_by_page_and_archived_ones_apart(hubspot: Portal) -> None:
    seen, after = [], None
    while True:
        page = hubspot.get("/crm/v3/owners", limit=3, **({"after": after} if after else {}))
        seen += page["results"]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert len({o["id"] for o in seen}) == 4
    assert all(o["id"] != str(o["userId"]) for o in seen)
    [gone] = hubspot.get("/crm/owners/2026-09", archived="true")["results"]
    assert gone["id"] not in {o["id"] for o in seen}
    assert hubspot.get("/crm/v3/owners", email=seen[0]["email"].upper())["results"][0]["id"] == seen[0]["id"]
    hubspot.get(f"/crm/v3/owners/{gone['id']}", 404)


def test_a_custom_object_answers_to_its_names_and_holds_records(hubspot: Portal) -> None:
    [schema] = hubspot.get("/crm-object-schemas/v3/schemas")["results"]
    assert schema["objectTypeId"] == "2-20001"
    made = hubspot.create("2-20001", entry_name="一", entry_status="listed")
    for name in ("attack_list_entry", schema["fullyQualifiedName"], "p_attack_list_entry"):
        found = hubspot.get(f"/crm/objects/2026-09/{name}/{made}", properties="entry_name")
        assert found["properties"]["entry_name"] == "一"
    path = f"/crm/v4/objects/2-20001/{made}/associations/default/companies/{hubspot.create('companies', name='c')}"
    assert hubspot.call("PUT", path).status_code == 200


def test_the_account_tells_its_zone_currency_and_calls_used(hubspot: Portal) -> None:
    found = hubspot.get("/account-info/v3/details")
    assert (found["timeZone"], found["utcOffset"], found["companyCurrency"]) == ("Asia/Tokyo", "+09:00", "JPY")
    [before] = hubspot.get("/account-info/v3/api-usage/daily/private-apps")["results"]
    [after] = hubspot.get("/account-info/2026-09/api-usage/daily/private-apps")["results"]
    assert after["currentUsage"] == before["currentUsage"] + 1
    assert after["resetsAt"].endswith("T15:00:00.000Z")


def test_limits_count_what_is_there(hubspot: Portal) -> None:
    for prefix in ("/crm/v3/limits", "/crm/limits/2026-09"):
        records = {r["objectTypeId"]: r["usage"] for r in hubspot.get(f"{prefix}/records")["hubspotDefinedObjectTypes"]}
        assert records["0-3"] == sum(1 for _ in hubspot.crm.store.live("deals"))
        assert hubspot.get(f"{prefix}/custom-properties")["overallUsage"] > 20
        assert hubspot.get(f"{prefix}/custom-object-types")["usage"] == 1
        assert hubspot.get(f"{prefix}/associations/labels")["results"][0]["allLabels"] == ["partner"]
        for tail in ("calculated-properties", "pipelines", "associations/records/from", "associations/records/0-3/0-2"):
            hubspot.get(f"{prefix}/{tail}")
