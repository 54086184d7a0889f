"""Which records changed since a moment, and which lead to which: asked of indexes, so that the answer costs what it holds.

The indexes are made where they are missing, once an object: small ones that summarise blocks for the moments, and plain ones on the
few fields by which the mapping's records lead to each other. Links that are taken away leave a note, since nothing else would tell.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from models.vocabulary import LISTS, RecordRef
from sync.mapping.edges import Edge
from sync.mapping.reader import MirrorRow
from sync.mirror.names import index_name, table_name
from sync.mirror.read import Mirror
from sync.records import HistoryRow

Place = tuple[str, str]
"""(connection, object)"""
Ids = Mapping[Place, Collection[str]]


class ChangedMirror(Mirror):
    """The mirror asked for few records by their ids."""

    def prepare(self, places: Iterable[Place], edges: Sequence[Edge]) -> None:
        """Makes what is missing of the indexes and of the note that removed links leave."""
        schemas = {self._schema_of(connection) for connection, _ in places}
        have = {
            tuple(row)
            for row in self._conn.execute(
                "select schemaname, indexname from pg_indexes where schemaname = any(%s)", (sorted(schemas),)
            )
        }
        for schema in sorted(schemas):
            if (schema, "association_end_index") not in have:
                self._conn.execute(sql.SQL(_ONCE_A_SCHEMA).format(schema=sql.Identifier(schema)))
        for connection, name in places:
            columns, schema, table = self._mirrored(connection, name), self._schema_of(connection), table_name(name)
            if columns is None:
                continue
            leading = sorted({columns[e.field] for e in edges if e[:2] == (connection, name) and e.field in columns})
            for column in ("_changed_at", "_merged_into", *leading):
                named = index_name(table, column)
                if (schema, named) not in have:
                    how = {"_changed_at": "using brin ({c})", "_merged_into": "({c}) where {c} is not null"}
                    self._conn.execute(
                        sql.SQL("create index if not exists {i} on {t} " + how.get(column, "({c})")).format(
                            i=sql.Identifier(named), t=sql.Identifier(schema, table), c=sql.Identifier(column)
                        )
                    )

    def changed(self, place: Place, since: datetime) -> set[str]:
        """Records whose row, history or links changed at that moment or later, or lost a link that was not forgotten yet."""
        connection, name = place
        if self._mirrored(connection, name) is None:
            return set()
        schema = self._schema_of(connection)
        query = sql.SQL("""
            select id from {table} where _changed_at >= %(since)s
            union select record_id from {history} where object = %(object)s and first_seen_at >= %(since)s
            union select from_id from {links} where from_object = %(object)s and seen_at >= %(since)s
            union select from_id from {removed} where from_object = %(object)s""").format(
            table=sql.Identifier(schema, table_name(name)),
            history=sql.Identifier(schema, "field_history"),
            links=sql.Identifier(schema, "association"),
            removed=sql.Identifier(schema, "link_removed"),
        )
        return {row[0] for row in self._conn.execute(query, {"since": since, "object": name})}

    def forget_removed_links(self, places: Iterable[Place]) -> None:
        """What was noted of removed links is mapped by now."""
        for schema in sorted({self._schema_of(connection) for connection, _ in places}):
            self._conn.execute(sql.SQL("delete from {}").format(sql.Identifier(schema, "link_removed")))

    def merged(self, place: Place) -> set[str]:
        """Records that were merged away."""
        return {row[0] for row in self._asked(place, "select id from {table} where _merged_into is not null")}

    def leading_to(self, edge: Edge, ids: Collection[str]) -> set[str]:
        """Records of the edge's object that lead to one of these."""
        if edge.association:
            query = "select from_id from {links} where from_object = %(object)s and to_object = %(to)s and to_id = any(%(ids)s)"
        else:
            query = "select id from {table} where {field} = any(%(ids)s)"
        return {row[0] for row in self._asked(edge[:2], query, edge, ids)}

    def led_to(self, edge: Edge, ids: Collection[str]) -> set[str]:
        """Records to which one of these, records of the edge's object, leads."""
        if edge.association:
            query = "select to_id from {links} where from_object = %(object)s and to_object = %(to)s and from_id = any(%(ids)s)"
        else:
            query = "select {field} from {table} where id = any(%(ids)s) and {field} is not null"
        return {str(row[0]) for row in self._asked(edge[:2], query, edge, ids)}

    def one_change(self, connection: str, object_name: str, field: str) -> Iterator[HistoryRow]:
        """Some change of this field, where its history holds one."""
        query = sql.SQL("""
            select record_id, field, change_id, old_value, new_value, changed_at from {}
            where object = %s and field = %s limit 1""").format(
            sql.Identifier(self._schema_of(connection), "field_history")
        )
        for row in self._conn.execute(query, (object_name, field)):
            yield HistoryRow(*row)

    def _asked(self, place: Place, query: str, edge: Edge | None = None, ids: Collection[str] = ()) -> list[Any]:
        connection, name = place
        columns = self._mirrored(connection, name)
        field = edge.field if edge is not None else None
        if columns is None or (field is not None and field not in columns):
            return []
        schema = self._schema_of(connection)
        made = sql.SQL(query).format(
            table=sql.Identifier(schema, table_name(name)),
            links=sql.Identifier(schema, "association"),
            field=sql.Identifier(columns[field]) if field is not None else sql.SQL("null"),
        )
        given = {"object": name, "to": edge.association if edge else None, "ids": sorted(ids)}
        return self._conn.execute(made, given).fetchall()


