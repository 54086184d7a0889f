"""Events: what says that an entry reached a milestone, and on which day.

A date field dates the milestone itself; with a stage it dates the first entry into it, and the CRM's history dates the others.
`source_change_id` is the field's name where a field holds the date, so that a history which arrives later changes nothing.
"""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.vocabulary import Event, Milestone, RecordRef
from sync.mapping.conditions import text_of
from sync.mapping.dates import UnreadableDateError, day_of, moment_of
from sync.mapping.facts import IssueKind, Issues
from sync.mapping.grammar import Mapping
from sync.mapping.identity import stable_id
from sync.mapping.links import Find, Values, linker
from sync.mapping.reader import MirrorReader
from sync.mapping.rules import EntryRule, MilestoneRule
from sync.mapping.stages import Entered, History, StageChange, passages, read_history


class EntryKey(NamedTuple):
    """What an event needs to know of its entry."""

    entry_id: str
    partner_id: str
    rule: int


class Told(NamedTuple):
    """A record that may tell of an entry's milestone: the entry's own, or one it is linked to."""

    key: EntryKey
    source: RecordRef
    values: Values
    reason: str | None = None


@dataclass(slots=True)
class LinkedRecords:
    """The records of one object that entries are linked to, held because entries ask for them in any order."""

    connection: str
    object: str
    values: dict[str, Values]
    history: History
    find: Find  # entry's record -> linked records


def make_event(
    told: Told, milestone: Milestone, day: date, *, change_id: str, rule: str, stamped_at: datetime | None
) -> Event:
    """The event, named by its fact: which entry, which milestone, which change of which record."""
    key, source = told.key, told.source
    named = stable_id("event", key.entry_id, milestone, source.connection, source.object, source.id, change_id)
    return Event(
        named, key.entry_id, key.partner_id, milestone, day, source, change_id, rule, stamped_at, reason=told.reason
    )


class MilestoneReader:
    """One milestone of one entry rule, ready to be asked about record after record."""

    def __init__(
        self, mapping: Mapping, index: int, milestone: Milestone, history: History, linked: LinkedRecords | None
    ) -> None:
        entry = mapping.entries[index]
        rule = entry.milestones[milestone]
        self.milestone = milestone
        self.path = f"entries[{index}].milestones.{milestone.value}"
        self._rule = rule
        self._at = rule.at
        self._reason = rule.reason
        self._zone: ZoneInfo = mapping.zone
        self._stage_field, stages = rule.stage or ("", [])
        self._stages = frozenset(stages)
        self._linked = linked
        self._changes: MappingType[str, list[StageChange]] = (linked.history if linked else history).get(
            self._stage_field, {}
        )
        self._guessed: list[RecordRef] = []
        self._created = mapping.created_field(entry.connection, linked.object if linked else entry.object)

    def events(self, key: EntryKey, record: RecordRef, values: Values, issues: Issues) -> list[Event]:
        """What this record, or the records it is linked to, says of the milestone."""
        if self.silent(record.id, values):
            return []
        reason = (text_of(values.get(self._reason)) or None) if self._reason else None
        if self._linked is None:
            return self._of(Told(key, record, values, reason), issues)
        out = []
        for linked_id in self._linked.find(record.id, values):
            found = self._linked.values.get(linked_id)
            if found is None:
                issues.add(IssueKind.LINK_MISSING, self.path, record, field=self._rule.linked_object or "")
            else:
                source = RecordRef(self._linked.connection, self._linked.object, linked_id)
                out += self._of(Told(key, source, found, reason), issues)
        return out

    def silent(self, record: str, values: Values) -> bool:
        """Whether the record tells nothing, as is seen without looking closely: as most records do of most milestones."""
        return (
            self._linked is None
            and (self._at is None or values.get(self._at) is None)
            and not (
                self._stages and (record in self._changes or text_of(values.get(self._stage_field)) in self._stages)
            )
        )

    def _of(self, told: Told, issues: Issues) -> list[Event]:
        dated = self._day(told, issues)
        changes = self._changes.get(told.source.id, [])
        if dated is not None and not (self._stages and changes):
            return [self._dated(told, dated, None)]
        if not self._stages:
            return []
        current = told.values.get(self._stage_field)
        found = passages(changes, None if current is None else text_of(current), self._stages)
        entered: Sequence[Entered] = found.entered
        out = []
        if dated is not None:
            out.append(self._dated(told, dated, entered[0] if entered else None))
            entered = entered[1:]
        elif found.unseen:
            issues.add(IssueKind.STAGE_UNDATED, self.path, told.source, field=self._stage_field)
        for change in entered:
            stamp = change.changed_at or self._made_at(told.values)
            if stamp is None:
                issues.add(IssueKind.STAGE_UNDATED, self.path, told.source, field=self._stage_field)
                continue
            if not self._changes:
                self._guessed.append(told.source)
            change_id = change.change_id if change.changed_at else f"{self._stage_field}:{change.change_id}"
            day = stamp.astimezone(self._zone).date()
            out.append(make_event(told, self.milestone, day, change_id=change_id, rule=self.path, stamped_at=stamp))
        return out

    def _dated(self, told: Told, day: date, first: Entered | None) -> Event:
        """The event a date field tells of. The CRM's stamp is the first change into the stage, or else the record's making."""
        stamp = first.changed_at if first else None
        if stamp is None and self._created:
            made = self._made_at(told.values)
            stamp = made if made is not None and self._made_by(made, day) else None
        return make_event(told, self.milestone, day, change_id=str(self._at), rule=self.path, stamped_at=stamp)

    def _made_by(self, made: datetime, day: date) -> bool:
        """Whether the record was made on that day or later; time zones are asked only where they can matter."""
        apart = made.toordinal() - day.toordinal()
        return apart > 1 or (apart >= -1 and made.astimezone(self._zone).date() >= day)

    def _day(self, told: Told, issues: Issues) -> date | None:
        if self._at is None:
            return None
        try:
            return day_of(told.values.get(self._at), self._zone)
        except UnreadableDateError:
            issues.add(IssueKind.DATE_UNREADABLE, self.path, told.source, field=self._at)
            return None

    def report_history(self, issues: Issues) -> None:
        """Reports records whose stage was dated by their making, where the CRM's history holds no change of it at all."""
        if not self._changes:
            issues.add_all(IssueKind.HISTORY_MISSING, self.path, self._guessed, field=self._stage_field)

    def _made_at(self, values: Values) -> datetime | None:
        return moment_of(values.get(self._created)) if self._created else None


def read_linked(mapping: Mapping, reader: MirrorReader, entry: EntryRule, rule: MilestoneRule) -> LinkedRecords | None:
    """The records that a milestone's `linked` leads to; None for a milestone of the entry's own record."""
    if rule.linked is None or rule.linked_object is None:
        return None
    name = rule.linked_object
    fields = {rule.at, rule.stage[0] if rule.stage else None, mapping.created_field(entry.connection, name)}
    wanted = sorted(field for field in fields if field)
    return LinkedRecords(
        entry.connection,
        name,
        {row.id: row.values for row in reader.rows(entry.connection, name, wanted)},
        read_history(reader, entry.connection, name, [rule.stage[0]] if rule.stage else []),
        linker(reader, entry.connection, entry.object, rule.linked),
    )
