"""The journal of write-back in PostgreSQL: plans, changes, and the values that a CRM has confirmed.

Rows of `plan` and `change` are never taken away: they are the record of who wrote what, when, by which plan and mapping, and what the CRM
said to it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from sys import intern
from typing import Any

from psycopg import Connection, sql

from models.catalogue import BY_NAME, CatalogueField
from models.vocabulary import ChangeStatus, PlanKind, PlanStatus, RecordRef
from sync.writeback.plan import Cell, Draft, PlannedChange, Stored, Wanted

Connect = Connection[Any]
WIDEST = 32  # more fields of ours than any record has


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
    job_id: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one change. `uncertain`: its newest sending was never answered. `withhold`: not to be offered again as it is."""

    change: OpenChange
    status: ChangeStatus
    cause: str = ""
    request_id: str | None = None
    uncertain: bool = False
    withhold: bool = False


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


def confirmed_values(conn: Connect, workspace: str) -> dict[Cell, Stored]:
    """The newest value that each CRM confirmed, by record and catalogue name."""
    rows = conn.execute(
        "select connection, object, record_id, field, value from sakigake.written where workspace = %s", (workspace,)
    )
    return {(RecordRef(r[0], r[1], r[2]), r[3]): r[4] for r in rows}


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
                    new.api_names[c.record.connection, c.field.name], json.dumps(c.old), json.dumps(c.new), c.why,
                    c.edited, stands.value, cause, now if cause else None,
                )
            )  # fmt: skip
    _note_agreed(conn, workspace, new, draft.agreed, now)
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


def created_at(conn: Connect, workspace: str, plan_id: str) -> datetime | None:
    """When the plan was made, which is when its old values were read."""
    row = conn.execute(
        "select created_at from sakigake.plan where workspace = %s and plan_id = %s", (workspace, plan_id)
    ).fetchone()
    return row[0] if row else None


def chunks(
    conn: Connect, workspace: str, plan_id: str, connection: str, object_name: str, size: int
) -> Iterator[list[OpenChange]]:
    """What is still planned for this object, in the order of the plan: so many records at a time, each of them whole."""
    after, most = 0, size * WIDEST
    while True:
        rows = conn.execute(
            """select plan_id, seq, connection, object, record_id, field, api_name, old, new from sakigake.change
            where workspace = %s and plan_id = %s and status = 'planned' and connection = %s and object = %s and seq > %s
            order by seq limit %s""",
            (workspace, plan_id, connection, object_name, after, most),
        ).fetchall()
        groups = [list(group) for _, group in groupby((_open(r) for r in rows), key=lambda c: c.record.id)]
        if len(groups) > size:
            groups = groups[:size]
        elif len(rows) == most:
            groups.pop()  # its other fields may stand beyond the limit
        if not groups:
            return
        found = [c for group in groups for c in group]
        after = found[-1].seq
        yield found


def sent_changes(conn: Connect, workspace: str) -> list[OpenChange]:
    """What was sent and never answered, in the order it was planned."""
    rows = conn.execute(
        """select plan_id, seq, connection, object, record_id, field, api_name, old, new, job_id, sent_at from sakigake.change
        where workspace = %s and status = 'sent' order by plan_id, seq""",
        (workspace,),
    )
    return [_open(r) for r in rows]


def mark_sent(
    conn: Connect,
    workspace: str,
    changes: Sequence[OpenChange],
    now: datetime,
    *,
    run_id: str = "",
    job_id: str | None = None,
) -> None:
    """The intent, before the first byte is sent."""
    for plan_id, seqs in _by_plan(changes):
        conn.execute(
            """update sakigake.change set status = %s, sent_at = %s, run_id = nullif(%s, ''), job_id = %s, tries = tries + 1
            where workspace = %s and plan_id = %s and seq = any(%s)""",
            (ChangeStatus.SENT, now, run_id, job_id, workspace, plan_id, seqs),
        )


