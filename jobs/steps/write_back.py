"""Results to CRM: `plan` compares with the live values and stores what would change, `deliver` sends it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from jobs.alerts import alert
from jobs.epoch import count_delivery, doubt
from jobs.pausing import paused, require_awake
from jobs.progress import Progress
from jobs.runs import Conn, new_id, utc_now
from jobs.steps.fresh import lacks, require_fresh
from jobs.steps.guarding import expires, held_because, tell_held
from jobs.steps.own_fields import require_own_fields
from jobs.steps.wanted import Found, find
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.catalogue import BY_NAME
from models.counted import counted
from models.vocabulary import PlanKind, PlanStatus
from sync.chain import record
from sync.errors import FieldMissing
from sync.writeback import edits, journal, plans
from sync.writeback.calm import WAITS
from sync.writeback.deliver import LATE, deliver, resolve_lost
from sync.writeback.live import live_values
from sync.writeback.plan import Draft, EditPolicy, Memory, PlannedChange, draft
from sync.writeback.plans import NewPlan
from sync.writeback.sending import DeliverCounts, Delivery
from sync.writeback.strange import strange
from sync.writeback.withheld import offer_again, withheld_values

KEPT = "a person's value is kept for now"


@dataclass(frozen=True, slots=True)
class Planned:
    """A stored plan: what it holds, and why it waits, where it does. `question` is the plan that asks about persons' edits."""

    plan_id: str
    status: PlanStatus
    draft: Draft
    held_because: list[str]
    question: str | None = None


def delivery_of(workspace: Workspace, run_id: str = "") -> Delivery:
    return Delivery(workspace.connect, workspace.connectors, workspace.name, utc_now, run_id, workspace.rules.hash)


def plan(workspace: Workspace, run_id: str, *, again: bool = False) -> Planned:
    """Stores what would change. Lost answers of earlier runs are settled first, so that the comparison is honest.

    `again` offers values anew that a CRM refused, or that a person took back. Raises FieldMissing, PermissionMissing or Stop where our
    fields are not there, not editable or not ours.
    """
    resolve_lost(delivery_of(workspace))
    today = workspace.today()
    with workspace.connect() as conn:
        stale = lacks(conn, workspace)
        kept = edits.kept(conn, workspace.name)
        withheld = {} if again else withheld_values(conn, workspace.name, workspace.rules.hash)
        staying = {cell: k for cell, k in kept.items() if k.until >= today}
        found = find(conn, workspace, staying, withheld, workspace.crm_now())
        offer_again(conn, workspace.name, found.moved_on)
        if stale:  # all results rest on all facts: none of them is sent while some are in doubt
            drafted = Draft()
            drafted.skipped[f"{', '.join(one.place for one in stale)} is stale"] = len(found.wanted)
            return _store(workspace, run_id, drafted, {})
        resting = set(paused(conn, workspace.name))
        asleep = Counter(w.record.connection for w in found.wanted if w.record.connection in resting)
        found.wanted = [w for w in found.wanted if w.record.connection not in resting]
        require_own_fields(conn, workspace, found.wanted)
        memory = Memory(
            found.confirmed,
            kept,
            withheld,
            journal.uncertain(conn, workspace.name, {n: c.crm_now() - LATE for n, c in workspace.connectors.items()}),
            EditPolicy(workspace.settings.guards.person_edits),
            today,
            today + timedelta(days=workspace.settings.guards.keep_days),
        )
    drafted, crm_at = _compared(workspace, found, memory)
    _doubt(workspace, drafted, found)
    if found.kept:
        drafted.skipped[KEPT] += found.kept
    if found.calm:
        drafted.skipped[WAITS] += found.calm
    for connection, count in asleep.items():
        drafted.skipped[f"{connection} is paused"] += count
    return _store(workspace, run_id, drafted, crm_at)


