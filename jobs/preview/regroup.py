"""Entries that stand in several sources, joined anew where the days of their events change: what `narrowed` asks beside the changed rules.

Only records whose target may be another source's are looked at: those that share a corporate number, a domain, a name or a person's
decision, directly or through others. Every other record is an entry of its own, whatever its days.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from jobs.preview.lenient import Lenient
from jobs.preview.records import EntryRecords
from jobs.preview.sides import all_entries
from jobs.steps.entry_values import columns_of_entries, unplaced_records
from models.vocabulary import Activity, Entry, Event, Milestone, RecordRef, Target
from sync.events.entry_columns import EntryColumns
from sync.events.ids import Ids
from sync.events.read import EventColumns
from sync.events.standing import standing_days
from sync.mapping.dates import moment_of
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.identity import Groups, record_id
from sync.mapping.matching import Decision
from sync.mapping.names import name_key
from sync.mapping.same_target import Dated, join_entries

_OF_SEVERAL = """
    select connection, object, record_id, partner_id, target ->> 'corporate_number', target ->> 'domain', target ->> 'name'
    from sakigake.entry_source where workspace = %(w)s and partner_id in (
        select partner_id from sakigake.entry_source where workspace = %(w)s group by 1 having min(connection) <> max(connection))"""
_WHOLE = """
    select connection, object, record_id, entry_id, partner_id, target
    from sakigake.entry_source where workspace = %(w)s and record_id = any(%(ids)s)"""


@dataclass(frozen=True, slots=True)
class Shared:
    """Records that may be one entry with another source's: each as an entry of its own, and the entries that they are now.

    `own`: by what entry it is now and its connection. An entry has one record of a source at most, so that this names the record that
    an event or an activity is about.
    """

    alone: dict[RecordRef, Entry] = field(default_factory=dict)
    entries: Ids = field(default_factory=lambda: Ids.of(()))
    own: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Regrouped:
    """The same records after joining anew. `now`: a record's own entry id -> the id of the entry that it belongs to."""

    shared: Shared
    entries: Sequence[Entry]
    now: dict[str, str]

    def of(self, entry_id: str, connection: str) -> str:
        """The entry of an event or activity that stands under this one."""
        own = self.shared.own.get((entry_id, connection))
        return entry_id if own is None else self.now[own]


def shared_records(raw: Connection[Any], workspace: str, decisions: Sequence[Decision]) -> Shared:
    """Of the partners whose entries stand in several sources."""
    wanted = {ref for refs in _companies(raw.execute(_OF_SEVERAL, {"w": workspace}), decisions) for ref in refs}
    alone: dict[RecordRef, Entry] = {}
    own: dict[tuple[str, str], str] = {}
    if wanted:
        for *of, entry_id, partner_id, target in raw.execute(
            _WHOLE, {"w": workspace, "ids": sorted({ref.id for ref in wanted})}
        ):
            ref = RecordRef(*of)
            if ref in wanted:
                own[entry_id, ref.connection] = record_id("entry", ref)
                alone[ref] = Entry(record_id("entry", ref), partner_id, ref, Target(**target))
    return Shared(alone, Ids.of(entry_id for entry_id, _ in own).distinct()[0], own)


def _companies(rows: Iterable[tuple[Any, ...]], decisions: Sequence[Decision]) -> Iterator[list[RecordRef]]:
    """Records of one partner that share a mark, or through which others do, where they are of several sources."""
    by_mark: dict[tuple[str, ...], list[tuple[str, str, str]]] = defaultdict(list)
    asked = {ref for d in decisions for ref in (d.left, d.right)}
    known: dict[RecordRef, str] = {}
    for connection, name, record, partner_id, number, domain, called in rows:
        place = (connection, name, record)
        for mark, value in (("corporate_number", number), ("domain", domain), ("name", name_key(called))):
            if value:
                by_mark[partner_id, mark, value].append(place)
        if asked and (ref := RecordRef(*place)) in asked:
            known[ref] = partner_id
    several = [[RecordRef(*place) for place in places] for places in by_mark.values() if len(places) > 1]
    several += [[d.left, d.right] for d in decisions if d.left in known and known[d.left] == known.get(d.right)]
    groups = Groups({ref for refs in several for ref in refs})
    for refs in several:
        for other in refs[1:]:
            groups.join(refs[0], other)
    yield from (refs for refs in groups.all().values() if len({r.connection for r in refs}) > 1)


