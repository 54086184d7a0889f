"""A plan before a person: shown whole, and delivered on their word."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from psycopg import Connection

from jobs.errors import NotFound, PlanRefused
from jobs.mapping.versions import active
from jobs.person import person
from jobs.progress import Progress
from jobs.runs import RunLog, StepNote, ended_as, new_id, only_run, utc_now
from jobs.steps import making, write_back
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.catalogue import BY_NAME
from models.vocabulary import PlanKind, PlanStatus, RecordRef, RunStatus, Step
from sync.chain import record
from sync.writeback import edits
from sync.writeback.plan import PlannedChange, kind_of


def plan_document(workspace: Workspace, plan_id: str) -> dict[str, Any]:
    """The plan and all its changes as JSON; NotFound where there is none of that id."""
    with workspace.connect() as conn:
        row = conn.execute(
            """select plan_id, run_id, created_at, status, held_because, mapping_hash, skipped, decided_by, decided_because, decided_at,
                kind, undoes, expires_at from sakigake.plan where workspace = %s and plan_id = %s""",
            (workspace.name, plan_id),
        ).fetchone()
        if row is None:
            raise NotFound(
                f"There is no plan {plan_id} in workspace {workspace.name}; `sakigake status` names the newest one."
            )
        changes = conn.execute(
            """select connection, object, record_id, field, api_name, old, new, why, edited, status, cause, request_id,
                redirected_from from sakigake.change where workspace = %s and plan_id = %s order by seq""",
            (workspace.name, plan_id),
        ).fetchall()
        creates = making.documents(conn, workspace.name, plan_id) if row[10] == PlanKind.CREATE else []
    shown = [
        {
            "record": f"{c[0]}.{c[1]}/{c[2]}",
            "field": c[3],
            "api_name": c[4],
            "old": c[5],
            "new": c[6],
            "kind": kind_of(c[5], c[6]).value,
            "edited": c[8],
            "why": c[7],
            "status": c[9],
            "cause": c[10],
            "request_id": c[11],
            "redirected_from": f"{c[0]}.{c[1]}/{c[12]}" if c[12] else None,
        }
        for c in changes
    ]
    return {
        "plan": row[0],
        "run": row[1],
        "kind": row[10],
        "undoes": row[11],
        "created_at": row[2].isoformat(),
        "expires_at": row[12].isoformat() if row[12] else None,
        "status": row[3],
        "held": row[3] == PlanStatus.HELD,
        "held_because": row[4],
        "mapping": row[5],
        "skipped": row[6],
        "decided_by": row[7],
        "decided_because": row[8],
        "decided_at": row[9].isoformat() if row[9] else None,
        "counts": _counted(shown),
        "edited": sum(c["edited"] for c in shown),
        "changes": shown,
        "creates": creates,
    }


def _counted(changes: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How many by field, and by kind of change."""
    counts: dict[str, dict[str, int]] = {}
    for c in changes:
        of = counts.setdefault(c["field"], {})
        of[c["kind"]] = of.get(c["kind"], 0) + 1
    return dict(sorted(counts.items()))


def apply_plan(workspace: Workspace, plan_id: str, reason: str, progress: Progress) -> dict[str, Any]:
    """Delivers a held or planned plan as a run of its own; who said so, and why, is kept with it.

    PlanRefused where it is too old, of another mapping, decided on already, or where another person has to say so.
    """
    _require_reason(reason)
    run_id = new_id("run")
    with delivered_by(workspace, run_id) as (conn, note):
        document = plan_document(workspace, plan_id)
        _require_applicable(conn, workspace, document)
        if document["kind"] == PlanKind.CREATE:
            return _made(conn, workspace, plan_id, reason, run_id, note, progress)
        write_back.resolve(workspace, run_id)
        _decide(conn, workspace, plan_id, PlanStatus.PLANNED, reason)
        note.counts = {"plan": plan_id}
        counts = write_back.send(workspace, plan_id, run_id, recheck=True, progress=progress)
        delivered = {"confirmed": counts.confirmed, "failed": counts.failed, "dropped": counts.dropped}
        written = write_back.written_by(workspace, plan_id)
        note.counts = {"plan": plan_id, **delivered, "written": written}
    return {"run": run_id, "plan": plan_id, "delivered": delivered, "written": written}


def _made(
    conn: Connection[Any],
    workspace: Workspace,
    plan_id: str,
    reason: str,
    run_id: str,
    note: StepNote,
    progress: Progress,
) -> dict[str, Any]:
    """A plan of records that a list makes, on a person's word."""
    making.resolve(workspace, run_id)
    _decide(conn, workspace, plan_id, PlanStatus.PLANNED, reason)
    note.counts = {"plan": plan_id}
    delivered = making.send(workspace, plan_id, run_id, progress).document()
    written = making.made_by(workspace, plan_id)
    note.counts = {"plan": plan_id, **delivered, "written": written}
    return {"run": run_id, "plan": plan_id, "kind": PlanKind.CREATE, "delivered": delivered, "written": written}


