"""A record that was erased is nowhere, and nothing brings it back; a connection that rests is left alone."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs import pausing
from jobs.erasing import erase_record
from jobs.errors import ConfigError, NotFound
from jobs.pipeline import run_cycle
from jobs.steps.reconcile import reconcile
from jobs.views import status
from jobs.wiring import Workspace
from models.vocabulary import RecordRef, Step
from sync.mirror.erase import record_hash
from tests.fake_crm import FakeCrm
from tests.one_object import TEXTS, fields, workspace_of

CANARY = "山田花子-090-0000-4242"
FIRM = "合同会社消去依頼"
MAPPING = """
timezone: Asia/Tokyo
partners:
  - {from: fake.Thing, where: {Kind: partner}, name: Name, attributes: {industry: Industry}}
partner_types:
  growth: {industry: [consulting]}
entries:
  - from: fake.Thing
    where: {Kind: entry}
    partner: Partner
    target: {name: Name, phone: Note}
    milestones:
      listed: {at: ListedOn}
      requested: {enters: {Status: asked}}
      lost: {enters: {Status: lost}, reason: Reason}
write_back:
  partner: {fake.Thing: [tier, listed_90d]}
  entry: {fake.Thing: [milestone]}
"""
ALL = (Step.PULL, Step.MAP, Step.COMPUTE, Step.PLAN)


@pytest.fixture
def crm() -> FakeCrm:
    made = FakeCrm(fields=fields((*TEXTS, "Note", "Status", "Reason"), ("ListedOn",)))
    made.put("p", Kind="partner", Name="先駆", Industry="consulting")
    entry = {"Kind": "entry", "Partner": "p", "Name": CANARY, "Note": CANARY, "ListedOn": "2026-09-01"}
    made.put("e", **entry, Status="asked", Reason="")
    made.put("other", **{**entry, "Name": "残る会社", "Note": "03"}, Status="asked", Reason="")
    made.put("e", **entry, Status="lost", Reason=CANARY)
    return made


@pytest.fixture
def workspace(engine: Engine, crm: FakeCrm, tmp_path: Path) -> Workspace:
    return workspace_of(engine, crm, MAPPING, home=tmp_path, first_plan="deliver")


def holding(workspace: Workspace, text: str) -> set[str]:
    """Every table of the database in which the text stands."""
    with workspace.connect() as conn:
        tables = conn.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('sakigake', 'fake')"
        ).fetchall()
        return {
            name
            for (name,) in tables
            if conn.execute(
                f"select 1 from {name} t where to_jsonb(t)::text like %s limit 1", (f"%{text}%",)
            ).fetchone()
        }


def test_not_one_table_holds_what_was_erased_and_no_reading_brings_it_back(workspace, crm):
    run_cycle(workspace, steps=ALL)
    before = holding(workspace, CANARY)
    assert {"fake.thing", "sakigake.entry"} <= before, "the point is that much of it is kept"
    done = erase_record(workspace, RecordRef.parse("fake.Thing/e"), "her letter")
    assert done["erased"]["mirror"] == 1
    assert holding(workspace, CANARY) == set()
    assert "残る会社" in str(holding(workspace, "残る会社")) or holding(workspace, "残る会社")
    for full in (False, True):
        crm.put(
            "e",
            Kind="entry",
            Partner="p",
            Name=CANARY,
            Note=CANARY,
            ListedOn="2026-09-01",
            Status="asked",
            Reason=CANARY,
        )
        run_cycle(workspace, steps=ALL, full=full)
        assert holding(workspace, CANARY) == set()
    assert reconcile(workspace).proven, "the CRM still has it, and so do we: an empty row"
    assert holding(workspace, CANARY) == set()
    with workspace.connect() as conn:
        (link,) = conn.execute("select subject, document from sakigake.audit_link where kind = 'erasure'").fetchall()
    assert link[0] == done["record_hash"] == record_hash("main", RecordRef("fake", "Thing", "e"))
    assert "fake.Thing/e" not in link[1]


def test_what_a_version_before_left_in_its_table_of_results_is_erased_too(workspace, crm):
    run_cycle(workspace, steps=ALL)
    with workspace.connect() as conn:
        conn.execute(
            """insert into sakigake.result (workspace, subject, subject_id, field, value, inputs, run_id)
            select workspace, 'entry', entry_id, 'milestone', '"lost"', jsonb_build_object('why', %s::text), 'run-0'
            from sakigake.entry where record_id = 'e'""",
            (CANARY,),
        )
    assert "sakigake.result" in holding(workspace, CANARY)
    erase_record(workspace, RecordRef.parse("fake.Thing/e"), "her letter")
    assert holding(workspace, CANARY) == set()


def test_a_backup_of_before_the_erasure_is_erased_again_by_the_next_run(workspace, crm):
    run_cycle(workspace, steps=ALL)
    erase_record(workspace, RecordRef.parse("fake.Thing/e"), "her letter")
    with workspace.connect() as conn:  # what a restored backup looks like: no tombstone, no trigger, the values there
        conn.execute("delete from sakigake.erased")
        conn.execute("drop trigger sakigake_erased on fake.thing")
        conn.execute("update fake.thing set name = %s where id = 'e'", (CANARY,))
    assert holding(workspace, CANARY)
    run_cycle(workspace, steps=(Step.MAP,))
    assert holding(workspace, CANARY) == set()


def test_a_table_that_is_made_anew_is_guarded_too(workspace, crm):
    run_cycle(workspace, steps=ALL)
    erase_record(workspace, RecordRef.parse("fake.Thing/e"), "her letter")
    with workspace.connect() as conn:
        conn.execute("drop schema fake cascade")
        conn.execute("delete from sakigake.mirror_object")
    run_cycle(workspace, steps=(Step.PULL,))
    assert holding(workspace, CANARY) == set()


def test_erasing_twice_is_harmless_and_what_is_not_there_is_said(workspace):
    run_cycle(workspace, steps=ALL)
    assert erase_record(workspace, RecordRef.parse("fake.Thing/e"), "x")["again"] is False
    assert erase_record(workspace, RecordRef.parse("fake.Thing/e"), "x")["again"] is True
    for asked, error in (
        ("fake.Thing/none", NotFound),
        ("fake.Nothing/e", NotFound),
        ("gone.Thing/e", ConfigError),
    ):
        with pytest.raises(error):
            erase_record(workspace, RecordRef.parse(asked), "x")


def test_a_connection_that_rests_is_neither_read_nor_written(workspace, crm):
    run_cycle(workspace, steps=ALL)
    calls = dict(crm.calls())
    pausing.pause(workspace, "fake", "migration weekend")
    crm.put("p2", Kind="partner", Name="新しい", Industry="consulting")
    report = run_cycle(workspace)
    assert report.pulled == {}
    assert report.planned == {}
    assert report.skipped == {"fake is paused": sum(report.skipped.values())}
    assert dict(crm.calls()) == calls
    with workspace.connect() as conn:
        assert status(conn, "main")["paused"]["fake"]["reason"] == "migration weekend"
    with pytest.raises(pausing.ConnectionPaused, match="sakigake resume fake"):
        reconcile(workspace, only_connection="fake")
    pausing.resume(workspace, "fake")
    assert run_cycle(workspace, steps=(Step.PULL,)).pulled["fake.Thing"]["inserted"] == 1
    with pytest.raises(ConfigError, match="not paused"):
        pausing.resume(workspace, "fake")


def test_a_partner_s_name_goes_from_facts_results_and_reports_too(workspace, crm):
    crm.put("p", Kind="partner", Name=FIRM, Industry="consulting")
    run_cycle(workspace, steps=ALL)
    assert {"fake.thing", "sakigake.partner"} <= holding(workspace, FIRM)
    erase_record(workspace, RecordRef.parse("fake.Thing/p"), "the firm's letter")
    assert holding(workspace, FIRM) == set()
    run_cycle(workspace, steps=ALL)
    assert holding(workspace, FIRM) == set()


def test_what_the_crm_itself_erased_for_good_goes_from_the_facts_too(workspace, crm):
    run_cycle(workspace, steps=ALL)
    assert holding(workspace, CANARY)
    del crm.records["e"]
    crm.erased.add("e")
    reconcile(workspace)
    assert holding(workspace, CANARY) == set()
    assert "sakigake.entry" in holding(workspace, "残る会社")
    run_cycle(workspace, steps=ALL)
    assert holding(workspace, CANARY) == set()
