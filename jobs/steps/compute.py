"""Events to results: reads the log once, hands columns to the arithmetic, keeps what it says where it changed.

What all partners together say (the pool) is worked out once a day and each hour. In between, only the partners that a mapping touched are
read and told anew, by that pool: one changed entry costs what its partner costs, and moves nobody else's fields. Whose rows its target's fate touches
is among the touched.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.cadence import Activities
from indicators.inputs import PartnerTable
from indicators.landings import Coming, coming
from jobs import overrides
from jobs.beside import NUMBERS, Answer, Beside
from jobs.computing_code import CODE_VERSION
from jobs.months import month_of
from jobs.reports import Stamp
from jobs.runs import utc_now
from jobs.steps import actual, keep_results, leading, more, pools
from jobs.steps import results as shaped
from jobs.steps.computed import Computed
from jobs.steps.inputs import read_inputs
from jobs.steps.keep_results import Stand
from jobs.steps.keep_tiers import keep_tiers
from jobs.steps.made import Goals, Made, Told, are_handed_over, make, tell
from jobs.steps.moments import computing_moment, watermark
from jobs.then import fingerprint, keep_settings
from jobs.uncollected import uncollected
from jobs.wiring import Workspace
from sync.events import touched
from sync.events.deals import DealCount, deals_between
from sync.events.delay import ReportingDelay, as_document, reporting_delay

POOL_LASTS = timedelta(hours=1)  # by the CRMs' clock
MANY = 4  # from a quarter of the partners on, everything is computed


def compute(
    workspace: Workspace,
    run_id: str,
    as_of: date,
    before: dict[str, Any] | None,
    facts: str | None,
    aside: Beside | None = None,
) -> dict[str, Any]:
    """All indicators, as kept. Left out where facts, day, mapping, settings and code are as they were.

    `facts` is the run that last changed a fact. Where nothing but the facts of some partners changed, only those are told anew.
    `aside`: what `prepared` gave.
    """
    with workspace.connect() as conn:
        basis = _basis(conn, workspace, as_of)
        key = {"facts": facts, **basis}
        if before is not None and before == key:
            return {"skipped": "no fact changed, and the day is the same", "input": before}
        known_at = computing_moment(conn, workspace)
        stamp = Stamp(run_id, as_of, known_at, workspace.rules.hash, CODE_VERSION, utc_now())
        pool = pools.newest(conn, workspace.name, basis)
        partners = touched.partners(conn, workspace.name)
    done = None
    if before is not None and pool is not None and partners is not None and known_at - pool.known_at < POOL_LASTS:
        done = _some(workspace, stamp, pool, partners)
    if done is None:
        with uncollected(), nullcontext(aside) if aside is not None else Beside(*NUMBERS) as other:
            done = _everything(workspace, stamp, basis, other)
    return {**done, "input": key}


def _everything(workspace: Workspace, stamp: Stamp, basis: dict[str, Any], aside: Beside) -> dict[str, Any]:
    settings, rules, as_of = workspace.settings, workspace.rules, stamp.as_of
    with ThreadPoolExecutor(1) as judge, ThreadPoolExecutor(1) as other:
        verdicts = judge.submit(leading.due, workspace, stamp, aside)  # they rest on the log alone
        with workspace.engine.begin() as conn:
            tables = read_inputs(conn, workspace.name, as_of, stamp.known_at)
            others = other.submit(_others, conn, workspace, stamp, tables[2])
            made = make(settings, rules, tables, as_of, aside=aside)
            activities, every_deal, late = others.result()
        document = {**made.document(), "reporting_delay": as_document(late)}
        with workspace.connect() as raw, raw.transaction():
            by_hand = actual.set_by_hand(raw, workspace.name, stamp)
            done = Computed(
                made.results,
                made.entries,
                made.partners,
                activities,
                made.calendar,
                _coming(made, by_hand, as_of, aside),
            )
            # goals and a part of the reports are made while PostgreSQL takes in what is said of entries
            month = other.submit(made.goals)
            reports = other.submit(more.reports_of, done, every_deal, late, settings)
            changed = _keep(raw, workspace.name, stamp, made.told, _partner_rows(made, activities, month))
            _keep_computation(raw, workspace, stamp, json.dumps(document), stamp.known_at)
            pools.keep(raw, workspace.name, stamp.run_id, as_of, stamp.known_at, basis, made.results.pool)
            touched.done(raw, workspace.name)
            months = more.months_of(by_hand, stamp, done, month.result().plan, late)
            more.keep(raw, workspace.name, stamp, done, reports.result() | months)
            if (asked := verdicts.result()) is not None:
                leading.keep(raw, workspace.name, stamp, asked.get())
    return {**document, "values_changed": changed, "looked_at": None}


def _coming(made: Made, by_hand: actual.SetTargets, as_of: date, aside: Beside) -> Answer[Coming] | None:
    """What comes in what is left of the month, asked for where somebody wants deals in it."""
    if made.deals is None and as_of.replace(day=1) not in by_hand:
        return None
    ask = aside.ask_next if are_handed_over(made.results.paths) else Answer  # it is wanted before what leads
    return ask(coming, made.results.prospects.outlook, month_of(as_of).end)


def _partner_rows(made: Made, activities: Activities, month: Future[Goals]) -> Iterator[shaped.Row]:
    yield from made.told.partner_rows(activities)
    yield from month.result().rows(made)


def _others(
    conn: SqlConnection, workspace: Workspace, stamp: Stamp, partners: PartnerTable
) -> tuple[Activities, DealCount, ReportingDelay]:
    """What the day's reports are made from besides results."""
    return (
        more.activities_of(conn, workspace.name, partners, stamp.as_of),
        deals_between(conn, workspace.name, *more.share_span(stamp.as_of), stamp.known_at),
        reporting_delay(conn, workspace.name, stamp.as_of, stamp.known_at, workspace.zone.key),
    )


