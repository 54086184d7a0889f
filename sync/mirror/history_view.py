"""One view an object, `<table>__history`: every kept change with typed old and new values, under the record that stands for it today.

A record that was merged away left its changes behind: they show under the winner at the end of the chain, `was_on` says whose they were.
"""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection, sql

from sync.described import FieldDescription, FieldType
from sync.mirror.schema import MirrorTable
from sync.mirror.shapes import fits

TYPED = {
    "number": (FieldType.NUMBER, (FieldType.NUMBER, FieldType.INTEGER)),
    "on": (FieldType.DATE, (FieldType.DATE,)),
    "at": (FieldType.DATETIME, (FieldType.DATETIME,)),
    "flag": (FieldType.BOOLEAN, (FieldType.BOOLEAN,)),
}
"""By the ending of the view's two columns: their type, and the types of the fields whose values stand there."""
_SAID = "Every kept change, old and new value in the column of their type (old_value and new_value in any case), under the record that stands for it today"


def ensure_history_view(conn: Connection[Any], table: MirrorTable, fields: Iterable[FieldDescription]) -> None:
    """Makes the view, or makes it anew where the fields are others. Nothing where something else of its name is there."""
    name = f"{table.name[:52]}__history"
    row = conn.execute(
        "select relkind from pg_class where oid = to_regclass(%s)", (f'"{table.schema}"."{name}"',)
    ).fetchone()
    if row is not None and row[0] != "v":
        return
    kinds = {f.name: f.type for f in fields}
    columns = [
        sql.SQL("{} as {}").format(
            _typed(side, kind, [n for n, of in kinds.items() if of in suited]), sql.Identifier(f"{side}_{end}")
        )
        for end, (kind, suited) in TYPED.items()
        for side in ("old", "new")
    ]
    view = sql.Identifier(table.schema, name)
    conn.execute(
        sql.SQL("""
        create or replace view {view} as
        with recursive went(id, to_id) as (
            select id, _merged_into from {table} where _merged_into is not null
            union select w.id, t._merged_into from went w join {table} t on t.id = w.to_id where t._merged_into is not null
        ), ends as (
            select w.id, min(w.to_id) as to_id from went w
            where not exists (select from {table} t where t.id = w.to_id and t._merged_into is not null) group by w.id
        )
        select coalesce(e.to_id, h.record_id) as id, h.field, h.old_value, h.new_value, {columns},
            h.changed_at, h.first_seen_at, h.origin, h.change_id, h.record_id as was_on
        from {history} h left join ends e on e.id = h.record_id where h.object = {object}""").format(
            view=view,
            table=table.identifier,
            history=sql.Identifier(table.schema, "field_history"),
            columns=sql.SQL(", ").join(columns),
            object=sql.Literal(table.object),
        )
    )
    conn.execute(sql.SQL("comment on view {} is {}").format(view, sql.Literal(_SAID)))


def _typed(side: str, kind: FieldType, names: list[str]) -> sql.Composable:
    value = sql.SQL("h.{}").format(sql.Identifier(f"{side}_value"))
    if not names:
        return sql.SQL("null::{}").format(sql.SQL(kind.value))
    return sql.SQL("case when h.field = any({}) and {} then {}::{} end").format(
        sql.Literal(sorted(names)), fits(value, kind), value, sql.SQL(kind.value)
    )
