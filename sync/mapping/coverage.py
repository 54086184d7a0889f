"""What a mapping covers: every value of every field that a rule reads, what it means, and how many records hold it.

Counted by the mirror, so that a million records cost a few queries. `coverage` reads; it changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sync.mapping.conditions import MirrorValue, text_of
from sync.mapping.counts import CountingReader, Filled, Group
from sync.mapping.depends import uses
from sync.mapping.grammar import Mapping, path_text
from sync.mapping.meanings import Meaning, meanings
from sync.mapping.reader import MirrorRow
from sync.mapping.rules import DealRule, FromObject
from sync.mapping.selection import selector
from sync.mapping.where import Where

FILLED = "(filled)"  # any value, where rules ask no more
LISTED = 2000  # values of one field; more are a text that nobody lists
_OF_DEALS = {
    "partner_sourced": (["partner-sourced"], ["other channels"]),
    "won": (["won deal"], []),
}  # where it holds, where not
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # conditions do not look at a version


@dataclass(frozen=True, slots=True)
class ValueCount:
    """One value: how many records hold it, and what it is mapped to.

    `unmapped`: the mapping has to name it, and does not. `example` is the smallest id among its records.
    """

    value: str
    records: int
    mapped_to: tuple[str, ...]
    unmapped: bool
    example: str = ""


@dataclass(frozen=True, slots=True)
class FieldCoverage:
    """One field that rules read. `values` is empty for a field that is read and not compared: a name, a date, a link.

    `whole`: rules compare it as a whole, so that it has few values and a new one is news. `more` counts records whose values are too many
    to be listed.
    """

    connection: str
    object: str
    field: str
    read_by: tuple[str, ...]
    records: int
    filled: int
    lowest: str = ""
    highest: str = ""
    values: tuple[ValueCount, ...] = ()
    more: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """How many records of an object a rule takes; `rule` is empty for those that no rule of that part takes."""

    part: str
    connection: str
    object: str
    rule: str
    records: int


@dataclass(frozen=True, slots=True)
class Coverage:
    taken: tuple[Taken, ...]
    fields: tuple[FieldCoverage, ...]

    @property
    def unmapped(self) -> list[tuple[FieldCoverage, ValueCount]]:
        """The values that map to nothing, the most frequent first."""
        found = [(of, value) for of in self.fields for value in of.values if value.unmapped]
        return sorted(found, key=lambda pair: (-pair[1].records, pair[0].connection, pair[0].object, pair[1].value))


@dataclass(slots=True)
class _Met:
    """What was counted of one value. `records` by who counted, since a field may both choose records and be read of those chosen."""

    records: Counter[str] = field(default_factory=Counter)
    unmapped: bool = False
    mapped_to: set[str] = field(default_factory=set)
    example: str = ""


class _Field:
    """What was counted of one field."""

    def __init__(self) -> None:
        self.values: dict[str, _Met] = {}
        self.more = 0

    def add(self, by: str, value: str, group: Group, said: Iterable[str], *, unmapped: bool = False) -> None:
        if value not in self.values and len(self.values) >= LISTED and not unmapped:
            self.more += group.records
            return
        met = self.values.setdefault(value, _Met())
        met.records[by] += group.records
        met.unmapped |= unmapped
        met.mapped_to.update(said)
        met.example = min(filter(None, (met.example, group.example)), default="")

    def listed(self) -> Iterator[ValueCount]:
        found = [
            ValueCount(value, max(met.records.values()), tuple(sorted(met.mapped_to)), met.unmapped, met.example)
            for value, met in self.values.items()
        ]
        yield from sorted(found, key=lambda v: (-v.records, v.value))


Fields = dict[str, _Field]


def coverage(mapping: Mapping, reader: CountingReader, *, whole_only: bool = False) -> Coverage:
    """All of it, in the order of connections, objects and fields.

    `whole_only` leaves out what is not compared as a whole, such as the subjects of meetings, and how far fields are filled.
    """
    whole = compared_whole(mapping)
    met: dict[tuple[str, str], Fields] = defaultdict(lambda: defaultdict(_Field))
    taken: list[Taken] = []
    known = list(meanings(mapping))
    for part, rules in parts_of(mapping).items():
        by_object: dict[tuple[str, str], list[tuple[int, FromObject]]] = defaultdict(list)
        for index, rule in enumerate(rules):
            by_object[rule.connection, rule.object].append((index, rule))
        for (connection, name), found in by_object.items():
            asked = [m for m in known if (m.part, m.connection, m.object) == (part, connection, name)]
            counting = _Part(mapping, reader, part, found, asked)
            if not whole_only or any((connection, name, f) in whole for f in counting.compared):
                taken += counting.count(met[connection, name])
    for meaning in known:
        if meaning.part is None:
            for group in reader.grouped(meaning.connection, meaning.object, [meaning.field]):
                _note(met[meaning.connection, meaning.object], meaning, group)
    fields = _fields(mapping, None if whole_only else reader, met, whole)
    return Coverage(tuple(taken), tuple(f for f in fields if f.whole or not whole_only))


def parts_of(mapping: Mapping) -> dict[str, Sequence[FromObject]]:
    """The parts of a mapping whose rules take records, by their key."""
    return {
        "partners": mapping.partners,
        "entries": mapping.entries,
        "activities": mapping.activities,
        "deals_all_channels": mapping.deals_all_channels,
        "customers": mapping.customers,
    }


class _Part:
    """The rules of one part that read one object. Equal records are counted together: each group belongs to the first rule that fits."""

    def __init__(
        self,
        mapping: Mapping,
        reader: CountingReader,
        part: str,
        rules: list[tuple[int, FromObject]],
        asked: list[Meaning],
    ) -> None:
        self._reader = reader
        self._part = part
        self._asked = asked
        self._place = (rules[0][1].connection, rules[0][1].object)
        self._wheres = [rule.where for _, rule in rules]
        self._said = [(i, key, said) for i, rule in rules if isinstance(rule, DealRule) for key, said in rule.said()]
        self._fits = [(i, selector(rule.where, reader, *self._place, mapping.zone)) for i, rule in rules]
        self._holds = [selector(said, reader, *self._place, mapping.zone) for _, _, said in self._said]
        self.compared = {f for where in (*self._wheres, *(said for _, _, said in self._said)) for f in _own(where)}
        self.compared |= {meaning.field for meaning in asked}

    def count(self, met: Fields) -> Iterator[Taken]:
        records: Counter[int] = Counter(dict.fromkeys((i for i, _ in self._fits), 0))
        compared = {f for where in self._wheres for f in _own(where)}
        only_filled = _only_filled(self._wheres)
        for group in self._groups():
            row = MirrorRow(group.example, _ANY_TIME, False, group.values)
            index = next((i for i, fits in self._fits if fits(row)), -1)
            records[index] += group.records
            for f in compared:
                said = [f"{self._part}[{index}]"] if index >= 0 else []
                value = text_of(group.values.get(f))
                met[f].add(self._part, FILLED if value and f in only_filled else value, group, said)
            for (rule, key, said_of), holds in zip(self._said, self._holds, strict=True):
                if rule == index:
                    meant = _OF_DEALS[key][0 if holds(row) else 1]
                    for f in _own(said_of):
                        met[f].add(key, text_of(group.values.get(f)), group, meant)
            for meaning in self._asked:
                if meaning.rule == index:
                    _note(met, meaning, group)
        for index, found in sorted(records.items(), key=lambda item: (item[0] < 0, item[0])):
            if index >= 0 or found:
                yield Taken(self._part, *self._place, f"{self._part}[{index}]" if index >= 0 else "", found)

    def _groups(self) -> Iterator[Group]:
        """Single records where a condition asks for what each of them is linked to."""
        wheres = [*self._wheres, *(said for _, _, said in self._said)]
        fields = sorted({f for where in wheres for f in where.fields()} | {m.field for m in self._asked})
        if any(related.by.association for where in wheres for _, related in where.links()):
            return (Group(row.values, 1, row.id) for row in self._reader.rows(*self._place, fields))
        return self._reader.grouped(*self._place, fields)


def _own(where: Where) -> set[str]:
    """The record's own fields that conditions compare."""
    return {placed.field for placed in where.placed() if not placed.through}


