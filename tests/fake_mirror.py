"""A mirror in memory: what the mapping reads, without a database."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sync.mapping.counts import Filled, Group
from sync.mapping.reader import MirrorRow
from sync.records import HistoryRow

VERSION = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeMirror:
    """Records, histories and links by (connection, object). Refuses fields that nobody pulled, as a mirror does."""

    records: dict[tuple[str, str], dict[str, MirrorRow]] = field(default_factory=dict)
    changes: list[tuple[str, str, HistoryRow]] = field(default_factory=list)
    links: list[tuple[str, str, str, tuple[str, str, str | None, str]]] = field(default_factory=list)
    shuffle: random.Random | None = None

    def put(self, place: str, record_id: str, **values: Any) -> "FakeMirror":
        connection, _, name = place.partition(".")
        self.records.setdefault((connection, name), {})[record_id] = MirrorRow(record_id, VERSION, False, values)
        return self

    def edit(self, place: str, record_id: str, **values: Any) -> None:
        connection, _, name = place.partition(".")
        row = self.records[connection, name][record_id]
        self.records[connection, name][record_id] = row._replace(values={**row.values, **values})

    def delete(self, place: str, record_id: str, merged_into: str | None = None) -> None:
        connection, _, name = place.partition(".")
        row = self.records[connection, name][record_id]
        self.records[connection, name][record_id] = row._replace(deleted=True, merged_into=merged_into)

    def restore(self, place: str, record_id: str) -> None:
        connection, _, name = place.partition(".")
        row = self.records[connection, name][record_id]
        self.records[connection, name][record_id] = row._replace(deleted=False, merged_into=None)

    def changed(
        self,
        place: str,
        record_id: str,
        field_name: str,
        at: datetime,
        old: str | None,
        new: str | None,
        change_id: str = "",
    ) -> "FakeMirror":
        connection, _, name = place.partition(".")
        row = HistoryRow(record_id, field_name, change_id or f"c{len(self.changes):04}", old, new, at)
        self.changes.append((connection, name, row))
        return self

    def link(self, place: str, from_id: str, to_object: str, to_id: str, label: str | None = None) -> "FakeMirror":
        connection, _, name = place.partition(".")
        self.links.append((connection, name, to_object, (from_id, to_id, label, "1")))
        return self

    def shuffled(self, seed: int) -> "FakeMirror":
        return replace(self, shuffle=random.Random(seed))

    def rows(
        self, connection: str, object_name: str, fields: Sequence[str], *, deleted: bool = False
    ) -> Iterator[MirrorRow]:
        for row in self._order(list(self.records.get((connection, object_name), {}).values())):
            if deleted or not row.deleted:
                yield row._replace(values={name: row.values.get(name) for name in fields})

    def history(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[HistoryRow]:
        for of_connection, of_object, row in self._order(list(self.changes)):
            if (of_connection, of_object) == (connection, object_name) and row.field in fields:
                yield row

    def associations(
        self, connection: str, from_object: str, to_object: str
    ) -> Iterator[tuple[str, str, str | None, str]]:
        for *place, link in self._order(list(self.links)):
            if place == [connection, from_object, to_object]:
                yield link

    def grouped(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[Group]:
        groups: dict[tuple[Any, ...], list[str]] = {}
        for row in self.rows(connection, object_name, fields):
            groups.setdefault(tuple(row.values[f] for f in fields), []).append(row.id)
        for values, ids in groups.items():
            yield Group(dict(zip(fields, values, strict=True)), len(ids), min(ids))

    def filled(self, connection: str, object_name: str, fields: Sequence[str]) -> dict[str, Filled]:
        rows = list(self.rows(connection, object_name, fields))
        found = {}
        for name in fields:
            held = sorted(row.values[name] for row in rows if row.values[name] is not None)
            found[name] = Filled(len(rows), len(held), held[0] if held else None, held[-1] if held else None)
        return found

    def labels(self, connection: str, from_object: str, to_object: str) -> Counter[str]:
        return Counter(label or "" for *_, label, _ in self.associations(connection, from_object, to_object))

    def _order(self, things: list[Any]) -> list[Any]:
        if self.shuffle is not None:
            self.shuffle.shuffle(things)
        return things
