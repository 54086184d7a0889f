"""Which CRM records are which entry, and what the CRMs confirmed of them: columns, read whole, since both are as many as the entries or more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from models.vocabulary import RecordRef
from sync.events.ids import Ids

_APART = "\x1f"  # stands in no id of a CRM, and in JSON only as \u001f
Place = tuple[str, str]
"""(connection, object)"""


@dataclass(frozen=True, slots=True)
class EntryRecords:
    """Records by their place: their ids, and the entry of each."""

    by_place: dict[Place, tuple[Sequence[str], Ids]]

    def of(self, connection: str, object_name: str) -> frozenset[str]:
        """The ids of an object's records."""
        return frozenset(self.by_place.get((connection, object_name), ((), None))[0])


def records_of(pairs: Iterable[tuple[str, RecordRef]]) -> EntryRecords:
    """Of (entry id, record)."""
    found: dict[Place, tuple[list[str], list[str]]] = {}
    for entry_id, ref in pairs:
        ids, entries = found.setdefault((ref.connection, ref.object), ([], []))
        ids.append(ref.id)
        entries.append(entry_id)
    return EntryRecords({place: (ids, Ids.of(entries)) for place, (ids, entries) in found.items()})


def all_records(parts: Iterable[EntryRecords]) -> EntryRecords:
    """Those of all parts."""
    found: dict[Place, tuple[list[str], list[Ids]]] = {}
    for part in parts:
        for place, (ids, entries) in part.by_place.items():
            mine = found.setdefault(place, ([], []))
            mine[0].extend(ids)
            mine[1].append(entries)
    return EntryRecords({place: (ids, Ids.joined(entries)) for place, (ids, entries) in found.items()})


def stored_records(conn: Connection[Any], workspace: str) -> EntryRecords:
    """As the mapping in force sees them."""
    rows = conn.execute(
        """select connection, object, string_agg(record_id, %(apart)s), string_agg(uuid_send(entry_id::uuid), ''::bytea)
        from sakigake.entry_source where workspace = %(w)s group by 1, 2""",
        {"w": workspace, "apart": _APART},
    )
    return EntryRecords({(r[0], r[1]): (r[2].split(_APART), Ids.of_packed(r[3])) for r in rows})


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The newest value that each CRM confirmed, as JSON, by place and catalogue name, and then by record."""

    values: dict[tuple[Place, str], dict[str, str]]

    def of(self, place: Place, name: str) -> dict[str, str]:
        return self.values.get((place, name), {})


def confirmed(conn: Connection[Any], workspace: str) -> Confirmed:
    """All of a workspace."""
    rows = conn.execute(
        """select connection, object, field, string_agg(record_id, %(apart)s), string_agg(coalesce(value::text, 'null'), %(apart)s)
        from sakigake.written where workspace = %(w)s group by 1, 2, 3""",
        {"w": workspace, "apart": _APART},
    )
    return Confirmed(
        {((r[0], r[1]), r[2]): dict(zip(r[3].split(_APART), r[4].split(_APART), strict=True)) for r in rows}
    )
