"""Commands that read: status, explain."""

from typing import Annotated

import typer
from rich.markup import escape

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from jobs.errors import ConfigError
from models.vocabulary import RecordRef


def status(config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show the last runs, how fresh each object is, and what waits for a person."""
    from jobs.settings import load

    configuration = load(config)
    from jobs import tables, views
    from jobs.mapping_versions import standing
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
    shown = tables.table("Last runs", "run", "started", "status", "as of", "cause")
    for r in document["runs"]:
        shown.add_row(
            r["run"], r["started_at"][:16].replace("T", " "), r["status"], r["as_of"] or "-", r["cause"] or ""
        )
    out.print(shown)
    tables.objects(out, document["objects"])
    tables.drift(out, document["drift"])
    last = document["last_delivery"]
    out.print(f"Last delivery: {last['run']} at {last['finished_at'][:19]}" if last else "Nothing was delivered yet.")
    for q in document["quota"]:
        of = f" of {q['quota_limit']:,}" if q["quota_limit"] else ""
        used = f"; {q['quota_used']:,}{of} of the day's calls are used" if q["quota_used"] is not None else ""
        out.print(f"{q['connection']}: {q['last_run_calls']:,} calls in the last run{used}")
    tables.unmapped(out, document["unmapped"])
    for kind, n in document["unplaced"].items():
        out.print(f"[yellow]{n:,} {kind.replace('_', ' ')}[/]")
    for p in document["held_plans"]:
        out.print(f"[yellow]Held:[/] {p['plan']} with {p['changes']:,} changes. {escape(' '.join(p['held_because']))}")


def explain(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="connection.Object/ID")],
    field: Annotated[str | None, typer.Argument(metavar="FIELD", help="One field of ours, such as tier.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Tell why a CRM record's fields say what they say: value, reason, events, sources, writes."""
    try:
        ref = RecordRef.parse(record)
    except ValueError as e:
        raise ConfigError(f"{e}.") from e
    from jobs.settings import load

    configuration = load(config)
    from jobs import tables, views
    from jobs.wiring import choose_workspace, connect_with
    from models.catalogue import BY_NAME

    name, _ = choose_workspace(configuration, workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        document = views.explain(conn, name, ref, field)
    if json:
        show_json(document)
        return
    made = document["computed"]
    out.print(f"[bold]{escape(document['record'])}[/] is {document['subject']} {document['id']}")
    if made:
        out.print(
            f"as of {made['as_of']}, mapping {made['mapping_hash'][:12]}, code {made['code_version']}, {made['run']}"
        )
    shown = tables.table("Fields", "field", "value", "why", "since run")
    for r in document["fields"]:
        shown.add_row(
            BY_NAME[r["field"]].label_en if r["field"] in BY_NAME else r["field"],
            tables.value(r["value"]),
            "" if r["inputs"].get("why") == r["value"] else r["inputs"].get("why", ""),
            tables.short(r["run"]),
        )
    out.print(shown)
    shown = tables.table("Events", "occurred", "known", "milestone", "op", "rule", "source")
    for event in document["events"][-tables.SHOWN :]:
        mark = " (from the CRM's history)" if event["reconstructed"] else ""
        shown.add_row(
            event["occurred_on"],
            event["known_at"][:10] + mark,
            event["milestone"],
            event["op"],
            event["rule"],
            event["source"],
        )
    out.print(shown)
    if len(document["events"]) > tables.SHOWN:
        out.print(f"... and {len(document['events']) - tables.SHOWN:,} earlier ones; --json shows all.")
    shown = tables.table("Written by us", "field", "old", "new", "status", "when", "plan")
    for w in document["writes"][-tables.SHOWN :]:
        shown.add_row(
            w["field"],
            tables.value(w["old"]),
            tables.value(w["new"]),
            w["status"],
            (w["settled_at"] or "-")[:19],
            w["plan"],
        )
    out.print(shown)


def add_to(app: typer.Typer) -> None:
    for command in (status, explain):
        app.command()(command)