def keep_theirs(workspace: Workspace, plan_id: str, until: date, reason: str) -> dict[str, Any]:
    """A person's answer to a plan that asks: what persons wrote stays until that day (by the workspace's calendar), then ours is written."""
    _require_reason(reason)
    with workspace.connect() as conn, only_run(conn, workspace.name):
        document = plan_document(workspace, plan_id)
        if document["kind"] != PlanKind.QUESTION:
            raise PlanRefused(f"Plan {plan_id} asks nothing; --keep-until answers plans about persons' edits.")
        _require_applicable(conn, workspace, document)
        if until < workspace.today():
            raise PlanRefused(f"--keep-until {until} is over; give a day to come.")
        changes = [
            PlannedChange(RecordRef.parse(c["record"]), BY_NAME[c["field"]], c["old"], c["new"], c["why"], edited=True)
            for c in document["changes"]
        ]
        now = utc_now()
        with conn.transaction():
            edits.keep(conn, workspace.name, changes, until, plan_id, now)
            conn.execute(
                """update sakigake.change set status = 'dropped', settled_at = %s, cause = %s
                where workspace = %s and plan_id = %s and status = 'planned'""",
                (now, f"theirs is kept until {until}", workspace.name, plan_id),
            )
            _decide(conn, workspace, plan_id, PlanStatus.ANSWERED, reason)
    return {
        "run": None,
        "plan": plan_id,
        "delivered": {},
        "written": {},
        "kept": len(changes),
        "keep_until": until.isoformat(),
    }


@contextmanager
def delivered_by(workspace: Workspace, run_id: str) -> Iterator[tuple[Connection[Any], StepNote]]:
    """A run of its own around a delivery that a person asked for."""
    with workspace.connect() as conn, only_run(conn, workspace.name):
        story = RunLog(conn, workspace.name, run_id)
        story.begin(workspace.rules.hash)
        outcome, cause = RunStatus.FAILED, "interrupted"
        try:
            with story.step(Step.DELIVER) as note:
                yield conn, note
            outcome, cause = RunStatus.SUCCEEDED, ""
        except Exception as e:
            outcome, cause = ended_as(e), str(e)
            raise
        finally:
            story.finish(workspace.connect, outcome, cause=cause)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise PlanRefused("--reason is empty; say in a few words why this plan may be delivered.")


def _require_applicable(conn: Connection[Any], workspace: Workspace, document: Mapping[str, Any]) -> None:
    plan_id, status = document["plan"], document["status"]
    if status not in (PlanStatus.HELD, PlanStatus.PLANNED):
        raise PlanRefused(f"Plan {plan_id} is {status} and cannot be applied; make a new one with `sakigake plan`.")
    if document["mapping"] != workspace.rules.hash:
        raise PlanRefused(
            f"Plan {plan_id} was made under the mapping {document['mapping'][:12]}, and the mapping is {workspace.rules.hash[:12]} now; "
            "make a new one with `sakigake run --only map,compute,plan`."
        )
    expires_at = document["expires_at"]
    late = conn.execute("select %s::timestamptz < %s", (expires_at, utc_now())).fetchone()
    if expires_at is not None and late and late[0]:
        raise PlanRefused(
            f"Plan {plan_id} of {document['created_at'][:16].replace('T', ' ')} expired after {workspace.settings.guards.plan_expires} "
            "(guards.plan_expires); make a new one with `sakigake plan`."
        )
    now = active(conn, workspace.name)
    who = now.who if now else None
    if workspace.settings.guards.two_persons and status == PlanStatus.HELD and who == person():
        raise PlanRefused(
            f"{who} activated the mapping, so another person has to apply plan {plan_id} (guards.two_persons)."
        )


def _decide(conn: Connection[Any], workspace: Workspace, plan_id: str, status: PlanStatus, reason: str) -> None:
    who, now = person(), utc_now()
    with conn.transaction():
        conn.execute(
            """update sakigake.plan set status = %s, decided_by = %s, decided_because = %s, decided_at = %s
            where workspace = %s and plan_id = %s""",
            (status, who, reason, now, workspace.name, plan_id),
        )
        answer = "keep theirs" if status is PlanStatus.ANSWERED else "deliver"
        record(conn, workspace.name, AuditKind.APPROVAL, who, plan_id, {"answer": answer, "reason": reason}, now=now)
