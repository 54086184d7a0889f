"""The mirror as it counts: records by what they hold, in one query an object, whatever the number of rows."""

from collections.abc import Iterator, Sequence

from psycopg import sql

from sync.mapping.counts import Filled, Group
from sync.mirror.names import table_name
from sync.mirror.read import Mirror

_UNORDERED = ("jsonb", "boolean")  # types that have no lowest value


class CountingMirror(Mirror):
    """A mirror that also tells how many records hold what. Stale columns are refused, as they are for reading."""

    def grouped(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[Group]:
        """Live records by what they hold in these fields."""
        columns = self._mirrored(connection, object_name)
        if columns is None:
            return
        picks = [sql.Identifier(columns[f]) for f in fields]
        query = sql.SQL("select count(*), min(id){} from {} where not _deleted{}").format(
            sql.SQL("").join(sql.SQL(", ") + pick for pick in picks),
            sql.Identifier(self._schema_of(connection), table_name(object_name)),
            sql.SQL(" group by ") + sql.SQL(", ").join(picks) if picks else sql.SQL(""),
        )
        for records, example, *values in self._stream(query):
            if records:
                yield Group(dict(zip(fields, values, strict=True)), records, example)

    def filled(self, connection: str, object_name: str, fields: Sequence[str]) -> dict[str, Filled]:
        """How far each of these fields is filled; lowest and highest where its type has an order."""
        columns = self._mirrored(connection, object_name)
        if columns is None or not fields:
            return {}
        table = sql.Identifier(self._schema_of(connection), table_name(object_name))
        types = dict(
            self._conn.execute(
                """select column_name, data_type from information_schema.columns
                where table_schema = %s and table_name = %s""",
                (self._schema_of(connection), table_name(object_name)),
            ).fetchall()
        )
        parts = []
        for f in fields:
            column = sql.Identifier(columns[f])
            ordered = types.get(columns[f]) not in _UNORDERED
            text = sql.SQL("count({0}), min({0}), max({0})") if ordered else sql.SQL("count({0}), null, null")
            parts.append(text.format(column))
        row = self._conn.execute(
            sql.SQL("select count(*), {} from {} where not _deleted").format(sql.SQL(", ").join(parts), table)
        ).fetchone()
        assert row is not None
        return {f: Filled(row[0], *row[1 + 3 * at : 4 + 3 * at]) for at, f in enumerate(fields)}

    def labels(self, connection: str, from_object: str, to_object: str) -> dict[str, int]:
        """How many links between two objects bear which label."""
        if self._mirrored(connection, from_object) is None:
            return {}
        query = sql.SQL(
            "select coalesce(label, ''), count(*) from {} where from_object = %s and to_object = %s group by 1"
        ).format(sql.Identifier(self._schema_of(connection), "association"))
        return dict(self._conn.execute(query, (from_object, to_object)).fetchall())
