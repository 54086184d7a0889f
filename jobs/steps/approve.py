"""A plan before a person: shown whole, and delivered on their word."""

import getpass
from typing import Any

from jobs.errors import NotFound, SakigakeError
from jobs.progress import Progress
from jobs.runs import RunLog, ended_as, new_id, only_run, utc_now
from jobs.steps import write_back
from jobs.wiring import Workspace
from models.vocabulary import PlanStatus, RunStatus, Step


def plan_document(workspace: Workspace, plan_id: str) -> dict[str, Any]:
    """The plan and all its changes as JSON; NotFound where there is none of that id."""
    with workspace.connect() as conn:
        row = conn.execute(
            """select plan_id, run_id, created_at, status, held_because, mapping_hash, skipped, decided_by, decided_because, decided_at
            from sakigake.plan where workspace = %s and plan_id = %s""",
            (workspace.name, plan_id),
        ).fetchone()
        if row is None:
            raise NotFound(
                f"There is no plan {plan_id} in workspace {workspace.name}; `sakigake status` names the newest one."
            )
        changes = conn.execute(
            """select connection, object, record_id, field, api_name, old, new, why, status, cause
            from sakigake.change where workspace = %s and plan_id = %s order by seq""",
            (workspace.name, plan_id),
        ).fetchall()
    counts: dict[str, int] = {}
    for c in changes:
        counts[c[3]] = counts.get(c[3], 0) + 1
    return {
        "plan": row[0],
        "run": row[1],
        "created_at": row[2].isoformat(),
        "status": row[3],
        "held": row[3] == PlanStatus.HELD,
        "held_because": row[4],
        "mapping": row[5],
        "skipped": row[6],
        "decided_by": row[7],
        "decided_because": row[8],
        "decided_at": row[9].isoformat() if row[9] else None,
        "counts": dict(sorted(counts.items())),
        "changes": [
            {
                "record": f"{c[0]}.{c[1]}/{c[2]}",
                "field": c[3],
                "api_name": c[4],
                "old": c[5],
                "new": c[6],
                "why": c[7],
                "status": c[8],
                "cause": c[9],
            }
            for c in changes
        ],
    }


def apply_plan(workspace: Workspace, plan_id: str, reason: str, progress: Progress) -> dict[str, Any]:
    """Delivers a held or planned plan as a run of its own; who said so, and why, is kept with it."""
    if not reason.strip():
        raise SakigakeError("--reason is empty; say in a few words why this plan may be delivered.")
    status = plan_document(workspace, plan_id)["status"]
    if status not in (PlanStatus.HELD, PlanStatus.PLANNED):
        raise SakigakeError(f"Plan {plan_id} is {status} and cannot be applied; make a new one with `sakigake plan`.")
    run_id = new_id("run")
    with workspace.connect() as conn, only_run(conn, workspace.name):
        story = RunLog(conn, workspace.name, run_id)
        story.begin(workspace.rules.hash)
        outcome, cause = RunStatus.FAILED, "interrupted"
        try:
            with story.step(Step.DELIVER) as note:
                write_back.resolve(workspace)
                conn.execute(
                    """update sakigake.plan set status = %s, decided_by = %s, decided_because = %s, decided_at = %s
                    where workspace = %s and plan_id = %s""",
                    (PlanStatus.PLANNED, _person(), reason, utc_now(), workspace.name, plan_id),
                )
                counts = write_back.send(workspace, plan_id, recheck=True, progress=progress)
                delivered = {"confirmed": counts.confirmed, "failed": counts.failed, "dropped": counts.dropped}
                written = write_back.written_by(workspace, plan_id)
                note.counts = {"plan": plan_id, **delivered, "written": written}
            outcome, cause = RunStatus.SUCCEEDED, ""
        except Exception as e:
            outcome, cause = ended_as(e), str(e)
            raise
        finally:
            story.finish(workspace.connect, outcome, cause=cause)
    return {"run": run_id, "plan": plan_id, "delivered": delivered, "written": written}


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
