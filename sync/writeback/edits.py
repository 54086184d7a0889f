"""What persons wrote over our values: noted once each, with what the policy made of it."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from models.vocabulary import RecordRef
from sync.writeback.plan import Cell, Edit, Kept, PlannedChange


def kept(conn: Connection[Any], workspace: str) -> dict[Cell, Kept]:
    """The newest value of a person that was to stay, by cell; also those whose day is over."""
    rows = conn.execute(
        """select distinct on (connection, object, record_id, field) connection, object, record_id, field, theirs, keep_until
        from sakigake.person_edit where workspace = %s order by connection, object, record_id, field, found_at desc""",
        (workspace,),
    )
    return {(RecordRef(r[0], r[1], r[2]), r[3]): Kept(r[4], r[5]) for r in rows if r[5] is not None}


def note(conn: Connection[Any], workspace: str, edits: Iterable[Edit], plan_id: str, now: datetime) -> None:
    """Keeps those that are not known yet: the same value, found since we last wrote the field, is the same edit."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.person_edit
                (workspace, connection, object, record_id, field, found_at, ours, theirs, policy, keep_until, plan_id)
            select %(workspace)s, %(connection)s, %(object)s, %(record)s, %(field)s, %(now)s, %(ours)s, %(theirs)s, %(policy)s,
                %(until)s, %(plan)s
            where not exists (select from sakigake.person_edit e join sakigake.written w using (workspace, connection, object, record_id, field)
                where e.workspace = %(workspace)s and e.connection = %(connection)s and e.object = %(object)s
                    and e.record_id = %(record)s and e.field = %(field)s and e.theirs = %(theirs)s::jsonb and e.found_at >= w.confirmed_at)""",
            [
                {
                    "workspace": workspace,
                    "connection": e.record.connection,
                    "object": e.record.object,
                    "record": e.record.id,
                    "field": e.field.name,
                    "now": now,
                    "ours": json.dumps(e.ours),
                    "theirs": json.dumps(e.theirs),
                    "policy": e.policy.value,
                    "until": e.until,
                    "plan": plan_id,
                }
                for e in edits
            ],
        )


def keep(
    conn: Connection[Any], workspace: str, changes: Sequence[PlannedChange], until: date, plan_id: str, now: datetime
) -> None:
    """A person's answer to a question: their values stay until that day."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.person_edit
                (workspace, connection, object, record_id, field, found_at, ours, theirs, policy, keep_until, plan_id)
            values (%s, %s, %s, %s, %s, %s, %s, %s, 'ask', %s, %s)""",
            [
                (
                    workspace, c.record.connection, c.record.object, c.record.id, c.field.name, now, json.dumps(c.new),
                    json.dumps(c.old), until, plan_id,
                )
                for c in changes
            ],
        )  # fmt: skip
