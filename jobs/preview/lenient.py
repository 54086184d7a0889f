"""The mirror for a version of the mapping that may read what nobody pulled yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from models.vocabulary import LISTS
from sync.mapping.depends import dependants
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.needs import needs
from sync.mapping.reader import MirrorRow
from sync.mirror.read import Mirror
from sync.records import HistoryRow


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a version reads and that nobody pulled: what it is, where, and the rules that read it."""

    what: str  # object, field, history or association
    place: str
    rules: tuple[str, ...]


class Lenient:
    """The mirror for a version that may read what nobody pulled yet: that reads as empty, and `missing` tells of it."""

    def __init__(
        self, conn: Connection[Any], workspace: str, mirror: Mirror, rules: Rules, pulled_by: Rules | None
    ) -> None:
        self._mirror = mirror
        self._fields: dict[tuple[str, str], set[str]] = {
            (connection, name): set(columns or ())
            for connection, name, columns in conn.execute(
                "select connection, object, description -> 'columns' from sakigake.mirror_object where workspace = %s",
                (workspace,),
            )
        }
        self.missing = tuple(self._lacks(rules, pulled_by))

    def rows(
        self, connection: str, object_name: str, fields: Sequence[str], *, deleted: bool = False
    ) -> Iterator[MirrorRow]:
        held = self._fields.get((connection, object_name), set())
        there = [f for f in fields if f in held]
        if len(there) == len(fields):
            yield from self._mirror.rows(connection, object_name, fields, deleted=deleted)
            return
        for row in self._mirror.rows(connection, object_name, there, deleted=deleted):
            yield row._replace(values={f: row.values.get(f) for f in fields})

    def some(self, connection: str, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> Iterator[MirrorRow]:
        """The live ones of these records; what nobody pulled is left out."""
        held = self._fields.get((connection, object_name), set())
        yield from self._mirror.rows(connection, object_name, [f for f in fields if f in held], ids=ids)

    def history(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[HistoryRow]:
        return self._mirror.history(connection, object_name, fields)

    def associations(
        self, connection: str, from_object: str, to_object: str
    ) -> Iterator[tuple[str, str, str | None, str]]:
        return self._mirror.associations(connection, from_object, to_object)

    def _lacks(self, rules: Rules, pulled_by: Rules | None) -> Iterator[Missing]:
        read_before = needs(pulled_by) if pulled_by is not None else None
        for connection, objects in needs(rules).items():
            for name, spec in objects.items():
                place = f"{connection}.{name}"
                if connection == LISTS and (connection, name) not in self._fields:
                    continue  # nothing was imported yet, which says what there is to say
                if (connection, name) not in self._fields:
                    yield Missing("object", place, _readers(rules, connection, name))
                    continue
                for f in spec.fields:
                    if f not in self._fields[connection, name]:
                        yield Missing("field", f"{place}.{f}", _readers(rules, connection, name, f))
                if read_before is None:
                    continue
                before = read_before.get(connection, {}).get(name)
                for f in set(spec.history) - set(before.history if before else ()):
                    yield Missing("history", f"{place}.{f}", _readers(rules, connection, name, f))
                for other in set(spec.associations) - set(before.associations if before else ()):
                    yield Missing("association", f"{place} to {other}", _readers(rules, connection, name))


def _readers(rules: Rules, connection: str, name: str, field_name: str = "") -> tuple[str, ...]:
    return tuple(dependants(rules, connection, name, field_name)["rules"])