class SomeRecords:
    """A mirror of these records alone: of each object it has the rows, histories and links of the ids it is given.

    A field of which the CRM keeps a history shows one change of some record too, so that it is not taken for one without.
    """

    def __init__(self, mirror: ChangedMirror, ids: Ids) -> None:
        self._whole = mirror
        self._ids = {place: sorted(found) for place, found in ids.items() if found}

    def rows(
        self, connection: str, object_name: str, fields: Sequence[str], *, deleted: bool = False
    ) -> Iterator[MirrorRow]:
        if ids := self._ids.get((connection, object_name)):
            yield from self._whole.rows(connection, object_name, fields, deleted=deleted, ids=ids)

    def history(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[HistoryRow]:
        if ids := self._ids.get((connection, object_name)):
            known = set(ids)
            for field in fields:
                yield from (
                    row for row in self._whole.one_change(connection, object_name, field) if row.record_id not in known
                )
            yield from self._whole.history(connection, object_name, fields, ids=ids)

    def associations(
        self, connection: str, from_object: str, to_object: str
    ) -> Iterator[tuple[str, str, str | None, str]]:
        if ids := self._ids.get((connection, from_object)):
            yield from self._whole.associations(connection, from_object, to_object, ids=ids)


def back_from(mirror: ChangedMirror, edges: Sequence[Edge], ids: Ids) -> dict[Place, set[str]]:
    """These records and all that lead to them, over however many steps."""
    found = defaultdict(set, {place: set(of) for place, of in ids.items()})
    grown = True
    while grown:
        grown = False
        for edge in edges:
            new = mirror.leading_to(edge, _ends(edge, found)) - found[edge[:2]]
            if new:
                found[edge[:2]] |= new
                grown = True
    return found


def onward_from(
    mirror: ChangedMirror, edges: Sequence[Edge], ids: Ids, places: Collection[Place]
) -> dict[Place, set[str]]:
    """These records and all that they lead to, over however many steps. A field may lead to any of the places of its connection."""
    found = defaultdict(set, {place: set(of) for place, of in ids.items()})
    grown = True
    while grown:
        grown = False
        for edge in edges:
            ends = mirror.led_to(edge, found[edge[:2]]) if found[edge[:2]] else set()
            there = [p for p in places if p[0] == edge.connection and edge.association in (None, p[1])]
            for place in there:
                if new := ends - found[place]:
                    found[place] |= new
                    grown = True
    return found


def _ends(edge: Edge, found: Mapping[Place, set[str]]) -> set[str]:
    """What this edge would have to hold to lead to one of the records found."""
    if edge.association:
        return found.get((edge.connection, edge.association), set())
    if edge.connection == LISTS:  # a row of an imported list names a record of any connection, in full
        return {str(RecordRef(*place, one)) for place, ids in found.items() if place[0] != LISTS for one in ids}
    return {one for place, ids in found.items() if place[0] == edge.connection for one in ids}


_ONCE_A_SCHEMA = """
    create index if not exists association_end_index on {schema}.association (to_object, to_id);
    create index if not exists association_seen_index on {schema}.association using brin (seen_at);
    create index if not exists field_history_seen_index on {schema}.field_history using brin (first_seen_at);
    create table if not exists {schema}.link_removed (from_object text not null, from_id text not null);
    create or replace function {schema}.note_removed_links() returns trigger language plpgsql as $$
    begin
        insert into {schema}.link_removed select distinct from_object, from_id from gone;
        return null;
    end $$;
    create or replace trigger note_removed_links after delete on {schema}.association
        referencing old table as gone for each statement execute function {schema}.note_removed_links()"""
