"""A stage that nobody mapped: an alert and a count, and never "nothing happened here"."""

# ruff: noqa: F811 (fixtures are imported)
import json

import pytest

from jobs.cli.common import set_logs
from jobs.mapping.coverage import document
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.settings import load
from jobs.wiring import open_workspace
from models.vocabulary import Step
from tests.acceptance.in_process import Company
from tests.acceptance.in_process_fixtures import company, loaded_database, world  # noqa: F401 - fixtures


def entry_of(company: Company, milestone: str = "listed") -> str:
    return str(
        company.one(
            """select record_id from sakigake.event where milestone = %s and object = 'AttackListEntry__c'
            order by occurred_on, record_id limit 1""",
            milestone,
        )
    )


def rename(
    company: Company, record: str, stage: str, field: str = "Status__c", name: str = "AttackListEntry__c"
) -> None:
    company.sandbox.act(crm="salesforce", action="edit", object=name, id=record, fields={field: stage}, raw=True)


def unmapped(company: Company) -> dict:
    return company.clean().status["unmapped"]


def test_a_new_stage_raises_an_alert_once_and_counts_until_it_is_named(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unmapped(company)["list"] == []
    record = entry_of(company)
    rename(company, record, "保留")
    told: list[str] = []
    monkeypatch.setattr("jobs.steps.unmapped.alert", lambda _to, _folder, title, body: told.append(f"{title}: {body}"))
    ran = company.clean()
    (sentence,) = told
    assert sentence.startswith("Sakigake: unmapped values in main: 1 value came up that no rule of the mapping names.")
    assert "保留" not in sentence
    (value,) = ran.status["unmapped"]["list"]
    assert (value["field"], value["value"], value["records"], value["kind"]) == ("Status__c", "保留", 1, "unmapped")
    assert "entries[0].milestones.requested" in value["rules"]
    assert ran.status["unmapped"]["entries"] == 1
    (alert,) = [line for line in ran.said.splitlines() if "unmapped values" in line]
    assert {"field": "Status__c", "values": 1}.items() <= json.loads(alert).items()
    assert "保留" not in ran.said, "values are not for the log"

    again = company.clean()
    assert again.status["unmapped"]["values"] == 1
    assert "unmapped values" not in again.said, "told once"
    assert len(told) == 1

    rename(company, record, "Listed")
    assert unmapped(company) == {"values": 0, "records": 0, "entries": 0, "list": []}
    rename(company, record, "保留")
    assert "unmapped values" in company.clean().said, "it came back"


def test_an_entry_in_a_stage_that_nobody_named_is_not_called_stalled(company: Company) -> None:
    company.clean()
    cycle(company, Step.COMPUTE)
    stalled = company.one(
        """select e.record_id from sakigake.field_result r join sakigake.entry e on e.entry_id = r.subject_id
        where r.field = 'stalled' and r.value = 'true' and e.object = 'AttackListEntry__c' order by 1 limit 1"""
    )
    assert stalled, "the world has stalled entries"
    partner = company.one("select partner_id from sakigake.entry where record_id = %s", stalled)
    count = "select value::int from sakigake.field_result where field = 'stalled_entries' and subject_id = %s"
    before = company.one(count, partner)
    rename(company, stalled, "保留")
    company.clean()
    cycle(company, Step.COMPUTE)
    row = company.one(
        """select jsonb_build_array(r.value, r.inputs) from sakigake.field_result r join sakigake.entry e on e.entry_id = r.subject_id
        where r.field = 'stalled' and e.record_id = %s""",
        stalled,
    )
    assert row[0] is False
    assert row[1]["status"] == "unplaced"
    assert company.one(count, partner) == before - 1


def test_a_value_that_rules_compare_is_news_only_where_it_was_not_there_before(company: Company) -> None:
    known = "select count(*) from sakigake.unmapped_value where kind = 'known'"
    assert unmapped(company)["list"] == []
    assert company.one(known) > 0, "Account.Type has values besides the partners'"
    account = company.one("select record_id from sakigake.partner_source where object = 'Account' order by 1 limit 1")
    rename(company, account, "Alliance", "Type", "Account")
    (value,) = unmapped(company)["list"]
    assert (value["object"], value["field"], value["value"], value["kind"]) == ("Account", "Type", "Alliance", "new")
    mapping = company.folder / "mapping.yaml"
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace("[Channel Partner / Reseller]", "[Channel Partner / Reseller, Ally]"), "utf-8")
    with (
        open_workspace(load(company.folder / "sakigake.yaml"), company.folder, company.engine) as ready,
        ready.connect() as conn,
    ):
        activate(conn, ready.name, ready.rules, who="revops", reason="allies are partners", preview=None)
    # a new version of the mapping is written by somebody who saw the values; what is not named in it is meant
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.pipeline.require_fitting", lambda *_: None)
        assert unmapped(company)["list"] == []


def test_coverage_tells_the_same_and_says_which_records(company: Company) -> None:
    company.clean()
    record = entry_of(company)
    rename(company, record, "保留")
    company.clean()
    configuration = load(company.folder / "sakigake.yaml")
    with open_workspace(configuration, company.folder, company.engine) as ready, ready.connect() as conn:
        found = document(conn, ready.name, ready.settings, ready.rules)
    (one,) = found["unmapped"]["list"]
    assert (one["field"], one["value"], one["records"], one["example"]) == ("Status__c", "保留", 1, record)
    stages = next(f for f in found["fields"] if f["field"] == "Status__c")
    assert sum(v["records"] for v in stages["values"]) == stages["records"] == stages["filled"] + stages["empty"]
    taken = {(t["object"], t["rule"]): t["records"] for t in found["rules"]}
    assert taken["AttackListEntry__c", "entries[0]"] == stages["records"]
    assert found["issues"]["unmapped_value"] == 1
    (called,) = [{v["value"]: v["label"] for v in f["values"]} for f in found["fields"] if f["field"] == "dealstage"]
    assert called["1001"] == "掲載", "an id of HubSpot's stands beside what people call it"
    assert {v["label"] for v in stages["values"]} == {""}, "a value that says itself what it is"


def cycle(company: Company, *steps: Step) -> None:
    set_logs()
    with open_workspace(load(company.folder / "sakigake.yaml"), company.folder, company.engine) as ready:
        run_cycle(ready, steps=steps)
