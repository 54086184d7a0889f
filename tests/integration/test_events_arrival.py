"""Events depend on what the records came to be, never on how they came: their order, how often, and how many at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import database as db
from jobs import settings as settings_of
from jobs.pipeline import run_cycle
from jobs.wiring import Workspace, connect_with
from models.vocabulary import Step
from sync.connector import KnownVersions
from sync.described import FieldDescription, FieldType
from sync.mapping.loading import load_mapping
from sync.records import Cursor, HistoryRow, Page, ReadSpec
from tests.conftest import scratch_database
from tests.fake_crm import FakeCrm
from tests.one_object import config

MAPPING = """
timezone: Asia/Tokyo
created: {fake: MadeAt}
partners:
  - {from: fake.Thing, where: {Kind: partner}, name: Name, match_on: {domain: Domain}}
entries:
  - from: fake.Thing
    where: {Kind: entry}
    partner: Owner
    target: {name: Name}
    milestones:
      listed: {at: ListedOn}
      requested: {enters: {Stage: requested}, at: AskedOn}
      agreed: {enters: {Stage: agreed}}
      executed: {activity: {kind: approach}}
      lost: {enters: {Stage: [lost, gone]}}
activities:
  - {from: fake.Thing, where: {Kind: call}, kind: approach, entry: Owner, at: ListedOn}
"""
TEXTS = ("Kind", "Name", "Owner", "Stage", "Domain")
START = datetime(2026, 10, 1, 3, tzinfo=UTC)
STEPS = (Step.PULL, Step.MAP)
STANDING = """
    select fact_id, entry_id, partner_id, milestone, occurred_on, rule, source_change_id, reason from sakigake.event e
    where op = 'assert' and not exists (select from sakigake.event r where r.supersedes = e.event_id) order by 1, 2"""
PARTNERS = "select partner_id, name from sakigake.partner where removed_at is null order by 1"
ENTRIES = "select entry_id, partner_id, target from sakigake.entry where removed_at is null order by 1"


@dataclass
class Remembering(FakeCrm):
    """Keeps the history of `Stage`, as a CRM does, and sends it with each record that it sends."""

    changes: dict[str, list[HistoryRow]] = field(default_factory=dict)

    def put(self, record_id: str, *, deleted: bool = False, stamp: datetime | None = None, **values: Any) -> None:
        held = self.records.get(record_id)
        before = held.values.get("Stage") if held else None
        super().put(record_id, deleted=deleted, stamp=stamp, **values)
        if held and "Stage" in values and values["Stage"] != before:
            of = self.changes.setdefault(record_id, [])
            of.append(HistoryRow(record_id, "Stage", f"{record_id}-{len(of)}", before, values["Stage"], self.now))

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:
        for page in super().pages(spec, cursor, known):
            yield replace(page, history=tuple(h for r in page.records for h in self.changes.get(r.id, ())))


days = st.integers(1, 28).map(lambda d: f"2026-09-{d:02}")
stages = st.sampled_from(["requested", "agreed", "lost", "gone", "listed", "unknown"])
owners = st.sampled_from(["p0", "p1", "p2"])
entries = st.sampled_from(["e0", "e1", "e2", "e3"])
edits = st.one_of(
    st.tuples(entries, st.fixed_dictionaries({"Stage": stages})),
    st.tuples(entries, st.fixed_dictionaries({}, optional={"ListedOn": days | st.none(), "AskedOn": days | st.none()})),
    st.tuples(entries, st.fixed_dictionaries({"Owner": owners | st.none()})),
    st.tuples(entries, st.fixed_dictionaries({"deleted": st.booleans()})),
    st.tuples(
        st.sampled_from(["c0", "c1"]),
        st.fixed_dictionaries({"Kind": st.just("call"), "Owner": entries, "ListedOn": days}),
    ),
    st.tuples(owners, st.fixed_dictionaries({"Domain": st.sampled_from(["a.example", "b.example", None])})),
    st.tuples(owners, st.fixed_dictionaries({"Kind": st.sampled_from(["partner", "other"])})),
)


def begun(page_size: int) -> Remembering:
    texts = [FieldDescription(n, FieldType.TEXT, n, "string") for n in TEXTS]
    dates = [FieldDescription(n, FieldType.DATE, n, "date") for n in ("ListedOn", "AskedOn")]
    made = FieldDescription("MadeAt", FieldType.DATETIME, "MadeAt", "datetime")
    crm = Remembering(fields=(*texts, *dates, made), now=START, page_size=page_size)
    for n in range(3):
        crm.put(f"p{n}", Kind="partner", Name=f"社{n}", MadeAt="2026-01-01T00:00:00Z")
    for n in range(4):
        crm.put(f"e{n}", Kind="entry", Owner=f"p{n % 3}", Name=f"店{n}", Stage="listed", MadeAt="2026-08-01T00:00:00Z")
    return crm


@contextmanager
def mapped_by(crm: FakeCrm, server: str, template: str, folder: Path) -> Iterator[Workspace]:
    for url in scratch_database(server, template):
        engine = db.engine(url)
        given_settings = settings_of.read(config(first_plan="deliver", proof="'off'")).workspaces["main"]
        yield Workspace(
            "main", given_settings, load_mapping(MAPPING), engine, connect_with(engine), {"fake": crm}, folder, folder
        )
        engine.dispose()


def facts(workspace: Workspace) -> list[list[Any]]:
    with workspace.connect() as conn:
        return [conn.execute(query).fetchall() for query in (STANDING, PARTNERS, ENTRIES)]


@given(
    st.lists(st.tuples(edits, st.integers(0, 2)), min_size=1, max_size=20),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_however_records_come_their_events_are_the_same(
    postgres_server: str, database_template: str, tmp_path: Path, done: Sequence[Any], page_size: int, chance: Any
) -> None:
    """Read after every few edits, some of them twice and in small pages; against all that they came to, read once, in another order."""
    one = begun(page_size)
    with mapped_by(one, postgres_server, database_template, tmp_path) as workspace:
        for (record, values), readings in done:
            one.put(record, **values)
            for _ in range(readings):
                run_cycle(workspace, steps=STEPS)
                one.now += timedelta(minutes=7)
        run_cycle(workspace, steps=STEPS)
        many = facts(workspace)
    shuffled = list(one.records.items())
    chance.shuffle(shuffled)
    once = replace(one, records=dict(shuffled), page_size=100)
    with mapped_by(once, postgres_server, database_template, tmp_path) as workspace:
        run_cycle(workspace, steps=STEPS)
        assert facts(workspace) == many
