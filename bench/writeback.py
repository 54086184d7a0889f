"""Write-back in numbers: planning 100,000 fields, delivering them by Bulk 2 within bounded memory, and the calls that collections and batches take.

Sandbox, planning and delivery each run in a process of their own.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from bench.apart import apart, empty_database, peak, serving
from bench.measure import Row
from jobs.database import engine
from jobs.presets.writing import write_preset
from jobs.settings import load
from jobs.steps import write_back
from jobs.steps.provision import provision
from jobs.wiring import Workspace, connect_with, open_workspace
from models.catalogue import fields_of
from sandbox.server import serve
from sandbox.settings import SandboxSettings
from sync.writeback.deliver import deliver

T = TypeVar("T")
OBJECT = "AttackListEntry__c"
FIELDS = ("milestone", "milestone_since", "deal_probability", "expected_deal_on", "stalled")
RECORDS, MOST_SECONDS, MEMORY = 20_000, 5.0, 300.0  # 100,000 fields; MiB
SMALL = {"salesforce": 950, "hubspot": 950}  # records, by collections and batches
PLACES = {"salesforce": OBJECT, "hubspot": "deals"}
CALL = {"salesforce": 200, "hubspot": 100}


def measure() -> Iterator[Row]:
    settings = SandboxSettings(
        partners=10, months=3, entries=60, limits=False, rows={OBJECT: RECORDS, "hubspot.deals": SMALL["hubspot"]}
    )
    with tempfile.TemporaryDirectory() as folder, serving(_serve, settings) as address, empty_database() as url:
        write_preset("sandbox", Path(folder), sandbox_url=address)
        apart(_prepare, folder, url)
        plan_id, seconds = apart(_plan, folder, url, "salesforce", RECORDS, 1)
        fields = RECORDS * len(FIELDS)
        yield Row(f"planning {fields:,} fields", seconds, "s", f"{MOST_SECONDS:.0f} s", MOST_SECONDS / seconds, 1.0)
        taken, most, _ = apart(_deliver, folder, url, plan_id, fields)
        yield Row(
            f"delivering them by Bulk 2 ({fields / taken:,.0f} fields/s)",
            most,
            "MiB",
            f"{MEMORY:.0f} MiB",
            MEMORY / most,
            1.0,
        )
        for crm, records in SMALL.items():
            plan_id, _ = apart(_plan, folder, url, crm, records, 2)
            _, _, calls = apart(_deliver, folder, url, plan_id, records * len(FIELDS))
            allowed = math.ceil(records / CALL[crm])
            yield Row(
                f"write calls for {records} records of {crm}",
                calls,
                "calls",
                f"{allowed} calls",
                allowed / calls,
                1.0,
            )


def _serve(settings: SandboxSettings, ready: Any) -> None:
    serve(settings, ready=ready.put)


def _with(folder: str, url: str, work: Callable[[Workspace], T]) -> T:
    opened = engine(url)
    try:
        with open_workspace(load(Path(folder) / "sakigake.yaml"), Path(folder), opened) as ready:
            return work(ready)
    finally:
        opened.dispose()


def _prepare(folder: str, url: str) -> None:
    def work(ready: Workspace) -> None:
        provision(ready.settings, ready.rules, ready.connectors, dry_run=False)

    _with(folder, url, work)


def _plan(folder: str, url: str, crm: str, records: int, value: int) -> tuple[str, float]:
    """Results for so many records, as if computed; then the plan, from the results to its last stored change, live read included."""

    def work(ready: Workspace) -> tuple[str, float]:
        ids: list[str] = []
        for page in ready.connectors[crm].identities(PLACES[crm]):
            ids += [i.id for i in page]
        chosen = ids[-records:]
        values = (
            '"agreed"' if value % 2 else '"executed"', f'"2026-01-{value:02d}"', str(5 * value), f'"2026-12-{10 * value:02d}"',
            "true" if value % 2 else "false",
        )  # fmt: skip
        assert {f.name for f in fields_of("entry")} >= set(FIELDS)
        with connect_with(ready.engine)() as conn, conn.transaction():
            conn.execute("delete from sakigake.entry_source")
            conn.execute(
                """insert into sakigake.entry_source (workspace, connection, object, record_id, entry_id, partner_id, matched_by,
                    target, known_at) select %s, %s, %s, i, i, 'p', 'itself', '{}', now() from unnest(%s::text[]) i""",
                (ready.name, crm, PLACES[crm], chosen),
            )
            conn.execute(
                """insert into sakigake.subject_result (workspace, subject, subject_id, value, inputs, run_id)
                select %s, 'entry', i, jsonb_object_agg(f, v::jsonb), jsonb_object_agg(f, '{"why": "measured"}'::jsonb), 'bench'
                from unnest(%s::text[]) i cross join unnest(%s::text[], %s::text[]) as x(f, v) group by i
                on conflict (workspace, subject, subject_id) do update set value = excluded.value""",
                (ready.name, chosen, list(FIELDS), list(values)),
            )
        began, busy = time.perf_counter(), time.process_time()
        made = write_back.plan(ready, "bench")
        print(f"planning {records * len(FIELDS):,} fields: {time.process_time() - busy:.1f} s of our processor time")
        taken = time.perf_counter() - began
        if len(made.draft.changes) != records * len(FIELDS):
            raise AssertionError(
                f"{len(made.draft.changes)} changes were planned for {records} records: {made.draft.skipped}"
            )
        return made.plan_id, taken

    return _with(folder, url, work)


def _deliver(folder: str, url: str, plan_id: str, fields: int) -> tuple[float, float, int]:
    """(seconds, peak of memory in MiB, write calls)."""

    def work(ready: Workspace) -> tuple[float, float, int]:
        before = {n: c.calls().get("write", 0) for n, c in ready.connectors.items()}
        began = time.perf_counter()
        # the plan has just been made, whatever this process took to begin
        with connect_with(ready.engine)() as conn:
            conn.execute("update sakigake.plan set created_at = now() where plan_id = %s", (plan_id,))
        counts = deliver(write_back.delivery_of(ready, "bench"), plan_id)
        taken = time.perf_counter() - began
        if counts.confirmed != fields:
            raise AssertionError(f"{counts.confirmed} of {fields} fields were confirmed")
        calls = sum(c.calls().get("write", 0) - before[n] for n, c in ready.connectors.items())
        return taken, peak(), calls

    return _with(folder, url, work)
