"""From a record to the records it points at: by a field, an association, or on through the record in between."""

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Mapping as MappingType

from sync.mapping.conditions import MirrorValue, text_of
from sync.mapping.reader import MirrorReader
from sync.mapping.where import Reference

Values = MappingType[str, MirrorValue]
Find = Callable[[str, Values], tuple[str, ...]]
"""(record id, its values) -> ids of what it points at, each once; in order where an association leads there."""


def linker(reader: MirrorReader, connection: str, object_name: str, reference: Reference) -> Find:
    """How records of an object point at others. What stands in between must be live; whether the end is, its reader knows."""
    first = _step(reader, connection, object_name, reference)
    if reference.then is None:
        return first
    between, on = reference.between, reference.then
    further = linker(reader, connection, between, on)
    fields = [on.field] if on.field else []
    leads = {row.id: further(row.id, row.values) for row in reader.rows(connection, between, fields)}

    def through(record: str, values: Values) -> tuple[str, ...]:
        return tuple(dict.fromkeys(end for middle in first(record, values) for end in leads.get(middle, ())))

    return through


def _step(reader: MirrorReader, connection: str, object_name: str, reference: Reference) -> Find:
    if reference.association is None:
        name = reference.field or ""

        def by_field(_record: str, values: Values) -> tuple[str, ...]:
            text = text_of(values.get(name))
            return (text,) if text else ()

        return by_field
    links: dict[str, set[str]] = defaultdict(set)
    for from_id, to_id, label, _ in reader.associations(connection, object_name, reference.association):
        if reference.label is None or label == reference.label:
            links[from_id].add(to_id)
    ordered = {record: tuple(sorted(ids)) for record, ids in links.items()}
    return lambda record, _values: ordered.get(record, ())
