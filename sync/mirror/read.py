"""The mirror as the mapping reads it: typed rows, change history and links, streamed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from psycopg import Connection, sql

from sync.mapping.reader import MirrorRow
from sync.mirror.names import table_name
from sync.records import HistoryRow

BATCH = 5000


class Mirror:
    """Reads the schemas of a workspace's connections inside one transaction, so that all of it is of one moment.

    `schema_of` maps a connection to its schema.
    """

    def __init__(self, conn: Connection[Any], workspace: str, schema_of: Callable[[str], str]) -> None:
        self._conn = conn
        self._workspace = workspace
        self._schema_of = schema_of
        self._serial = 0

    def rows(
        self,
        connection: str,
        object_name: str,
        fields: Sequence[str],
        *,
        deleted: bool = False,
        ids: Sequence[str] | None = None,
    ) -> Iterator[MirrorRow]:
        """Every row of an object by id (or those of `ids`), with the fields asked for; deleted ones only where `deleted` is set.

        Nothing where it was never pulled.
        """
        mirrored = self._mirrored(connection, object_name)
        if mirrored is None:
            return
        columns = mirrored
        wanted = list(fields)
        picks = [sql.SQL("id, _version, _deleted, _merged_into"), *(sql.Identifier(columns[f]) for f in wanted)]
        query = sql.SQL("select {} from {} where {} and {} order by id").format(
            sql.SQL(", ").join(picks),
            sql.Identifier(self._schema_of(connection), table_name(object_name)),
            sql.SQL("true") if deleted else sql.SQL("not _deleted"),
            sql.SQL("true") if ids is None else sql.SQL("id = any(%s)"),
        )
        for row in self._stream(query, () if ids is None else (ids,)):
            yield MirrorRow(row[0], row[1], row[2], dict(zip(wanted, row[4:], strict=True)), row[3])

    def history(
        self, connection: str, object_name: str, fields: Sequence[str], *, ids: Sequence[str] | None = None
    ) -> Iterator[HistoryRow]:
        """The CRM's own history of these fields, by record, field and time; what only we observed where the CRM keeps none."""
        if self._mirrored(connection, object_name) is None:
            return
        query = sql.SQL("""
            select record_id, field, change_id, old_value, new_value, changed_at from {place} h
            where object = %s and field = any(%s) and {some} and (origin = 'crm' or not exists (
                select from {place} c where c.object = h.object and c.record_id = h.record_id and c.field = h.field and c.origin = 'crm'))
            order by record_id, field, changed_at, change_id""").format(
            place=sql.Identifier(self._schema_of(connection), "field_history"),
            some=sql.SQL("true") if ids is None else sql.SQL("record_id = any(%s)"),
        )
        for row in self._stream(query, (object_name, list(fields), *([] if ids is None else [ids]))):
            yield HistoryRow(*row)

    def associations(
        self, connection: str, from_object: str, to_object: str, *, ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, str, str | None, str]]:
        """(from id, to id, label, type id) of every link between two objects (or of those from `ids`), in order."""
        if self._mirrored(connection, from_object) is None:
            return
        query = sql.SQL(
            "select from_id, to_id, label, type_id from {} where from_object = %s and to_object = %s and {} order by 1, 2, 4"
        ).format(
            sql.Identifier(self._schema_of(connection), "association"),
            sql.SQL("true") if ids is None else sql.SQL("from_id = any(%s)"),
        )
        yield from self._stream(query, (from_object, to_object, *([] if ids is None else [ids])))

    def _mirrored(self, connection: str, object_name: str) -> dict[str, str] | None:
        """The columns by API name, without those that are stale, or None where the object was never pulled."""
        row = self._conn.execute(
            "select description -> 'columns' from sakigake.mirror_object where workspace = %s and connection = %s and object = %s",
            (self._workspace, connection, object_name),
        ).fetchone()
        return None if row is None else row[0] or {}

    def _stream(self, query: sql.Composed, given: Sequence[Any] = ()) -> Iterator[Any]:
        self._serial += 1
        with self._conn.cursor(name=f"mirror_{self._serial}") as cursor:
            cursor.execute(query, given)
            while rows := cursor.fetchmany(BATCH):
                yield from rows
