"""The journal of write-back in PostgreSQL: plans, changes, and the values that a CRM has confirmed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from models.catalogue import BY_NAME, CatalogueField
from models.vocabulary import ChangeStatus, PlanStatus, RecordRef
from sync.writeback.plan import Draft, Stored, Wanted

Connect = Connection[Any]


@dataclass(frozen=True, slots=True)
class OpenChange:
    """One journalled change that is not settled yet."""

    plan_id: str
    seq: int
    record: RecordRef
    field: CatalogueField
    api_name: str
    old: Stored
    new: Stored


def confirmed_values(conn: Connect, workspace: str) -> dict[tuple[RecordRef, str], Stored]:
    """The newest value that each CRM confirmed, by record and catalogue name."""
    rows = conn.execute(
        "select connection, object, record_id, field, value from sakigake.written where workspace = %s", (workspace,)
    )
    return {(RecordRef(r[0], r[1], r[2]), r[3]): r[4] for r in rows}


def has_delivered(conn: Connect, workspace: str) -> bool:
    """Whether any plan of this workspace that changed something was ever delivered."""
    row = conn.execute(
        "select exists (select from sakigake.plan where workspace = %s and status = %s and changes > 0)",
        (workspace, PlanStatus.DELIVERED),
    ).fetchone()
    return bool(row and row[0])


def store_plan(
    conn: Connect,
    workspace: str,
    plan_id: str,
    *,
    run_id: str,
    draft: Draft,
    api_names: Mapping[tuple[str, str], str],
    mapping_hash: str,
    held_because: Sequence[str],
    now: datetime,
) -> PlanStatus:
    """Stores the plan and its changes; plans that were still open give way to it. An empty plan counts as delivered."""
    status = PlanStatus.HELD if held_because and draft.changes else PlanStatus.PLANNED
    _supersede(conn, workspace, now)
    conn.execute(
        """insert into sakigake.plan (workspace, plan_id, run_id, created_at, status, held_because, mapping_hash, changes, skipped)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            workspace, plan_id, run_id, now, status, json.dumps(list(held_because) if draft.changes else []), mapping_hash,
            len(draft.changes), json.dumps(dict(draft.skipped)),
        ),
    )  # fmt: skip
    with (
        conn.cursor() as cursor,
        cursor.copy(
            """copy sakigake.change
        (workspace, plan_id, seq, connection, object, record_id, field, api_name, old, new, why, status) from stdin"""
        ) as copy,
    ):
        for seq, c in enumerate(draft.changes, 1):
            copy.write_row(
                (
                    workspace, plan_id, seq, c.record.connection, c.record.object, c.record.id, c.field.name,
                    api_names[c.record.connection, c.field.name], json.dumps(c.old), json.dumps(c.new), c.why,
                    ChangeStatus.PLANNED.value,
                )
            )  # fmt: skip
    note_agreed(conn, workspace, plan_id, draft.agreed, now)
    return status


def note_agreed(conn: Connect, workspace: str, plan_id: str, agreed: Iterable[Wanted], now: datetime) -> None:
    """Remembers that the CRM already holds these values, so that the next plan need not ask again."""
    _keep_written(conn, [(workspace, w.record, w.field.name, w.value, plan_id, now) for w in agreed])


def open_changes(conn: Connect, workspace: str, status: ChangeStatus, plan_id: str | None = None) -> list[OpenChange]:
    """Changes in that state, of one plan or of all, in the order they were planned."""
    rows = conn.execute(
        """select plan_id, seq, connection, object, record_id, field, api_name, old, new from sakigake.change
        where workspace = %s and status = %s and (%s::text is null or plan_id = %s) order by plan_id, seq""",
        (workspace, status, plan_id, plan_id),
    )
    return [OpenChange(r[0], r[1], RecordRef(r[2], r[3], r[4]), BY_NAME[r[5]], r[6], r[7], r[8]) for r in rows]


def mark_sent(conn: Connect, workspace: str, changes: Sequence[OpenChange], now: datetime) -> None:
    """The intent, before the first byte is sent."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "update sakigake.change set status = %s, sent_at = %s where workspace = %s and plan_id = %s and seq = %s",
            [(ChangeStatus.SENT, now, workspace, c.plan_id, c.seq) for c in changes],
        )


def settle(
    conn: Connect, workspace: str, outcomes: Sequence[tuple[OpenChange, ChangeStatus, str]], now: datetime
) -> None:
    """What became of each change; confirmed values are remembered in the same transaction."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """update sakigake.change set status = %s, cause = nullif(%s, ''),
                settled_at = case when %s in ('planned', 'sent') then null else %s end
            where workspace = %s and plan_id = %s and seq = %s""",
            [(status, cause, status, now, workspace, c.plan_id, c.seq) for c, status, cause in outcomes],
        )
    _keep_written(
        conn,
        [
            (workspace, c.record, c.field.name, c.new, c.plan_id, now)
            for c, status, _ in outcomes
            if status is ChangeStatus.CONFIRMED
        ],
    )


def finish_plan(conn: Connect, workspace: str, plan_id: str) -> None:
    """The plan is delivered once none of its changes is open."""
    conn.execute(
        """update sakigake.plan p set status = %s where workspace = %s and plan_id = %s and not exists (
            select from sakigake.change c where c.workspace = p.workspace and c.plan_id = p.plan_id and c.status in ('planned', 'sent'))""",
        (PlanStatus.DELIVERED, workspace, plan_id),
    )


def _supersede(conn: Connect, workspace: str, now: datetime) -> None:
    """Open plans give way: what they had not sent is dropped, since the newer plan compared with the CRM again."""
    conn.execute(
        """update sakigake.change c set status = %s, settled_at = %s, cause = 'a newer plan took its place'
        from sakigake.plan p where p.workspace = c.workspace and p.plan_id = c.plan_id and c.workspace = %s
            and c.status = 'planned' and p.status in ('planned', 'held')""",
        (ChangeStatus.DROPPED, now, workspace),
    )
    conn.execute(
        "update sakigake.plan set status = %s where workspace = %s and status in ('planned', 'held')",
        (PlanStatus.SUPERSEDED, workspace),
    )


def _keep_written(conn: Connect, rows: Sequence[tuple[str, RecordRef, str, Stored, str, datetime]]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.written (workspace, connection, object, record_id, field, value, plan_id, confirmed_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (workspace, connection, object, record_id, field)
            do update set value = excluded.value, plan_id = excluded.plan_id, confirmed_at = excluded.confirmed_at""",
            [
                (workspace, r.connection, r.object, r.id, name, json.dumps(value), plan_id, at)
                for workspace, r, name, value, plan_id, at in rows
            ],
        )
