"""Plans in PostgreSQL: stored with their changes, waiting for a person, giving way to newer ones, read off in order for delivery.

Rows of `plan` and `change` are never taken away: they are the record of who wrote what, when, by which plan and mapping, and what the CRM
said to it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.vocabulary import ChangeStatus, PlanKind, PlanStatus
from sync.writeback.changes import Connect, OpenChange, open_change
from sync.writeback.plan import Draft, PlannedChange
from sync.writeback.scalars import as_json
from sync.writeback.written import note_agreed

AT_ONCE = 2_000  # rows of the journal


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A plan about to be stored. `held_because` has a sentence a guard; `api_names` are by connection and catalogue name."""

    plan_id: str
    run_id: str
    api_names: Mapping[tuple[str, str], str]
    mapping_hash: str
    held_because: Sequence[str] = ()
    kind: PlanKind = PlanKind.WRITE
    undoes: str | None = None
    expires_at: datetime | None = None
    crm_at: Mapping[str, datetime] | None = None  # by connection: its clock just before the live values were read


def has_delivered(conn: Connect, workspace: str) -> bool:
    """Whether any plan of this workspace that changed something was ever delivered."""
    row = conn.execute(
        "select exists (select from sakigake.plan where workspace = %s and status = %s and kind = %s and changes > 0)",
        (workspace, PlanStatus.DELIVERED, PlanKind.WRITE),
    ).fetchone()
    return bool(row and row[0])


