"""Commands that act: run, reconcile, serve."""

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
        from jobs import pipeline, tables
        from jobs.progress import bars

        with bars(wanted=not json) as progress:
            report = pipeline.run_cycle(ready, steps=steps, only_connection=connection, full=full, progress=progress)
    if json:
        show_json(report.document())
    else:
        tables.run_report(out, report)
    if report.unread:
        raise typer.Exit(NOT_WHOLE)
    if report.held:
        raise typer.Exit(HELD)
    if report.refused:
        raise typer.Exit(1)


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
        from jobs import tables
        from jobs.progress import bars
        from jobs.steps import reconcile as step_of

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
        tables.reconciliation(out, report.document())
    if not report.proven:
        raise typer.Exit(1)


def serve(config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None) -> None:
    """Run the cycle on its schedule until told to stop (SIGTERM or ctrl-C)."""
    with opened_workspace(config, workspace, logs="info") as ready:
        from jobs import scheduler

        scheduler.serve(ready)


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


def add_to(app: typer.Typer) -> None:
    for command in (run, reconcile, serve):
        app.command()(command)
