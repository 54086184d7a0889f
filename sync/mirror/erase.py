"""Erases one record for good: what mirror, facts (`forget`), their past, results and journal hold of it; a hash of its name stays.

By that hash a trigger of the mirror keeps its values out, whatever brings them: the next reading, a sweep, or a backup that is restored.
The row itself stays, empty, as a record does that the CRM erased: a sweep would otherwise find it missing for ever.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from models.vocabulary import RecordRef
from sync.mirror.forget import forget
from sync.mirror.names import table_name
from sync.mirror.place import Place
from sync.mirror.schema import MirrorTable

Conn = Connection[Any]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record that was erased, by the hash of its name."""

    record_hash: str
    connection: str
    object: str
    erased_at: datetime
    who: str
    reason: str


def record_hash(workspace: str, record: RecordRef) -> str:
    """The same as `sakigake.record_hash` in PostgreSQL."""
    return hashlib.sha256(f"{workspace}\n{record}".encode()).hexdigest()


def known(conn: Conn, schema: str, record: RecordRef) -> bool:
    """Whether the mirror has, or had, such a record."""
    if not _there(conn, schema, table_name(record.object)):
        return False
    row = conn.execute(
        sql.SQL("select exists (select from {} where id = %s)").format(
            sql.Identifier(schema, table_name(record.object))
        ),
        (record.id,),
    ).fetchone()
    return bool(row and row[0])


def tombstones(conn: Conn, workspace: str) -> list[Tombstone]:
    """All of the workspace's, in the order in which they were set."""
    found = conn.execute(
        """select record_hash, connection, object, erased_at, who, reason from sakigake.erased where workspace = %s
        order by erased_at, record_hash""",
        (workspace,),
    )
    return [Tombstone(*row) for row in found]


def erase(conn: Conn, place: Place, schema: str, record: RecordRef, stone: Tombstone) -> dict[str, int]:
    """How many rows of what were emptied or removed. One transaction, which the caller opened."""
    conn.execute(
        """insert into sakigake.erased (workspace, record_hash, connection, object, erased_at, who, reason)
        values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing""",
        (place.workspace, stone.record_hash, stone.connection, stone.object, stone.erased_at, stone.who, stone.reason),
    )
    guard(conn, place, schema, record.object)
    found = {"mirror": 0}
    if _there(conn, schema, table_name(record.object)):
        table = MirrorTable(schema, table_name(record.object), record.object, {})
        forget(conn, table, place, [record.id])
        found["mirror"] = 1
    return found | _facts(conn, place.workspace, record)


def matching(conn: Conn, workspace: str, schema: str, stone: Tombstone) -> Iterable[RecordRef]:
    """Rows of the mirror that a tombstone means: after a backup was restored there may be some."""
    if not _there(conn, schema, table_name(stone.object)):
        return []
    rows = conn.execute(
        sql.SQL("select id from {} where sakigake.record_hash(%s, %s, %s, id) = %s").format(
            sql.Identifier(schema, table_name(stone.object))
        ),
        (workspace, stone.connection, stone.object, stone.record_hash),
    ).fetchall()
    return [RecordRef(stone.connection, stone.object, row[0]) for row in rows]


def guard(conn: Conn, place: Place, schema: str, object_name: str) -> None:
    """Hangs the triggers on the object's table and on the connection's history and links, where they do not hang yet."""
    asked = (
        (table_name(object_name), "insert or update", "blank_erased", (place.workspace, place.connection, object_name)),
        ("field_history", "insert", "keep_erased_out", (place.workspace, place.connection)),
        ("association", "insert", "keep_erased_out", (place.workspace, place.connection)),
    )
    for name, when, function, arguments in asked:
        if _there(conn, schema, name):
            conn.execute(
                sql.SQL(
                    "create or replace trigger sakigake_erased before {} on {} for each row execute function {}({})"
                ).format(
                    sql.SQL(when),
                    sql.Identifier(schema, name),
                    sql.Identifier("sakigake", function),
                    sql.SQL(", ").join(sql.Literal(a) for a in arguments),
                )
            )


def guarded(conn: Conn, schema: str, object_name: str) -> bool:
    """Whether the object's table has its trigger, or there is no such table."""
    name = table_name(object_name)
    row = conn.execute(
        """select to_regclass(format('%%I.%%I', %s::text, %s::text)) is null or exists (select from pg_trigger
        where tgrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and tgname = 'sakigake_erased')""",
        (schema, name, schema, name),
    ).fetchone()
    return bool(row and row[0])


