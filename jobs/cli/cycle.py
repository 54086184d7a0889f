"""Commands that act: run and serve, plan, apply and undo, reconcile."""

import sys
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Console

from jobs.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    WorkspaceOption,
    opened_workspace,
    out,
    show_json,
)
from jobs.errors import ConfigError
from models.counted import counted
from models.vocabulary import Step

HELD, NOT_WHOLE = 3, 5


def run(
    only: Annotated[str | None, typer.Option(help="Only these steps, such as pull,map.")] = None,
    connection: Annotated[str | None, typer.Option(help="Pull only this connection.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Run one cycle: pull, map, compute, plan, deliver. Exit code 3 where the plan is held for a person, 5 where the CRM still prepares an object."""
    steps = _steps(only)
    with opened_workspace(config, workspace) as ready:
        if connection is not None and connection not in ready.connectors:
            raise ConfigError(f"There is no connection {connection!r}; there are {', '.join(ready.connectors)}.")
        from jobs import pipeline
        from jobs.progress import bars
        from jobs.tables.run import run_report

        with bars(wanted=not json) as progress:
            report = pipeline.run_cycle(ready, steps=steps, only_connection=connection, full=full, progress=progress)
    if json:
        show_json(report.document())
    else:
        run_report(out, report)
    if report.unread:
        raise typer.Exit(NOT_WHOLE)
    if report.held:
        raise typer.Exit(HELD)
    if report.refused:
        raise typer.Exit(1)


def plan(
    plan_id: Annotated[
        str | None, typer.Argument(metavar="PLAN", help="Show this plan; without it, a new one is made.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print every change as a row of CSV on standard output.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Offer anew what a CRM refused, and what a person took back by undo.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a write-back would change: record, field, old, new, why."""
    if csv and json:
        raise ConfigError("--csv and --json are two forms of one answer; give one of them.")
    with opened_workspace(config, workspace) as ready:
        from jobs import pipeline
        from jobs.steps import approve
        from jobs.tables import making, plans

        question: str | None = None
        if plan_id is None:
            report = pipeline.run_cycle(ready, steps=[Step.PLAN], again=again)
            plan_id, question = str(report.plan), report.question
        document = approve.plan_document(ready, plan_id)
    if json:
        show_json(document)
    elif csv:
        plans.plan_csv(sys.stdout, document)
    elif document["creates"]:
        plans.plan_head(out, document)
        making.creates(out, document)
    else:
        plans.plan(out, document)
        if question is not None:
            out.print(f"Persons wrote over values of ours; see: sakigake plan {question}")


def apply(
    plan_id: Annotated[
        str, typer.Argument(metavar="PLAN", help="The plan, as `sakigake plan` or `sakigake status` names it.")
    ],
    reason: Annotated[str, typer.Option(help="Why it may be delivered; kept with the plan.")],
    keep_until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Of a plan that asks about persons' edits: let theirs stay until that day."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Deliver a plan that waits for a person. Its values are compared with the CRMs once more before they are sent."""
    until = _day(keep_until)
    with opened_workspace(config, workspace) as ready:
        from jobs.progress import bars
        from jobs.steps import approve
        from jobs.tables.plans import applied

        if until is not None:
            document = approve.keep_theirs(ready, plan_id, until, reason)
        else:
            with bars(wanted=not json) as progress:
                document = approve.apply_plan(ready, plan_id, reason, progress)
    if until is not None and not json:
        out.print(f"{counted(document['kept'], 'value of a person stays', 'values of persons stay')} until {until}.")
    else:
        _written(document, applied, json=json)


def undo(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `sakigake status` or `explain` names it.")],
    reason: Annotated[str, typer.Option(help="Why it is undone; kept with the plan.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken back; write nothing.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Take back what a run wrote to the CRMs, where nobody has touched it since."""
    with opened_workspace(config, workspace) as ready:
        from jobs.progress import bars
        from jobs.steps.undo import undo_run
        from jobs.tables import making, plans

        with bars(wanted=not json) as progress:
            document = undo_run(ready, run_id, reason, progress, dry_run=dry_run)
    _written(document, making.unmade if "removes" in document else plans.undone, json=json)


def reconcile(
    connection: Annotated[str | None, typer.Option(help="Only this connection.")] = None,
    object_name: Annotated[str | None, typer.Option("--object", help="Only this object, such as Account.")] = None,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="Most of an object is really gone from the CRM: mark it so.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the mirror with the CRMs record by record, repair it, and print the proof. Exit code 1 where it is not proven."""
    with opened_workspace(config, workspace) as ready:
        from jobs.progress import bars
        from jobs.steps import reconcile as step_of
        from jobs.tables.mirror import reconciliation

        with bars(wanted=not json) as progress:
            report = step_of.reconcile(
                ready,
                only_connection=connection,
                only_object=object_name,
                progress=progress,
                accept_removals=accept_removals,
            )
    if json:
        show_json(report.document())
    else:
        reconciliation(out, report.document())
    if not report.proven:
        raise typer.Exit(1)


def serve(config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None) -> None:
    """Run the cycle on its schedule until told to stop (SIGTERM or ctrl-C)."""
    with opened_workspace(config, workspace, logs="info") as ready:
        from jobs import scheduler

        scheduler.serve(ready)


def _written(document: dict[str, Any], shown: Callable[[Console, dict[str, Any]], None], *, json: bool) -> None:
    """Shows what became of what was to be written; exit code 1 where a CRM refused some of it."""
    if json:
        show_json(document)
    else:
        shown(out, document)
    if document.get("delivered", {}).get("failed"):
        raise typer.Exit(1)


def _steps(only: str | None) -> tuple[Step, ...]:
    if only is None:
        return tuple(Step)
    names = [part.strip() for part in only.split(",") if part.strip()]
    unknown = [n for n in names if n not in list(Step)]
    if unknown or not names:
        raise ConfigError(
            f"--only names {f'{unknown[0]!r}, which is no step' if unknown else 'no step'}; the steps are {', '.join(Step)}."
        )
    return tuple(s for s in Step if s in names)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"--keep-until is {text!r}, expected a day such as 2026-12-31.") from e


def add_to(app: typer.Typer) -> None:
    for command in (run, plan, apply, undo, reconcile, serve):
        app.command()(command)
