"""One version of the mapping's facts, as they are compared with another's: from the tables where they stand, else derived anew."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from jobs.preview.ground import Ground
from jobs.preview.part import Part
from jobs.preview.records import EntryRecords, all_records, records_of
from jobs.steps.entry_values import columns_of_entries
from models.vocabulary import Activity, Partner
from sync.events import read
from sync.events.entry_columns import EntryColumns, entry_columns
from sync.events.ids import Ids
from sync.mapping.said import SaidColumns, said_of, together


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


def nothing() -> Side:
    """The facts of no mapping at all."""
    return derived([Part((), columns_of_entries((), (), set()), (), said_of(()), records_of(()), {})], date.min)


def stored(ground: Ground) -> Side:
    """The facts as they stand in the tables, but for which events and records they are."""
    of = ground.workspace
    return Side(
        read.partners(ground.conn, of),
        entry_columns(ground.conn, of, ground.as_of),
        read.visible_events(ground.conn, of, ground.as_of, ground.known_at),
        read.activities(ground.conn, of, ground.as_of),
        said_of(()),
        records_of(()),
    )


def derived(parts: Sequence[Part], as_of: date) -> Side:
    """The facts that a version makes of the mirror, from the parts that make up the whole."""
    issues = Counter[str]()
    for part in parts:
        issues.update(part.issues)
    said, entries = together([p.said for p in parts]), all_entries([p.entries for p in parts])
    return Side(
        sorted((p for part in parts for p in part.partners), key=lambda p: p.partner_id),
        entries,
        events_of(Ids.of(entries.ids), said, as_of),
        sorted((a for part in parts for a in part.activities), key=lambda a: a.activity_id),
        said,
        all_records([p.records for p in parts]),
        dict(sorted(issues.items())),
    )


def all_entries(parts: Sequence[EntryColumns]) -> EntryColumns:
    """Entries of all parts, in the order of their ids."""
    ids = Ids.joined([Ids.of(p.ids) for p in parts])
    partner_ids = sorted({i for p in parts for i in p.partner_ids})
    place = {partner_id: at for at, partner_id in enumerate(partner_ids)}
    partner = [np.array([place[i] for i in p.partner_ids], np.int64)[p.partner] for p in parts]
    order = ids.order()

    def column(name: str) -> Any:
        return np.concatenate([getattr(p, name) for p in parts])[order]

    return EntryColumns(
        ids[order],
        partner_ids,
        np.concatenate(partner)[order],
        np.unique(column("number"), return_inverse=True)[1].astype(np.int64),
        column("number"),
        column("last_active"),
        column("unplaced"),
    )


def events_of(entry_ids: Ids, said: SaidColumns, as_of: date) -> read.EventColumns:
    """Those up to `as_of`, as columns that the arithmetic reads; `entry_ids` in order. Events of other entries are left out."""
    shown = np.flatnonzero(said.day <= as_of.toordinal() - date(1970, 1, 1).toordinal())
    at = Ids.of_packed(said.entry[shown]).places_among(entry_ids)
    shown, at = shown[at >= 0], at[at >= 0]
    connections, histories = dict[str, int](), dict[str, int]()
    told_by = [connections.setdefault(source.partition(".")[0], len(connections)) for source in said.source]
    of = [histories.setdefault(source.partition("/")[0], len(histories)) for source in said.source]
    return read.EventColumns(
        entry_ids,
        at.astype(np.int64),
        said.milestone[shown],
        said.day[shown].astype("datetime64[D]"),
        np.array(told_by, np.int64)[shown],
        (2 * np.array(of, np.int64) + said.made)[shown],
        tuple(histories),
    )
