"""Commands that check: doctor, config check, mapping check."""

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
    from contextlib import ExitStack

    from jobs.mapping.check import problems_with
    from jobs.settings import load
    from jobs.wiring import choose_workspace, open_connector, read_rules

    set_logs()
    _, settings = choose_workspace(load(config), workspace)
    folder = config.absolute().parent
    rules = read_rules(settings, folder)
    with ExitStack() as stack:
        connectors = {}
        for name, given in settings.connections.items():
            connectors[name] = connector = open_connector(name, given, folder)
            stack.callback(connector.close)
        problems = problems_with(rules, connectors, settings.prefix)
    if json:
        show_json({"ok": not problems, "mapping": rules.hash, "problems": [str(p) for p in problems]})
    else:
        for problem in problems:
            print(problem)  # not wrapped: editors jump to file:line
        if not problems:
            out.print(
                f"The mapping, version {rules.hash[:12]}, fits the CRMs: every object, field and stage it names is there."
            )
    if problems:
        raise typer.Exit(2)


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)
    app.add_typer(config_app, name="config")
    mapping.add_to(mapping_app)
    app.add_typer(mapping_app, name="mapping")
