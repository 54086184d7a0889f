"""The proof of completeness: every object of the mapping compared with its CRM, repaired, and the result kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from jobs.errors import NotFound
from jobs.mapping.versions import require_active
from jobs.pausing import paused, require_awake
from jobs.progress import NoProgress, Progress, Task
from jobs.runs import RunLog, ended_as, new_id, only_run, utc_now
from jobs.steps.lanes import Lane, Outcome, side_by_side
from jobs.wiring import Workspace
from models.vocabulary import RunStatus, Step
from sync.errors import SyncError
from sync.mirror.proof import Proof
from sync.mirror.reconcile import reconcile_object
from sync.records import ReadSpec

log = structlog.get_logger()
STEP = "reconcile"
KEPT = ("here", "there", "counted", "missing", "extra", "stale", "recent", "repaired", "links", "refreshed")


@dataclass(slots=True)
class Found:
    """One object's proof, or why there is none."""

    connection: str
    object: str
    proof: Proof | None = None
    cause: str | None = None
    quota: bool = False  # the day's calls were used up

    @property
    def proven(self) -> bool:
        return self.proof is not None and self.proof.proven

    def document(self) -> dict[str, Any]:
        """As JSON; numbers are null where nothing could be compared."""
        names = (*KEPT, "parked")
        return {
            "connection": self.connection,
            "object": self.object,
            **{name: getattr(self.proof, name, None) for name in names},
            "proven": self.proven,
            "cause": self.proof.cause if self.proof is not None else self.cause,
            "seconds": self.proof.seconds if self.proof is not None else None,
        }


@dataclass(slots=True)
class ReconcileReport:
    """What one sweep of a workspace did: what `reconcile --json` prints, and what the table is made from."""

    run: str
    workspace: str
    objects: list[Found] = field(default_factory=list)
    api_calls: dict[str, int] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        return all(o.proven for o in self.objects)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "run": self.run,
            "workspace": self.workspace,
            "proven": self.proven,
            "objects": [o.document() for o in self.objects],
            "api_calls": self.api_calls,
        }


def reconcile(
    workspace: Workspace,
    *,
    only_connection: str | None = None,
    only_object: str | None = None,
    progress: Progress | None = None,
    accept_removals: bool = False,
) -> ReconcileReport:
    """Sweeps the objects asked for, as a run of its own. An object that cannot be compared is told with its cause; the others still are.

    NotFound where nothing of that name is mapped; RunBusy while another run of the workspace is under way.
    """
    wanted = _wanted(workspace, only_connection, only_object)
    shown = progress or NoProgress()
    report = ReconcileReport(new_id("run"), workspace.name)
    before = {c: sum(workspace.connectors[c].calls().values()) for c in wanted}
    with workspace.connect() as conn, only_run(conn, workspace.name):
        story = RunLog(conn, workspace.name, report.run)
        story.begin(workspace.rules.hash)
        log.info("reconcile started", workspace=workspace.name, run=report.run)
        status, cause = RunStatus.FAILED, "interrupted"
        try:
            require_active(conn, workspace, (Step.PULL,))
            with story.step(STEP) as note:
                report.objects = _all(workspace, wanted, report.run, shown, accept_removals)
                note.counts = {f"{o.connection}.{o.object}": o.document() for o in report.objects}
                note.quota = any(o.quota for o in report.objects)
            status, cause = _outcome(report)
        except Exception as e:
            status, cause = ended_as(e), str(e)
            raise
        finally:
            for name in wanted:
                connector = workspace.connectors[name]
                report.api_calls[name] = sum(connector.calls().values()) - before[name]
                if not conn.closed:
                    story.note_calls(name, {"all": report.api_calls[name]}, connector.quota())
            story.finish(workspace.connect, status, cause=cause)
            log.info("reconcile ended", workspace=workspace.name, run=report.run, status=str(status))
    return report


def _wanted(
    workspace: Workspace, only_connection: str | None, only_object: str | None
) -> dict[str, dict[str, ReadSpec]]:
    with workspace.connect() as conn:
        resting = set(paused(conn, workspace.name))
        if only_connection in resting:
            require_awake(conn, workspace.name, {str(only_connection)})
    mapped = {c: specs for c, specs in workspace.specs().items() if c not in resting}
    found = {
        c: {name: spec for name, spec in specs.items() if only_object in (None, name)}
        for c, specs in mapped.items()
        if only_connection in (None, c)
    }
    found = {c: specs for c, specs in found.items() if specs}
    if not found:
        known = ", ".join(f"{c}.{name}" for c, specs in mapped.items() for name in specs)
        asked = ".".join(part for part in (only_connection, only_object) if part)
        raise NotFound(f"The mapping reads nothing called {asked}; it reads {known}.")
    return found


def _outcome(report: ReconcileReport) -> tuple[RunStatus, str]:
    doubtful = [f"{o.connection}.{o.object}" for o in report.objects if not o.proven]
    if not doubtful:
        return RunStatus.SUCCEEDED, ""
    quota = next((o.cause for o in report.objects if o.quota), None)
    said = f"not proven complete: {', '.join(doubtful)}"
    return (RunStatus.FAILED, said) if quota is None else (RunStatus.QUOTA, f"{said}. {quota}")


def _all(
    workspace: Workspace,
    wanted: dict[str, dict[str, ReadSpec]],
    run_id: str,
    progress: Progress,
    accept_removals: bool,
) -> list[Found]:
    """What is no failure of a CRM ends it, after the others came to their end."""

    def act(connection: str, name: str, lane: Lane) -> Proof:
        started = utc_now()
        with progress.task(f"reconcile {connection}.{name}") as task:
            proof = reconcile_object(
                workspace.connect,
                workspace.connectors[connection],
                workspace.pull_of(connection, run_id),
                wanted[connection][name],
                progress=_shown(task, lane),
                accept_removals=accept_removals,
            )
        _keep(workspace, run_id, connection, proof, started)
        return proof

    outcomes = side_by_side(wanted, workspace.settings.at_once(), act)
    for outcome in outcomes:
        if outcome.error is not None and not isinstance(outcome.error, SyncError):
            raise outcome.error
    return sorted(map(_found, outcomes), key=lambda o: (o.connection, o.object))


def _shown(task: Task, lane: Lane) -> Callable[[int, int | None], None]:
    def show(done: int, total: int | None) -> None:
        lane.moved()
        task.update(done, total)

    return show


def _found(outcome: Outcome[Proof]) -> Found:
    if outcome.error is None:
        return Found(outcome.connection, outcome.object, outcome.result)
    log.error("not compared", object=outcome.label, cause=str(outcome.error))
    quota = ended_as(outcome.error) is RunStatus.QUOTA
    return Found(outcome.connection, outcome.object, cause=str(outcome.error), quota=quota)


def _keep(workspace: Workspace, run_id: str, connection: str, proof: Proof, started: datetime) -> None:
    values = [getattr(proof, name) for name in KEPT]
    with workspace.connect() as conn:
        conn.execute(
            """insert into sakigake.reconciliation (workspace, run_id, connection, object, started_at, finished_at,
                here, there, counted, missing, extra, stale, recent, repaired, links, refreshed, proven, cause)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                workspace.name, run_id, connection, proof.object, started, utc_now(), *values, proof.proven, proof.cause,
            ),
        )  # fmt: skip
