"""Values that cannot be stored as they are: kept with their cause, while their rows land all the same."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from sync.described import FieldType
from sync.mirror.place import LandCounts, Place
from sync.mirror.rows import Rows, columns_of, copy_rows
from sync.mirror.schema import MirrorTable
from sync.mirror.shapes import fits
from sync.mirror.staging import staging


def stage_parking(conn: Connection[Any], table: MirrorTable, rows: Rows, place: Place, counts: LandCounts) -> None:
    """Stages rows of which some value does not fit: as text first, then what PostgreSQL says is valid; the rest is parked."""
    staged, text = staging(conn, table, typed=True), staging(conn, table, typed=False)
    misfits: list[tuple[str, str, str, str]] = []
    copy_rows(conn, text, columns_of(table, hashed=False), rows.texts(misfits))
    for name, (column, kind) in table.columns.items():
        if kind is FieldType.TEXT:
            continue
        found = conn.execute(
            sql.SQL("select id, {c} from {t} where {c} is not null and not {fits}").format(
                c=sql.Identifier(column), t=text, fits=fits(sql.Identifier(column), kind)
            )
        )
        misfits += [(r[0], name, f"it does not fit the column's type {kind.value}", r[1]) for r in found]
    picks: list[sql.Composable] = [sql.SQL("id")]
    for column, kind in table.columns.values():
        picks.append(
            sql.SQL("{c}").format(c=sql.Identifier(column))
            if kind is FieldType.TEXT
            else sql.SQL("case when {fits} then {c}::{t} end").format(
                fits=fits(sql.Identifier(column), kind), c=sql.Identifier(column), t=sql.SQL(kind.value)
            )
        )
    picks.append(sql.SQL("_version::timestamptz, _deleted::boolean, _merged_into"))
    conn.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(
            staged, sql.SQL(", ").join(columns_of(table, hashed=False)), sql.SQL(", ").join(picks), text
        )
    )
    counts.parked += park(conn, table, place, misfits)


def park(conn: Connection[Any], table: MirrorTable, place: Place, parked: Sequence[tuple[str, str, str, str]]) -> int:
    if not parked:
        return 0
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.parked (workspace, connection, object, record_id, field, step, cause, raw, run_id, parked_at)
            values (%s, %s, %s, %s, %s, 'pull', %s, %s, %s, %s)
            on conflict (workspace, connection, object, record_id, field, step)
            do update set cause = excluded.cause, raw = excluded.raw, run_id = excluded.run_id, parked_at = excluded.parked_at""",
            [
                (place.workspace, place.connection, table.object, record, name, cause, raw, place.run_id, place.now)
                for record, name, cause, raw in parked
            ],
        )
    return len(parked)
