"""A parked value is told of no longer once its record came again with one that can be stored."""

from typing import Any

from psycopg import Connection, sql

from sync.mirror.place import Place
from sync.mirror.schema import MirrorTable


def any_parked(conn: Connection[Any], table: MirrorTable, place: Place) -> bool:
    """Whether some value of the object is parked: mostly none is, and then pages need not look."""
    row = conn.execute(
        "select exists (select from sakigake.parked where workspace = %s and connection = %s and object = %s and step = 'pull')",
        (place.workspace, place.connection, table.object),
    ).fetchone()
    return bool(row and row[0])


def unpark(conn: Connection[Any], table: MirrorTable, place: Place) -> None:
    """Inside the transaction that stored a page: what it changed and did not park again is settled."""
    conn.execute(
        sql.SQL("""
        delete from sakigake.parked p using {} t
        where p.workspace = %s and p.connection = %s and p.object = %s and p.step = 'pull' and p.parked_at < %s
            and t.id = p.record_id and t._changed_at = %s""").format(table.identifier),
        (place.workspace, place.connection, table.object, place.now, place.now),
    )
