"""What is concluded from a mirror that lacks something: nothing. Facts, results and the CRM stay as they were, and it is said why."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import pausing, settings
from jobs.errors import MirrorStale
from jobs.pipeline import run_cycle
from jobs.steps import write_back
from jobs.views import drift, status
from jobs.wiring import Workspace
from models.vocabulary import Step
from sync.described import FieldDescription, FieldType
from sync.errors import FieldMissing, Underway
from sync.mapping.depends import dependants
from sync.mapping.loading import load_mapping
from sync.records import ReadSpec
from tests.fake_crm import FakeCrm
from tests.one_object import MAPPING, TEXTS, config, fields, workspace_of

PULL_AND_MAP = (Step.PULL, Step.MAP)


class Crm(FakeCrm):
    def pages(self, spec: ReadSpec, cursor: Any, known: Any) -> Any:
        if set(spec.fields) - {f.name for f in self.fields}:
            raise FieldMissing("Thing lacks a field.")
        yield from super().pages(spec, cursor, known)

    def hide(self, name: str) -> FieldDescription:
        hidden = next(f for f in self.fields if f.name == name)
        self.fields = tuple(f for f in self.fields if f.name != name)
        return hidden


@pytest.fixture
def crm() -> Crm:
    made = Crm(fields=fields((*TEXTS, "Note"), ("ListedOn", "DealOn")))
    made.put("p", Kind="partner", Name="先駆", Industry="consulting")
    made.put("e", Kind="entry", Partner="p", ListedOn="2026-09-01", DealOn="2026-09-20")
    return made


@pytest.fixture
def workspace(engine: Engine, crm: Crm) -> Workspace:
    return workspace_of(engine, crm, first_plan="deliver")


def events(workspace: Workspace) -> list[Any]:
    with workspace.connect() as conn:
        return conn.execute("select milestone, occurred_on, op from sakigake.event order by 1, 2, 3").fetchall()


def test_a_hidden_field_refuses_the_map_step_with_field_rules_and_remedy_and_takes_nothing_back(
    workspace: Workspace, crm: Crm
) -> None:
    run_cycle(workspace)
    before = events(workspace)
    assert [e[0] for e in before] == ["deal", "listed"]
    hidden = crm.hide("DealOn")
    crm.put("e", Name="changed meanwhile", DealOn=None)
    with pytest.raises(
        MirrorStale, match=r"fake\.Thing\.DealOn is stale.*entries\[0\]\.milestones\.deal of the mapping.*Grant"
    ) as refused:
        run_cycle(workspace)
    assert "\n" not in str(refused.value)
    assert events(workspace) == before
    with workspace.connect() as conn:
        row = conn.execute("select name, dealon::text from fake.thing where id = 'e'").fetchone()
        document = status(conn, "main")
        steps = dict(
            conn.execute(
                "select step, status from sakigake.run_step join (select run_id from sakigake.run order by started_at desc limit 1) r using (run_id)"
            ).fetchall()
        )
    assert row == ("changed meanwhile", "2026-09-20")
    assert steps == {"pull": "succeeded", "map": "failed"}
    assert "DealOn is stale" in document["runs"][0]["cause"]
    assert document["objects"][0]["stale_fields"] == ["DealOn"]
    (told,) = document["drift"]
    assert told["depends"]["milestones"] == ["deal"]
    assert "deals_90d" in told["depends"]["fields"] or "deal_90d" in told["depends"]["fields"]
    assert "listed_90d" not in told["depends"]["fields"]
    crm.fields = (*crm.fields, hidden)
    crm.put("e", DealOn="2026-09-20")
    run_cycle(workspace)
    assert events(workspace) == before
    with workspace.connect() as conn:
        assert all(d["resolved_at"] for d in drift(conn, "main"))


def test_write_back_of_what_rests_on_a_hidden_field_stops(workspace: Workspace, crm: Crm) -> None:
    run_cycle(workspace, steps=(Step.PULL, Step.MAP, Step.COMPUTE))
    crm.hide("Industry")
    run_cycle(workspace, steps=[Step.PULL])
    report = run_cycle(workspace, steps=[Step.PLAN])
    assert report.skipped == {"fake.Thing.Industry is stale": 2}
    assert (report.planned, crm.applied) == ({}, [])
    with pytest.raises(MirrorStale, match="nothing is written"):
        run_cycle(workspace, steps=[Step.DELIVER])
    assert crm.applied == []
    assert write_back.newest_open_plan(workspace) in (None, report.plan)


def test_a_hidden_field_that_no_rule_reads_stops_nothing(workspace: Workspace, crm: Crm) -> None:
    text = config(first_plan="deliver").replace("    guards:", "        mirror: {Thing: [Note]}\n    guards:")
    given = replace(workspace, settings=settings.read(text).workspaces["main"])
    run_cycle(given)
    crm.hide("Note")
    crm.put("e", DealOn="2026-09-21")
    run_cycle(given)
    assert len(events(given)) == 4  # taken back, and said anew
    with given.connect() as conn:
        assert status(conn, "main")["objects"][0]["stale_fields"] == ["Note"]


def test_a_date_that_becomes_text_is_not_read_as_one(workspace: Workspace, crm: Crm) -> None:
    run_cycle(workspace, steps=PULL_AND_MAP)
    before = events(workspace)
    crm.fields = tuple(replace(f, type=FieldType.TEXT) if f.name == "DealOn" else f for f in crm.fields)
    crm.put("e", DealOn="some time in autumn")
    with pytest.raises(MirrorStale, match="DealOn is stale: a date is expected and it has become text"):
        run_cycle(workspace, steps=PULL_AND_MAP, full=True)
    assert events(workspace) == before


def test_what_rests_on_a_field_is_told_by_rule_milestone_and_field() -> None:
    rules = load_mapping(MAPPING)
    assert dependants(rules, "fake", "Thing", "Industry")["rules"] == ["partners[0].attributes.industry"]
    assert "tier" in dependants(rules, "fake", "Thing", "Industry")["fields"]
    assert dependants(rules, "fake", "Thing", "Note") == {"rules": [], "milestones": [], "fields": []}
    assert dependants(rules, "fake", "Thing")["milestones"] == ["listed", "deal"]
    assert Path(rules.filename).name == "mapping.yaml"


def test_an_object_that_was_never_read_to_its_end_is_not_mapped(workspace: Workspace, crm: Crm) -> None:
    """Half of the entries would be taken for all of them. Who paused the connection is told how to go on."""
    pages = crm.pages

    def cut_off(*asked: Any) -> Any:
        for page in pages(*asked):
            yield replace(page, loaded=False)
            raise Underway("The CRM still prepares Thing.")

    crm.pages = cut_off  # type: ignore[method-assign]
    crm.page_size = 1
    report = run_cycle(workspace)
    assert (report.unread, list(report.waiting), report.mapped) == (["fake.Thing"], ["fake.Thing"], {})
    with workspace.connect() as conn:
        assert status(conn, "main")["runs"][0]["status"] == "waiting"
    with pytest.raises(MirrorStale, match=r"fake\.Thing is not read to its end yet.*Go on with: sakigake run"):
        run_cycle(workspace, steps=[Step.MAP])
    pausing.pause(workspace, "fake", "maintenance")
    with pytest.raises(MirrorStale, match="sakigake resume fake, then sakigake run"):
        run_cycle(workspace, steps=[Step.MAP])
    pausing.resume(workspace, "fake")
    crm.pages = pages  # type: ignore[method-assign]
    assert run_cycle(workspace).mapped["entries"]