def _doubt(workspace: Workspace, drafted: Draft, found: Found) -> None:
    """Keeps, and tells, that the CRMs hold values of ours which the journal does not know."""
    with workspace.connect() as conn, conn.transaction():
        unknown = strange(conn, workspace.name, drafted, found.confirmed)
        if not unknown:
            return
        record_of, name = min(unknown)
        because = (
            f"The CRMs hold {counted(len(unknown), 'value')} in our fields that the journal does not know, such as {name} of {record_of}: "
            "a backup of before was restored, or another installation writes there"
        )
        doubt(conn, workspace.name, because)
    alert(
        workspace.settings.alerts,
        workspace.folder,
        f"Sakigake: is the database of {workspace.name} an old one?",
        f"{because}. Nothing is written before `sakigake reconcile` has proven every object.",
    )


def _compared(workspace: Workspace, found: Found, memory: Memory) -> tuple[Draft, dict[str, datetime]]:
    """The draft against live values read now, and each CRM's clock just before."""
    names = {w.record.connection for w in found.wanted}
    crm_at = {name: workspace.connectors[name].crm_now().replace(microsecond=0) for name in names}
    try:
        live = live_values(workspace.connectors, found.wanted, workspace.settings.prefix)
    except FieldMissing as e:  # of ours, which no mapping names
        raise FieldMissing(
            f"Our own fields are not all there: {e.message.partition('. ')[0].rstrip('.')}.",
            remedy="Make them, and the rights to see them, with: sakigake provision",
            status=e.status,
            code=e.code,
        ) from e
    return draft(found.wanted, live, memory), crm_at


def _store(workspace: Workspace, run_id: str, drafted: Draft, crm_at: Mapping[str, datetime]) -> Planned:
    plan_id, now = new_id("plan"), utc_now()
    new = NewPlan(
        plan_id,
        run_id,
        api_names(workspace),
        workspace.rules.hash,
        expires_at=expires(workspace, now),
        crm_at=crm_at,
    )
    crm_now = workspace.crm_now()
    with workspace.connect() as conn, conn.transaction():
        held = held_because(conn, workspace, plan_id, drafted.changes, crm_now)
        waiting = (
            plans.same_as_open(conn, workspace.name, PlanKind.WRITE, new.mapping_hash, drafted.changes)
            if held
            else None
        )
        if waiting is not None:  # people know it by this name; it is as fresh as a new one
            held = [sentence.replace(plan_id, waiting) for sentence in held]
            plans.wait_on(
                conn, workspace.name, waiting, held_because=held, skipped=drafted.skipped, expires_at=new.expires_at
            )
            status = PlanStatus.HELD
        else:
            status = plans.store_plan(conn, workspace.name, replace(new, held_because=tuple(held)), drafted, now)
            tell_chain(conn, workspace, AuditKind.PLAN, "sakigake", new, drafted, held=held)
        edits.note(conn, workspace.name, drafted.edits, waiting or plan_id, now)
        question = _ask(conn, workspace, new, drafted.questions, now)
    if status is PlanStatus.HELD and waiting is None:
        tell_held(workspace, plan_id, f"changes {counted(len(drafted.changes), 'value')}", held)
    if question is not None and question[1]:
        tell_held(
            workspace,
            question[0],
            f"asks about {counted(len(drafted.questions), 'value')}",
            [_asks(len(drafted.questions))],
        )
    return Planned(waiting or plan_id, status, drafted, held, question[0] if question else None)


