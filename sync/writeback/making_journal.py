"""The journal of records that lists make, in PostgreSQL: what is to be made, what was sent, what became of it, what was taken away."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from models.vocabulary import LIST_ROW, LISTS, ChangeStatus, PlanKind, PlanStatus, RecordRef
from sync.mapping.matching import Decision
from sync.record_maker import After, Link, NewRecord
from sync.writes import Value

Connect = Connection[Any]
THERE = "the CRM had it already"


@dataclass(frozen=True, slots=True)
class OpenCreation:
    """One journalled record that is to be made, or was sent without an answer."""

    plan_id: str
    seq: int
    connection: str
    object: str
    key_field: str
    record: NewRecord


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. `tried` is false where nothing was sent because the record was there."""

    creation: OpenCreation
    status: ChangeStatus
    record_id: str | None = None
    cause: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """One record that a plan is to make, and of which of the partner's records it is. `there`: the record that the CRM has for it already."""

    connection: str
    object: str
    key_field: str
    partner: RecordRef
    record: NewRecord
    there: str | None = None


def said_of(draft: Draft) -> list[Any]:
    """What a person approves of it."""
    r = draft.record
    return [draft.connection, draft.object, r.key, dict(r.values), [asdict(a) for a in r.after]]


def store_plan(
    conn: Connect,
    workspace: str,
    plan_id: str,
    run_id: str,
    drafts: Sequence[Draft],
    *,
    mapping_hash: str,
    held_because: Sequence[str],
    skipped: Mapping[str, int],
    expires_at: datetime,
    now: datetime,
) -> PlanStatus:
    """Stores the plan; an earlier one gives up those of its rows that are planned and not sent."""
    status = PlanStatus.HELD if held_because else PlanStatus.PLANNED
    rows = [d.record.key for d in drafts]
    conn.execute(
        """update sakigake.creation set status = %s, settled_at = %s, cause = 'a newer plan took its place'
        where workspace = %s and status = %s and row_id = any(%s)""",
        (ChangeStatus.DROPPED, now, workspace, ChangeStatus.PLANNED, rows),
    )
    conn.execute(
        """update sakigake.plan p set status = %s where workspace = %s and kind = %s and status in ('planned', 'held') and not exists (
            select from sakigake.creation c where (c.workspace, c.plan_id) = (p.workspace, p.plan_id) and c.status in ('planned', 'sent'))""",
        (PlanStatus.SUPERSEDED, workspace, PlanKind.CREATE),
    )
    conn.execute(
        """insert into sakigake.plan (workspace, plan_id, run_id, created_at, status, held_because, mapping_hash, changes, skipped,
            kind, expires_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            workspace, plan_id, run_id, now, status, json.dumps(list(held_because)), mapping_hash, len(drafts),
            json.dumps(dict(skipped)), PlanKind.CREATE, expires_at,
        ),
    )  # fmt: skip
    statement = """copy sakigake.creation (workspace, plan_id, seq, row_id, connection, object, key_field, partner, values, links, status,
        record_id, cause, settled_at) from stdin"""
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for seq, d in enumerate(drafts, 1):
            copy.write_row(
                (
                    workspace, plan_id, seq, d.record.key, d.connection, d.object, d.key_field, str(d.partner),
                    json.dumps(dict(d.record.values)), _ties(d.record),
                    *((ChangeStatus.PLANNED, None, None, None) if d.there is None else (ChangeStatus.CONFIRMED, d.there, THERE, now)),
                )
            )  # fmt: skip
    return status


def same_as_open(
    conn: Connect, workspace: str, mapping_hash: str, drafts: Sequence[Draft], now: datetime
) -> tuple[str, list[str]] | None:
    """The held plan that would make exactly these, and why it is held: a list that comes again waits with it."""
    row = conn.execute(
        """select plan_id, held_because from sakigake.plan where workspace = %s and kind = %s and status = %s and mapping_hash = %s
            and changes = %s and expires_at > %s order by created_at desc limit 1""",
        (workspace, PlanKind.CREATE, PlanStatus.HELD, mapping_hash, len(drafts), now),
    ).fetchone()
    if row is None:
        return None
    held = conn.execute(
        """select connection, object, row_id, values, links from sakigake.creation
        where workspace = %s and plan_id = %s and (status = 'planned' or tries = 0) order by seq""",
        (workspace, row[0]),
    ).fetchall()
    ours = [(d.connection, d.object, d.record.key, dict(d.record.values), json.loads(_ties(d.record))) for d in drafts]
    return (str(row[0]), list(row[1])) if held == ours else None


def places(conn: Connect, workspace: str, plan_id: str) -> list[tuple[str, str]]:
    """(connection, object) in which the plan has still something to make, in its order: what comes first is made first."""
    return conn.execute(
        """select connection, object from sakigake.creation where workspace = %s and plan_id = %s and status = 'planned'
        group by 1, 2 order by min(seq)""",
        (workspace, plan_id),
    ).fetchall()


def planned(
    conn: Connect, workspace: str, plan_id: str, connection: str, object_name: str, size: int
) -> Iterator[list[OpenCreation]]:
    """What is still planned there, in the order of the plan, so many at a time."""
    after = 0
    while True:
        rows = conn.execute(
            f"""select {_COLUMNS} from sakigake.creation where workspace = %s and plan_id = %s and status = 'planned'
                and connection = %s and object = %s and seq > %s order by seq limit %s""",  # noqa: S608
            (workspace, plan_id, connection, object_name, after, size),
        ).fetchall()
        if not rows:
            return
        after = rows[-1][1]
        yield [_open(r) for r in rows]


def sent(conn: Connect, workspace: str) -> list[OpenCreation]:
    """What was sent and never answered."""
    rows = conn.execute(
        f"select {_COLUMNS} from sakigake.creation where workspace = %s and status = 'sent' order by connection, object, plan_id, seq",  # noqa: S608
        (workspace,),
    )
    return [_open(r) for r in rows]


def made_under(
    conn: Connect, workspace: str, places: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], tuple[str | None, str]]:
    """By (connection, object, key): the id of the record that a list made and that stands, or None with why there is none."""
    wanted = sorted(set(places))
    rows = conn.execute(
        """select distinct on (n.connection, n.object, n.key) n.connection, n.object, n.key,
            case when c.status = 'confirmed' and c.removal is distinct from 'removed' then c.record_id end, coalesce(c.cause, '')
        from unnest(%s::text[], %s::text[], %s::text[]) as n(connection, object, key)
        join sakigake.creation c on (c.connection, c.object, c.row_id) = (n.connection, n.object, n.key) and c.workspace = %s
        order by n.connection, n.object, n.key, (c.status = 'confirmed' and c.removal is distinct from 'removed') desc, c.settled_at desc nulls last""",
        (*([w[i] for w in wanted] for i in range(3)), workspace),
    )
    return {(r[0], r[1], r[2]): (r[3], r[4]) for r in rows}


def mark_sent(conn: Connect, workspace: str, creations: Sequence[OpenCreation], now: datetime, run_id: str) -> None:
    """The intent, before the first byte is sent."""
    conn.execute(
        """update sakigake.creation c set status = %s, sent_at = %s, run_id = nullif(%s, ''), tries = tries + 1
        from unnest(%s::text[], %s::bigint[]) as n(plan_id, seq)
        where c.workspace = %s and c.plan_id = n.plan_id and c.seq = n.seq""",
        (ChangeStatus.SENT, now, run_id, *_keys(creations), workspace),
    )


def settle(conn: Connect, workspace: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """What became of each."""
    conn.execute(
        """update sakigake.creation c set status = n.status, cause = nullif(n.cause, ''), record_id = coalesce(n.record_id, c.record_id),
            request_id = coalesce(n.request, c.request_id), settled_at = case when n.status in ('planned', 'sent') then null else %s end
        from unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
            as n(plan_id, seq, status, cause, record_id, request)
        where c.workspace = %s and c.plan_id = n.plan_id and c.seq = n.seq""",
        (
            now, *_keys([o.creation for o in outcomes]), [o.status.value for o in outcomes], [o.cause for o in outcomes],
            [o.record_id for o in outcomes], [o.request_id for o in outcomes], workspace,
        ),
    )  # fmt: skip


def note_as_made(conn: Connect, workspace: str, held: Sequence[tuple[OpenCreation, Mapping[str, str]]]) -> None:
    """What the records hold just after they were made, as hashes."""
    conn.execute(
        """update sakigake.creation c set as_made = n.held from unnest(%s::text[], %s::bigint[], %s::jsonb[]) as n(plan_id, seq, held)
        where c.workspace = %s and c.plan_id = n.plan_id and c.seq = n.seq""",
        (*_keys([c for c, _ in held]), [json.dumps(dict(h)) for _, h in held], workspace),
    )


def finish_plan(conn: Connect, workspace: str, plan_id: str) -> None:
    """The plan is delivered once nothing of it is open."""
    conn.execute(
        """update sakigake.plan p set status = %s where workspace = %s and plan_id = %s and not exists (
            select from sakigake.creation c where c.workspace = p.workspace and c.plan_id = p.plan_id and c.status in ('planned', 'sent'))""",
        (PlanStatus.DELIVERED, workspace, plan_id),
    )


def has_made(conn: Connect, workspace: str) -> bool:
    """Whether a list ever made a record."""
    row = conn.execute(
        "select exists (select from sakigake.creation where workspace = %s and status = 'confirmed')", (workspace,)
    ).fetchone()
    return bool(row and row[0])


def one_entry(conn: Connect, workspace: str) -> list[Decision]:
    """Rows and the records they became: of each pair both are one entry, which is as sure as a person's word."""
    rows = conn.execute(
        """select row_id, connection, object, record_id from sakigake.creation
        where workspace = %s and status = 'confirmed' and removal is distinct from 'removed' and row_id not like 'first-%%'
        order by plan_id, seq""",
        (workspace,),
    )
    return [Decision(RecordRef(LISTS, LIST_ROW, r[0]), RecordRef(*r[1:]), same=True) for r in rows]


def hashes(values: Mapping[str, Value]) -> dict[str, str]:
    """A short hash of each value that is there: enough to see which one moved, and no copy of what it says."""
    return {name: _hash(value) for name, value in sorted(values.items()) if value not in (None, "")}


def _hash(value: Value) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:12]


_COLUMNS = "plan_id, seq, connection, object, key_field, row_id, values, links"


def _open(row: Sequence[Any]) -> OpenCreation:
    plan_id, seq, connection, name, key_field, row_id, values, ties = row
    links = tuple(Link(**tie) for tie in ties if "key" not in tie)
    after = tuple(After(**tie) for tie in ties if "key" in tie)
    return OpenCreation(plan_id, seq, connection, name, key_field, NewRecord(row_id, values, links, after))


def _ties(record: NewRecord) -> str:
    """Links and what comes first, as `links` of the table keeps them side by side: only the latter have a key."""
    return json.dumps([*(asdict(link) for link in record.links), *(asdict(after) for after in record.after)])


def _keys(creations: Iterable[OpenCreation]) -> tuple[list[str], list[int]]:
    some = list(creations)
    return [c.plan_id for c in some], [c.seq for c in some]
