"""Rows of imported lists go the way of the records that were made of them: deleted with them, and restored with them."""

from collections.abc import Iterable
from typing import Any, cast

from psycopg import Connection, sql
from psycopg.rows import dict_row

from jobs.wiring import Workspace
from models.vocabulary import LIST_ROW, LISTS
from sync.connector import Connector
from sync.lists.source import SPEC, ListSource
from sync.mirror.place import LandCounts
from sync.mirror.pull import Pull, pull_object
from sync.records import CrmRecord

Conn = Connection[Any]


def follow(workspace: Workspace, run_id: str) -> int:
    """How many rows changed. Call it after the CRMs were read: what counts is what the mirror holds."""
    with workspace.connect() as conn:
        gone, back = _moved(conn, workspace)
    if gone:
        set_deleted(workspace, run_id, gone, deleted=True)
    if back:
        set_deleted(workspace, run_id, back, deleted=False)
    return len(gone) + len(back)


def set_deleted(workspace: Workspace, run_id: str, row_ids: Iterable[str], *, deleted: bool) -> None:
    """The rows as they are, but deleted or restored: their events are taken back, or said anew, by the next mapping."""
    now = workspace.crm_now()
    with workspace.connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
        query = sql.SQL("select * from {} where id = any(%s) and _deleted is distinct from %s").format(
            _table(workspace)
        )
        rows = cursor.execute(query, (sorted(row_ids), deleted)).fetchall()
    records = [CrmRecord(r["id"], now, {name: _text(r[name]) for name in SPEC.fields}, deleted=deleted) for r in rows]
    if records:
        land_rows(workspace, run_id, records)


def land_rows(workspace: Workspace, run_id: str, records: list[CrmRecord]) -> LandCounts:
    """Stores these rows in the mirror, all in one transaction."""
    now = workspace.crm_now()
    pull = Pull(workspace.name, LISTS, workspace.settings.schema_of(LISTS), run_id, lambda: now)
    return pull_object(workspace.connect, cast("Connector", ListSource(records)), pull, SPEC)


def _moved(conn: Conn, workspace: Workspace) -> tuple[list[str], list[str]]:
    """(live rows whose record is deleted or merged away, deleted rows whose record lives)."""
    gone: list[str] = []
    back: list[str] = []
    places = conn.execute(
        """select distinct m.connection, m.object, m.table_name from sakigake.creation c join sakigake.mirror_object m
            using (workspace, connection, object) where c.workspace = %s and c.status = 'confirmed'""",
        (workspace.name,),
    ).fetchall()
    for connection, name, table in places:
        query = sql.SQL(
            """select c.row_id, m._deleted from sakigake.creation c join {record} m on m.id = c.record_id join {row} r on r.id = c.row_id
            where c.workspace = %s and c.connection = %s and c.object = %s and c.status = 'confirmed'
                and c.removal is distinct from 'removed' and m._deleted <> r._deleted order by 1"""
        ).format(record=sql.Identifier(*table.split(".", 1)), row=_table(workspace))
        for row_id, deleted in conn.execute(query, (workspace.name, connection, name)):
            (gone if deleted else back).append(row_id)
    return gone, back


def _table(workspace: Workspace) -> sql.Identifier:
    return sql.Identifier(workspace.settings.schema_of(LISTS), LIST_ROW)


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)
