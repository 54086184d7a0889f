"""Replies that real HubSpot accounts sent pass through the connector, and every field comes out as it went in."""

from typing import Any

import pytest

from sync.described import FieldType
from sync.errors import FieldMissing, ObjectMissing, PermissionMissing
from sync.hubspot.values import moment
from sync.records import ReadSpec
from sync.writes import RecordWrite, WriteOutcome
from tests.known import Known
from tests.recorded_hubspot import cassette, listing, recorded, serving
from tests.scripted_http import Answer, Asked

PROPERTY_TYPES = {
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}


def assert_unharmed(object_name: str, rows: list[dict[str, Any]]) -> None:
    fields = tuple(dict.fromkeys(name for row in rows for name in row["properties"]))
    assert fields
    with serving(listing(rows)) as (connector, _):
        pages = list(connector.pages(ReadSpec(object_name, fields), None, Known()))
        live = connector.read(object_name, [], fields)
    records = {r.id: r for p in pages for r in p.records}
    assert set(records) == {row["id"] for row in rows}
    assert live == {}
    stamp = "lastmodifieddate" if object_name == "contacts" else "hs_lastmodifieddate"
    for row in rows:
        record = records[row["id"]]
        assert dict(record.values) == row["properties"]
        assert record.version == moment(row["properties"].get(stamp) or row["updatedAt"])
        assert record.deleted is row["archived"]


@pytest.mark.parametrize(
    "name",
    [
        "read__objects-api__contacts-response",
        "read__objects-api__contacts-batch",
        "search__contacts__1-first-page",
        "search__contacts__2-second-page",
        "read-via-search__contacts-response",
        "batch__update__contacts__success",
    ],
)
def test_recorded_contacts_pass_unharmed(name: str) -> None:
    assert_unharmed("contacts", recorded(name)["results"])


@pytest.mark.parametrize(
    ("name", "object_name", "path"),
    [
        ("meeting_all", "meetings", "/crm/v3/objects/meetings"),
        ("meeting_all_limit", "meetings", "/crm/v3/objects/meetings"),
        ("meeting_all_limit_after", "meetings", "/crm/v3/objects/meetings"),
        ("meeting_find_by_contact", "meetings", "/crm/v3/objects/meetings/search"),
        ("task_search", "tasks", "/crm/v3/objects/tasks/search"),
        ("Hubspot_Contact_all_without_options_returns_a_collection", "contacts", "/crm/v3/objects/contacts"),
    ],
)
def test_recorded_engagements_and_lists_pass_unharmed(name: str, object_name: str, path: str) -> None:
    rows = [row for _, _, body in cassette(name, path) for row in body["results"]]
    assert_unharmed(object_name, list({row["id"]: row for row in rows}.values()))


def test_a_recorded_search_passes_unharmed_as_a_window_of_changes() -> None:
    rows = (
        recorded("search__contacts__1-first-page")["results"] + recorded("search__contacts__2-second-page")["results"]
    )
    fields = tuple(rows[0]["properties"])

    def answer(asked: Asked) -> Answer:
        if not asked.path.endswith("/search"):
            return Answer({"portalId": 1})
        last = next((int(f["value"]) for f in asked.body["filterGroups"][0]["filters"] if f["operator"] == "GT"), 0)
        left = [r for r in rows if int(r["id"]) > last]
        page: dict[str, Any] = {"total": len(left), "results": left[:1]}
        return Answer({**page, "paging": {"next": {"after": "1"}}} if len(left) > 1 else page)

    cursor = {
        "phase": "changes",
        "watermark": "2025-01-01T00:00:00Z",
        "confirmed": "2025-01-01T00:00:00Z",
        "swept": "2999-01-01T00:00:00Z",
    }
    with serving(answer) as (connector, _):
        pages = list(connector.pages(ReadSpec("contacts", fields), cursor, Known()))
    assert {r.id: dict(r.values) for p in pages for r in p.records} == {r["id"]: r["properties"] for r in rows}


def test_recorded_associations_pass_with_every_type_and_label_and_none_found_is_an_answer() -> None:
    told = recorded("search__contacts__contacts-to-companies")
    contacts = (
        recorded("search__contacts__1-first-page")["results"] + recorded("search__contacts__2-second-page")["results"]
    )
    with serving(listing(contacts, contacts__companies__batch__read=told), "2026-09") as (connector, _):
        pages = list(connector.pages(ReadSpec("contacts", (), (), ("companies",)), None, Known()))
    sets = [s for p in pages for s in p.associations]
    assert sorted(i for s in sets for i in s.from_ids) == sorted(c["id"] for c in contacts)
    expected = {
        (row["from"]["id"], str(to["toObjectId"]), str(t["typeId"]), t["category"], t["label"])
        for row in told["results"]
        for to in row["to"]
        for t in to["associationTypes"]
    }
    assert {(r.from_id, r.to_id, r.type_id, r.category, r.label) for s in sets for r in s.rows} == expected


def test_recorded_owners_pass_unharmed() -> None:
    rows = [row for _, _, body in cassette("owner_all", "/crm/v3/owners") for row in body["results"]]
    fields = tuple(rows[0])
    with serving(listing(rows)) as (connector, script):
        page = next(iter(connector.pages(ReadSpec("owners", fields), None, Known())))
        described = connector.describe("owners")
    assert {r.id: dict(r.values) for r in page.records} == {row["id"]: row for row in rows}
    assert set(fields) <= {f.name for f in described.fields}
    assert all(r.version == moment(row["updatedAt"]) for r, row in zip(page.records, rows, strict=True))
    assert any(a.query.get("archived") == "true" for a in script.asked)


