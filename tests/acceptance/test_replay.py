"""A messy world with known truth, lived through for sixty days: what was computed on each day is what the log says of it ever after."""

import csv
import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from indicators.assumptions import Floors
from jobs import settings_numbers
from jobs.pipeline import run_cycle
from jobs.steps import again, leading, more
from jobs.steps.map import map_facts
from models.vocabulary import RecordRef, Step
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.events import read
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox
from tests.acceptance.in_process import Skipping
from tests.acceptance.in_process_fixtures import company_of
from tests.acceptance.truth import connected
from tests.shared_folder import shared

DAYS = 60
STEPS = (Step.PULL, Step.MAP, Step.COMPUTE)
SAID = {
    "results": "select subject, subject_id, field, value, inputs from sakigake.field_result order by 1, 2, 3",
    "tiers": "select partner_id, since::text, tier, previous, rule from sakigake.tier_change order by 1, 2",
    "reports": """select kind, document from sakigake.report where kind <> 'leading' and as_of = (select as_of from sakigake.computation
        order by computed_at desc limit 1) order by 1""",
    "leading": """select document from sakigake.report where kind = 'leading' and as_of = (select as_of from sakigake.computation
        order by computed_at desc limit 1)""",  # on the first run of each week
    "snapshot": """select partner_id, type, fields from sakigake.partner_day where day = (select as_of from sakigake.computation
        order by computed_at desc limit 1) order by 1""",
}


@dataclass
class World:
    """What gen.py planted, as far as it is recorded by now: by entry and step the day it first happened; and who is kept twice."""

    first: dict[str, dict[str, date]]
    twice: set[str]
    outside: dict[RecordRef, str]  # CRM record -> gen.py's external id

    @classmethod
    def read(cls, folder: Path, sandbox: Sandbox) -> "World":
        today = date.fromisoformat(json.loads((folder / "truth.json").read_text())["as_of"])
        with (folder / "events.csv").open() as file:
            rows = [r for r in csv.DictReader(file) if date.fromisoformat(r["recorded_on"]) <= today]
        gone = {r["supersedes"] for r in rows if r["op"] == "retract"}
        first: dict[str, dict[str, date]] = defaultdict(dict)
        for r in rows:
            if r["op"] == "assert" and r["event_id"] not in gone:
                day, step = date.fromisoformat(r["occurred_on"]), r["milestone"].rpartition("_")[2].lower()
                first[r["entry_id"]][step] = min(day, first[r["entry_id"]].get(step, day))
        outside = {
            RecordRef(r["crm"], r["object"], r["id"]): name
            for r in sandbox.ledger()["records"]
            if (name := r["fields"].get("ExternalId__c") or r["fields"].get("external_id"))
        }
        return cls(first, {r["entry_id"] for r in rows if r["external_id"].startswith("dup-")}, outside)

    def entry(self, ref: RecordRef) -> str:
        return self.outside[ref].rpartition("-")[2]


@pytest.fixture(scope="module")
def quick():
    """Fewer draws, and verdicts on fewer deals: what is shown here is that the same ones come again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings_numbers, "Floors", lambda: replace(Floors(), partners=4, deals=20))  # eight partners
        patch.setattr(
            settings_numbers,
            "DEFAULTS",
            replace(settings_numbers.DEFAULTS, replicates=40, draws=60, checks=2, plan_draws=40),
        )
        yield


@pytest.fixture(scope="module")
def lived(quick, tmp_path_factory, postgres_server, database_template):
    """(company, workspace, what each day said); the world's last day is over."""
    folder = tmp_path_factory.mktemp("gen")
    given = ["--scenario", "messy", "--partners", "8", "--months", "14", "--entries", "120", "--seed", "6"]
    subprocess.run([sys.executable, shared("gen.py"), *given, "--out", folder], check=True, capture_output=True)
    truth = json.loads((folder / "truth.json").read_text())
    start = date.fromisoformat(truth["as_of"]) - timedelta(days=DAYS)
    world = SandboxSettings(world_dir=folder, as_of=start, hubspot_search_lag_s=0, limits=False)
    with running(world) as url, scratch(postgres_server, database_template) as database:
        sandbox = Sandbox(url, os.getpid())
        with company_of(sandbox, tmp_path_factory.mktemp("desk"), database) as company:
            clocks = {"salesforce": Skipping(), "hubspot": Skipping()}
            with company._opened(clocks) as workspace, connected(database) as conn:
                days = []
                for _ in range(DAYS):
                    report = run_cycle(workspace, steps=STEPS)
                    row = conn.execute(
                        "select as_of, known_at, indicators from sakigake.computation order by computed_at desc limit 1"
                    ).fetchone()
                    tables = {name: conn.execute(query).fetchall() for name, query in SAID.items()}
                    days.append((*row, tables, report))
                    sandbox.advance(1)
                run_cycle(workspace, steps=STEPS[:2])
                yield World.read(folder, sandbox), workspace, conn, days