def store_plan(conn: Connect, workspace: str, new: NewPlan, draft: Draft, now: datetime) -> PlanStatus:
    """Stores the plan and its changes; open plans of its kind give way to it. A plan that is blocked whole counts as delivered."""
    status = PlanStatus.HELD if new.held_because and draft.changes else PlanStatus.PLANNED
    give_way(conn, workspace, new.kind, now)
    conn.execute(
        """insert into sakigake.plan (workspace, plan_id, run_id, created_at, status, held_because, mapping_hash, changes, skipped,
            kind, undoes, expires_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            workspace, new.plan_id, new.run_id, now, status, json.dumps(list(new.held_because) if draft.changes else []),
            new.mapping_hash, len(draft.changes), json.dumps(dict(draft.skipped)), new.kind, new.undoes, new.expires_at,
        ),
    )  # fmt: skip
    rows: list[tuple[PlannedChange, ChangeStatus, str | None]] = [
        *((c, ChangeStatus.PLANNED, None) for c in draft.changes),
        *((b.change, ChangeStatus.DROPPED, b.cause) for b in draft.blocked),
    ]
    statement = """copy sakigake.change (workspace, plan_id, seq, connection, object, record_id, field, api_name, old, new, why, edited,
        status, cause, settled_at) from stdin"""
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for seq, (c, stands, cause) in enumerate(rows, 1):
            copy.write_row(
                (
                    workspace, new.plan_id, seq, c.record.connection, c.record.object, c.record.id, c.field.name,
                    new.api_names[c.record.connection, c.field.name], as_json(c.old), as_json(c.new), c.why,
                    c.edited, stands.value, cause, now if cause else None,
                )
            )  # fmt: skip
    note_agreed(conn, workspace, draft.agreed, new.plan_id, now, crm_at=new.crm_at or {})
    return status


def same_as_open(
    conn: Connect, workspace: str, kind: PlanKind, mapping_hash: str, changes: Sequence[PlannedChange]
) -> str | None:
    """The held plan that would change exactly this: it goes on waiting, under the name that people know it by."""
    row = conn.execute(
        """select plan_id from sakigake.plan where workspace = %s and kind = %s and status = %s and mapping_hash = %s and changes = %s
        order by created_at desc limit 1""",
        (workspace, kind, PlanStatus.HELD, mapping_hash, len(changes)),
    ).fetchone()
    if row is None:
        return None
    held = conn.execute(
        """select connection, object, record_id, field, old, new, edited from sakigake.change
        where workspace = %s and plan_id = %s and status = %s order by seq""",
        (workspace, row[0], ChangeStatus.PLANNED),
    )
    ours = ((c.record.connection, c.record.object, c.record.id, c.field.name, c.old, c.new, c.edited) for c in changes)
    return str(row[0]) if list(held) == list(ours) else None


def wait_on(
    conn: Connect,
    workspace: str,
    plan_id: str,
    *,
    held_because: Sequence[str],
    skipped: Mapping[str, int],
    expires_at: datetime | None,
) -> None:
    """The plan waits on: compared anew with the CRMs, it is as fresh as a new one."""
    conn.execute(
        "update sakigake.plan set held_because = %s, skipped = %s, expires_at = %s where workspace = %s and plan_id = %s",
        (json.dumps(list(held_because)), json.dumps(dict(skipped)), expires_at, workspace, plan_id),
    )


def give_way(conn: Connect, workspace: str, kind: PlanKind, now: datetime) -> None:
    """Open plans of this kind give way: what they had not sent is dropped, since a newer one compared with the CRM again."""
    kinds = [PlanKind.QUESTION.value] if kind is PlanKind.QUESTION else [PlanKind.WRITE.value, PlanKind.UNDO.value]
    conn.execute(
        """update sakigake.change c set status = %s, settled_at = %s, cause = 'a newer plan took its place'
        from sakigake.plan p where p.workspace = c.workspace and p.plan_id = c.plan_id and c.workspace = %s
            and c.status = 'planned' and p.status in ('planned', 'held') and p.kind = any(%s)""",
        (ChangeStatus.DROPPED, now, workspace, kinds),
    )
    conn.execute(
        "update sakigake.plan set status = %s where workspace = %s and status in ('planned', 'held') and kind = any(%s)",
        (PlanStatus.SUPERSEDED, workspace, kinds),
    )


def open_places(conn: Connect, workspace: str, plan_id: str) -> list[tuple[str, str, int]]:
    """(connection, object, records) that the plan has still to deliver."""
    return conn.execute(
        """select connection, object, count(distinct record_id) from sakigake.change
        where workspace = %s and plan_id = %s and status = 'planned' group by 1, 2 order by 1, 2""",
        (workspace, plan_id),
    ).fetchall()


def origin(conn: Connect, workspace: str, plan_id: str) -> tuple[datetime | None, PlanKind]:
    """When the plan was made, which is when its old values were read; and what kind it is."""
    row = conn.execute(
        "select created_at, kind from sakigake.plan where workspace = %s and plan_id = %s", (workspace, plan_id)
    ).fetchone()
    return (row[0], PlanKind(row[1])) if row else (None, PlanKind.WRITE)


def chunks(
    conn: Connect, workspace: str, plan_id: str, connection: str, object_name: str, size: int
) -> Iterator[list[OpenChange]]:
    """What is still planned for this object, in the order of the plan: so many records at a time, each of them whole."""
    after = -1
    while found := _next(conn, (workspace, plan_id, connection, object_name, after), size):
        after = found[-1].seq
        yield found


def _next(conn: Connect, behind: tuple[str, str, str, str, int], size: int) -> list[OpenChange]:
    """The next so many records with all their changes. A cursor of the server, so that what is not wanted is not fetched."""
    found: list[OpenChange] = []
    records, newest = 0, None
    with conn.transaction(), conn.cursor("open_changes") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(
            """select plan_id, seq, connection, object, record_id, field, api_name, old, new from sakigake.change
            where workspace = %s and plan_id = %s and status = 'planned' and connection = %s and object = %s and seq > %s
            order by seq""",
            behind,
        )
        for row in cursor:
            if row[4] != newest:
                if records == size:
                    break
                records, newest = records + 1, row[4]
            found.append(open_change(row))
    return found


def finish_plan(conn: Connect, workspace: str, plan_id: str) -> None:
    """The plan is delivered once none of its changes is open."""
    conn.execute(
        """update sakigake.plan p set status = %s where workspace = %s and plan_id = %s and not exists (
            select from sakigake.change c where c.workspace = p.workspace and c.plan_id = p.plan_id and c.status in ('planned', 'sent'))""",
        (PlanStatus.DELIVERED, workspace, plan_id),
    )
