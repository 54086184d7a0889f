"""What the CRM erased for good is erased here too; only that the record was there stays."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from sync.mirror.blank import blank_facts
from sync.mirror.place import Place
from sync.mirror.schema import BOOKKEEPING, MirrorTable


def forget(conn: Connection[Any], table: MirrorTable, place: Place, ids: Sequence[str]) -> None:
    """Erases values, history, links, parked values, what facts repeat of them, and writes that wait; the rows stay, deleted and empty."""
    given = list(ids)
    ours = ["id", *BOOKKEEPING]  # all others are the CRM's: those that went stale or changed their type too
    columns = conn.execute(
        """select column_name from information_schema.columns where table_schema = %s and table_name = %s
        and column_name <> all(%s)""",
        (table.schema, table.name, ours),
    ).fetchall()
    blank = [sql.SQL("{} = null").format(sql.Identifier(column)) for column in ("_hash", *(c for (c,) in columns))]
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
    blank_facts(conn, place, table.object, given)
    conn.execute(
        "delete from sakigake.parked where workspace = %s and connection = %s and object = %s and record_id = any(%s)",
        (place.workspace, place.connection, table.object, given),
    )
    conn.execute(
        """update sakigake.change set status = 'dropped', settled_at = %s, cause = 'the CRM erased the record'
        where workspace = %s and connection = %s and object = %s and record_id = any(%s) and status = 'planned'""",
        (place.now, place.workspace, place.connection, table.object, given),
    )
