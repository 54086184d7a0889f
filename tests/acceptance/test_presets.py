"""Every preset on a world of its shape, from `init` to a plan: the CRM has what it names, and it finds what truly happened."""

import os
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import database as db
from jobs.list_import import Imported, import_list
from jobs.mapping.check import problems_with
from jobs.mapping.coverage import document
from jobs.mapping.versions import activate
from jobs.pipeline import RunReport, run_cycle
from jobs.presets.texts import PRESETS, SANDBOX
from jobs.presets.writing import write_preset
from jobs.proposing import Proposed, propose_mapping
from jobs.settings import load
from jobs.steps.provision import provision
from jobs.views import status
from jobs.wiring import Workspace, open_workspace
from models.vocabulary import Step
from sandbox.generate import generate_world
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sandbox.world import World
from sync.connector import ProvisionStep
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.loading import load_mapping
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox

SHAPES: dict[str, dict[str, str]] = {
    "salesforce-custom-object": {},
    "salesforce-lead": {"salesforce_entries": "leads"},
    "salesforce-campaign": {"salesforce_entries": "campaign_members"},
    "hubspot-deals": {},
    "hubspot-custom-object": {"hubspot_entries": "custom_object"},
}
BY_RECORD = {"salesforce-lead"}  # shapes without date fields: what dates a stage is when it was recorded
FINDINGS = ("unmapped_value", "entry_without_partner", "entry_several_partners", "stage_undated", "link_missing")


class Tried:
    """A preset as it was tried."""

    world: World
    proposed: Proposed
    rules: Rules
    problems: list[Any]
    steps: list[ProvisionStep]
    report: RunReport
    status: dict[str, Any]
    coverage: dict[str, Any]
    events: list[tuple[str, str, date]]
    imported: Imported
    joined: list[int]  # records of each entry that a list made


@pytest.fixture(scope="module", params=SHAPES)
def tried(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: str,
    database_template: str,
) -> tuple[str, Tried]:
    preset = request.param
    settings = SandboxSettings(
        partners=24, months=6, entries=150, future_days=0, hubspot_search_lag_s=0.05, limits=False, **SHAPES[preset]
    )  # type: ignore[arg-type]
    folder = tmp_path_factory.mktemp(preset)
    found = Tried()
    found.world = generate_world(settings)
    with running(settings) as url, scratch(postgres_server, database_template) as address:
        write_preset(preset, folder, sandbox_url=url)
        engine = db.engine(address)
        try:
            with open_workspace(load(folder / "sakigake.yaml"), folder, engine) as ready:
                found.proposed = propose_mapping(ready.settings, folder)
                found.rules = ready.rules
                found.problems = problems_with(ready.rules, ready.connectors, ready.settings.prefix)
                found.steps = [
                    step for _, step in provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
                ]
                with ready.connect() as conn:
                    activate(conn, ready.name, ready.rules, who="RevOps", reason="a first look", preview=None)
                found.report = run_cycle(ready)
                _look(ready, found)
            found.imported, found.joined = _lists(folder, engine, Sandbox(url, os.getpid()))
        finally:
            engine.dispose()
    return preset, found


def _look(ready: Workspace, found: Tried) -> None:
    with ready.connect() as conn:
        found.status = status(conn, ready.name)
        found.events = conn.execute(
            "select entry_id, milestone, occurred_on from sakigake.event where op = 'assert'"
        ).fetchall()
        found.coverage = document(conn, ready.name, ready.settings, ready.rules)


def _lists(folder: Path, engine: Engine, sandbox: Sandbox) -> tuple[Imported, list[int]]:
    """What a list becomes where the line of the preset that is a comment counts."""
    mapping = folder / "mapping.yaml"
    text = mapping.read_text("utf-8")
    assert "    # create: " in text
    mapping.write_text(text.replace("    # create: ", "    create: "), "utf-8")
    settings = folder / "sakigake.yaml"
    settings.write_text(settings.read_text("utf-8").replace("first_plan: hold", "first_plan: deliver"), "utf-8")
    (folder / "list.csv").write_text("会社名,電話番号\n株式会社初荷,03-5555-0101\n初午商店,03-5555-0102\n", "utf-8")
    with open_workspace(load(settings), folder, engine) as ready:
        assert problems_with(ready.rules, ready.connectors, ready.settings.prefix) == []
        provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
        with ready.connect() as conn:
            activate(conn, ready.name, ready.rules, who="RevOps", reason="lists become records", preview=None)
        run_cycle(ready, steps=(Step.PULL, Step.MAP))  # what tells which records are there already
        with ready.connect() as conn:
            partner = conn.execute(
                "select partner_id from sakigake.entry where removed_at is null order by 1"  # one that has a list
            ).fetchone()
        assert partner is not None
        given = {"listed_on": None, "sheet": None, "who": "RevOps", "dry_run": False}
        imported = import_list(ready, folder / "list.csv", partner=partner[0], **given)  # type: ignore[arg-type]
    sandbox.search_catches_up()
    with open_workspace(load(settings), folder, engine) as ready:  # which asks anew what the CRMs' clocks say
        run_cycle(ready, steps=(Step.PULL, Step.MAP))
        with ready.connect() as conn:
            rows = conn.execute(
                """select count(*) from sakigake.entry_source where entry_id in (select entry_id from sakigake.entry
                where removed_at is null and target ->> 'name' in ('株式会社初荷', '初午商店')) group by entry_id"""
            ).fetchall()
    return imported, [r[0] for r in rows]


