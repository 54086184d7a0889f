"""Changes whose record was merged into another one after the plan was made: written to the winner where nothing else has a say there.

A winner that the mapping named before has values of its own; one that we have read and the mapping does not name gets none. What is left is
a winner that came with the merge, as HubSpot makes one, and that stands for one partner or entry: it is what the loser was.

HubSpot applies what is sent under an old id to the winner, and does not say so: what the winner then holds was written, and is journalled.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.vocabulary import ChangeStatus, RecordRef
from sync.connector import Connector
from sync.records import LiveRecord
from sync.writeback.changes import Connect, OpenChange
from sync.writeback.plan import Stored, same
from sync.writeback.withheld import versions_of
from sync.writeback.written import keep_written

HOPS = 5  # merges of merges that are followed
_OWN = "which has values of its own"


@dataclass(frozen=True, slots=True)
class Merged:
    """A change that failed because its record went into another one. `sent`: it was on its way when that turned out."""

    change: OpenChange
    into: str
    sent: bool = False


@dataclass(slots=True)
class Redirected:
    """What became of them: `moved` stands in the journal for the winners, still to be sent; `landed` counts those that a winner got already,
    `refused` those that nobody gets.
    """

    moved: list[OpenChange]
    landed: int = 0
    refused: int = 0


def redirect(
    conn: Connect, workspace: str, connector: Connector, merged: Sequence[Merged], now: datetime, *, move: bool
) -> Redirected:
    """Journals for each loser's changes what becomes of them, with both ids; without `move` none is to be sent to a winner.

    Call it in a transaction; all are of one object.
    """
    done = Redirected([])
    winners = _winners(connector, merged)
    groups: dict[tuple[str, str], list[Merged]] = defaultdict(list)
    for one in merged:
        groups[one.change.plan_id, winners[one.into].id].append(one)
    live = {record.id: record for record in winners.values()}
    for (_, winner), some in sorted(groups.items()):
        landed = [m.change for m in some if m.sent and _holds(connector, live[winner], m.change)]
        if landed:
            _settle(
                conn,
                workspace,
                landed,
                ChangeStatus.DROPPED,
                f"the record is merged into {winner}, and written there",
                now,
            )
            _landed(conn, workspace, winner, landed, now)
            done.landed += len(landed)
        changes = [m.change for m in some if m.change not in landed]
        if not changes:
            continue
        why_not = _why_not(conn, workspace, live[winner], changes) if move else "which the next run maps"
        if why_not is not None:
            _settle(
                conn, workspace, changes, ChangeStatus.FAILED, f"the record is merged into {winner}, {why_not}", now
            )
            done.refused += len(changes)
            continue
        _settle(
            conn,
            workspace,
            changes,
            ChangeStatus.DROPPED,
            f"the record is merged into {winner}, and written there",
            now,
        )
        done.moved += _moved(conn, workspace, winner, list(_still_to_write(connector, live[winner], changes)))
    return done


def _winners(connector: Connector, merged: Sequence[Merged]) -> dict[str, LiveRecord]:
    """Where each of them ended up, by the id that was named first."""
    object_name = merged[0].change.record.object
    fields = sorted({m.change.api_name for m in merged})
    ends = {m.into: m.into for m in merged}
    found: dict[str, LiveRecord] = {}
    for _ in range(HOPS):
        asked = [i for i in dict.fromkeys(ends.values()) if i not in found]
        if not asked:
            break
        found |= connector.read(object_name, asked, fields)
        ends = {named: found[end].merged_into or end for named, end in ends.items()}
    return {named: found.get(end, LiveRecord(end, missing=True)) for named, end in ends.items()}


def _why_not(conn: Connect, workspace: str, winner: LiveRecord, changes: Sequence[OpenChange]) -> str | None:
    if winner.missing:
        return "which is not there any more"
    first = changes[0]
    place = (workspace, first.record.connection, first.record.object, winner.id)
    named = conn.execute(
        """select exists (select from sakigake.partner_source where (workspace, connection, object, record_id) = (%s, %s, %s, %s))
            or exists (select from sakigake.entry_source where (workspace, connection, object, record_id) = (%s, %s, %s, %s))
            or exists (select from sakigake.change where (workspace, connection, object, record_id) = (%s, %s, %s, %s) and plan_id = %s
                and redirected_from is null)""",
        (*place, *place, *place, first.plan_id),
    ).fetchone()
    if named and named[0]:
        return _OWN
    ref = RecordRef(first.record.connection, first.record.object, winner.id)
    if ref in versions_of(conn, workspace, [ref]):
        return "which the mapping does not name"
    losers = sorted({c.record.id for c in changes} | set(winner.absorbed))
    stood_for = conn.execute(
        """select count(distinct id) from (
            select partner_id as id from sakigake.partner_source
                where (workspace, connection, object) = (%s, %s, %s) and record_id = any(%s)
            union all select entry_id from sakigake.entry_source
                where (workspace, connection, object) = (%s, %s, %s) and record_id = any(%s)) s""",
        (*place[:3], losers, *place[:3], losers),
    ).fetchone()
    if stood_for and stood_for[0] > 1:
        return "as is the record of another one: which of them it is, the mapping tells"
    return None


def _holds(connector: Connector, winner: LiveRecord, c: OpenChange) -> bool:
    return not winner.missing and same(c.field, connector.decode(c.field, winner.values.get(c.api_name)), c.new)


def _landed(conn: Connect, workspace: str, winner: str, changes: Sequence[OpenChange], now: datetime) -> None:
    """What the CRM applied to the winner, though it was sent under the loser's id."""
    once = list({c.field.name: c for c in changes}.values())
    conn.execute(
        """insert into sakigake.change (workspace, plan_id, seq, connection, object, record_id, field, api_name, old, new, why, status,
            cause, sent_at, settled_at, run_id, tries, redirected_from)
        select workspace, plan_id, (select max(seq) from sakigake.change where workspace = %s and plan_id = %s) + row_number() over (),
            connection, object, %s, field, api_name, old, new, why, 'confirmed', 'the answer was lost; read back', sent_at, %s, run_id,
            tries, record_id
        from sakigake.change where workspace = %s and plan_id = %s and seq = any(%s)""",
        (workspace, once[0].plan_id, winner, now, workspace, once[0].plan_id, [c.seq for c in once]),
    )
    place = RecordRef(once[0].record.connection, once[0].record.object, winner)
    keep_written(conn, workspace, [((place, c.field.name), c.new, c.plan_id, None) for c in once], now)


