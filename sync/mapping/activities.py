"""Activities with partners, and the events of milestones that an activity makes."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from models.vocabulary import Activity, Event, Milestone, RecordRef
from sync.mapping.dates import UnreadableDateError, day_of, moment_of
from sync.mapping.entries import Entries, partner_finder
from sync.mapping.facts import IssueKind, Issues
from sync.mapping.grammar import Mapping
from sync.mapping.identity import record_id
from sync.mapping.links import Values, linker
from sync.mapping.milestones import EntryKey, Told, make_event
from sync.mapping.needs import needs
from sync.mapping.partners import PartnerIndex
from sync.mapping.reader import MirrorReader
from sync.mapping.selection import selector
from sync.mapping.where import Reference


@dataclass(slots=True)
class Activities:
    activities: list[Activity] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def derive_activities(
    mapping: Mapping, reader: MirrorReader, partners: PartnerIndex, entries: Entries, issues: Issues
) -> Activities:
    """Each record belongs to the first rule that fits it; with several partners it is an activity with each of them."""
    result = Activities()
    wanted = needs(mapping)
    reached = _milestones_by_kind(mapping)
    by_object: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, rule in enumerate(mapping.activities):
        by_object[rule.connection, rule.object].append(index)
    for (connection, name), indexes in by_object.items():
        rules = [_ActivityReader(mapping, reader, partners, entries, index) for index in indexes]
        made_by = mapping.created_field(connection, name)
        for row in reader.rows(connection, name, wanted[connection][name].fields):
            ref = RecordRef(connection, name, row.id)
            chosen = next((rule for rule in rules if rule.fits(row)), None)
            if chosen is None:
                issues.add(IssueKind.RECORD_UNMATCHED, f"activities from {connection}.{name}", ref)
                continue
            made_at = moment_of(row.values.get(made_by)) if made_by else None
            for activity, key in chosen.activities(ref, row.values, issues):
                result.activities.append(activity)
                if key is not None and (found := reached.get((key.rule, activity.kind))):
                    for milestone, path in found:
                        told = Told(key, ref, row.values)
                        result.events.append(
                            make_event(
                                told,
                                milestone,
                                activity.occurred_on,
                                change_id=chosen.at,
                                rule=path,
                                stamped_at=made_at,
                            )
                        )
    return result


def _milestones_by_kind(mapping: Mapping) -> dict[tuple[int, str], list[tuple[Milestone, str]]]:
    """(entry rule, activity kind) -> the milestones that such an activity makes."""
    reached: dict[tuple[int, str], list[tuple[Milestone, str]]] = defaultdict(list)
    for index, entry in enumerate(mapping.entries):
        for milestone, rule in entry.milestones.items():
            if rule.activity is not None:
                path = f"entries[{index}].milestones.{milestone.value}"
                reached[index, rule.activity.kind.value].append((milestone, path))
    return reached


class _ActivityReader:
    """One activity rule, ready to be asked about record after record."""

    def __init__(
        self, mapping: Mapping, reader: MirrorReader, partners: PartnerIndex, entries: Entries, index: int
    ) -> None:
        rule = mapping.activities[index]
        self.at = rule.at
        self.fits = selector(rule.where, reader, rule.connection, rule.object, mapping.zone)
        self._path = f"activities[{index}]"
        self._kind = rule.kind.value
        self._zone = mapping.zone
        self._partners = (
            partner_finder(reader, partners, rule.connection, rule.object, rule.partner) if rule.partner else None
        )
        self._entries = _entry_finder(reader, entries, rule.connection, rule.object, rule.entry) if rule.entry else None

    def activities(self, ref: RecordRef, values: Values, issues: Issues) -> Iterator[tuple[Activity, EntryKey | None]]:
        try:
            day = day_of(values.get(self.at), self._zone)
        except UnreadableDateError:
            day = None
        if day is None:
            issues.add(IssueKind.DATE_UNREADABLE, f"{self._path}.at", ref, field=self.at)
            return
        keys = self._entries(ref.id, values) if self._entries else ()
        for key in keys:
            yield self._activity(ref, key.partner_id, key.entry_id, day), key
        if not keys:
            found = self._partners(ref.id, values) if self._partners else ()
            for partner_id in found:
                yield self._activity(ref, partner_id, None, day), None
            if not found:
                issues.add(IssueKind.ACTIVITY_WITHOUT_PARTNER, self._path, ref)

    def _activity(self, ref: RecordRef, partner_id: str, entry_id: str | None, day: date) -> Activity:
        name = record_id("activity", ref, partner_id if entry_id is None else entry_id)
        return Activity(name, partner_id, entry_id, self._kind, day, ref, self._path)


def _entry_finder(
    reader: MirrorReader, entries: Entries, connection: str, object_name: str, reference: Reference
) -> Callable[[str, Values], tuple[EntryKey, ...]]:
    """How records of an object lead to entries."""
    ends = linker(reader, connection, object_name, reference)
    there = reference.last.association  # a field may hold the id of any object

    def find(record: str, values: Values) -> tuple[EntryKey, ...]:
        met = {key.entry_id: key for end in ends(record, values) if (key := entries.find(connection, end, there))}
        return tuple(met[one] for one in sorted(met))

    return find