def settle(
    conn: Connect,
    workspace: str,
    outcomes: Sequence[Settled],
    now: datetime,
    *,
    crm_at: datetime | None = None,
    mapping_hash: str = "",
) -> None:
    """What became of each change; confirmed values are remembered in the same transaction. `crm_at` is the CRM's clock just before."""
    for plan_id, group in groupby(sorted(outcomes, key=lambda s: s.change.plan_id), key=lambda s: s.change.plan_id):
        some = list(group)
        conn.execute(
            """update sakigake.change c set status = n.status, cause = nullif(n.cause, ''), request_id = coalesce(n.request, c.request_id),
                uncertain_at = case when n.uncertain then coalesce(c.sent_at, %s) else c.uncertain_at end,
                settled_at = case when n.status in ('planned', 'sent') then null else %s end
            from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[]) as n(seq, status, cause, request, uncertain)
            where c.workspace = %s and c.plan_id = %s and c.seq = n.seq""",
            (
                now, now, [s.change.seq for s in some], [s.status.value for s in some], [s.cause for s in some],
                [s.request_id for s in some], [s.uncertain for s in some], workspace, plan_id,
            ),
        )  # fmt: skip
    confirmed = [s.change for s in outcomes if s.status is ChangeStatus.CONFIRMED]
    _keep_written(conn, [(workspace, c.record, c.field.name, c.new, c.plan_id, now, crm_at) for c in confirmed])
    withhold(conn, workspace, [(s.change, s.cause) for s in outcomes if s.withhold], now, mapping_hash=mapping_hash)


def offer_again(conn: Connect, workspace: str, cells: Sequence[Cell]) -> None:
    """These fields are to hold another value than the one that was withheld."""
    _offer_again(conn, workspace, [record for record, _ in cells], [name for _, name in cells])


def _offer_again(conn: Connect, workspace: str, records: Sequence[RecordRef], names: Sequence[str]) -> None:
    """A field that holds another value by now is no longer refused, nor is a record that was written since."""
    conn.execute(
        """delete from sakigake.withheld h using unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as n(connection, object, id, field)
        where h.workspace = %s and h.connection = n.connection and h.object = n.object and h.record_id = n.id
            and (h.field = n.field or h.record_version is not null)""",
        ([r.connection for r in records], [r.object for r in records], [r.id for r in records], list(names), workspace),
    )


