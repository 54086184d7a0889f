"""Events to results: reads the log once, hands columns to the arithmetic, keeps what it says where it changed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import select

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
from jobs.runs import utc_now
from jobs.steps import results as shaped
from jobs.wiring import Workspace
from models.coverage import UnplacedEntry
from models.vocabulary import Activity, Entry, Partner, RecordRef
from sync.events import read

CODE_VERSION = version("sakigake")


def compute(
    workspace: Workspace, run_id: str, as_of: date, before: dict[str, Any] | None, facts: str | None
) -> dict[str, Any]:
    """Tiers, conversions and lead times, as kept. Left out where facts, day, mapping and code are as they were.

    `facts` is the run that last changed a fact.
    """
    key = {"facts": facts, "as_of": as_of.isoformat(), "mapping": workspace.rules.hash, "code": CODE_VERSION}
    if before is not None and before == key:
        return {"skipped": "no fact changed, and the day is the same", "input": before}
    known_at = workspace.crm_now()
    with workspace.engine.begin() as conn:
        events, entries, partners = inputs_of(conn, workspace.name, as_of, known_at)
    results = summarise(events, entries, partners, day_number(as_of))
    language = workspace.rules.language
    document = shaped.document(results, partners)
    with workspace.connect() as raw, raw.transaction():
        changed = _keep(
            raw,
            workspace.name,
            run_id,
            (*shaped.partner_rows(results, language), *shaped.entry_rows(results, entries, language)),
            as_of,
            known_at,
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
                utc_now(),
            ),
        )
    return {**document, "values_changed": changed, "input": key}


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that are computed on: those that are stored, or those that another version of the mapping would make."""

    partners: Sequence[Partner]
    entries: Iterable[Entry]
    events: read.EventColumns
    activities: Iterable[Activity]


def inputs_of(
    conn: SqlConnection, workspace: str, as_of: date, known_at: datetime, given: Given | None = None
) -> tuple[EventTable, EntryTable, PartnerTable]:
    """The tables as columns of whole numbers; events of entries or partners that stand no more are left out."""
    facts = given or Given(
        read.partners(conn, workspace),
        read.entries(conn, workspace),
        read.visible_events(conn, workspace, as_of, known_at),
        read.activities(conn, workspace, as_of),
    )
    partners = facts.partners
    place_of_partner = {p.partner_id: i for i, p in enumerate(partners)}
    entries = [e for e in facts.entries if e.partner_id in place_of_partner]
    place_of_entry = {e.entry_id: i for i, e in enumerate(entries)}
    columns = facts.events
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
    for activity in facts.activities:
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
            unplaced=_unplaced(conn, workspace, entries),
        ),
        PartnerTable.of(
            [p.partner_id for p in partners],
            kinds,
            np.array([kinds.index(p.type) for p in partners], np.int64),
            willingness=np.array([WILLINGNESS_CODE[p.willingness.value] for p in partners], np.int64),
            submitted_day=day_numbers(p.submitted_on for p in partners),
            joined_day=day_numbers(p.joined_on for p in partners),
        ),
    )


def _unplaced(conn: SqlConnection, workspace: str, entries: Iterable[Entry]) -> list[bool]:
    """Of each entry, whether it stands in a stage that the mapping does not name."""
    query = select(UnplacedEntry.connection, UnplacedEntry.object, UnplacedEntry.record_id)
    found = {RecordRef(*row) for row in conn.execute(query.where(UnplacedEntry.workspace == workspace))}
    return [entry.source in found for entry in entries]


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


def _keep(
    conn: Connection[Any], workspace: str, run_id: str, rows: Iterable[shaped.Row], as_of: date, known_at: datetime
) -> int:
    """Stores values that changed, removes those of subjects that are gone, and logs both; returns how many rows were written."""
    conn.execute(
        "create temporary table computed (subject text, subject_id text, field text, value jsonb, inputs jsonb) on commit drop"
    )
    with conn.cursor() as cursor, cursor.copy("copy computed from stdin") as copy:
        for subject, subject_id, field, value, inputs in rows:
            copy.write_row((subject, subject_id, field, json.dumps(value), json.dumps(inputs, ensure_ascii=False)))
    conn.execute("analyze computed")
    row = conn.execute(
        """with written as (
            insert into sakigake.result as r (workspace, subject, subject_id, field, value, inputs, run_id)
            select %(workspace)s, subject, subject_id, field, value, inputs, %(run)s from computed
            on conflict (workspace, subject, subject_id, field) do update
                set value = excluded.value, inputs = excluded.inputs, run_id = excluded.run_id
                where (r.value, r.inputs) is distinct from (excluded.value, excluded.inputs)
            returning r.subject, r.subject_id, r.field, r.value, r.inputs, false as gone),
        removed as (
            delete from sakigake.result r where workspace = %(workspace)s and not exists (
                select from computed c where c.subject = r.subject and c.subject_id = r.subject_id and c.field = r.field)
            returning r.subject, r.subject_id, r.field, r.value, r.inputs, true as gone),
        logged as (
            insert into sakigake.result_log (workspace, subject, subject_id, field, value, inputs, gone, run_id, as_of, known_at)
            select %(workspace)s, n.*, %(run)s, %(as_of)s, %(known_at)s
            from (select * from written union all select * from removed) n)
        select (select count(*) from written) + (select count(*) from removed)""",
        {"workspace": workspace, "run": run_id, "as_of": as_of, "known_at": known_at},
    ).fetchone()
    return int(row[0]) if row else 0


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
