"""The command that tells how things stand: status."""

import typer
from rich.markup import escape

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from models.counted import counted


def status(config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show the last runs, how fresh each object is, and what waits for a person."""
    from jobs.settings import load

    configuration = load(config)
    from jobs import views
    from jobs.mapping.versions import standing
    from jobs.tables import mirror
    from jobs.tables.shape import table
    from jobs.wiring import choose_workspace, connect_with

    name, settings = choose_workspace(configuration, workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        document = views.status(conn, name)
        document["mapping"] = standing(conn, name, settings, config.absolute().parent)
    if json:
        show_json(document)
        return
    if document["mapping"]["waits"]:
        out.print(
            "[yellow]The mapping's file waits for a person:[/] sakigake mapping diff, then sakigake mapping activate"
        )
    if not document["runs"]:
        out.print(f"Workspace {name} has not run yet; say: sakigake run")
        return
    shown = table("Last runs", "run", "started", "status", "as of", "cause")
    for r in document["runs"]:
        shown.add_row(
            r["run"], r["started_at"][:16].replace("T", " "), r["status"], r["as_of"] or "-", r["cause"] or ""
        )
    out.print(shown)
    mirror.objects(out, document["objects"])
    mirror.parked(out, document["parked"])
    mirror.drift(out, document["drift"])
    last = document["last_delivery"]
    out.print(f"Last delivery: {last['run']} at {last['finished_at'][:19]}" if last else "Nothing was delivered yet.")
    for q in document["quota"]:
        of = f" of {q['quota_limit']:,}" if q["quota_limit"] else ""
        used = f"; {q['quota_used']:,}{of} of the day's calls are used" if q["quota_used"] is not None else ""
        out.print(f"{q['connection']}: {counted(q['last_run_calls'], 'call')} in the last run{used}")
    mirror.unmapped(out, document["unmapped"])
    for kind, n in document["unplaced"].items():
        out.print(f"[yellow]{n:,} {kind.replace('_', ' ')}[/]")
    for p in document["held_plans"]:
        out.print(
            f"[yellow]Held:[/] {p['plan']} with {counted(p['changes'], 'change')}. {escape(' '.join(p['held_because']))}"
        )


def add_to(app: typer.Typer) -> None:
    app.command()(status)
