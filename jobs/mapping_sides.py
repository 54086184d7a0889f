"""One version of the mapping's facts, as they are compared with another's: from the tables where they stand, else derived anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from jobs.mapping_records import EntryRecords, records_of, stored_records
from jobs.steps.inputs import columns_of_entries
from models.vocabulary import Activity, Partner
from sync.events import read
from sync.events.entry_columns import EntryColumns, entry_columns
from sync.events.standing import standing_events
from sync.mapping.derive import derive
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.matching import Decision
from sync.mapping.reader import MirrorReader
from sync.mapping.said import SaidColumns, ids_as_bytes, said_of


@dataclass(frozen=True, slots=True)
class Side:
    """Facts of one version. `unmoved`: events by rule that are left out of `said`, on both sides."""

    partners: Sequence[Partner]
    entries: EntryColumns
    events: read.EventColumns
    activities: Sequence[Activity]
    said: SaidColumns
    records: EntryRecords
    issues: dict[str, int] = field(default_factory=dict)
    unmoved: Mapping[str, int] = field(default_factory=dict)


def nothing(conn: SqlConnection, workspace: str) -> Side:
    """The facts of no mapping at all."""
    said = said_of(())
    entries = columns_of_entries(conn, workspace, (), ())
    return Side((), entries, events_of(entries.ids, said, date.min), (), said, records_of(()))


def stored(conn: SqlConnection, raw: Connection[Any], workspace: str, as_of: date, known_at: datetime) -> Side:
    """The facts as they stand in the tables."""
    return Side(
        read.partners(conn, workspace),
        entry_columns(conn, workspace, as_of),
        read.visible_events(conn, workspace, as_of, known_at),
        read.activities(conn, workspace, as_of),
        standing_events(raw, workspace),
        stored_records(raw, workspace),
    )


def derived(
    conn: SqlConnection,
    workspace: str,
    rules: Rules,
    reader: MirrorReader,
    as_of: date,
    decisions: Sequence[Decision],
) -> Side:
    """The facts that a version makes of the mirror, by what people decided on records."""
    facts = derive(rules, reader, decisions)
    issues: dict[str, int] = {}
    for issue in facts.issues:
        issues[issue.kind.value] = issues.get(issue.kind.value, 0) + issue.count
    activities = [a for a in facts.activities if a.occurred_on <= as_of]
    said = said_of(facts.events)
    return Side(
        facts.partners,
        columns_of_entries(conn, workspace, facts.entries, activities),
        events_of([e.entry_id for e in facts.entries], said, as_of),
        activities,
        said,
        records_of((e.entry_id, source) for e in facts.entries for source in e.sources or (e.source,)),
        dict(sorted(issues.items())),
    )


def events_of(entry_ids: list[str], said: SaidColumns, as_of: date) -> read.EventColumns:
    """Those up to `as_of`, as columns that the arithmetic reads; `entry_ids` in order. Events of other entries are left out."""
    known = ids_as_bytes(entry_ids)
    shown = np.flatnonzero(said.day <= as_of.toordinal() - date(1970, 1, 1).toordinal())
    at = np.minimum(np.searchsorted(known, said.entry[shown]), max(len(known) - 1, 0))
    here = known[at] == said.entry[shown] if len(known) else np.zeros(len(shown), np.bool_)
    shown, at = shown[here], at[here]
    connections: dict[str, int] = {}
    told_by = [connections.setdefault(source.partition(".")[0], len(connections)) for source in said.source]
    return read.EventColumns(
        entry_ids,
        at.astype(np.int64),
        said.milestone[shown],
        said.day[shown].astype("datetime64[D]"),
        np.array(told_by, np.int64)[shown],
    )
