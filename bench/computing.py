"""Reading the event log at 1,000,000 entries and 3,000,000 events, the whole compute step at 10,000, and one changed entry, on our tables.

Alone: `python -m bench.computing`. The demand is on wall time, with PostgreSQL on the same processors: measure on a machine on which nobody
else works. The processor time (ours and PostgreSQL's) is printed beside it; what is worked on two processors at once counts twice there.
"""

import itertools
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine

from bench.apart import empty_database, postmaster, spent
from bench.measure import Row, show
from jobs import database
from jobs.steps.compute import compute
from jobs.steps.inputs import read_inputs
from jobs.steps.prepare import prepared
from jobs.wiring import Workspace
from sync.events.touched import touch
from tests.numbers_world import AS_OF, NAME, NOW, workspace_on

SIZES = (10_000, 100_000, 1_000_000)
SMALL, LARGE, PARTNERS = SIZES[0], SIZES[-1], 100
TIMES, ROUNDS = 10, 5
SECONDS_TO_READ, SECONDS_TO_COMPUTE = 10.0, 1.0
# By days from `AS_OF`. The very first run says everything for the first time. The day of `AS_OF` is a month's end, on which most changes:
# limits of what is stalled, and tiers. At a week's end it is tested anew what leads, as in the very first run. What a run loads while it maps
# (`prepared`) is loaded already.
RUNS = (("very first", -1), ("next day, a month's end", 0), ("an hour later", 0), ("week's end", 1))
DAYS = 900
BEST_OF = 3  # reads, and worlds, the quickest of each run counts: on a shared host the same step takes a third more processor time from one second to the next
TO_PREPARE = 1.0  # seconds; mapping 10,000 entries for the first time takes several
DEPTH = "1 + (hashint4({0}) & 1023 > 300)::int + (hashint4({0}) & 1023 > 500)::int + (hashint4({0}) & 1023 > 650)::int + (hashint4({0}) & 1023 > 760)::int"
KINDS = "(array['regular_meeting','co_visit','study_session','dinner','webinar','touch'])"
MILESTONES = "(array['listed','requested','agreed','executed','deal'])"


def fill(conn: psycopg.Connection[Any], entries: int, partners: int = PARTNERS) -> int:
    """A mapped world: entries of the last 900 days, evenly over the partners, each at a pace of its own; how many events there are.

    Three partner types. Every fiftieth entry was listed a day earlier than first said, which was taken back; every other has an activity, of one of
    six kinds.
    """
    first = AS_OF - timedelta(days=DAYS)
    made = conn.execute(
        "select indexname, indexdef from pg_indexes where schemaname = 'sakigake' and tablename = 'event' and indexname not like %s",
        ("%_pk",),
    ).fetchall()
    for name, _ in made:
        conn.execute(f"drop index sakigake.{name}")
    conn.execute(
        """insert into sakigake.partner (workspace, partner_id, name, type, willingness, joined_on, attributes)
        select %s, md5('p' || g)::uuid::text, 'Partner ' || g, (array['legacy', 'growth1', 'growth2'])[1 + g %% 3], 'verbal_yes',
            date '2024-01-01', '{}' from generate_series(0, %s - 1) g""",
        (NAME, partners),
    )
    conn.execute(
        """insert into sakigake.entry (workspace, entry_id, partner_id, connection, object, record_id, target, target_number)
        select %s, md5('e' || g)::uuid::text, md5('p' || g %% %s)::uuid::text, 'salesforce', 'AttackListEntry__c', 'a' || g,
            jsonb_build_object('domain', 'd' || g || '.example', 'name', 'n' || g), hashint8extended(g, 0)
        from generate_series(0, %s - 1) g""",
        (NAME, partners, entries),
    )
    conn.execute(
        f"""insert into sakigake.activity (workspace, activity_id, partner_id, entry_id, kind, occurred_on, connection, object, record_id, rule,
            known_at)
        select %s, md5('a' || g)::uuid::text, md5('p' || g %% %s)::uuid::text, md5('e' || g)::uuid::text,
            {KINDS}[1 + (hashint4(g + 11) & 1023) %% 6],
            %s::date - (hashint4(g + 5) & 511), 'salesforce', 'Task', 't' || g, 'r', date '2024-01-01' from generate_series(0, %s - 1, 2) g""",
        (NAME, partners, AS_OF, entries),
    )
    told = conn.execute(
        f"""{_EVENTS}
        select %s, md5(g || '/' || k)::uuid::text, md5(g || '/' || k)::uuid::text, md5('e' || g)::uuid::text,
            md5('p' || g %% %s)::uuid::text, {MILESTONES}[k], day, day::timestamptz, 'assert', null, 'direct', 'salesforce',
            'AttackListEntry__c', 'a' || g, 'f', 'r', 'h', 'run-0'
        from generate_series(0, %s - 1) g, generate_series(1, {DEPTH.format("g")}) k, lateral (
            select %s::date + (hashint4(g + 17) & 1048575) %% %s + (2 + (hashint4(g + 29) & 63)) * (k - 1) as day) d where day <= %s""",
        (NAME, partners, entries, first, DAYS, AS_OF),
    ).rowcount
    corrected = (
        "select * from sakigake.event e where op = 'assert' and milestone = 'listed' and hashtext(entry_id) % 50 = 0"
    )
    told += conn.execute(
        f"""with first as ({corrected}) {_EVENTS}
        select workspace, md5(event_id || op)::uuid::text, fact_id, entry_id, partner_id, milestone, occurred_on - again, known_at + '1 day',
            op, case op when 'retract' then event_id end, evidence, connection, object, record_id, source_change_id, rule, mapping_hash, run_id
        from (select workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, evidence, connection, object,
            record_id, source_change_id, rule, mapping_hash, run_id from first) f, (values ('retract', 0), ('assert', 1)) n (op, again)"""
    ).rowcount
    for _, sentence in made:
        conn.execute(sentence)
    conn.execute("analyze")
    return told