def test_sixty_days_computed_again_from_the_log_say_what_they_said(lived):
    _, workspace, _, days = lived
    assert len({as_of for as_of, *_ in days}) == DAYS
    assert sum(sum(report.mapped["retracted"].values()) for *_, report in days if "retracted" in report.mapped) > 0
    for as_of, known_at, document, tables, _ in days:
        said = again.computed_again(workspace, as_of, known_at)
        assert json.loads(json.dumps(said.document)) == document, as_of
        rows = list(said.rows)
        assert sorted(json.loads(json.dumps(row)) for row in rows) == sorted(map(list, tables["results"])), as_of
        tiers = {(p, str(since)): [p, str(since), *rest] for p, since, *rest in said.tiers}
        assert sorted(tiers.values()) == sorted(map(list, tables["tiers"])), as_of
        assert json.loads(json.dumps(said.reports)) == dict(tables["reports"]), as_of
        told = more.snapshot_of(rows, said.partners)
        snapshot = [(p, kind, fields) for p, (kind, fields) in sorted(told.items())]
        assert json.loads(json.dumps(snapshot)) == [list(row) for row in tables["snapshot"]], as_of


def test_whether_it_leads_computed_again_from_the_log_is_what_each_week_said(lived):
    _, workspace, _, days = lived
    floors, weeks, verdicts = workspace.settings.assumptions.floors, 0, set()
    for as_of, known_at, _, tables, _ in days:
        for (document,) in tables["leading"]:
            with workspace.engine.begin() as conn:
                answers = leading.answer(conn, workspace.name, workspace.zone, as_of, known_at, floors)
            assert json.loads(json.dumps(leading.document(answers))) == document, as_of
            weeks += 1
            verdicts |= {found["verdict"] for found in document["indicators"]}
    assert weeks >= DAYS // 7
    assert verdicts > {"mechanical", "not enough data"}, "the point is that something is concluded"


def test_the_planted_entries_milestones_and_duplicates_are_found(lived):
    world, workspace, _, _ = lived
    with workspace.engine.begin() as conn:
        entries = read.entries(conn, "main")
        columns = read.visible_events(conn, "main", date(2100, 1, 1), datetime.now(UTC) + timedelta(days=3650))
    planted = {name: steps for name, steps in world.first.items() if steps}
    names = {entry.entry_id: {world.entry(ref) for ref in entry.sources} for entry in entries}
    assert all(len(of) == 1 for of in names.values())
    assert sorted(name for of in names.values() for name in of) == sorted(planted)
    assert {world.entry(e.source) for e in entries if len(e.sources) == 2} == world.twice
    found: dict[str, dict[str, date]] = defaultdict(dict)
    for place, milestone, day in zip(columns.entry, columns.milestone, columns.occurred_on.astype(object), strict=True):
        name, step = min(names[columns.entry_ids[place]]), read.MILESTONES[milestone].value
        if step != "won":
            found[name][step] = min(day, found[name].get(step, day))
    assert {n: set(steps) for n, steps in found.items()} == {n: set(steps) for n, steps in planted.items()}
    # a step typed in late, after it was reached a second time, finds its date field taken: that day stands nowhere in the CRM
    assert sum(found[name] != planted[name] for name in planted) <= len(planted) // 50


def test_a_full_mapping_finds_nothing_to_add_to_what_sixty_days_left(lived):
    _, workspace, conn, _ = lived
    log = "select * from sakigake.event order by event_id"
    before = conn.execute(log).fetchall()
    facts = map_facts(workspace, "run-again", None)
    assert (facts["asserted"], facts["retracted"], facts["changed"]) == ({}, {}, 0)
    assert conn.execute(log).fetchall() == before


def test_an_empty_log_filled_anew_holds_the_events_that_stand_byte_for_byte(lived):
    """What sixty days of increments left standing, and what one mapping of everything says of the mirror with nothing behind it.

    Only what the log alone knows is another (docs/mapping.md, Events): when we learned of it, and how often it was taken back.
    """
    _, workspace, conn, _ = lived
    standing = """select fact_id, entry_id, partner_id, milestone, occurred_on, connection, object, record_id, source_change_id, evidence,
        reason, rule, mapping_hash from sakigake.event e
        where op = 'assert' and not exists (select from sakigake.event r where r.supersedes = e.event_id) order by 1"""
    told = """select fact_id, event_id, known_at, reconstructed, (select count(*) from sakigake.event r where r.fact_id = e.fact_id
        and r.op = 'retract') from sakigake.event e where op = 'assert' and not exists (
        select from sakigake.event r where r.supersedes = e.event_id) order by 1"""
    before, lived_through = conn.execute(standing).fetchall(), conn.execute(told).fetchall()
    assert len(before) > 200
    with workspace.connect() as raw:
        raw.execute("alter table sakigake.event rename to event_of_sixty_days")
        raw.execute("create table sakigake.event (like sakigake.event_of_sixty_days including all)")
        try:
            map_facts(workspace, "run-from-nothing", None)
            assert conn.execute(standing).fetchall() == before
            anew = conn.execute(told).fetchall()
        finally:
            raw.execute("drop table sakigake.event")
            raw.execute("alter table sakigake.event_of_sixty_days rename to event")
    moments = {known_at for *_, known_at, reconstructed, _ in anew if not reconstructed}
    assert len(moments) == 1  # what bears no stamp of the CRM is known since this mapping
    reconstructed_before = 0
    for (fact, event, known_at, by_stamp, taken_back), (same_fact, event_anew, known_anew, by_stamp_anew, _) in zip(
        lived_through, anew, strict=True
    ):
        assert fact == same_fact == event_anew
        numbered = uuid.UUID(bytes=hashlib.sha256(f"assert {fact} {taken_back}".encode()).digest()[:16])
        assert event == (fact if taken_back == 0 else str(numbered))
        if by_stamp:
            assert (known_anew, by_stamp_anew) == (known_at, True), fact
            reconstructed_before += 1
        else:
            assert known_anew <= known_at if by_stamp_anew else known_anew > known_at, fact
    assert reconstructed_before > 50
