"""`sakigake provision`: our fields in the CRMs, there and away, or as a package to deploy."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_workspace, out, show_json
from jobs.errors import ConfigError
from models.counted import counted


def provision(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show each request; make nothing.")] = False,
    no_layout: Annotated[
        bool, typer.Option("--no-layout", help="Leave the Salesforce page layouts as they are.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take out what provision made, the values in our fields included.")
    ] = False,
    package: Annotated[
        Path | None,
        typer.Option(help="Write the same for Salesforce as source files into this folder; touch no CRM."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Create our fields, their labels, rights, list views and place on pages in the CRMs. A second time changes nothing."""
    if package is not None:
        if dry_run or no_layout or remove:
            raise ConfigError("--package goes alone: it writes files and touches no CRM.")
        _write(package, config, workspace, json=json)
        return
    if remove and no_layout:
        raise ConfigError("--remove takes our section off the page layouts too; give it without --no-layout.")
    with opened_workspace(config, workspace) as ready:
        from jobs.steps import provision as step_of
        from jobs.tables.provision import provision as show

        if remove:
            if not dry_run and sys.stdin.isatty() and not json:
                places = ", ".join(sorted({f"{c}.{o}" for some in step_of.to_remove(ready).values() for c, o in some}))
                if not typer.confirm(f"Delete our fields and their values from {places}?"):
                    raise ConfigError("Nothing was taken out.")
            steps = step_of.unprovision(ready, dry_run=dry_run)
        else:
            steps = step_of.provision_workspace(ready, dry_run=dry_run, layout=not no_layout)
    if json:
        show_json({"steps": step_of.documents(steps), "advice": step_of.advice(steps)})
    else:
        show(out, steps, dry_run=dry_run)
    if any(step.status == "refused" for _, step in steps):
        raise typer.Exit(1)


def _write(folder: Path, config: Path, workspace: str | None, *, json: bool) -> None:
    from jobs.settings import load
    from jobs.steps.package import write_package
    from jobs.wiring import choose_workspace, read_rules

    _, settings = choose_workspace(load(config), workspace)
    rules = read_rules(settings, config.absolute().parent)
    written = write_package(folder, settings, rules)
    if json:
        show_json({"written": [str(path) for path in written]})
        return
    out.print(f"wrote {counted(len(written), 'file')} into {folder}; its README.md says how to deploy them.")


def add_to(app: typer.Typer) -> None:
    app.command()(provision)