_EVENTS = """insert into sakigake.event (workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, op, supersedes,
    evidence, connection, object, record_id, source_change_id, rule, mapping_hash, run_id)"""


def measure() -> Iterator[Row]:
    yield from _reading()
    costs = {}
    for entries, partners, times in ((SMALL, PARTNERS, BEST_OF), (SMALL * TIMES, PARTNERS * TIMES, 1)):
        taken = []
        for _ in range(times):
            with empty_database() as url, tempfile.TemporaryDirectory() as folder:
                engine = database.engine(url)
                try:
                    taken.append(_computing(engine, postmaster(url), Path(folder), entries, partners))
                finally:
                    engine.dispose()
        whole = [min(of_each) for of_each in zip(*(seconds for seconds, _ in taken), strict=True)]
        costs[entries] = statistics.median(cost for _, cost in taken)
        for (what, _), seconds in zip(RUNS, whole, strict=True) if entries == SMALL else ():
            yield Row(
                f"compute step at 10,000 entries, {what}", entries / seconds, "entries/s", f"{SECONDS_TO_COMPUTE:.0f} s for all",
                SECONDS_TO_COMPUTE / seconds, 1.0,
            )  # fmt: skip
    yield Row(
        f"one changed entry among {SMALL * TIMES:,}", 1 / costs[SMALL * TIMES], "entries/s", f"one among {SMALL:,}",
        costs[SMALL] / costs[SMALL * TIMES], 0.5,
    )  # fmt: skip