def withhold(
    conn: Connect,
    workspace: str,
    changes: Sequence[tuple[OpenChange, str]],
    now: datetime,
    *,
    mapping_hash: str,
    while_unmoved: bool = True,
) -> None:
    """These values are not offered again until they, or the mapping, or with `while_unmoved` their records in the mirror, are others."""
    versions = _versions(conn, workspace, [c.record for c, _ in changes]) if while_unmoved else {}
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.withheld as w (workspace, connection, object, record_id, field, value, cause, mapping_hash,
                record_version, plan_id, at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (workspace, connection, object, record_id, field) do update set value = excluded.value, cause = excluded.cause,
                mapping_hash = excluded.mapping_hash, record_version = excluded.record_version, plan_id = excluded.plan_id, at = excluded.at""",
            [
                (
                    workspace, c.record.connection, c.record.object, c.record.id, c.field.name, json.dumps(c.new), cause,
                    mapping_hash, versions.get(c.record), c.plan_id, now,
                )
                for c, cause in changes
            ],
        )  # fmt: skip


def withheld(conn: Connect, workspace: str, mapping_hash: str) -> dict[Cell, tuple[Stored, str]]:
    """Values that are not to be offered again now, with the reason."""
    rows = conn.execute(
        """select connection, object, record_id, field, value, cause, record_version from sakigake.withheld
        where workspace = %s and mapping_hash = %s""",
        (workspace, mapping_hash),
    ).fetchall()
    places = [RecordRef(r[0], r[1], r[2]) for r in rows]
    versions = _versions(conn, workspace, [p for p, r in zip(places, rows, strict=True) if r[6] is not None])
    return {
        (place, r[3]): (r[4], f"not offered again until it changes: {r[5]}")
        for place, r in zip(places, rows, strict=True)
        if r[6] is None or versions.get(place) == r[6]
    }


def uncertain(conn: Connect, workspace: str, since: datetime) -> dict[Cell, Stored]:
    """Values sent since then whose answer never came: whatever was read back, they may still take effect."""
    rows = conn.execute(
        """select connection, object, record_id, field, new from sakigake.change
        where workspace = %s and uncertain_at > %s order by uncertain_at""",
        (workspace, since),
    )
    return {(RecordRef(r[0], r[1], r[2]), r[3]): r[4] for r in rows}


def finish_plan(conn: Connect, workspace: str, plan_id: str) -> None:
    """The plan is delivered once none of its changes is open."""
    conn.execute(
        """update sakigake.plan p set status = %s where workspace = %s and plan_id = %s and not exists (
            select from sakigake.change c where c.workspace = p.workspace and c.plan_id = p.plan_id and c.status in ('planned', 'sent'))""",
        (PlanStatus.DELIVERED, workspace, plan_id),
    )


def _open(row: Sequence[Any]) -> OpenChange:
    plan_id, connection, name, api_name = (
        intern(row[n]) for n in (0, 2, 3, 6)
    )  # a job's changes are many, their names few
    return OpenChange(plan_id, row[1], RecordRef(connection, name, row[4]), BY_NAME[row[5]], api_name, *row[7:])


def _by_plan(changes: Sequence[OpenChange]) -> Iterator[tuple[str, list[int]]]:
    for plan_id, group in groupby(sorted(changes, key=lambda c: c.plan_id), key=lambda c: c.plan_id):
        yield plan_id, [c.seq for c in group]


def _versions(conn: Connect, workspace: str, records: Sequence[RecordRef]) -> dict[RecordRef, datetime]:
    """The records' versions in the mirror."""
    found: dict[RecordRef, datetime] = {}
    ordered = sorted(set(records))
    for (connection, name), group in groupby(ordered, key=lambda r: (r.connection, r.object)):
        row = conn.execute(
            "select table_name from sakigake.mirror_object where workspace = %s and connection = %s and object = %s",
            (workspace, connection, name),
        ).fetchone()
        if row is None:
            continue
        query = sql.SQL("select id, _version from {} where id = any(%s)").format(sql.Identifier(*row[0].split(".", 1)))
        found |= {RecordRef(connection, name, i): v for i, v in conn.execute(query, ([r.id for r in group],))}
    return found


def _note_agreed(conn: Connect, workspace: str, new: NewPlan, agreed: Iterable[Wanted], now: datetime) -> None:
    """Remembers that the CRM already holds these values, so that the next plan need not ask again."""
    at = new.crm_at or {}
    _keep_written(
        conn,
        [(workspace, w.record, w.field.name, w.value, new.plan_id, now, at.get(w.record.connection)) for w in agreed],
    )


def _keep_written(
    conn: Connect, rows: Sequence[tuple[str, RecordRef, str, Stored, str, datetime, datetime | None]]
) -> None:
    if not rows:
        return
    _offer_again(conn, rows[0][0], [r[1] for r in rows], [r[2] for r in rows])
    conn.execute(
        """insert into sakigake.written (workspace, connection, object, record_id, field, value, plan_id, confirmed_at, crm_at)
        select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[],
            %s::timestamptz[], %s::timestamptz[])
        on conflict (workspace, connection, object, record_id, field) do update
            set value = excluded.value, plan_id = excluded.plan_id, confirmed_at = excluded.confirmed_at, crm_at = excluded.crm_at""",
        (
            [r[0] for r in rows], [r[1].connection for r in rows], [r[1].object for r in rows], [r[1].id for r in rows],
            [r[2] for r in rows], [json.dumps(r[3]) for r in rows], [r[4] for r in rows], [r[5] for r in rows],
            [r[6] for r in rows],
        ),
    )  # fmt: skip