def _some(workspace: Workspace, stamp: Stamp, kept: pools.KeptPool, partners: Collection[str]) -> dict[str, Any] | None:
    """What is told of these partners by a pool of before; None where everything has to be computed after all."""
    with workspace.engine.begin() as conn:
        tables = read_inputs(conn, workspace.name, stamp.as_of, stamp.known_at, only=partners)
        told = tell(workspace.settings, workspace.rules, kept.pool, tables, stamp.as_of)
        if told is None:
            return None
        activities = more.activities_of(conn, workspace.name, told.partners, stamp.as_of, only=partners)
    with workspace.connect() as raw, raw.transaction():
        words = told.entries_said().basis
        known = keep_results.said_partners(raw, workspace.name, words, partners)
        if known != set(told.partners.ids) or _are_many(raw, workspace.name, partners):
            return None
        changed = _keep(raw, workspace.name, stamp, told, told.partner_rows(activities), known)
        document = _document_of(raw, workspace.name, kept.run_id)
        _keep_computation(raw, workspace, stamp, json.dumps(document), kept.known_at)
        more.snapshot(raw, workspace.name, stamp, known)
        touched.done(raw, workspace.name)
    return {**document, "values_changed": changed, "looked_at": len(partners)}


def _are_many(conn: Connection[Any], workspace: str, partners: Collection[str]) -> bool:
    """Whether they are so large a part of all that computing everything costs no more."""
    row = conn.execute(
        """select count(*) from (
            select from sakigake.said_entries where workspace = %s limit %s) n""",
        (workspace, MANY * len(partners)),
    ).fetchone()
    return row is None or row[0] < MANY * len(partners)


def _basis(conn: Connection[Any], workspace: Workspace, as_of: date) -> dict[str, Any]:
    """All that results depend on, but for the facts."""
    return {
        "as_of": as_of.isoformat(),
        "mapping": workspace.rules.hash,
        "code": CODE_VERSION,
        "settings": fingerprint(workspace.settings),
        "tiers_by_hand": overrides.fingerprint(conn, workspace.name),
        "targets": actual.fingerprint(conn, workspace.name),
    }


def _keep(
    conn: Connection[Any],
    workspace: str,
    stamp: Stamp,
    told: Told,
    partner_rows: Iterable[shaped.Row],
    only: Collection[str] | None = None,
) -> int:
    stand = Stand(stamp.run_id, stamp.as_of, stamp.known_at)
    changed = keep_results.keep(conn, workspace, stand, told.partners, partner_rows, told.entries_said(), only=only)
    keep_tiers(conn, workspace, stamp.run_id, shaped.tier_rows(told.own, told.partners), only)
    return changed


def _keep_computation(
    conn: Connection[Any], workspace: Workspace, stamp: Stamp, document: str, pooled_known_at: datetime
) -> None:
    assumed = keep_settings(conn, workspace.name, workspace.settings, stamp.computed_at)
    conn.execute(
        """insert into sakigake.computation
        (workspace, run_id, as_of, known_at, pooled_known_at, mapping_hash, code_version, settings_hash, seed, input_watermark,
            indicators, computed_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            workspace.name,
            stamp.run_id,
            stamp.as_of,
            stamp.known_at,
            pooled_known_at,
            stamp.mapping_hash,
            stamp.code_version,
            assumed,
            workspace.rules.hash,
            json.dumps(watermark(conn, workspace.name)),
            document,
            stamp.computed_at,
        ),
    )


def _document_of(conn: Connection[Any], workspace: str, run_id: str) -> dict[str, Any]:
    row = conn.execute(
        "select indicators from sakigake.computation where workspace = %s and run_id = %s", (workspace, run_id)
    ).fetchone()
    assert row is not None, "a pool is kept together with its computation"
    found: dict[str, Any] = row[0]
    return found
