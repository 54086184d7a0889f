"""Commands that check: doctor, config check, mapping check."""

import sys
from dataclasses import asdict

import typer

from jobs.cli import mapping
from jobs.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    WorkspaceOption,
    opened_database,
    out,
    set_logs,
    show_json,
)

config_app = typer.Typer(no_args_is_help=True, help="The configuration: check it by file and line.")
mapping_app = typer.Typer(no_args_is_help=True, help="The mapping: check it against the live CRMs, see what it covers.")


def doctor(config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Check configuration, database, logins, quotas, mapping and fields. Exit code 1 where something must be mended."""
    from jobs.settings import load

    configuration = load(config)
    from rich.text import Text

    from jobs.doctor import FAIL, OK, Finding, examine
    from jobs.tables.shape import table

    found: list[Finding] = []
    with opened_database() as engine:
        found += examine(configuration, config.absolute().parent, engine, workspace)
    bad = any(f.status == FAIL for f in found)
    if json:
        show_json({"ok": not bad, "findings": [asdict(f) for f in found]})
    else:
        shown = table("", "", "what", "finding")
        for f in found:
            mark = {OK: Text("ok", "green"), FAIL: Text("FAIL", "red")}.get(f.status, Text("warn", "yellow"))
            shown.add_row(mark, f.subject, f.says + (f" {f.advice}" if f.advice else ""))
        out.print(shown)
    if bad:
        raise typer.Exit(1)


@config_app.command("check")
def config_check(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Check sakigake.yaml and the mappings it names, without touching database or CRMs."""
    from jobs.settings import load
    from jobs.wiring import read_rules

    configuration = load(config)
    hashes = {}
    for name, settings in configuration.workspaces.items():
        rules = read_rules(settings, config.absolute().parent)
        hashes[name] = rules.hash
    if json:
        show_json({"ok": True, "workspaces": {n: {"mapping": h} for n, h in hashes.items()}})
    else:
        for name, version in hashes.items():
            out.print(f"Workspace {name} is fine; its mapping is version {version[:12]}.")


@mapping_app.command("check")
def mapping_check(
    config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Check the mapping against the live CRMs: objects, fields, picklist values and stages."""
    from jobs.settings import load

    configuration = load(config)
    from jobs.mapping.check import checked
    from jobs.wiring import choose_workspace, looked_through, mapping_path

    set_logs()
    _, settings = choose_workspace(configuration, workspace)
    folder = config.absolute().parent
    looked = looked_through(mapping_path(settings, folder), settings)
    found = checked(looked, settings, folder)
    if json:
        show_json({"mapping": looked.said.hash, **found.document()})
    else:
        for problem in found.problems:
            print(problem)  # not wrapped: editors jump to file:line
        for name, causes in found.silent.items():
            for cause in causes:
                print(
                    f"sakigake: {name} could not be looked into, so that not all was checked: {cause}", file=sys.stderr
                )
        if found.exit_code == 0:
            fits = "fits the CRMs: every object, field and stage it names is there."
            out.print(f"The mapping, version {looked.said.hash[:12]}, {fits}")
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)
    app.add_typer(config_app, name="config")
    mapping.add_to(mapping_app)
    app.add_typer(mapping_app, name="mapping")
