"""Stalled entries as rows to work through: what they wait for, since when, how likely they still are, and the next step."""

import contextlib
import itertools
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.business_days import BusinessDays
from indicators.inputs import day_number
from jobs.asked import partner_place
from jobs.overrides import partner_of
from jobs.steps.entry_rows import FIELDS, entry_rows
from jobs.steps.made import Told
from models.labels import named
from models.vocabulary import FUNNEL, RecordRef
from sync.events import read
from sync.events.as_known import tables

_ROWS = """
    select e.connection || '.' || e.object || '/' || e.record_id as record, p.name, p.type, e.target ->> 'name',
        r.value ->> 'milestone', (r.value ->> 'milestone_since')::date, r.inputs -> 'stalled' ->> 'status',
        (r.inputs -> 'stalled' ->> 'due')::date, (r.inputs -> 'stalled' ->> 'chance')::float8, (r.inputs -> 'stalled' ->> 'chance_at_entry')::float8
    from sakigake.subject_result r
    join sakigake.entry e on (e.workspace, e.entry_id) = (r.workspace, r.subject_id)
    join sakigake.partner p on (p.workspace, p.partner_id) = (e.workspace, e.partner_id)
    where r.workspace = %s and r.subject = 'entry' and r.value -> 'stalled' = 'true'::jsonb
        and (%s::text is null or p.partner_id = %s)"""
_ENTRIES = """
    select e.entry_id, e.partner_id, e.connection || '.' || e.object || '/' || e.record_id, e.target ->> 'name'
    from {entry} e where e.entry_id = any(%(ids)s)"""
_TOLD = tuple(name in ("milestone", "milestone_since", "stalled") for name in FIELDS)


class Waiting(NamedTuple):
    """One stalled entry."""

    record: str
    partner: str
    type: str
    target: str | None
    milestone: str
    since: date
    status: str
    due: date | None
    chance: float | None
    chance_at_entry: float | None


def stalled(conn: Connection[Any], workspace: str, partner_id: str | None = None) -> list[Waiting]:
    """Those that stand in the newest results, of one partner or of all."""
    rows = conn.execute(_ROWS, (workspace, partner_id, partner_id))
    return [Waiting(*row) for row in rows]


def stalled_then(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    told: Told,
    known_at: datetime,
    partner_id: str | None = None,
) -> list[Waiting]:
    """Those of another day that was computed again, with partners, records and targets as they were known at the moment."""
    said = told.entries_said()
    mine = said.said["stalled"] & ~said.said["unplaced"]
    if partner_id is not None:
        mine &= told.entries.partner == told.partners.ids.index(partner_id)
    ids = [told.entries.ids[int(i)] for i in np.flatnonzero(mine)]
    groups = np.tile(np.array(_TOLD), (len(ids), 1))
    fields: dict[str, dict[str, Any]] = {}
    for _, entry_id, name, value, inputs in entry_rows(ids, said.said[mine], said.language, said.horizon, groups):
        fields.setdefault(entry_id, {})[name] = inputs if name == "stalled" else value
    partners = {p.partner_id: p for p in read.partners(conn, workspace, known_at)}
    known = raw.execute(_ENTRIES.format(**tables(past=True)), {"w": workspace, "k": known_at, "ids": ids})
    found = []
    for entry_id, owner, record, target in known:
        one, partner = fields[entry_id], partners[owner]
        why, since = one["stalled"], date.fromisoformat(one["milestone_since"])
        due = date.fromisoformat(why["due"]) if why["due"] else None
        found.append(
            Waiting(
                record, partner.name, partner.type, target, one["milestone"], since,
                why["status"], due, why["chance"], why["chance_at_entry"],
            )
        )  # fmt: skip
    return found


def documents(rows: Iterable[Waiting], language: str, as_of: date, calendar: BusinessDays) -> list[dict[str, Any]]:
    """The most hopeful first, then the longest waiting. Days are counted to the as-of day, business days by the calendar."""
    following = {m.value: n.value for m, n in itertools.pairwise(FUNNEL)}
    ordered = sorted(rows, key=lambda row: (row.chance is None, -(row.chance or 0.0), row.since, row.record))
    return [
        {
            "record": row.record,
            "partner": row.partner,
            "type": row.type,
            "target": row.target,
            "milestone": row.milestone,
            "since": row.since.isoformat(),
            "days": (as_of - row.since).days,
            "business_days": int(calendar.between(day_number(row.since), day_number(as_of))),
            "status": row.status,
            "days_over": 0 if row.due is None else (as_of - row.due).days,
            "chance": row.chance,
            "chance_at_entry": row.chance_at_entry,
            "next": following.get(row.milestone),
            "next_step": named(following.get(row.milestone, ""), language),
        }
        for row in ordered
    ]


def partner_called(conn: Connection[Any], workspace: str, wanted: str) -> tuple[str, str, str]:
    """(id, name, type) of the partner that a CRM record, its id or its name names; NotFound says which there are."""
    rows = conn.execute(
        "select partner_id, name, type from sakigake.partner where workspace = %s and removed_at is null order by 1",
        (workspace,),
    ).fetchall()
    with contextlib.suppress(ValueError):
        wanted = partner_of(conn, workspace, RecordRef.parse(wanted))
    partner_id, name, kind = rows[partner_place(wanted, [row[0] for row in rows], [row[1] for row in rows])]
    return partner_id, name, kind


def types(conn: Connection[Any], workspace: str) -> list[str]:
    """The partner types there are."""
    rows = conn.execute(
        "select distinct type from sakigake.partner where workspace = %s and removed_at is null order by 1",
        (workspace,),
    )
    return [r[0] for r in rows]
