"""Events to results: reads the log once, hands columns to the arithmetic, keeps what it says where it changed."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import psycopg
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.inputs import (
    MILESTONE_CODE,
    NO_DAY,
    WILLINGNESS_CODE,
    EntryTable,
    EventTable,
    PartnerTable,
    day_number,
    day_numbers,
)
from indicators.summary import summarise
from jobs import overrides
from jobs.reports import Stamp
from jobs.runs import utc_now
from jobs.steps import actual, leading, more
from jobs.steps import results as shaped
from jobs.wiring import Workspace
from models.vocabulary import Entry
from sync.events import read
from sync.events.deals import deals_between

CODE_VERSION = version("sakigake")


def compute(
    workspace: Workspace, run_id: str, as_of: date, before: dict[str, Any] | None, facts: str | None
) -> dict[str, Any]:
    """Tiers, conversions and lead times, as kept. Left out where facts, day, mapping and code are as they were.

    `facts` is the run that last changed a fact.
    """
    with workspace.connect() as raw:
        by_hand = overrides.fingerprint(raw, workspace.name)
        planned = actual.fingerprint(raw, workspace.name)
    key = {
        "facts": facts,
        "as_of": as_of.isoformat(),
        "mapping": workspace.rules.hash,
        "code": CODE_VERSION,
        "tiers_by_hand": by_hand,
        "targets": planned,
        "team": workspace.settings.team,
    }
    if before is not None and before == key:
        return {"skipped": "no fact changed, and the day is the same", "input": before}
    known_at = workspace.crm_now()
    with workspace.engine.begin() as conn:
        events, entries, partners = _inputs(conn, workspace.name, as_of, known_at)
        deals = deals_between(conn, workspace.name, *more.share_span(as_of), known_at)
    results = summarise(events, entries, partners, day_number(as_of))
    language = workspace.rules.language
    document = shaped.document(results, partners)
    stamp = Stamp(run_id, as_of, known_at, workspace.rules.hash, CODE_VERSION, utc_now())
    with workspace.connect() as raw, raw.transaction():
        activities = more.activities_of(raw, workspace.name, partners, as_of)
        done = more.Computed(results, entries, partners, activities, np.zeros(0, np.int64))
        changed = _keep(
            raw,
            workspace.name,
            run_id,
            (
                *shaped.partner_rows(results, language),
                *shaped.entry_rows(results, entries, language),
                *more.partner_rows(done, language),
            ),
        )
        _keep_tiers(raw, workspace.name, run_id, shaped.tier_rows(results, partners))
        raw.execute(
            """insert into sakigake.computation
            (workspace, run_id, as_of, known_at, mapping_hash, code_version, indicators, computed_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                workspace.name,
                run_id,
                as_of,
                known_at,
                workspace.rules.hash,
                CODE_VERSION,
                json.dumps(document),
                stamp.computed_at,
            ),
        )
        more.keep(raw, workspace.name, stamp, done, deals, workspace.settings.team)
    leading.keep_weekly(workspace, stamp)
    return {**document, "values_changed": changed, "input": key}


def _inputs(
    conn: SqlConnection, workspace: str, as_of: date, known_at: datetime
) -> tuple[EventTable, EntryTable, PartnerTable]:
    """The tables as columns of whole numbers; events of entries or partners that stand no more are left out."""
    partners = read.partners(conn, workspace)
    place_of_partner = {p.partner_id: i for i, p in enumerate(partners)}
    entries = [e for e in read.entries(conn, workspace) if e.partner_id in place_of_partner]
    place_of_entry = {e.entry_id: i for i, e in enumerate(entries)}
    columns = read.visible_events(conn, workspace, as_of, known_at)
    places = np.array([place_of_entry.get(e, -1) for e in columns.entry_ids], np.int64)
    entry = places[columns.entry] if len(columns) else np.zeros(0, np.int64)
    stands = entry >= 0
    codes = np.array([MILESTONE_CODE[m.value] for m in read.MILESTONES], np.int8)
    events = EventTable.of(
        entry[stands],
        codes[columns.milestone][stands],
        columns.occurred_on[stands].astype("datetime64[D]").astype(np.int64),
    )
    last_activity = np.full(len(entries), NO_DAY, np.int64)
    for activity in read.activities(conn, workspace, as_of):
        at = place_of_entry.get(activity.entry_id or "", -1)
        if at >= 0:
            last_activity[at] = max(last_activity[at], day_number(activity.occurred_on))
    kinds = sorted({p.type for p in partners})
    return (
        events,
        EntryTable.of(
            [e.entry_id for e in entries],
            np.array([place_of_partner[e.partner_id] for e in entries], np.int64),
            last_activity_day=last_activity,
            target=_targets(entries),
        ),
        PartnerTable.of(
            [p.partner_id for p in partners],
            kinds,
            np.array([kinds.index(p.type) for p in partners], np.int64),
            willingness=np.array([WILLINGNESS_CODE[p.willingness.value] for p in partners], np.int64),
            submitted_day=day_numbers(p.submitted_on for p in partners),
            joined_day=day_numbers(p.joined_on for p in partners),
            overrides=overrides.acting(
                cast("psycopg.Connection[Any]", conn.connection.driver_connection),
                workspace,
                known_at,
                place_of_partner,
            ),
        ),
    )