def regroup(
    raw: Connection[Any],
    workspace: str,
    rules: Rules,
    reader: Lenient,
    shared: Shared,
    decisions: Sequence[Decision],
    paths: Sequence[str],
    told: Sequence[Event],
) -> Regrouped:
    """By the days of all events that stand but those of `paths`, and of what is `told` in their place, of the records' own entries."""
    days = [
        (own, Milestone(milestone), day)
        for entry_id, connection, milestone, day in standing_days(raw, workspace, list(shared.entries), paths)
        if (own := shared.own.get((entry_id, connection))) is not None
    ]
    partner_of = {e.entry_id: e.partner_id for e in shared.alone.values()}
    days += [(e.entry_id, e.milestone, e.occurred_on) for e in told if e.entry_id in partner_of]
    events = [Dated(own, partner_of[own], milestone, day) for own, milestone, day in days]
    made = dict(_made(rules, reader, shared))
    joined = join_entries(list(shared.alone.values()), events, made, decisions, bare=True)
    now = {e.entry_id: joined.renamed.get(e.entry_id, e.entry_id) for e in shared.alone.values()}
    return Regrouped(shared, joined.entries, now)


def _made(rules: Rules, reader: Lenient, shared: Shared) -> Iterator[tuple[str, datetime | None]]:
    """When each record was made, by its own entry."""
    by_place: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ref in shared.alone:
        by_place[ref.connection, ref.object].append(ref.id)
    for (connection, name), ids in by_place.items():
        if made_by := rules.created_field(connection, name):
            for row in reader.some(connection, name, [made_by], ids):
                ref = RecordRef(connection, name, row.id)
                yield shared.alone[ref].entry_id, moment_of(row.values.get(made_by))


def entries_after(
    raw: Connection[Any], workspace: str, stood: EntryColumns, activities: Iterable[Activity], found: Regrouped
) -> EntryColumns:
    """What stood, with the records that were joined anew as they are now; `activities` are those after."""
    kept = Ids.of(stood.ids).places_among(found.shared.entries) < 0
    rest = EntryColumns(
        Ids.of(stood.ids)[kept],
        stood.partner_ids,
        stood.partner[kept],
        stood.target[kept],
        stood.number[kept],
        stood.last_active[kept],
        stood.unplaced[kept],
    )
    new = sorted(found.entries, key=lambda e: e.entry_id)
    unplaced = unplaced_records(raw, workspace, [ref.id for ref in found.shared.alone])
    return all_entries([rest, columns_of_entries(new, activities, unplaced)])


def activities_after(stood: Sequence[Activity], found: Regrouped) -> list[Activity]:
    """The same about the entries of now."""
    return [a if a.entry_id is None else replace(a, entry_id=found.of(a.entry_id, a.source.connection)) for a in stood]


def events_after(stood: EventColumns, connections: Sequence[str], found: Regrouped) -> EventColumns:
    """Events that stand, under the entries of now. `connections` are those that the column numbers, from 1."""
    names = ["", *connections]
    looked_at = Ids.of(stood.entry_ids).places_among(found.shared.entries) >= 0
    rows = np.flatnonzero(looked_at[stood.entry]) if len(stood) else np.zeros(0, np.int64)
    told = zip(stood.entry[rows].tolist(), stood.connection[rows].tolist(), strict=True)
    now = Ids.of(found.of(stood.entry_ids[entry], names[connection]) for entry, connection in told)
    entry = stood.entry.copy()
    entry[rows] = len(stood.entry_ids) + np.arange(len(rows))
    ids, place = Ids.joined([Ids.of(stood.entry_ids), now]).distinct()
    return EventColumns(
        ids, place[entry], stood.milestone, stood.occurred_on, stood.connection, stood.told, stood.histories
    )


def records_after(stood: EntryRecords, found: Regrouped) -> EntryRecords:
    """Which record is which entry now."""
    by_place = {}
    for (connection, name), (ids, entries) in stood.by_place.items():
        mine = {
            ref.id: found.now[e.entry_id]
            for ref, e in found.shared.alone.items()
            if (ref.connection, ref.object) == (connection, name)
        }
        at = np.array([i for i, record in enumerate(ids) if record in mine], np.int64)
        place = np.arange(len(ids))
        place[at] = len(ids) + np.arange(len(at))
        now = Ids.of(mine[ids[i]] for i in at.tolist())
        by_place[connection, name] = (ids, Ids.joined([entries, now])[place])
    return EntryRecords(by_place)
