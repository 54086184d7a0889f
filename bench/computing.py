"""Reading the event log at 1,000,000 entries and 3,000,000 events, the whole compute step at 10,000, and one changed entry, on our tables.

Alone: `python -m bench.computing`. Each time is printed as wall time and as processor time (ours and PostgreSQL's); the demand is on the
smaller of both, since wall time on a shared machine counts what others do, and a query that runs in parallel takes more processor time
than wall time.
"""

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
from jobs.wiring import Workspace
from sync.events.touched import touch
from tests.numbers_world import AS_OF, NAME, NOW, workspace_on

LARGE, SMALL, PARTNERS = 1_000_000, 10_000, 100
TIMES, ROUNDS = 10, 5
SECONDS_TO_READ, SECONDS_TO_COMPUTE = 10.0, 1.0
DAYS = 900
DEPTH = "1 + (hashint4({0}) & 1023 > 300)::int + (hashint4({0}) & 1023 > 500)::int + (hashint4({0}) & 1023 > 650)::int + (hashint4({0}) & 1023 > 760)::int"
MILESTONES = "(array['listed','requested','agreed','executed','deal'])"


def fill(conn: psycopg.Connection[Any], entries: int, partners: int = PARTNERS) -> int:
    """Entries of the last 900 days with about three events each, evenly over the partners; how many events there are."""
    first = AS_OF - timedelta(days=DAYS)
    made = [
        row[0]
        for row in conn.execute(
            "select indexdef from pg_indexes where schemaname = 'sakigake' and tablename = 'event' and indexname not like %s",
            ("%_pk",),
        )
    ]
    for (name,) in conn.execute(
        "select indexname from pg_indexes where schemaname = 'sakigake' and tablename = 'event' and indexname not like %s",
        ("%_pk",),
    ).fetchall():
        conn.execute(f"drop index sakigake.{name}")
    conn.execute(
        """insert into sakigake.partner (workspace, partner_id, name, type, willingness, joined_on, attributes)
        select %s, md5('p' || g)::uuid::text, 'Partner ' || g, case when g %% 2 = 0 then 'legacy' else 'growth1' end, 'verbal_yes',
            date '2024-01-01', '{}' from generate_series(0, %s - 1) g""",
        (NAME, partners),
    )
    conn.execute(
        """insert into sakigake.entry (workspace, entry_id, partner_id, connection, object, record_id, target)
        select %s, md5('e' || g)::uuid::text, md5('p' || g %% %s)::uuid::text, 'salesforce', 'AttackListEntry__c', 'a' || g,
            jsonb_build_object('domain', 'd' || g || '.example', 'name', 'n' || g) from generate_series(0, %s - 1) g""",
        (NAME, partners, entries),
    )
    told = conn.execute(
        f"""insert into sakigake.event (workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, op, evidence,
            connection, object, record_id, source_change_id, rule, mapping_hash, run_id)
        select %s, md5(g || '/' || k)::uuid::text, md5(g || '/' || k)::uuid::text, md5('e' || g)::uuid::text,
            md5('p' || g %% %s)::uuid::text, {MILESTONES}[k], day, day::timestamptz, 'assert', 'direct', 'salesforce',
            'AttackListEntry__c', 'a' || g, 'f', 'r', 'h', 'run-0'
        from generate_series(0, %s - 1) g, generate_series(1, {DEPTH.format("g")}) k,
            lateral (select %s::date + (hashint4(g + 17) & 1048575) %% %s + 9 * (k - 1) as day) d where day <= %s""",
        (NAME, partners, entries, first, DAYS, AS_OF),
    ).rowcount
    for sentence in made:
        conn.execute(sentence)
    conn.execute("analyze")
    return told


def measure() -> Iterator[Row]:
    with empty_database() as url:
        engine = database.engine(url)
        try:
            yield from _reading(engine, postmaster(url))
        finally:
            engine.dispose()
    costs = {}
    for entries, partners in ((SMALL, PARTNERS), (SMALL * TIMES, PARTNERS * TIMES)):
        with empty_database() as url, tempfile.TemporaryDirectory() as folder:
            engine = database.engine(url)
            try:
                whole, costs[entries] = _computing(engine, postmaster(url), Path(folder), entries, partners)
            finally:
                engine.dispose()
        if entries == SMALL:
            yield Row(
                "compute step at 10,000 entries, the next day", entries / whole, "entries/s", f"{SECONDS_TO_COMPUTE:.0f} s for all",
                SECONDS_TO_COMPUTE / whole, 1.0,
            )  # fmt: skip
    yield Row(
        f"one changed entry among {SMALL * TIMES:,}", 1 / costs[SMALL * TIMES], "entries/s", f"one among {SMALL:,}",
        costs[SMALL] / costs[SMALL * TIMES], 0.5,
    )  # fmt: skip


def _reading(engine: Engine, server: int) -> Iterator[Row]:
    with engine.begin() as conn:
        events = fill(_raw(conn), LARGE)
    with engine.connect() as conn, timed(f"read {LARGE:,} entries, {events:,} events", server) as taken:
        read_inputs(conn, NAME, AS_OF, NOW)
    yield Row(
        "read 1,000,000 entries and their events", events / taken[0], "events/s", f"{SECONDS_TO_READ:.0f} s for all",
        SECONDS_TO_READ / taken[0], 1.0,
    )  # fmt: skip


def _computing(engine: Engine, server: int, folder: Path, entries: int, partners: int) -> tuple[float, float]:
    """Seconds for the whole step on the day after the first, and for a step in which one entry changed."""
    with engine.begin() as conn:
        fill(_raw(conn), entries, partners)
    with workspace_on(engine, folder) as workspace:
        key, whole = None, []
        for run, day in enumerate((AS_OF - timedelta(days=1), AS_OF)):
            with timed(f"compute step at {entries:,} entries, {('first', 'next day')[run]}", server) as taken:
                key = compute(workspace, f"run-{run}", day, key, f"facts-{run}")["input"]
            whole.append(taken[0])
        some = []
        for run in range(ROUNDS):
            _change(workspace, run)
            with timed(f"one changed entry among {entries:,}", server) as taken:
                made = compute(workspace, f"some-{run}", AS_OF, key, f"changed-{run}")
            if made["looked_at"] != 1:
                raise RuntimeError(f"{made['looked_at']} partners were looked at, expected the changed one")
            key = made["input"]
            some.append(taken[0])
    return whole[1], statistics.median(some)


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
    """Prints wall and processor time; the list holds the smaller of both, in seconds, once it is over."""
    taken: list[float] = []
    began, before = time.perf_counter(), spent(server)
    yield taken
    wall, processor = time.perf_counter() - began, spent(server) - before
    print(f"{what}: {wall:.2f} s, {processor:.2f} s of processor time")
    taken.append(min(wall, processor))


def _raw(conn: Any) -> psycopg.Connection[Any]:
    found: psycopg.Connection[Any] = conn.connection.driver_connection
    return found


if __name__ == "__main__":
    sys.exit(0 if show(measure(), "Computing on our tables") else 1)