def _still_to_write(
    connector: Connector, winner: LiveRecord, changes: Sequence[OpenChange]
) -> Iterator[tuple[OpenChange, Stored]]:
    """Each field once, with what the winner holds of it."""
    for c in {c.field.name: c for c in changes}.values():
        there = connector.decode(c.field, winner.values.get(c.api_name))
        if not same(c.field, there, c.new):
            yield c, there


def _settle(
    conn: Connect, workspace: str, changes: Sequence[OpenChange], status: ChangeStatus, cause: str, now: datetime
) -> None:
    conn.execute(
        """update sakigake.change set status = %s, cause = %s, settled_at = %s where workspace = %s and plan_id = %s and seq = any(%s)""",
        (status, cause, now, workspace, changes[0].plan_id, [c.seq for c in changes]),
    )


def _moved(conn: Connect, workspace: str, winner: str, fields: Sequence[tuple[OpenChange, Stored]]) -> list[OpenChange]:
    """New changes of the same plan, for the winner."""
    if not fields:
        return []
    plan_id = fields[0][0].plan_id
    row = conn.execute(
        "select max(seq) from sakigake.change where workspace = %s and plan_id = %s", (workspace, plan_id)
    ).fetchone()
    after = row[0] if row else 0
    moved = [
        OpenChange(
            plan_id,
            after + n,
            RecordRef(c.record.connection, c.record.object, winner),
            c.field,
            c.api_name,
            there,
            c.new,
        )
        for n, (c, there) in enumerate(fields, 1)
    ]
    conn.execute(
        """insert into sakigake.change (workspace, plan_id, seq, connection, object, record_id, field, api_name, old, new, why, status,
            redirected_from)
        select c.workspace, c.plan_id, n.seq, c.connection, c.object, %s, c.field, c.api_name, n.old, c.new, c.why, 'planned', c.record_id
        from sakigake.change c join unnest(%s::bigint[], %s::bigint[], %s::jsonb[]) as n(meant, seq, old) on n.meant = c.seq
        where c.workspace = %s and c.plan_id = %s""",
        (
            winner,
            [c.seq for c, _ in fields],
            [m.seq for m in moved],
            [json.dumps(there) for _, there in fields],
            workspace,
            plan_id,
        ),
    )
    return moved
