"""`sakigake init`: the files to start with."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.common import JsonOption, out, set_logs, show_json


def init(
    preset: Annotated[
        list[str] | None,
        typer.Option(
            help="The starting point: sandbox (the default), salesforce-custom-object, salesforce-lead, salesforce-campaign, hubspot-deals or "
            "hubspot-custom-object. Given several times, a connection for each; NAME=PRESET names the connection.",
            metavar="[NAME=]PRESET",
        ),
    ] = None,
    sandbox_url: Annotated[
        str | None,
        typer.Option(
            help="Where a sandbox listens that stands for the CRMs; of the preset sandbox: http://127.0.0.1:8600."
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.")] = Path(),
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="Look into the connected CRMs and propose which fields and stages look like what; with a sakigake.yaml there, that is all it does.",
        ),
    ] = False,
    connection: Annotated[
        list[str] | None,
        typer.Option(
            help="With --propose: only this connection of sakigake.yaml, or these. Default: all.", metavar="NAME"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a commented sakigake.yaml and mapping.yaml, and propose what they should say."""
    from jobs.errors import ConfigError
    from jobs.presets.several import by_connection
    from jobs.presets.texts import SANDBOX
    from jobs.presets.writing import write_preset

    if connection and not propose:
        raise ConfigError("--connection says what to propose for; give it with --propose, or leave it out.")
    written = []
    if not (propose and (folder / "sakigake.yaml").exists() and not force):
        written = write_preset(by_connection(preset or [SANDBOX]), folder, sandbox_url=sandbox_url, force=force)
    for w in written if not json else ():
        out.print(f"wrote {w.path}: {w.what}")
    found = None
    if propose:
        from jobs.proposing import propose_mapping
        from jobs.settings import load
        from jobs.wiring import choose_workspace

        set_logs()
        _, settings = choose_workspace(load(folder / "sakigake.yaml"), None)
        found = propose_mapping(settings, folder.absolute(), preset or (), connection or ())
    if json:
        document = found.document() if found else {"written": []}
        show_json({**document, "written": [*(str(w.path) for w in written), *document["written"]]})
        return
    if found is None:
        out.print(_next(preset or [SANDBOX], sandbox_url))
        return
    from jobs.tables.mapping import proposed

    proposed(out, found.document())
    whom = "the CRMs" if len(found.presets) > 1 else "the CRM"
    out.print(f"Next: read it, mend it, and hold it against {whom} with: sakigake mapping check")


def _next(presets: list[str], sandbox_url: str | None) -> str:
    if presets == ["sandbox"] or sandbox_url is not None:
        return "Next: sakigake db upgrade, sakigake doctor, sakigake provision, sakigake run"
    return "Next: say in sakigake.yaml how to log in, then: sakigake init --propose, sakigake mapping check, sakigake db upgrade, sakigake doctor"


def add_to(app: typer.Typer) -> None:
    app.command()(init)