def _there(conn: Conn, schema: str, name: str) -> bool:
    row = conn.execute(
        "select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null", (schema, name)
    ).fetchone()
    return bool(row and row[0])


_OF_THE_RECORD = (
    "workspace = %(workspace)s and connection = %(connection)s and object = %(object)s and record_id = %(id)s"
)
_STATEMENTS = {  # OF_THE_RECORD stands for the condition above
    "past": """delete from sakigake.past_fact where workspace = %(workspace)s and (fact_id = any(%(subjects)s) or fact_id = %(place)s
        or (said ->> 'connection', said ->> 'object', said ->> 'record_id') = (%(connection)s, %(object)s, %(id)s))""",
    # where a version before 0021 was at work while tables changed, the table of before may hold something too
    "results": """with before as (delete from sakigake.result where workspace = %(workspace)s and subject_id = any(%(subjects)s))
        delete from sakigake.subject_result where workspace = %(workspace)s and subject_id = any(%(subjects)s)""",
    "said": "delete from sakigake.said_entries where workspace = %(workspace)s",  # everything is computed and compared anew
    "result_log": "delete from sakigake.result_log where workspace = %(workspace)s and subject_id = any(%(subjects)s)",
    "days": "delete from sakigake.partner_day where workspace = %(workspace)s and partner_id = any(%(partners)s)",
    "tiers_by_hand": """update sakigake.tier_override set reason = '', ended_because = null
        where workspace = %(workspace)s and partner_id = any(%(partners)s)""",
    "deals": "delete from sakigake.deal_any_channel where OF_THE_RECORD",
    "customers": "delete from sakigake.customer_mark where OF_THE_RECORD",
    "changes": "update sakigake.change set old = 'null', new = 'null', why = '' where OF_THE_RECORD",
    "written": "delete from sakigake.written where OF_THE_RECORD",
    "edits": "delete from sakigake.person_edit where OF_THE_RECORD",
    "withheld": "delete from sakigake.withheld where OF_THE_RECORD",
    "creations": """update sakigake.creation set values = '{}', as_made = null,
            status = case when status = 'planned' then 'dropped' else status end
        where workspace = %(workspace)s and ((connection, object, record_id) = (%(connection)s, %(object)s, %(id)s)
            or (%(connection)s, %(object)s, row_id) = ('lists', 'row', %(id)s)
            or row_id in (select made.row_id from sakigake.creation made where made.workspace = %(workspace)s
                and (made.connection, made.object, made.record_id) = (%(connection)s, %(object)s, %(id)s))
            or row_id in (select tie ->> 'key' from sakigake.creation named, jsonb_array_elements(named.links) tie
                where named.workspace = %(workspace)s and (%(connection)s, %(object)s, named.row_id) = ('lists', 'row', %(id)s)))""",
    "decisions": """update sakigake.decision set shown = '{}', reason = '' where workspace = %(workspace)s
        and %(place)s in (decided_left, decided_right)""",
}


def _facts(conn: Conn, workspace: str, record: RecordRef) -> dict[str, int]:
    given: dict[str, Any] = {
        "workspace": workspace,
        "connection": record.connection,
        "object": record.object,
        "id": record.id,
        "place": str(record),
    }
    entries = conn.execute(
        f"""select entry_id from sakigake.entry where {_OF_THE_RECORD}
        union select entry_id from sakigake.entry_source where {_OF_THE_RECORD}""",  # noqa: S608
        given,
    ).fetchall()
    partners = conn.execute(
        f"select partner_id from sakigake.partner_source where {_OF_THE_RECORD}",  # noqa: S608
        given,
    ).fetchall()
    given["partners"] = [row[0] for row in partners]
    given["subjects"] = [row[0] for row in (*entries, *partners)]
    conn.execute("select set_config('sakigake.erasing', 'on', true)")
    counts = {
        name: conn.execute(statement.replace("OF_THE_RECORD", _OF_THE_RECORD), given).rowcount
        for name, statement in _STATEMENTS.items()
    }
    conn.execute("select set_config('sakigake.erasing', 'off', true)")
    return counts
