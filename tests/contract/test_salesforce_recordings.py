"""What real Salesforce servers once sent, through the connector over HTTP, every field compared."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync.connector import FieldType, ReadSpec, RecordWrite, WriteOutcome
from sync.errors import FieldMissing, ObjectMissing, PermissionMissing, Stop
from sync.salesforce.ids import long_id
from tests.salesforce_org import SYSTEM, a_field, org
from tests.scripted_http import Answer, Asked
from tests.shared_folder import FOLDER, shared

RECORDINGS = FOLDER / "recordings" / "salesforce"
AMP = "amp-labs+connectors__providers_salesforce_test_"
STAMP = "2026-05-01T07:25:37.000+0000"


def names(pattern: str) -> list[str]:
    """Recordings by name; one that does not exist where the folder is absent, so that its test says what it needs."""
    return sorted(p.name for p in RECORDINGS.glob(pattern)) or [f"absent {pattern}"]


def text_of(name: str) -> str:
    return shared("recordings", "salesforce", name).read_text()


def bodies(path: Path) -> Iterator[str]:
    """Every reply body in a recording, as text."""
    text = path.read_text()
    if path.suffix == ".json":
        yield text
        return
    for turn in (yaml.safe_load(text) or {}).get("interactions") or []:
        body = ((turn.get("response") or {}).get("body") or {}).get("string")
        if isinstance(body, str):
            yield body


def parsed(text: str) -> Any:
    """JSON whose numbers keep the way they were written, marked."""
    try:
        return json.loads(text, parse_float=lambda written: f"@@{written}@@")
    except ValueError:
        return None


def as_sent(body: Any) -> bytes:
    """JSON with its numbers as they were written."""
    return re.sub(rb'"@@([^@"]*)@@"', rb"\1", json.dumps(body).encode())


def recorded_pages() -> list[tuple[str, Any]]:
    """(where, page) of every recorded reply to a query that returned records, replies inside composite ones included."""
    found = []
    for path in sorted(RECORDINGS.glob("*")) if RECORDINGS.exists() else []:
        if path.suffix not in {".json", ".yaml"} or "describe" in path.name:
            continue
        for n, body in enumerate(bodies(path)):
            document = parsed(body)
            inner = document.get("compositeResponse", []) if isinstance(document, dict) else []
            found += [
                (f"{path.name[-60:]}#{n}", page)
                for page in [document, *(part.get("body") for part in inner)]
                if isinstance(page, dict) and page.get("records") and "totalSize" in page
            ]
    return found or [("absent", None)]


PAGES = recorded_pages()


@pytest.mark.parametrize(("where", "page"), PAGES, ids=[where for where, _ in PAGES])
def test_recorded_pages_come_through_with_every_field_as_it_was_sent(where, page):
    if page is None:
        shared("recordings", "salesforce")
    rows = []
    for row in page["records"]:
        made = row["attributes"].get("url", "").rpartition("/")[2]
        # what a recording did not ask for, and every reply to us would hold
        rows.append({"Id": made, "SystemModstamp": STAMP, "IsDeleted": False, "MasterRecordId": None, **row})
    fields = tuple(dict.fromkeys(n for row in page["records"] for n in row if n != "attributes"))
    whole = [row for row in rows if set(fields) <= row.keys()]
    # one cassette repeats records, as it was edited by hand; a page holds each once
    unique = list({row["Id"]: row for row in whole}.values())
    name = page["records"][0]["attributes"]["type"]
    described = {
        "name": name,
        "label": name,
        "fields": [*SYSTEM, *(a_field(n) for n in fields if n not in {f["name"] for f in SYSTEM})],
    }

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return Answer(described)
        # a recorded first page has no second one to follow it with
        return Answer(as_sent({**page, "records": whole, "totalSize": len(whole), "done": True}))

    with org(answer) as place:
        (got,) = place.connector().pages(ReadSpec(name, fields), None, lambda o, i: {})
    assert got.loaded
    assert [r.id for r in got.records] == [long_id(row["Id"]) for row in unique]
    for record, row in zip(got.records, unique, strict=True):
        expected = json.loads(as_sent(row), parse_float=str)
        assert record.values == {n: expected[n] for n in fields}


DESCRIPTIONS = names("*_describe.yaml")


@pytest.mark.parametrize("name", [n for n in DESCRIPTIONS if "Global" not in n])
def test_recorded_descriptions_are_understood_field_by_field(name):
    sent = json.loads(yaml.safe_load(text_of(name))["response"]["body"]["string"])
    with org(lambda asked: Answer(sent)) as place:
        described = place.connector().describe(sent["name"])
    there = {f["name"]: f for f in sent["fields"] if f["type"] not in {"address", "location"}}
    assert [f.name for f in described.fields] == list(there)
    for f in described.fields:
        raw = there[f.name]
        assert (f.label, f.crm_type, f.nullable) == (raw["label"], raw["type"], raw["nillable"])
        assert (f.calculated, f.writable, f.custom) == (raw["calculated"], raw["updateable"], raw["custom"])
        assert f.references == tuple(raw["referenceTo"])
        assert [o[0] for o in f.options] == [o["value"] for o in raw["picklistValues"]]
        assert f.help == (raw["inlineHelpText"] or "")
        numeric = {"double", "currency", "percent", "int"}
        assert (f.type in {FieldType.NUMBER, FieldType.INTEGER}) == (raw["type"] in numeric)
        assert (f.type is FieldType.DATETIME) == (raw["type"] == "datetime")


@pytest.mark.parametrize("name", [n for n in DESCRIPTIONS if "Global" in n or "absent" in n])
def test_the_recorded_list_of_objects_names_the_nearest(name):
    sent = json.loads(yaml.safe_load(text_of(name))["response"]["body"]["string"])

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/sobjects"):
            return Answer(sent)
        return Answer([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], 404)

    with org(answer) as place, pytest.raises(ObjectMissing, match=r"nearest:.*Opportunity"):
        place.connector().describe("Opportunty")


@pytest.mark.parametrize(
    ("name", "status", "expected", "said"),
    [
        (f"{AMP}unknown-field.json", 400, FieldMissing, "AccountNumer of Account"),
        (f"{AMP}unknown-object.json", 400, ObjectMissing, "Accout"),
        (f"{AMP}invalid-field-upsert.json", 400, PermissionMissing, "MasterRecordId"),
        (f"{AMP}batch_create_contacts_err-bad-request.json", 400, Stop, "REQUIRED_FIELD_MISSING"),
        (f"{AMP}crm_delete_not-found.json", 404, Stop, "ENTITY_IS_DELETED"),
    ],
)
def test_recorded_errors_are_sorted_by_what_to_do(name, status, expected, said):
    body = json.loads(text_of(name))
    with org(lambda asked: Answer(body, status)) as place, pytest.raises(expected, match=said) as met:
        place.connector().write("Account", [RecordWrite("001000000000001AAA", {})])
    assert met.value.remedy


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        (f"{AMP}batch_update_contacts_success.json", [WriteOutcome.APPLIED, WriteOutcome.APPLIED]),
        (f"{AMP}batch_update_contacts_partial-but-allOrNone.json", [WriteOutcome.RETRY, WriteOutcome.REFUSED]),
        (f"{AMP}batch_update_contacts_err-each-no-ids.json", [WriteOutcome.REFUSED, WriteOutcome.REFUSED]),
    ],
)
def test_recorded_results_of_writes_are_looked_at_one_by_one(name, outcomes):
    body = json.loads(text_of(name))
    writes = [RecordWrite(i, {"LastName": "x"}) for i in ("003ak00000jvIfpAAE", "003ak00000jvIfqAAE")]
    with org(lambda asked: Answer(body)) as place:
        assert [r.outcome for r in place.connector().write("Contact", writes)] == outcomes