def _only_filled(wheres: Iterable[Where]) -> set[str]:
    """Fields of which conditions ask no more than whether they are empty: their values are nobody's business."""
    asked = [(p.field, p.condition) for where in wheres for p in where.placed() if not p.through]
    return {f for f, _ in asked} - {f for f, condition in asked if condition.says() != {"empty"}}


def _note(met: Fields, meaning: Meaning, group: Group) -> None:
    value, said = meaning.of(group.values)
    unmapped = meaning.complete and value != "" and not said
    met[meaning.field].add(meaning.kind, value, group, said, unmapped=unmapped)


def _fields(
    mapping: Mapping,
    reader: CountingReader | None,
    met: MappingType[tuple[str, str], Fields],
    whole: set[tuple[str, str, str]],
) -> Iterator[FieldCoverage]:
    read_by: dict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for use in uses(mapping):
        read_by[use.connection, use.object][use.field][path_text(use.path)] = None
    for place, of_object in sorted(read_by.items()):
        filled = reader.filled(*place, sorted(of_object)) if reader else {}
        counted = met.get(place, {})
        for f, rules in sorted(of_object.items()):
            how = filled.get(f, Filled(0, 0, None, None))
            found = counted.get(f, _Field())
            yield FieldCoverage(
                *place, f, tuple(rules), how.records, how.filled, _bound(how.lowest), _bound(how.highest),
                tuple(found.listed()), found.more, (*place, f) in whole,
            )  # fmt: skip


def _bound(value: MirrorValue) -> str:
    """Of numbers and days; the first and last of names tell nothing, and are somebody's."""
    return "" if isinstance(value, str) else text_of(value)


def compared_whole(mapping: Mapping) -> set[tuple[str, str, str]]:
    """Fields that are compared with whole values: stages, attributes, and conditions that name values."""
    found = {(m.connection, m.object, m.field) for m in meanings(mapping) if m.complete or m.kind == "linked stage"}
    for rules in parts_of(mapping).values():
        for rule in rules:
            wheres = rule.wheres() if isinstance(rule, DealRule) else [rule.where]
            for placed in (p for where in wheres for p in where.placed()):
                if placed.condition.values():
                    there = placed.through[-1].leads_to if placed.through else rule.object
                    found.add((rule.connection, there, placed.field))
    return found
