"""Entries and the events their records tell of."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from models.vocabulary import LISTS, Entry, Event, Milestone, RecordRef, Target
from sync.mapping.conditions import text_of
from sync.mapping.dates import moment_of
from sync.mapping.facts import IssueKind, Issues
from sync.mapping.grammar import Mapping
from sync.mapping.identity import corporate_number, domain, record_id
from sync.mapping.links import Find, Values, linker
from sync.mapping.milestones import EntryKey, LinkedRecords, MilestoneReader, read_linked
from sync.mapping.needs import needs
from sync.mapping.partners import PartnerIndex
from sync.mapping.reader import MirrorReader, MirrorRow
from sync.mapping.rules import EntryRule
from sync.mapping.selection import selector
from sync.mapping.share import WHOLE, Share
from sync.mapping.stages import History, read_history
from sync.mapping.where import Reference


@dataclass(slots=True)
class Entries:
    """One entry a record; those that are one target in two CRMs are joined later, when their days are known."""

    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    index: dict[tuple[str, str], dict[str, EntryKey]] = field(default_factory=dict)
    made: dict[str, datetime | None] = field(default_factory=dict)  # by entry: when its record was made

    def find(self, connection: str, record: str, object_name: str | None = None) -> EntryKey | None:
        """The entry that a record is; among all entry objects of the connection where the object is not known."""
        for (of_connection, of_object), keys in self.index.items():
            if of_connection == connection and object_name in (None, of_object) and record in keys:
                return keys[record]
        return None


def partner_finder(
    reader: MirrorReader, partners: PartnerIndex, connection: str, object_name: str, reference: Reference
) -> Find:
    """How records of an object lead to their partners. A row of an imported list names a record of any connection."""
    if connection == LISTS:
        return lambda _record, values: _named(partners, text_of(values.get(reference.field or "")))
    ends = linker(reader, connection, object_name, reference)
    there = reference.last.association  # a field may hold the id of any object

    def find(record: str, values: Values) -> tuple[str, ...]:
        reached = ends(record, values)
        if len(reached) == 1:
            partner = partners.find(connection, reached[0], there)
            return (partner,) if partner else ()
        met = {partners.find(connection, end, there) for end in reached}
        return tuple(sorted(partner for partner in met if partner))

    return find


def _named(partners: PartnerIndex, written: str) -> tuple[str, ...]:
    try:
        ref = RecordRef.parse(written)
    except ValueError:
        return ()
    found = partners.find(ref.connection, ref.id, ref.object)
    return (found,) if found else ()


def derive_entries(
    mapping: Mapping, reader: MirrorReader, partners: PartnerIndex, issues: Issues, share: Share = WHOLE
) -> Entries:
    """Entries of all connections, with the events of date fields, stages and linked records. `index` knows those of other shares too, where activities ask."""
    result = Entries()
    wanted = needs(mapping)
    by_object: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, entry in enumerate(mapping.entries):
        by_object[entry.connection, entry.object].append(index)
    for (connection, name), indexes in by_object.items():
        spec = wanted[connection][name]
        history = read_history(reader, connection, name, spec.history)
        rules = [_EntryReader(mapping, reader, partners, index, history, share) for index in indexes]
        keys = result.index.setdefault((connection, name), {})
        for row in reader.rows(connection, name, spec.fields):
            for rule in rules:
                if rule.fits(row):
                    key = rule.entry(row, issues, result)
                    if key is not None:
                        keys[row.id] = key
                    break
        for rule in rules:
            rule.report_histories(issues)
    return result


def _as_written(text: str) -> str | None:
    return text or None


_ONE_FORM = {"domain": domain, "corporate_number": corporate_number}


class _EntryReader:
    """One entry rule, ready to be asked about record after record."""

    def __init__(
        self,
        mapping: Mapping,
        reader: MirrorReader,
        partners: PartnerIndex,
        index: int,
        history: History,
        share: Share,
    ) -> None:
        rule = mapping.entries[index]
        self._share = share
        self._asked_for = bool(mapping.activities)  # by activities of any partner, which look for their entries
        self._connection, self._object = mapping.entries[index].connection, mapping.entries[index].object
        self._index = index
        self._rule = rule
        self.fits = selector(rule.where, reader, rule.connection, rule.object, mapping.zone)
        self._partners = partner_finder(reader, partners, rule.connection, rule.object, rule.partner)
        self._milestones = [
            MilestoneReader(mapping, index, milestone, history, self._linked(mapping, reader, milestone))
            for milestone, of in rule.milestones.items()
            if of.activity is None
        ]
        self._unmapped = Unmapped(index, rule, history)
        self._target = [(mark, name, _ONE_FORM.get(mark, _as_written)) for mark, name in rule.target.items()]
        self._created = mapping.created_field(rule.connection, rule.object)

    def _linked(self, mapping: Mapping, reader: MirrorReader, milestone: Milestone) -> LinkedRecords | None:
        return read_linked(mapping, reader, self._rule, self._rule.milestones[milestone])

    def entry(self, row: MirrorRow, issues: Issues, result: Entries) -> EntryKey | None:
        values = row.values
        found = self._partners(row.id, values)
        mine = self._share.has(found[0]) if len(found) == 1 else self._share.others
        if not (mine or self._asked_for):
            return None
        ref = RecordRef(self._connection, self._object, row.id)
        key = EntryKey(record_id("entry", ref), found[0], self._index) if len(found) == 1 else None
        if not mine:
            return key
        self._unmapped.report(ref, values, issues)
        if key is None:
            kind = IssueKind.ENTRY_SEVERAL_PARTNERS if found else IssueKind.ENTRY_WITHOUT_PARTNER
            field = self._rule.partner.field or self._rule.partner.association or ""
            issues.add(kind, f"entries[{self._index}].partner", ref, field=field)
            return None
        result.made[key.entry_id] = moment_of(values.get(self._created)) if self._created else None
        result.entries.append(Entry(key.entry_id, key.partner_id, ref, self._read_target(values)))
        for milestone in self._milestones:
            result.events += milestone.events(key, ref, values, issues)
        return key

    def _read_target(self, values: Values) -> Target:
        marks: dict[str, str | None] = {}
        for mark, name, read in self._target:
            if (value := values.get(name)) is not None:
                marks[mark] = read(text_of(value).strip())
        return Target(**marks)

    def report_histories(self, issues: Issues) -> None:
        """A stage field without a single change in its history is most likely not tracked by the CRM."""
        for milestone in self._milestones:
            milestone.report_history(issues)


class Unmapped:
    """Stages of an entry rule's own records that no milestone and no `ignored` of the rule names."""

    def __init__(self, index: int, rule: EntryRule, history: History) -> None:
        self._rule = f"entries[{index}].milestones"
        self._stages = [(name, named, history.get(name, {})) for name, named in known_stages(rule).items()]

    def report(self, ref: RecordRef, values: Values, issues: Issues) -> None:
        """Those this record stands or stood in."""
        for name, named, history in self._stages:
            current = text_of(values.get(name))
            changes = history.get(ref.id)
            if changes:
                met = {current, *(change.new or "" for change in changes), *(change.old or "" for change in changes)}
                for value in met - named:
                    if value:
                        issues.add(IssueKind.UNMAPPED_VALUE, self._rule, ref, field=name, value=value)
            elif current and current not in named:
                issues.add(IssueKind.UNMAPPED_VALUE, self._rule, ref, field=name, value=current)


def known_stages(rule: EntryRule) -> dict[str, set[str]]:
    """Stage field of the entry's own record -> the values that are spoken of."""
    known: dict[str, set[str]] = defaultdict(set)
    for milestone in rule.milestones.values():
        if milestone.stage and milestone.linked is None:
            known[milestone.stage[0]].update(milestone.stage[1])
    for name, values in rule.ignored.items():
        known[name].update(values)
    return dict(known)
