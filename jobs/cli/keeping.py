"""Commands by which a person sets bounds: erase a record, let a connection rest."""

from typing import Annotated, Any

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_workspace, out, show_json
from jobs.errors import ConfigError
from models.vocabulary import RecordRef


def erase(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="The record, written connection.Object/ID.")],
    reason: Annotated[str, typer.Option(help="Why, such as the request that you answer; kept with the tombstone.")],
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Erase a record from mirror, history, facts, results and plans; a hash stays, so that nothing brings it back."""
    try:
        named = RecordRef.parse(record)
    except ValueError as e:
        raise ConfigError(str(e)) from e
    if not reason.strip():
        raise ConfigError("--reason is empty; say why, such as the request that you answer.")
    with opened_workspace(config, workspace) as ready:
        from jobs.erasing import erase_record

        document = erase_record(ready, named, reason)
    if json:
        show_json(document)
        return
    rows = ", ".join(f"{name} {n}" for name, n in document["erased"].items() if n)
    out.print(f"Erased{' again' if document['again'] else ''}: {rows or 'nothing was left of it'}.")
    if document["rows"]:
        out.print(f"With it the rows of imported lists that it was made of: {', '.join(document['rows'])}.")
    if document["made"]:
        out.print(f"Records were made of this row; erase them too: {', '.join(document['made'])}.")
    out.print(
        "The CRM still has what it has: erase the record there too. Backups of before today hold it until they expire."
    )


def pause(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name in sakigake.yaml.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever reads `sakigake status`.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Let a connection rest: it is neither read nor written until it is resumed; the others go on."""
    with opened_workspace(config, workspace) as ready:
        from jobs import pausing

        document = pausing.pause(ready, connection, reason)
    _show(document, json=json)


def resume(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name in sakigake.yaml.")],
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Wake a connection that was paused; the next run reads what it missed."""
    with opened_workspace(config, workspace) as ready:
        from jobs import pausing

        document = pausing.resume(ready, connection)
    _show(document, json=json)


def _show(document: dict[str, Any], *, json: bool) -> None:
    if json:
        show_json(document)
        return
    for name, told in document["paused"].items():
        out.print(
            f"{name} is paused since {told['paused_at']} by {told['who']}{': ' if told['reason'] else ''}{told['reason']}"
        )
    if not document["paused"]:
        out.print("No connection is paused.")


def add_to(app: typer.Typer) -> None:
    for command in (erase, pause, resume):
        app.command()(command)
