"""Commands that take in what partners hand over as files."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_workspace, out, show_json
from jobs.cli.reading import LanguageOption, spoken
from sync.lists.date_order import DateOrder


def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list: .xlsx, .xls, .ods or .csv.")],
    partner: Annotated[
        str | None,
        typer.Option(
            help="Whose list it is: a record (connection.Object/ID), or the partner's name. Default: the file's own column."
        ),
    ] = None,
    listed_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day of rows that have none; default: today, by the CRM's clock."),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(help="The sheet of a workbook; default: the first that shows and has a row of headings."),
    ] = None,
    dates: Annotated[
        DateOrder | None,
        typer.Option(help="How the file writes days such as 04/01/2026: mdy (4/1 is the 1st of April) or dmy."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="How a CSV was saved, such as cp1252 (Western Windows); default: told by its bytes."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            "--campaign",
            help="The partner's Campaign (or other record in between) to which new records go: its id, or its name where the mapping says `named`.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what was understood, and store nothing.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    language: LanguageOption = None,
    json: JsonOption = False,
) -> None:
    """Take in a partner's attack list from Excel or CSV: what was understood, what is new, and each row that was left out."""
    with opened_workspace(config, workspace) as ready:
        from jobs.list_import import import_list as take_in
        from jobs.person import person
        from jobs.tables.lists import show

        said = spoken(language, ready.rules)
        found = take_in(
            ready,
            file,
            partner=partner,
            listed_on=listed_on.date() if listed_on else None,
            sheet=sheet,
            who=person(),
            dry_run=dry_run,
            dates=dates,
            into=into,
            encoding=encoding,
        )
    if json:
        show_json({"workspace": ready.name, "dry_run": dry_run, **found.document()})
    else:
        show(out, found, dry_run=dry_run, language=said)


def add_to(app: typer.Typer) -> None:
    app.command("import-list")(import_list)
