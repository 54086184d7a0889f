"""`undo RUN`: what a run wrote to the CRMs, taken back where nobody has touched it since. Is itself a run with a plan."""

from typing import Any

from psycopg import Connection

from jobs.errors import NotFound, PlanRefused
from jobs.person import person
from jobs.progress import Progress
from jobs.runs import new_id, utc_now
from jobs.steps import write_back
from jobs.steps.approve import delivered_by, plan_document
from jobs.steps.unmaking import made_in, undo_made
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.catalogue import BY_NAME
from models.vocabulary import PlanKind, PlanStatus, RecordRef
from sync.writeback import plans
from sync.writeback.changes import OpenChange
from sync.writeback.live import live_values
from sync.writeback.plan import Draft, Wanted
from sync.writeback.plans import NewPlan
from sync.writeback.undo import WroteOnce, undo_draft
from sync.writeback.withheld import withhold


def undo_run(
    workspace: Workspace, run_id: str, reason: str, progress: Progress, *, dry_run: bool = False
) -> dict[str, Any]:
    """Writes the old values back, or with `dry_run` only tells. `cannot` lists what stays, each with its cause.

    What was taken back is not offered again until its value, or the mapping, changes. NotFound or PlanRefused where there is nothing to undo.
    """
    if not dry_run and not reason.strip():
        raise PlanRefused("--reason is empty; say in a few words why this run is undone.")
    with workspace.connect() as conn:
        if made_in(conn, workspace.name, run_id):
            return undo_made(workspace, run_id, reason, dry_run=dry_run)
        wrote = _wrote(conn, workspace, run_id)
    undoing = new_id("run")
    if dry_run:
        drafted = _draft(workspace, wrote, run_id)
        return {"run": None, "plan": None, "undoes": run_id, **_listed(drafted)}
    with delivered_by(workspace, undoing) as (conn, note):
        write_back.resolve(workspace, undoing)
        drafted = _draft(workspace, wrote, run_id)
        plan_id = _store(conn, workspace, undoing, run_id, drafted, reason)
        note.counts = {"plan": plan_id, "undoes": run_id}
        counts = write_back.send(workspace, plan_id, undoing, recheck=True, progress=progress)
        note.counts |= {"confirmed": counts.confirmed, "failed": counts.failed, "dropped": counts.dropped}
        note.counts["written"] = written = write_back.written_by(workspace, plan_id)
        if not _undid(conn, workspace, run_id):
            _withhold(conn, workspace, plan_id, run_id)
    done = plan_document(workspace, plan_id)
    cannot = [c for c in done["changes"] if c["status"] != "confirmed"]
    delivered = {"confirmed": counts.confirmed, "failed": counts.failed, "dropped": counts.dropped}
    return {
        "run": undoing, "plan": plan_id, "undoes": run_id, "delivered": delivered, "written": written, "cannot": cannot,
    }  # fmt: skip


def _wrote(conn: Connection[Any], workspace: Workspace, run_id: str) -> list[WroteOnce]:
    """What the run confirmed, each field once."""
    if (
        conn.execute(
            "select from sakigake.run where workspace = %s and run_id = %s", (workspace.name, run_id)
        ).fetchone()
        is None
    ):
        raise NotFound(
            f"There is no run {run_id} in workspace {workspace.name}; `sakigake status` names the newest ones."
        )
    undone = conn.execute(
        """select p.run_id from sakigake.plan p where p.workspace = %s and p.kind = %s and p.undoes = %s and exists (select from
            sakigake.change c where c.workspace = p.workspace and c.plan_id = p.plan_id and c.status = 'confirmed') limit 1""",
        (workspace.name, PlanKind.UNDO, run_id),
    ).fetchone()
    if undone is not None:
        raise PlanRefused(
            f"Run {run_id} was undone by {undone[0]} already; to take that back, say: sakigake undo {undone[0]} --reason WHY"
        )
    rows = conn.execute(
        """select distinct on (c.connection, c.object, c.record_id, c.field) c.connection, c.object, c.record_id, c.field, c.old, c.new,
            w.plan_id is distinct from c.plan_id
        from sakigake.change c left join sakigake.written w using (workspace, connection, object, record_id, field)
        where c.workspace = %s and c.run_id = %s and c.status = 'confirmed' and c.tries > 0
        order by c.connection, c.object, c.record_id, c.field, c.settled_at desc""",
        (workspace.name, run_id),
    ).fetchall()
    if not rows:
        raise PlanRefused(f"Run {run_id} wrote nothing to the CRMs, so there is nothing to undo.")
    return [WroteOnce(RecordRef(r[0], r[1], r[2]), BY_NAME[r[3]], r[4], r[5], r[6]) for r in rows]


def _draft(workspace: Workspace, wrote: list[WroteOnce], run_id: str) -> Draft:
    asked = [Wanted(w.record, w.field, w.old, "") for w in wrote if w.record.connection in workspace.connectors]
    live = live_values(workspace.connectors, asked, workspace.settings.prefix)
    return undo_draft([w for w in wrote if w.record in live], live, run_id)


def _store(conn: Connection[Any], workspace: Workspace, undoing: str, run_id: str, drafted: Draft, reason: str) -> str:
    plan_id, now = new_id("plan"), utc_now()
    new = NewPlan(
        plan_id, undoing, write_back.api_names(workspace), workspace.rules.hash, kind=PlanKind.UNDO, undoes=run_id
    )
    with conn.transaction():
        plans.store_plan(conn, workspace.name, new, drafted, now)
        conn.execute(
            """update sakigake.plan set decided_by = %s, decided_because = %s, decided_at = %s, status = %s
            where workspace = %s and plan_id = %s""",
            (person(), reason, now, PlanStatus.PLANNED, workspace.name, plan_id),
        )
        write_back.tell_chain(conn, workspace, AuditKind.UNDO, person(), new, drafted, undoes=run_id, reason=reason)
    return plan_id


def _undid(conn: Connection[Any], workspace: Workspace, run_id: str) -> bool:
    """Whether the run itself took another one back: then what stands now is what was computed."""
    row = conn.execute(
        "select from sakigake.plan where workspace = %s and run_id = %s and kind = %s",
        (workspace.name, run_id, PlanKind.UNDO),
    ).fetchone()
    return row is not None


def _withhold(conn: Connection[Any], workspace: Workspace, plan_id: str, run_id: str) -> None:
    """What was taken back is what the next plan would write again."""
    rows = conn.execute(
        """select plan_id, seq, connection, object, record_id, field, api_name, new, old from sakigake.change
        where workspace = %s and plan_id = %s and status = 'confirmed'""",
        (workspace.name, plan_id),
    ).fetchall()
    taken = [OpenChange(r[0], r[1], RecordRef(r[2], r[3], r[4]), BY_NAME[r[5]], *r[6:]) for r in rows]
    with conn.transaction():
        withhold(
            conn, workspace.name, [(c, f"{run_id} was undone") for c in taken], utc_now(),
            mapping_hash=workspace.rules.hash, while_unmoved=False,
        )  # fmt: skip


def _listed(drafted: Draft) -> dict[str, Any]:
    def shown(change: Any, status: str, cause: str | None) -> dict[str, Any]:
        return {
            "record": str(change.record), "field": change.field.name, "old": change.old, "new": change.new,
            "status": status, "cause": cause,
        }  # fmt: skip

    return {
        "changes": [shown(c, "would be written", None) for c in drafted.changes],
        "cannot": [shown(b.change, "dropped", b.cause) for b in drafted.blocked],
    }