@pytest.mark.parametrize("kind", ["deals", "contacts"])
def test_recorded_pipelines_pass_unharmed_and_give_the_stages_their_labels(kind: str) -> None:
    told = recorded(f"metadata-{kind}-external-pipelines")
    properties = recorded("metadata-deals-properties-sampled")

    def answer(asked: Asked) -> Answer:
        if "account-info" in asked.path:
            return Answer({"portalId": 1})
        return Answer(told if "/pipelines/" in asked.path else properties)

    fields = tuple(dict.fromkeys(name for row in told["results"] for name in row))
    with serving(answer) as (connector, _):
        page = next(iter(connector.pages(ReadSpec(f"pipelines_{kind}", fields), None, Known())))
        stage = connector.describe("deals").field("dealstage")
        pipeline = connector.describe("deals").field("pipeline")
    assert {r.id: dict(r.values) for r in page.records} == {row["id"]: row for row in told["results"]}
    assert stage is not None
    assert pipeline is not None
    assert stage.options == tuple((s["id"], s["label"]) for p in told["results"] for s in p["stages"])
    assert pipeline.options == tuple((p["id"], p["label"]) for p in told["results"])


@pytest.mark.parametrize("kind", ["deals", "contacts"])
def test_recorded_properties_are_described_with_every_mark(kind: str) -> None:
    told = recorded(f"metadata-{kind}-properties-sampled")

    def answer(asked: Asked) -> Answer:
        return Answer(
            {"portalId": 1}
            if "account-info" in asked.path
            else {"results": []}
            if "/pipelines/" in asked.path
            else told
        )

    with serving(answer) as (connector, _):
        described = connector.describe(kind)
    assert [f.name for f in described.fields] == [row["name"] for row in told["results"]]
    for row in told["results"]:
        one = described.field(row["name"])
        assert one is not None
        assert one.label == row["label"]
        assert one.help == row["description"]
        assert one.type is PROPERTY_TYPES.get(row["type"], FieldType.TEXT)
        assert one.writable is not (row["modificationMetadata"]["readOnlyValue"] or row["calculated"])
        assert one.calculated is (row["calculated"] or row["fieldType"].startswith("calculation_"))
        assert one.custom is not row.get("hubspotDefined", False)
        assert one.options == tuple((o["value"], o["label"]) for o in row["options"])


def test_the_recorded_account_is_greeted() -> None:
    told = recorded("post-auth__account-info")
    with serving(lambda _: Answer(told)) as (connector, _):
        greeting = connector.greet()
    assert greeting.account == str(told["portalId"])
    assert greeting.zone == told["timeZone"]


def test_a_recorded_partial_update_fails_exactly_the_record_it_names() -> None:
    told = recorded("batch__update__contacts__err-partial-success")
    bad = told["errors"][0]["context"]["ids"][0]
    good = told["results"][0]["id"]
    with serving(lambda _: Answer(told, 207)) as (connector, _):
        results = connector.write("contacts", [RecordWrite(good, {"a": "1"}), RecordWrite(bad, {"a": "1"})])
    assert [(r.id, r.outcome) for r in results] == [(good, WriteOutcome.APPLIED), (bad, WriteOutcome.REFUSED)]
    assert results[1].cause.endswith("OBJECT_NOT_FOUND")


def test_a_recorded_refusal_of_unknown_properties_names_them() -> None:
    told = recorded("batch__update__contacts__err-many-invalid-properties")
    with (
        serving(lambda _: Answer(told, 400)) as (connector, _),
        pytest.raises(FieldMissing, match="first000name, last000name"),
    ):
        connector.write("contacts", [RecordWrite("1", {"first000name": "x"})])


def test_a_recorded_refusal_of_duplicates_refuses_those_records() -> None:
    told = recorded("batch__update__contacts__err-duplicate-ids")
    with serving(lambda _: Answer(told, 400)) as (connector, _):
        results = connector.write("contacts", [RecordWrite("123456", {"a": "1"})])
    assert results[0].outcome is WriteOutcome.REFUSED


def test_a_recorded_missing_scope_and_an_unknown_object_are_said_by_name() -> None:
    scope, unknown = recorded("metadata-err-schemas-scope"), recorded("search__error-invalid-object")
    with (
        serving(lambda _: Answer(scope, 403)) as (connector, _),
        pytest.raises(PermissionMissing, match="custom-object-read"),
    ):
        connector.greet()

    def answer(asked: Asked) -> Answer:
        return Answer(scope, 403) if "schemas" in asked.path else Answer(unknown, 400)

    with serving(answer) as (connector, _), pytest.raises(ObjectMissing, match="Did you mean companies"):
        connector.describe("company")


def test_recorded_headers_tell_the_days_quota_and_the_clock() -> None:
    status, headers, body = cassette("meeting_all", "/crm/v3/objects/meetings")[0]
    kept = {k: v for k, v in headers.items() if k.lower().startswith("x-hubspot")}

    def answer(asked: Asked) -> Answer:
        told = (
            {"portalId": 1}
            if "account-info" in asked.path
            else {"results": []}
            if asked.query.get("archived") == "true"
            else body
        )
        return Answer(told, status, kept, date=headers["Date"])

    with serving(answer) as (connector, _):
        list(connector.pages(ReadSpec("meetings", ()), None, Known()))
        assert connector.quota() == (250_000, 35)
        assert connector.crm_now().isoformat().startswith("2022-11-03T10:28:58")
        assert connector._transport._calls.allowed == 100
