"""What the CRM erased for good is erased here too; only that the record was there stays."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from sync.mirror.land import Place
from sync.mirror.schema import MirrorTable


def forget(conn: Connection[Any], table: MirrorTable, place: Place, ids: Sequence[str]) -> None:
    """Erases values, history, links, parked values and writes that wait; the rows stay, deleted and empty."""
    given = list(ids)
    blank = [sql.SQL("{} = null").format(sql.Identifier(column)) for column, _ in table.columns.values()]
    if blank:
        conn.execute(
            sql.SQL("update {} set {} where id = any(%s)").format(table.identifier, sql.SQL(", ").join(blank)), (given,)
        )
    conn.execute(
        sql.SQL("delete from {} where object = %s and record_id = any(%s)").format(
            sql.Identifier(table.schema, "field_history")
        ),
        (table.object, given),
    )
    conn.execute(
        sql.SQL(
            "delete from {} where from_object = %s and from_id = any(%s) or to_object = %s and to_id = any(%s)"
        ).format(sql.Identifier(table.schema, "association")),
        (table.object, given, table.object, given),
    )
    conn.execute(
        "delete from sakigake.parked where workspace = %s and connection = %s and object = %s and record_id = any(%s)",
        (place.workspace, place.connection, table.object, given),
    )
    conn.execute(
        """update sakigake.change set status = 'dropped', settled_at = %s, cause = 'the CRM erased the record'
        where workspace = %s and connection = %s and object = %s and record_id = any(%s) and status = 'planned'""",
        (place.now, place.workspace, place.connection, table.object, given),
    )