def truth(world: World, crm: str, *, recorded: bool) -> list[dict[str, date]]:
    """First day of each step of each entry of a CRM, by when it happened or by when it was written down."""
    ours = {e.id for e in world.entries if e.crm == crm}
    found: dict[str, dict[str, date]] = defaultdict(dict)
    for event in world.events:
        if event.entry_id in ours and event.recorded_on <= world.as_of and event.op == "assert":
            day = event.recorded_on if recorded else event.occurred_on
            found[event.entry_id][event.step] = min(day, found[event.entry_id].get(event.step, day))
    return [steps for steps in found.values() if steps]


def test_the_shapes_are_all_the_presets() -> None:
    assert set(SHAPES) == set(PRESETS) - {SANDBOX}


def test_the_crm_has_all_that_the_preset_names(tried: tuple[str, Tried]) -> None:
    assert tried[1].problems == []


def test_looking_into_the_crm_finds_the_shape_and_proposes_what_the_preset_says(tried: tuple[str, Tried]) -> None:
    preset, found = tried
    assert found.proposed.presets == {preset.partition("-")[0]: preset}
    assert (found.proposed.proposal.choices, found.proposed.proposal.left, found.proposed.problems) == ([], [], ())
    assert load_mapping(found.proposed.proposal.text).hash == found.rules.hash


def test_our_fields_can_be_made_where_the_preset_writes_them(tried: tuple[str, Tried]) -> None:
    assert [step for step in tried[1].steps if step.status not in ("created", "present", "advice")] == []


def test_the_whole_cycle_runs_up_to_a_plan_that_waits_for_a_person(tried: tuple[str, Tried]) -> None:
    report = tried[1].report
    assert report.held
    assert sum(report.planned.values()) > 0
    assert report.computed["n"]["entries"] == report.mapped["entries"] > 20


def test_a_list_becomes_records_of_the_crm_by_the_line_that_stands_there_as_a_comment(tried: tuple[str, Tried]) -> None:
    preset, found = tried
    assert found.imported.creates is not None
    made = 4 if preset == "salesforce-campaign" else 2  # a member and its Lead
    assert found.imported.creates.delivered == {"confirmed": made, "failed": 0, "dropped": 0}, found.imported.creates
    assert found.joined == [2, 2]


def test_every_entry_and_milestone_is_found_on_its_day(tried: tuple[str, Tried]) -> None:
    preset, found = tried
    entries: dict[str, dict[str, date]] = defaultdict(dict)
    for entry, milestone, day in found.events:
        entries[entry][milestone] = min(day, entries[entry].get(milestone, day))
    true = truth(found.world, preset.partition("-")[0], recorded=preset in BY_RECORD)
    if (
        preset in BY_RECORD
    ):  # an approach and an Opportunity bear the day they happened, whatever day they were typed in
        real = truth(found.world, preset.partition("-")[0], recorded=False)
        true = [{**a, **{k: b[k] for k in ("executed", "deal") if k in b}} for a, b in zip(true, real, strict=True)]
    without_end = [{k: v for k, v in steps.items() if k != "won"} for steps in true]
    assert Counter(tuple(sorted(e)) for e in entries.values()) == Counter(tuple(sorted(t)) for t in true)
    told = Counter(tuple(sorted((k, v) for k, v in e.items() if k != "won")) for e in entries.values())
    assert told == Counter(tuple(sorted(t.items())) for t in without_end)


def test_nothing_goes_unmapped_and_no_entry_is_without_its_partner(tried: tuple[str, Tried]) -> None:
    _, found = tried
    assert found.status["unmapped"]["list"] == found.coverage["unmapped"]["list"] == []
    assert {k: v for k, v in found.coverage["issues"].items() if k in FINDINGS} == {}
    assert found.coverage["without_partner"]["records"] == 0
