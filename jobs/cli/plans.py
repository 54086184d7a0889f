"""Commands about what is written to the CRMs: plan, apply, undo."""

import sys
from datetime import date
from typing import Annotated

import typer

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
from models.vocabulary import Step


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
        from jobs import pipeline, tables
        from jobs.steps import approve

        question: str | None = None
        if plan_id is None:
            report = pipeline.run_cycle(ready, steps=[Step.PLAN], again=again)
            plan_id, question = str(report.plan), report.question
        document = approve.plan_document(ready, plan_id)
    if json:
        show_json(document)
    elif csv:
        tables.plan_csv(sys.stdout, document)
    elif document["creates"]:
        from jobs import tables_making

        tables.plan_head(out, document)
        tables_making.creates(out, document)
    else:
        tables.plan(out, document)
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
        from jobs import tables
        from jobs.progress import bars
        from jobs.steps import approve

        if until is not None:
            document = approve.keep_theirs(ready, plan_id, until, reason)
        else:
            with bars(wanted=not json) as progress:
                document = approve.apply_plan(ready, plan_id, reason, progress)
    if json:
        show_json(document)
    elif until is not None:
        out.print(f"{document['kept']:,} values of persons stay until {until}.")
    else:
        tables.applied(out, document)
    if document["delivered"].get("failed"):
        raise typer.Exit(1)


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
        from jobs import tables, tables_making
        from jobs.progress import bars
        from jobs.steps.undo import undo_run

        with bars(wanted=not json) as progress:
            document = undo_run(ready, run_id, reason, progress, dry_run=dry_run)
    if json:
        show_json(document)
    else:
        (tables_making.unmade if "removes" in document else tables.undone)(out, document)
    if document.get("delivered", {}).get("failed"):
        raise typer.Exit(1)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"--keep-until is {text!r}, expected a day such as 2026-12-31.") from e


def add_to(app: typer.Typer) -> None:
    for command in (plan, apply, undo):
        app.command()(command)
