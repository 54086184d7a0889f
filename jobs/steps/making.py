"""Rows of imported lists to records of a CRM, where the mapping says so: planned, held where a guard says so, and made."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from jobs.epoch import count_delivery
from jobs.mapping.versions import active
from jobs.pausing import paused, require_awake
from jobs.progress import Progress
from jobs.runs import new_id, utc_now
from jobs.steps.fresh import require_fresh
from jobs.steps.guarding import expires, restored, tell_held
from jobs.steps.making_proposal import Proposal
from jobs.steps.write_back import delivery_of
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.counted import counted
from models.vocabulary import LIST_ROW, LISTS, PlanStatus
from sync.chain import record as chain
from sync.lists.first import FIRST_KEY
from sync.writeback import making, making_journal
from sync.writeback.making import MakeCounts

Conn = Connection[Any]


@dataclass(frozen=True, slots=True)
class PlannedMaking:
    plan_id: str
    status: PlanStatus
    held_because: list[str]


def plan(workspace: Workspace, run_id: str, proposal: Proposal, who: str, file: str) -> PlannedMaking:
    """Stores the plan, held where a guard says so, and its link of the audit trail."""
    plan_id, now = new_id("plan"), utc_now()
    with workspace.connect() as conn, conn.transaction():
        held = list(_held_because(conn, workspace, plan_id, proposal))
        status = making_journal.store_plan(
            conn,
            workspace.name,
            plan_id,
            run_id,
            proposal.drafts,
            mapping_hash=workspace.rules.hash,
            held_because=held,
            skipped=proposal.local,
            expires_at=expires(workspace, now),
            now=now,
        )
        said = [making_journal.said_of(d) for d in proposal.drafts]
        digest = hashlib.sha256(json.dumps(said, ensure_ascii=False, default=str).encode()).hexdigest()
        told = {"creates": proposal.counts(), "digest": digest, "run": run_id, "mapping": workspace.rules.hash}
        chain(conn, workspace.name, AuditKind.PLAN, who, plan_id, {**told, "file": file, "held": held})
    if status is PlanStatus.HELD:
        tell_held(workspace, plan_id, f"makes {counted(proposal.to_make, 'record')}", held)
    return PlannedMaking(plan_id, status, held)


def _held_because(conn: Conn, workspace: Workspace, plan_id: str, proposal: Proposal) -> Iterator[str]:
    guards, count = workspace.settings.guards, proposal.to_make
    if guards.first_plan == "hold" and not making_journal.has_made(conn, workspace.name):
        yield (
            f"These are the first records that lists make in workspace {workspace.name}; look at them with `sakigake plan {plan_id}`, "
            f"then say: sakigake apply {plan_id} --reason WHY"
        )
    if count > guards.created:
        yield (
            f"{counted(count, 'record')} would be made, and {counted(guards.created, 'is', 'are')} allowed at once (guards.created): "
            "look whether the file is the right one."
        )
    now = active(conn, workspace.name)
    if now is None or now.mapping_hash != workspace.rules.hash:
        yield "Nobody activated this version of the mapping: sakigake mapping activate FILE"
    yield from (f"{because}, then import the list again." for because in restored(conn, workspace))
    for name in sorted({d.connection for d in proposal.drafts} & set(paused(conn, workspace.name))):
        yield f"{name} is paused; say: sakigake resume {name}"


def send(workspace: Workspace, plan_id: str, run_id: str, progress: Progress) -> MakeCounts:
    """Makes what the plan has still open; MirrorStale where what it rests on is in doubt."""
    with workspace.connect() as conn:
        require_fresh(conn, workspace, otherwise="Until then nothing is made in the CRMs.")
        if places := making_journal.places(conn, workspace.name, plan_id):
            require_awake(conn, workspace.name, {place[0] for place in places})
            count_delivery(conn, workspace.name, workspace.home)
    with progress.task("deliver") as task:
        return making.make(
            delivery_of(workspace, run_id),
            plan_id,
            progress=lambda counts: task.update(counts.confirmed + counts.failed + counts.dropped, None),
        )


def resolve(workspace: Workspace, run_id: str = "") -> MakeCounts:
    """Settles what earlier runs sent without hearing an answer."""
    return making.resolve_made(delivery_of(workspace, run_id))


def made_by(workspace: Workspace, plan_id: str) -> dict[str, int]:
    """Records that the CRMs have for this plan, by connection; every connection is named."""
    found = dict.fromkeys(workspace.connectors, 0)
    with workspace.connect() as conn:
        rows = conn.execute(
            "select connection, count(*) from sakigake.creation where workspace = %s and plan_id = %s and status = 'confirmed' group by 1",
            (workspace.name, plan_id),
        )
        found.update({r[0]: r[1] for r in rows})
    return found


def documents(conn: Conn, workspace: str, plan_id: str) -> list[dict[str, Any]]:
    """The records of a plan, as JSON."""
    rows = conn.execute(
        """select connection, object, row_id, partner, values, status, cause, record_id, request_id, removal, removal_cause, links
        from sakigake.creation where workspace = %s and plan_id = %s order by seq""",
        (workspace, plan_id),
    )
    return [
        {
            "object": f"{r[0]}.{r[1]}", "row": None if r[2].startswith(FIRST_KEY) else f"{LISTS}.{LIST_ROW}/{r[2]}", "partner": r[3], "values": r[4], "status": r[5],
            "cause": r[6], "record": f"{r[0]}.{r[1]}/{r[7]}" if r[7] else None, "request_id": r[8],
            "removal": r[9], "removal_cause": r[10],
            "after": {tie["field"]: tie["object"] for tie in r[11] if "key" in tie},
        }
        for r in rows
    ]  # fmt: skip
