"""`sakigake init`: the files to start with."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.common import JsonOption, out, show_json


def init(
    preset: Annotated[
        str,
        typer.Option(
            help="The starting point: sandbox, salesforce-custom-object, salesforce-lead, salesforce-campaign, hubspot-deals or hubspot-custom-object."
        ),
    ] = "sandbox",
    sandbox_url: Annotated[
        str | None,
        typer.Option(
            help="Where a sandbox listens that stands for the CRMs; of the preset sandbox: http://127.0.0.1:8600."
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a commented sakigake.yaml and mapping.yaml."""
    from jobs.presets import write_preset

    written = write_preset(preset, folder, sandbox_url=sandbox_url, force=force)
    if json:
        show_json({"written": [str(w.path) for w in written]})
        return
    for w in written:
        out.print(f"wrote {w.path}: {w.what}")
    out.print("Next: sakigake db upgrade, sakigake doctor, sakigake provision, sakigake run")


def add_to(app: typer.Typer) -> None:
    app.command()(init)