def _targets(entries: Iterable[Entry]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number per target company: the same by corporate number, else by domain, else by name with phone; otherwise its own."""
    numbers: dict[tuple[str, ...], int] = {}
    found = []
    for entry in entries:
        t = entry.target
        key = (
            ("number", t.corporate_number)
            if t.corporate_number
            else ("domain", t.domain)
            if t.domain
            else ("name", t.name, t.phone)
            if t.name and t.phone
            else ("entry", entry.entry_id)
        )
        found.append(numbers.setdefault(key, len(numbers)))
    return np.array(found, np.int64)


def _keep(conn: Connection[Any], workspace: str, run_id: str, rows: Iterable[shaped.Row]) -> int:
    """Stores values that changed, removes those of subjects that are gone; returns how many rows were written."""
    conn.execute(
        "create temporary table computed (subject text, subject_id text, field text, value jsonb, inputs jsonb) on commit drop"
    )
    with conn.cursor() as cursor, cursor.copy("copy computed from stdin") as copy:
        for subject, subject_id, field, value, inputs in rows:
            copy.write_row((subject, subject_id, field, json.dumps(value), json.dumps(inputs, ensure_ascii=False)))
    conn.execute("analyze computed")
    written = conn.execute(
        """insert into sakigake.result as r (workspace, subject, subject_id, field, value, inputs, run_id)
        select %s, subject, subject_id, field, value, inputs, %s from computed
        on conflict (workspace, subject, subject_id, field) do update
            set value = excluded.value, inputs = excluded.inputs, run_id = excluded.run_id
            where (r.value, r.inputs) is distinct from (excluded.value, excluded.inputs)""",
        (workspace, run_id),
    ).rowcount
    gone = conn.execute(
        """delete from sakigake.result r where workspace = %s and not exists (
            select from computed c where c.subject = r.subject and c.subject_id = r.subject_id and c.field = r.field)""",
        (workspace,),
    ).rowcount
    return written + gone


def _keep_tiers(
    conn: Connection[Any], workspace: str, run_id: str, rows: Iterable[tuple[str, Any, str, str | None, str]]
) -> None:
    """The tier history as replayed from what is known now; equal rows stay untouched."""
    conn.execute(
        "create temporary table tiers (partner_id text, since date, tier text, previous text, rule text) on commit drop"
    )
    with conn.cursor() as cursor, cursor.copy("copy tiers from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute(
        """delete from sakigake.tier_change t where workspace = %s and not exists (
            select from tiers n where n.partner_id = t.partner_id and n.since = t.since)""",
        (workspace,),
    )
    conn.execute(
        """insert into sakigake.tier_change as t (workspace, partner_id, since, tier, previous, rule, run_id)
        select distinct on (partner_id, since) %s, partner_id, since, tier, previous, rule, %s from tiers order by partner_id, since
        on conflict (workspace, partner_id, since) do update
            set tier = excluded.tier, previous = excluded.previous, rule = excluded.rule, run_id = excluded.run_id
            where (t.tier, t.previous, t.rule) is distinct from (excluded.tier, excluded.previous, excluded.rule)""",
        (workspace, run_id),
    )