def _ask(
    conn: Conn, workspace: Workspace, new: NewPlan, questions: list[PlannedChange], now: datetime
) -> tuple[str, bool] | None:
    """(the plan that asks about persons' edits, whether it is new); None where there is nothing to ask."""
    if not questions:
        plans.give_way(conn, workspace.name, PlanKind.QUESTION, now)
        return None
    held = [_asks(len(questions))]
    waiting = plans.same_as_open(conn, workspace.name, PlanKind.QUESTION, new.mapping_hash, questions)
    if waiting is not None:
        plans.wait_on(conn, workspace.name, waiting, held_because=held, skipped={}, expires_at=new.expires_at)
        return waiting, False
    plan_id = new_id("plan")
    asked = NewPlan(
        plan_id, new.run_id, new.api_names, new.mapping_hash, tuple(held), PlanKind.QUESTION, None, new.expires_at
    )
    plans.store_plan(conn, workspace.name, asked, Draft(changes=questions), now)
    tell_chain(conn, workspace, AuditKind.PLAN, "sakigake", asked, Draft(changes=questions), held=held)
    return plan_id, True


def _asks(count: int) -> str:
    return (
        f"Persons wrote over {count:,} of our values (guards.person_edits: ask). Write ours again with `sakigake apply PLAN --reason WHY`, "
        "or let theirs stay with --keep-until DATE."
    )


def tell_chain(
    conn: Conn, workspace: Workspace, kind: AuditKind, who: str, new: NewPlan, drafted: Draft, **more: Any
) -> None:
    """A link of the audit trail for a plan that changes something, with a digest of all its changes."""
    if not drafted.changes:
        return
    cells = [[str(c.record), c.field.name, c.old, c.new] for c in drafted.changes]
    digest = hashlib.sha256(json.dumps(cells, ensure_ascii=False).encode())
    said = {
        "changes": len(drafted.changes),
        "digest": digest.hexdigest(),
        "run": new.run_id,
        "mapping": new.mapping_hash,
    }
    record(conn, workspace.name, kind, who, new.plan_id, {**said, **more})


def api_names(workspace: Workspace) -> dict[tuple[str, str], str]:
    """Every field's name in every CRM."""
    return {
        (connection, name): connector.api_name(field, workspace.settings.prefix)
        for connection, connector in workspace.connectors.items()
        for name, field in BY_NAME.items()
    }


def send(workspace: Workspace, plan_id: str, run_id: str, *, recheck: bool, progress: Progress) -> DeliverCounts:
    """Delivers a plan's open changes; MirrorStale where what they rest on is in doubt."""
    with workspace.connect() as conn:
        require_fresh(conn, workspace, otherwise="Until then nothing is written to the CRMs.")
        if places := plans.open_places(conn, workspace.name, plan_id):
            require_awake(conn, workspace.name, {place[0] for place in places})
            count_delivery(conn, workspace.name, workspace.home)
    with progress.task("deliver") as task:
        return deliver(
            delivery_of(workspace, run_id),
            plan_id,
            recheck=recheck,
            progress=lambda counts: task.update(counts.confirmed + counts.failed + counts.dropped, None),
        )


def newest_open_plan(workspace: Workspace) -> str | None:
    """The plan that `deliver` alone would send: the newest one that is planned, not held, and of the mapping at hand."""
    with workspace.connect() as conn:
        row = conn.execute(
            """select plan_id from sakigake.plan where workspace = %s and status = %s and mapping_hash = %s and kind <> %s
            order by created_at desc limit 1""",
            (workspace.name, PlanStatus.PLANNED, workspace.rules.hash, PlanKind.CREATE),
        ).fetchone()
    return row[0] if row else None


def written_by(workspace: Workspace, plan_id: str) -> dict[str, int]:
    """Fields that the CRMs confirmed for this plan, by connection; every connection is named."""
    found = dict.fromkeys(workspace.connectors, 0)
    with workspace.connect() as conn:
        rows = conn.execute(
            "select connection, count(*) from sakigake.change where workspace = %s and plan_id = %s and status = 'confirmed' group by 1",
            (workspace.name, plan_id),
        )
        found.update({r[0]: r[1] for r in rows})
    return found


def resolve(workspace: Workspace, run_id: str) -> None:
    """Settles what earlier runs sent without hearing an answer."""
    resolve_lost(delivery_of(workspace, run_id))
