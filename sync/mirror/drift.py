"""How a CRM's description of an object came to differ from the one we remember: found, kept, and resolved when it is over."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from sync.described import FieldDescription, FieldType, ObjectDescription

Depends = Callable[[str, str], Mapping[str, list[str]]]
"""What rests on a field of an object: `rules` of the mapping, `milestones`, and `fields` that are written back."""

MISSING, RENAMED, GONE = "missing", "renamed", "gone"
WIDER = {
    (FieldType.INTEGER, FieldType.NUMBER),
    (FieldType.DATE, FieldType.DATETIME),
}  # and anything to text


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a field differs. `lasts` says that it stays open until the CRM or the mapping changes again."""

    field: str
    kind: str
    was: str | None = None
    now: str | None = None
    value: str = ""
    lasts: bool = False


def differences(before: ObjectDescription, now: ObjectDescription, absent: Collection[str]) -> list[Difference]:
    """What became of the fields of `before`; `absent` are those of them that are wanted and not shown any more."""
    found: list[Difference] = []
    for old in before.fields:
        new = now.field(old.name)
        if new is not None:
            found += _changed(old, new)
        elif old.name in absent:
            heirs = [
                f.name for f in now.fields if (f.label, f.type) == (old.label, old.type) and not before.field(f.name)
            ]
            kind, heir = (RENAMED, heirs[0]) if len(heirs) == 1 else (MISSING, None)
            found.append(Difference(old.name, kind, old.type.value, heir, lasts=True))
    return found


def _changed(old: FieldDescription, new: FieldDescription) -> Iterator[Difference]:
    if old.type is not new.type:
        wider = (old.type, new.type) in WIDER or new.type is FieldType.TEXT
        yield Difference(old.name, "widened" if wider else "retyped", old.type.value, new.type.value)
    if not old.options or not new.options:
        return  # free text now, or then: no value of it was promised
    was, now = dict(old.options), dict(new.options)
    for value in was.keys() - now.keys():
        heirs = [v for v in now.keys() - was.keys() if now[v] == was[value]]
        yield Difference(old.name, "option_removed", was[value], next(iter(heirs), None), value, lasts=True)
    for value in now.keys() - was.keys():
        yield Difference(old.name, "option_added", None, now[value], value)
    for value in was.keys() & now.keys():
        if was[value] != now[value]:
            yield Difference(old.name, "option_renamed", was[value], now[value], value)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Keeps the drift of one object, in the caller's transaction."""

    conn: Connection[Any]
    workspace: str
    connection: str
    object: str
    depends: Depends

    @property
    def _key(self) -> tuple[str, str, str]:
        return self.workspace, self.connection, self.object

    def note(self, found: Collection[Difference], at: datetime) -> None:
        """Keeps each difference; one that is open already is not kept twice."""
        for one in found:
            self.conn.execute(
                """insert into sakigake.drift
                    (workspace, connection, object, field, kind, value, first_seen_at, was, now, resolved_at, depends)
                select %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s where not exists (
                    select from sakigake.drift where (workspace, connection, object, field, kind, value) = (%s, %s, %s, %s, %s, %s)
                        and resolved_at is null)
                on conflict do nothing""",
                (
                    *self._key, one.field, one.kind, one.value, at, one.was, one.now, None if one.lasts else at,
                    json.dumps(self.depends(self.object, one.field)), *self._key, one.field, one.kind, one.value,
                ),
            )  # fmt: skip

    def resolve(self, now: ObjectDescription, absent: Collection[str], at: datetime) -> None:
        """Closes what is over: the object and the field are shown again or wanted no more, the value is an option again."""
        options = [(f.name, value) for f in now.fields for value, _ in f.options]
        self.conn.execute(
            """update sakigake.drift d set resolved_at = %s
            where (workspace, connection, object) = (%s, %s, %s) and resolved_at is null and (
                kind = 'gone' or kind in ('missing', 'renamed') and field <> all(%s)
                or kind = 'option_removed' and exists (select from unnest(%s::text[], %s::text[]) as o(field, value)
                    where o.field = d.field and o.value = d.value))""",
            (at, *self._key, list(absent), [f for f, _ in options], [v for _, v in options]),
        )
