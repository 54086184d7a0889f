"""Facts on their way into the tables: copied into temporary tables of this transaction, so that SQL can compare sets."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from models.vocabulary import Activity, Entry, Event, Partner, Target
from sync.mapping.facts import EntryMatch, Facts

Row = tuple[Any, ...]

_TABLES = {
    "staged_partner": "partner_id text, name text, type text, willingness text, submitted_on date, joined_on date, attributes jsonb",
    "staged_partner_source": "connection text, object text, record_id text, partner_id text, matched_by text",
    "staged_entry": "entry_id text, partner_id text, connection text, object text, record_id text, target jsonb, "
    "target_number bigint",
    "staged_entry_source": "connection text, object text, record_id text, entry_id text, partner_id text, matched_by text, target jsonb",
    "staged_activity": "activity_id text, partner_id text, entry_id text, kind text, occurred_on date, "
    "connection text, object text, record_id text, rule text",
    "staged_event": "fact_id text, entry_id text, partner_id text, milestone text, occurred_on date, evidence text, "
    "reason text, stamped_at timestamptz, connection text, object text, record_id text, source_change_id text, rule text",
}


def stage(connection: Connection, facts: Facts) -> None:
    """Copies the facts into temporary tables that vanish with the transaction."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    rows: dict[str, Iterator[Row]] = {
        "staged_partner": _partners(facts.partners),
        "staged_partner_source": (
            (m.source.connection, m.source.object, m.source.id, m.partner_id, m.matched_by) for m in facts.matches
        ),
        "staged_entry": _entries(facts.entries),
        "staged_entry_source": _entry_sources(facts.entry_matches),
        "staged_activity": _activities(facts.activities),
        "staged_event": _events(facts.events),
    }
    for name, columns in _TABLES.items():
        connection.execute(text(f"drop table if exists pg_temp.{name}"))  # a second store in one transaction
        connection.execute(text(f"create temporary table {name} ({columns}) on commit drop"))
        with raw.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(sql.Identifier(name))) as copy:
            for row in rows[name]:
                copy.write_row(row)
        connection.execute(text(f"analyze {name}"))  # otherwise the planner takes a new table for an empty one


def storable(value: str | None) -> str | None:
    """PostgreSQL's text holds no NUL, and UTF-8 no lone surrogate; the mirror keeps what the CRM really sent."""
    if value is None or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _document(values: Iterable[tuple[str, str | None]]) -> str:
    return json.dumps({k: storable(v) for k, v in values}, ensure_ascii=False, sort_keys=True)


def _partners(partners: Iterable[Partner]) -> Iterator[Row]:
    for p in partners:
        attributes = _document(p.attributes.items())
        yield p.partner_id, storable(p.name), p.type, p.willingness.value, p.submitted_on, p.joined_on, attributes


def _marks(target: Target) -> str:
    return _document((m, value) for m in target.__slots__ if (value := getattr(target, m)) is not None)


def _entries(entries: Iterable[Entry]) -> Iterator[Row]:
    for e in entries:
        yield (
            e.entry_id,
            e.partner_id,
            e.source.connection,
            e.source.object,
            e.source.id,
            _marks(e.target),
            None,
        )  # see number_targets


def _entry_sources(matches: Iterable[EntryMatch]) -> Iterator[Row]:
    for m in matches:
        place = (m.source.connection, m.source.object, m.source.id)
        yield *place, m.entry_id, m.partner_id, m.matched_by, _marks(m.target)


def _activities(activities: Iterable[Activity]) -> Iterator[Row]:
    for a in activities:
        place = (a.source.connection, a.source.object, a.source.id)
        yield a.activity_id, a.partner_id, a.entry_id, a.kind, a.occurred_on, *place, a.rule


def _events(events: Iterable[Event]) -> Iterator[Row]:
    for e in events:
        what = (e.event_id, e.entry_id, e.partner_id, e.milestone.value, e.occurred_on, e.evidence.value)
        place = (e.source.connection, e.source.object, e.source.id, e.source_change_id)
        yield *what, storable(e.reason), e.stamped_at, *place, e.rule
