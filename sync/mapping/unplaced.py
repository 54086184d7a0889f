"""Entries that stand in a stage which no rule names: what became of them is not known."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from models.vocabulary import RecordRef
from sync.mapping.conditions import text_of
from sync.mapping.coverage import Coverage
from sync.mapping.grammar import Mapping
from sync.mapping.meanings import meanings
from sync.mapping.reader import MirrorReader
from sync.mapping.selection import selector


class Unplaced(NamedTuple):
    """An entry's record, and the stage that nothing is known of."""

    ref: RecordRef
    field: str
    value: str


def unplaced(mapping: Mapping, reader: MirrorReader, found: Coverage) -> Iterator[Unplaced]:
    """Read record by record, yet only objects in which `found` met such a stage; each record once."""
    stages = {
        (m.connection, m.object, m.field, m.rule): m for m in meanings(mapping) if m.part == "entries" and m.complete
    }
    met = {(of.connection, of.object, of.field) for of, _ in found.unmapped}
    by_object: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for connection, name, field, rule in stages:
        if (connection, name, field) in met:
            by_object[connection, name][rule].append(field)
    for (connection, name), fields_of in by_object.items():
        rules = [
            (i, rule) for i, rule in enumerate(mapping.entries) if (rule.connection, rule.object) == (connection, name)
        ]
        fits = [(i, selector(rule.where, reader, connection, name, mapping.zone)) for i, rule in rules]
        fields = {f for _, rule in rules for f in rule.where.fields()} | {f for fs in fields_of.values() for f in fs}
        for row in reader.rows(connection, name, sorted(fields)):
            index = next((i for i, test in fits if test(row)), -1)
            for field in fields_of.get(index, ()):
                value, said = stages[connection, name, field, index].of(row.values)
                if value and not said:
                    yield Unplaced(RecordRef(connection, name, row.id), field, text_of(value))
                    break
