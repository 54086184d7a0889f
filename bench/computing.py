"""Reading the event log at 1,000,000 entries and 3,000,000 events, and the whole compute step at 10,000 entries, on our tables."""

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine

from bench.apart import empty_database
from bench.measure import Row
from jobs import database
from jobs.steps.compute import compute
from jobs.steps.inputs import read_inputs
from tests.numbers_world import AS_OF, NAME, NOW, workspace_on

LARGE, SMALL, PARTNERS = 1_000_000, 10_000, 100
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
            yield from _reading(engine)
        finally:
            engine.dispose()
    with empty_database() as url, tempfile.TemporaryDirectory() as folder:
        engine = database.engine(url)
        try:
            yield from _computing(engine, Path(folder))
        finally:
            engine.dispose()


def _reading(engine: Engine) -> Iterator[Row]:
    with engine.begin() as conn:
        events = fill(_raw(conn), LARGE)
    with engine.connect() as conn:
        began = time.perf_counter()
        read_inputs(conn, NAME, AS_OF, NOW)
        taken = time.perf_counter() - began
    print(f"read {LARGE:,} entries, {events:,} events: {taken:.2f} s")
    yield Row(
        "read 1,000,000 entries and their events", events / taken, "events/s", f"{SECONDS_TO_READ:.0f} s for all",
        SECONDS_TO_READ / taken, 1.0,
    )  # fmt: skip


def _computing(engine: Engine, folder: Path) -> Iterator[Row]:
    with engine.begin() as conn:
        fill(_raw(conn), SMALL)
    with workspace_on(engine, folder) as workspace:
        taken = []
        for run, day in enumerate((AS_OF - timedelta(days=1), AS_OF, AS_OF, AS_OF)):
            began = time.perf_counter()
            compute(workspace, f"run-{run}", day, None, None)
            taken.append(time.perf_counter() - began)
    print(
        "compute step at 10,000 entries: "
        + ", ".join(f"{t:.2f} s" for t in taken)
        + " (first, next day, same day twice)"
    )
    yield Row(
        "compute step at 10,000 entries, the next day", SMALL / taken[1], "entries/s", f"{SECONDS_TO_COMPUTE:.0f} s for all",
        SECONDS_TO_COMPUTE / taken[1], 1.0,
    )  # fmt: skip


def _raw(conn: Any) -> psycopg.Connection[Any]:
    found: psycopg.Connection[Any] = conn.connection.driver_connection
    return found


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