def _reading() -> Iterator[Row]:
    """Of now, and at the largest size also of a past day, as it was known then; from tables as autovacuum leaves them.

    Whoever reads a page first after it was written also notes in it, and in the write-ahead log, that its rows are committed: on the very
    first read after a load this costs as much again. It is printed and not rated.
    """
    taken: dict[int, float] = {}
    events = 0
    for entries in SIZES:
        with empty_database() as url:
            engine, server = database.engine(url), postmaster(url)
            try:
                with engine.begin() as conn:
                    events = fill(_raw(conn), entries)
                now = []
                for what in ("first read of", *["read"] * BEST_OF):
                    with (
                        engine.connect() as conn,
                        timed(f"{what} {entries:,} entries, {events:,} events", server) as seconds,
                    ):
                        read_inputs(conn, NAME, AS_OF, NOW)
                    now += seconds
                    if what != "read":
                        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                            conn.exec_driver_sql("vacuum analyze sakigake.event, sakigake.entry, sakigake.activity")
                taken[entries] = min(now[1:])
                if entries == LARGE:
                    half_a_year = timedelta(days=182)
                    with engine.connect() as conn, timed("read them as known half a year ago", server) as then:
                        read_inputs(conn, NAME, AS_OF - half_a_year, NOW - half_a_year, past=True)
            finally:
                engine.dispose()
    for what, seconds in (("and their events", taken[LARGE]), ("as known half a year ago", then[0])):
        yield Row(
            f"read 1,000,000 entries {what}", events / seconds, "events/s", f"{SECONDS_TO_READ:.0f} s for all",
            SECONDS_TO_READ / seconds, 1.0,
        )  # fmt: skip
    for one, ten in itertools.pairwise(SIZES):
        linear = (taken[one] / one) / (taken[ten] / ten)
        yield Row(f"read, growth from {one:,} to {ten:,}", ten / taken[ten], "entries/s", "linear growth", linear, 0.7)


def _computing(engine: Engine, server: int, folder: Path, entries: int, partners: int) -> tuple[list[float], float]:
    """Seconds for the whole step at each of `RUNS`, and for a step in which one entry changed."""
    with engine.begin() as conn:
        fill(_raw(conn), entries, partners)
    with workspace_on(engine, folder) as workspace:
        key, whole = None, []
        for run, (what, days) in enumerate(RUNS):
            day = AS_OF + timedelta(days=days)
            with prepared(workspace, key, day) as aside:
                time.sleep(TO_PREPARE)
                with timed(f"compute step at {entries:,} entries, {what}", server) as taken:
                    key = compute(workspace, f"run-{run}", day, key, f"facts-{run}", aside)["input"]
            whole.append(taken[0])
        some = []
        for run in range(ROUNDS):
            _change(workspace, run)
            with timed(f"one changed entry among {entries:,}", server) as taken:
                made = compute(workspace, f"some-{run}", day, key, f"changed-{run}")
            if made["looked_at"] != 1:
                raise RuntimeError(f"{made['looked_at']} partners were looked at, expected the changed one")
            key = made["input"]
            some.append(taken[0])
    return whole, statistics.median(some)


def _change(workspace: Workspace, run: int) -> None:
    """An entry of one partner comes to the next milestone, as the mapping would store and note it."""
    with workspace.connect() as conn, conn.transaction():
        entry, partner = conn.execute(
            """select entry_id, partner_id from sakigake.entry order by partner_id, entry_id limit 1 offset %s""",
            (run,),
        ).fetchone() or ("", "")
        conn.execute(
            """insert into sakigake.event (workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, op,
                evidence, connection, object, record_id, source_change_id, rule, mapping_hash, run_id)
            values (%s, %s, %s, %s, %s, 'deal', %s, %s, 'assert', 'direct', 'salesforce', 'AttackListEntry__c', %s, 'g', 'r', 'h', 'run')""",
            (NAME, *[str(uuid.uuid4())] * 2, entry, partner, AS_OF, NOW, entry),
        )
        touch(conn, NAME, [partner])


@contextmanager
def timed(what: str, server: int) -> Iterator[list[float]]:
    """Prints wall and processor time; the list holds the wall time, in seconds, once it is over."""
    taken: list[float] = []
    began, before = time.perf_counter(), spent(server)
    yield taken
    wall, processor = time.perf_counter() - began, spent(server) - before
    print(f"{what}: {wall:.2f} s, {processor:.2f} s of processor time")
    taken.append(wall)


def _raw(conn: Any) -> psycopg.Connection[Any]:
    found: psycopg.Connection[Any] = conn.connection.driver_connection
    return found


if __name__ == "__main__":
    sys.exit(0 if show(measure(), "Computing on our tables") else 1)
