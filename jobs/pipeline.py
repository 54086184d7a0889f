"""One run: the steps in their order, each noted with what it did. Wires and orders; decides nothing of the business."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import structlog

from jobs.alerts import alert
from jobs.beside import Beside
from jobs.erasing import keep_out
from jobs.heads import note_head
from jobs.mapping.check import require_fitting
from jobs.mapping.versions import require_active, waited_before
from jobs.progress import NoProgress, Progress
from jobs.runs import RunLog, ended_as, new_id, only_run
from jobs.steps import compute as compute_step
from jobs.steps import list_rows, making, write_back
from jobs.steps import map as map_step
from jobs.steps import pull as pull_step
from jobs.steps.fresh import unread
from jobs.steps.prepare import prepared
from jobs.wiring import Workspace
from models.vocabulary import PlanStatus, RunStatus, Step
from sync.errors import LoginRefused, SyncError

log = structlog.get_logger()
ALL_STEPS = tuple(Step)
NOTHING_CONCLUDED = "Nothing is concluded from an object before it is whole; all others are up to date."


@dataclass(slots=True)
class RunReport:
    """What a run did: what `run --json` prints, and what the tables are made from."""

    run: str
    workspace: str
    as_of: date | None = None
    plan: str | None = None
    held: bool = False
    held_because: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)  # objects that the CRM still works at, by `connection.Object`
    unread: list[str] = field(default_factory=list)  # of these, what was never whole: nothing is concluded before it is
    question: str | None = None  # the plan that asks about persons' edits
    pulled: dict[str, dict[str, int]] = field(default_factory=dict)
    mapped: dict[str, Any] = field(default_factory=dict)
    computed: dict[str, Any] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    api_calls: dict[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """Changes that the CRM refused for good."""
        return self.delivered.get("failed", 0)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "run": self.run,
            "workspace": self.workspace,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "plan": self.plan,
            "held": self.held,
            "held_because": self.held_because,
            "question": self.question,
            "waiting": self.waiting,
            "pulled": self.pulled,
            "mapped": self.mapped,
            "computed": self.computed,
            "planned": self.planned,
            "skipped": self.skipped,
            "delivered": self.delivered,
            "written": self.written,
            "api_calls": self.api_calls,
        }


def run_cycle(
    workspace: Workspace,
    *,
    steps: Sequence[Step] = ALL_STEPS,
    only_connection: str | None = None,
    full: bool = False,
    again: bool = False,
    progress: Progress | None = None,
    turn: float | None = None,
) -> RunReport:
    """Runs the steps asked for; `turn` bounds the seconds that one object may be read for. Raises what stopped it, after noting it; what was stored before stays, and the next run goes on."""
    shown = progress or NoProgress()
    report = RunReport(new_id("run"), workspace.name)
    before = {c: sum(connector.calls().values()) for c, connector in workspace.connectors.items()}
    with workspace.connect() as conn, only_run(conn, workspace.name):
        story = RunLog(conn, workspace.name, report.run)
        story.begin(workspace.rules.hash)
        log.info("run started", workspace=workspace.name, run=report.run, steps=[str(s) for s in steps])
        status, cause = RunStatus.FAILED, "interrupted"
        refused: LoginRefused | None = None
        try:
            _steps(workspace, story, report, steps, only_connection, full, again, shown, turn)
            status, cause = _ended(report)
        except Exception as e:
            status, cause = ended_as(e), str(e)
            refused = e if isinstance(e, LoginRefused) else None
            raise
        finally:
            for name, connector in workspace.connectors.items():
                report.api_calls[name] = sum(connector.calls().values()) - before[name]
                if not conn.closed:
                    story.note_calls(name, {"all": report.api_calls[name]}, connector.quota())
            story.finish(workspace.connect, status, as_of=report.as_of, cause=cause)
            if refused is not None and not conn.closed:
                _tell_refused(workspace, story, str(refused))
            if not conn.closed:
                note_head(conn, workspace.name, workspace.home)
            log.info("run ended", workspace=workspace.name, run=report.run, status=str(status), cause=cause or None)
    return report


def _ended(report: RunReport) -> tuple[RunStatus, str]:
    if report.unread:
        cause = " ".join(report.waiting[name] for name in report.unread if name in report.waiting)
        return RunStatus.WAITING, f"{cause} {NOTHING_CONCLUDED}"
    return (RunStatus.HELD if report.held else RunStatus.SUCCEEDED), ""


def _settle_made(workspace: Workspace, run_id: str) -> None:
    """Records that lists were making when an answer was lost. A CRM that does not answer now is asked by the next run."""
    try:
        making.resolve(workspace, run_id)
    except SyncError as e:
        log.warning("records of a list are not settled yet", workspace=workspace.name, cause=str(e))


def _tell_refused(workspace: Workspace, story: RunLog, cause: str) -> None:
    """People hear once that a login is refused, not at every cycle until it is mended."""
    row = story.conn.execute(
        "select cause from sakigake.run where workspace = %s and run_id <> %s order by started_at desc limit 1",
        (workspace.name, story.run_id),
    ).fetchone()
    if row is None or row[0] != cause:
        title = f"Sakigake: a CRM refuses the login of {workspace.name}"
        alert(
            workspace.settings.alerts, workspace.folder, title, f"{cause} Until then nothing is read or written there."
        )


def _steps(
    workspace: Workspace,
    story: RunLog,
    report: RunReport,
    steps: Sequence[Step],
    only_connection: str | None,
    full: bool,
    again: bool,
    progress: Progress,
    turn: float | None,
) -> None:
    if (Step.PULL in steps or Step.MAP in steps) and not waited_before(story.conn, workspace):
        require_fitting(story.conn, workspace.name, workspace.rules, workspace.connectors, workspace.settings.prefix)
    require_active(story.conn, workspace, steps)
    keep_out(story.conn, workspace)
    before, as_of = story.fingerprint(Step.COMPUTE), workspace.today()
    with prepared(workspace, before, as_of) if Step.COMPUTE in steps else nullcontext() as aside:
        if Step.PULL in steps:
            _pulled(workspace, story, report, only_connection, full, progress, turn)
        if report.unread:
            return
        _told(workspace, story, report, steps, full, progress, before, aside)
    if Step.PLAN in steps:
        with story.step(Step.PLAN) as note, progress.task("plan"):
            made = write_back.plan(workspace, report.run, again=again)
            report.plan, report.question, drafted = made.plan_id, made.question, made.draft
            report.held = note.held = made.status is PlanStatus.HELD
            report.held_because = made.held_because if report.held else []
            for change in drafted.changes:
                key = change.record.connection
                report.planned[key] = report.planned.get(key, 0) + 1
            report.skipped = dict(drafted.skipped)
            note.counts = {"plan": report.plan, "changes": report.planned, "skipped": report.skipped}
    if Step.DELIVER in steps and not report.held:
        plan_id = report.plan or write_back.newest_open_plan(workspace)
        if plan_id is None:
            return
        with story.step(Step.DELIVER) as note:
            note.counts = {"plan": plan_id}
            counts = write_back.send(workspace, plan_id, report.run, recheck=report.plan is None, progress=progress)
            report.plan = plan_id
            report.delivered = {"confirmed": counts.confirmed, "failed": counts.failed, "dropped": counts.dropped}
            report.written = write_back.written_by(workspace, plan_id)
            note.counts = {"plan": plan_id, **report.delivered, "written": report.written}


def _pulled(
    workspace: Workspace,
    story: RunLog,
    report: RunReport,
    only_connection: str | None,
    full: bool,
    progress: Progress,
    turn: float | None,
) -> None:
    """Records from the CRMs into the mirror."""
    with story.step(Step.PULL) as note:
        _settle_made(workspace, report.run)  # first: what is read then is known as ours
        found = pull_step.pull(
            workspace, report.run, only_connection=only_connection, full=full, progress=progress, turn=turn
        )
        note.counts = found.document()
        report.pulled = found.counts()
        list_rows.follow(workspace, report.run)
        keep_out(story.conn, workspace)  # a table may have been made just now
        report.waiting = found.waiting()
        note.waiting = bool(report.waiting)
        found.require()
        report.unread = unread(story.conn, workspace) if report.waiting else []


def _told(
    workspace: Workspace,
    story: RunLog,
    report: RunReport,
    steps: Sequence[Step],
    full: bool,
    progress: Progress,
    before: dict[str, Any] | None,
    aside: Beside | None,
) -> None:
    """Facts from the mirror, and what they tell; `before` is what the newest computation stands on, `aside` what `prepared` gave."""
    if Step.MAP in steps:
        with story.step(Step.MAP) as note, progress.task("map"):
            note.counts = report.mapped = map_step.map_facts(
                workspace, report.run, story.fingerprint(Step.MAP), whole=full
            )
    if Step.COMPUTE in steps:
        with story.step(Step.COMPUTE) as note, progress.task("compute"):
            report.as_of = workspace.today()
            facts = (story.fingerprint(Step.MAP) or {}).get("facts")
            note.counts = report.computed = compute_step.compute(
                workspace, report.run, report.as_of, before, facts, aside
            )
