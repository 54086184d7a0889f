"""The sandbox's HubSpot: a hundred records at a time, with 207s and with whole batches refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.sandbox_hubspot import Portal, portal

COMPANIES = "/crm/v3/objects/companies/batch"


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Portal]:
    with portal() as running:
        yield running


def update(hubspot: Portal, status: int, *inputs: dict[str, Any]) -> Any:
    return hubspot.post(f"{COMPANIES}/update", {"inputs": list(inputs)}, status)


def test_an_update_answers_for_each_record_and_tells_its_trace(hubspot: Portal) -> None:
    ids = [hubspot.create("companies", name=str(n)) for n in range(3)]
    rows = [{"id": i, "properties": {"city": f"city {i}"}, "objectWriteTraceId": f"t{i}"} for i in ids]
    done = update(hubspot, 200, *rows)
    assert {r["id"]: (r["properties"]["city"], r["objectWriteTraceId"]) for r in done["results"]} == {
        i: (f"city {i}", f"t{i}") for i in ids
    }
    assert "name" not in done["results"][0]["properties"]
    assert "errors" not in done


def test_each_applied_write_stands_in_the_ledger_once(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="ledger")
    before = len(hubspot.crm.store.writes)
    update(hubspot, 207, {"id": made, "properties": {"city": "A"}}, {"id": "1", "properties": {"city": "B"}})
    update(hubspot, 400, {"id": made, "properties": {"nonsense": "B"}})
    [write] = hubspot.crm.store.writes[before:]
    assert (write.object, write.id, write.fields) == ("companies", made, {"city": "A"})


def test_unknown_ids_share_one_error_of_a_207(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="known")
    done = update(hubspot, 207, *({"id": i, "properties": {"city": "x"}} for i in (made, "1", "2")))
    assert [r["id"] for r in done["results"]] == [made]
    assert done["numErrors"] == len(done["errors"]) == 1
    assert done["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert done["errors"][0]["context"] == {"ids": ["1", "2"]}


def test_a_bad_value_fails_its_row_and_is_told_by_trace_and_id(hubspot: Portal) -> None:
    good, bad = hubspot.create("companies", name="good"), hubspot.create("companies", name="bad")
    done = update(
        hubspot,
        207,
        {"id": good, "properties": {"numberofemployees": "5"}, "objectWriteTraceId": "a"},
        {"id": bad, "properties": {"numberofemployees": "five"}, "objectWriteTraceId": "b"},
    )
    assert [r["id"] for r in done["results"]] == [good]
    assert done["errors"][0]["category"] == "VALIDATION_ERROR"
    assert done["errors"][0]["context"] == {"objectWriteTraceId": ["b"], "ids": [bad]}


@pytest.mark.parametrize(
    ("properties", "code"),
    [({"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"), ({"days_since_attack_list": "1"}, "READ_ONLY_VALUE")],
)
def test_one_bad_property_name_refuses_the_whole_batch(hubspot: Portal, properties: dict[str, str], code: str) -> None:
    made = hubspot.create("companies", name="whole", city="before")
    refused = update(hubspot, 400, {"id": made, "properties": {"city": "after"}}, {"id": "1", "properties": properties})
    assert refused["errors"][0]["code"] == code
    assert hubspot.get(f"/crm/v3/objects/companies/{made}", properties="city")["properties"]["city"] == "before"


def test_the_same_id_twice_refuses_the_whole_batch(hubspot: Portal) -> None:
    refused = update(hubspot, 400, *[{"id": "123456", "properties": {"city": "x"}}] * 2)
    assert refused["message"] == "Duplicate IDs found in batch input: [123456]. IDs must be unique"
    assert refused["context"] == {"ids": ["123456"]}


@pytest.mark.parametrize("what", ["read", "update", "create", "archive"])
def test_more_than_a_hundred_inputs_are_refused(hubspot: Portal, what: str) -> None:
    inputs = [{"id": str(n), "properties": {"name": "x"}} for n in range(101)]
    assert hubspot.post(f"{COMPANIES}/{what}", {"inputs": inputs}, 400)["category"] == "VALIDATION_ERROR"


def test_histories_are_read_by_fifty_at_most(hubspot: Portal) -> None:
    body = {"inputs": [{"id": str(n)} for n in range(51)], "properties": [], "propertiesWithHistory": ["name"]}
    assert hubspot.post(f"{COMPANIES}/read", body, 400)["message"] == (
        "The maximum number of inputs supported in a batch request for property histories is 50. "
        "Please reduce the number of items and try again"
    )
    body["inputs"] = [{"id": hubspot.create("companies", name="h")}]
    assert hubspot.post(f"{COMPANIES}/read", body)["results"][0]["propertiesWithHistory"]["name"][0]["value"] == "h"


def test_creating_with_traces_keeps_the_good_rows(hubspot: Portal) -> None:
    held = hubspot.create("contacts", email="held@sample.invalid")
    rows = [{"properties": {"email": f"{who}@sample.invalid"}, "objectWriteTraceId": who} for who in ("free", "held")]
    done = hubspot.post("/crm/v3/objects/contacts/batch/create", {"inputs": rows}, 207)
    assert [r["properties"]["email"] for r in done["results"]] == ["free@sample.invalid"]
    assert done["errors"][0]["message"] == f"Contact already exists. Existing ID: {held}"
    assert done["errors"][0]["context"] == {"existingId": [held], "objectWriteTraceId": ["held"]}


def test_creating_without_traces_fails_as_a_whole(hubspot: Portal) -> None:
    hubspot.create("contacts", email="taken@sample.invalid")
    rows = [{"properties": {"email": f"{who}@sample.invalid"}} for who in ("fresh", "taken")]
    assert hubspot.post("/crm/v3/objects/contacts/batch/create", {"inputs": rows}, 409)["category"] == "CONFLICT"
    assert hubspot.search("contacts", query="fresh@sample.invalid")["total"] == 0


def test_a_created_record_can_bring_its_links(hubspot: Portal) -> None:
    company = hubspot.create("companies", name="partner")
    link = {"to": {"id": company}, "types": [{"associationCategory": "USER_DEFINED", "associationTypeId": 101}]}
    row = {"properties": {"dealname": "d"}, "associations": [link]}
    made = hubspot.post("/crm/v3/objects/deals/batch/create", {"inputs": [row]}, 201)["results"][0]["id"]
    found = hubspot.get(f"/crm/v4/objects/deals/{made}/associations/companies")["results"]
    assert found == [
        {
            "toObjectId": int(company),
            "associationTypes": [
                {"category": "USER_DEFINED", "typeId": 101, "label": "partner"},
                {"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None},
            ],
        }
    ]


def test_an_upsert_by_a_unique_property_tells_new_from_known(hubspot: Portal) -> None:
    path = "/crm/v3/objects/deals/batch/upsert"
    rows = [{"id": "x-1", "idProperty": "external_id", "properties": {"dealname": "first"}}]
    [made] = hubspot.post(path, {"inputs": rows})["results"]
    rows[0]["properties"] = {"dealname": "second"}
    [known] = hubspot.post(path, {"inputs": rows})["results"]
    assert (made["new"], known["new"], known["id"]) == (True, False, made["id"])
    assert known["properties"]["dealname"] == "second"


def test_an_upsert_by_a_property_that_is_not_unique_is_refused(hubspot: Portal) -> None:
    rows = [{"id": "1", "idProperty": "hs_object_id", "properties": {"name": "x"}}]
    refused = hubspot.post(f"{COMPANIES}/upsert", {"inputs": rows}, 400)
    assert refused["message"].startswith(
        "Unable to perform update/upsert by non-unique 0-2 property hs_object_id in portal ID"
    )


def test_reading_by_a_unique_property_and_by_an_old_id(hubspot: Portal) -> None:
    one, two = (
        hubspot.create("contacts", email="one@sample.invalid"),
        hubspot.create("contacts", email="two@sample.invalid"),
    )
    body: dict[str, Any] = {"inputs": [{"id": "ONE@sample.invalid"}], "properties": ["email"], "idProperty": "email"}
    assert hubspot.post("/crm/v3/objects/contacts/batch/read", body)["results"][0]["id"] == one
    new = hubspot.post("/crm/v3/objects/contacts/merge", {"primaryObjectId": one, "objectIdToMerge": two})["id"]
    body = {"inputs": [{"id": one}, {"id": two}, {"id": "7"}], "properties": ["email"]}
    done = hubspot.post("/crm/v3/objects/contacts/batch/read", body, 207)
    assert [r["id"] for r in done["results"]] == [new]
    assert done["errors"][0]["context"]["ids"] == ["7"]


def test_archiving_ignores_unknown_ids(hubspot: Portal) -> None:
    made = hubspot.create("companies", name="away")
    reply = hubspot.call("POST", f"{COMPANIES}/archive", {"inputs": [{"id": made}, {"id": "1"}]})
    assert (reply.status_code, reply.content) == (204, b"")
    hubspot.get(f"/crm/v3/objects/companies/{made}", 404)


def test_writing_to_an_old_id_reaches_the_survivor(hubspot: Portal) -> None:
    one, two = hubspot.create("companies", name="1"), hubspot.create("companies", name="2")
    new = hubspot.crm.manual("merge", {"object": "companies", "id": one, "merge_id": two})["id"]
    done = update(hubspot, 200, {"id": one, "properties": {"city": "here"}})
    assert done["results"][0]["id"] == new
