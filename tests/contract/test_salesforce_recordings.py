"""What real Salesforce servers once sent, through the connector over HTTP, every field compared."""

import json

import pytest
import yaml

from sync.described import FieldType
from sync.errors import FieldMissing, ObjectMissing, PermissionMissing, Stop
from sync.records import ReadSpec
from sync.salesforce.ids import long_id
from sync.writes import RecordWrite, WriteOutcome
from tests.recorded_salesforce import AMP, answering, as_sent, described_by, names, recorded_pages, text_of
from tests.salesforce_org import org
from tests.scripted_http import Answer, Asked
from tests.shared_folder import shared

PAGES = recorded_pages()


@pytest.mark.parametrize("sent", PAGES, ids=[sent.where for sent in PAGES])
def test_recorded_pages_come_through_with_every_field_as_it_was_sent(sent):
    if sent.page is None:
        shared("recordings", "salesforce")
    with org(answering(described_by(sent.fields, sent.object, {}), sent.rows)) as place:
        (got,) = place.connector().pages(ReadSpec(sent.object, sent.fields), None, lambda o, i: {})
    assert got.loaded
    assert [r.id for r in got.records] == [long_id(row["Id"]) for row in sent.unique]
    for record, row in zip(got.records, sent.unique, strict=True):
        expected = json.loads(as_sent(row), parse_float=str)
        assert record.values == {n: expected[n] for n in sent.fields}


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
