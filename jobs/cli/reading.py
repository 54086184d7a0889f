"""What commands share that read our tables alone: no CRM is asked, no secret is needed."""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.common import opened_database, show_json
from jobs.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from psycopg import Connection
    from sqlalchemy import Engine

    from jobs.asked import Axes
    from jobs.settings import WorkspaceSettings
    from sync.mapping.grammar import Mapping as Rules

CsvOption = Annotated[bool, typer.Option("--csv", help="Print one table as CSV, for spreadsheets.")]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DAY", help="The day looked at, as it was known at its end; left out: the newest day."
    ),
]
KnownAtOption = Annotated[
    str | None,
    typer.Option("--known-at", metavar="MOMENT", help="By what was known then: a day (its end), a time, or now."),
]
TypeOption = Annotated[str | None, typer.Option("--type", help="Only partners of this type.")]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", help="Draw it into this file: .png, .svg or .pdf.", metavar="FILE")
]
LanguageOption = Annotated[
    str | None, typer.Option("--language", help="ja or en; left out: the mapping's language.", metavar="LANGUAGE")
]


@dataclass(frozen=True)
class Reader:
    """An opened workspace for reading: its settings and rules, and our database in both of its ways."""

    name: str
    settings: "WorkspaceSettings"
    rules: "Rules"
    engine: "Engine"
    conn: "Connection[Any]"

    def axes(self, as_of: str | None, known_at: str | None) -> "Axes":
        from jobs.asked import axes_of

        with self.engine.connect() as connection:
            return axes_of(connection, self.name, self.rules.zone, as_of, known_at)


def spoken(wanted: str | None, rules: "Rules") -> str:
    """The language asked for, or the mapping's; ConfigError tells what else was met."""
    if wanted not in (None, "ja", "en"):
        raise ConfigError(f"--language is {wanted!r}, expected ja or en.")
    return wanted or rules.language


@contextmanager
def opened_reader(config: Path, workspace: str | None) -> Iterator[Reader]:
    """The workspace of the configuration, on our database alone."""
    from jobs.settings import load

    configuration = load(config)
    from jobs.wiring import choose_workspace, connect_with, read_rules

    name, settings = choose_workspace(configuration, workspace)
    rules = read_rules(settings, config.absolute().parent)
    with opened_database() as engine, connect_with(engine)() as conn:
        yield Reader(name, settings, rules, engine, conn)


def check_output(plot: Path | None, *, json: bool = False, csv: bool = False) -> None:
    """ConfigError for a picture that cannot be drawn, or for two formats at once; before anything is worked out."""
    if json and csv:
        raise ConfigError("--json and --csv were both given; choose one.")
    if plot is not None:
        from jobs.plots.canvas import checked

        checked(plot)


def draw_into(plot: Path, draw: Callable[[], "Figure"]) -> None:
    """Draws the picture and says where, on standard error: what was asked for on standard output stays whole."""
    from jobs.plots.canvas import save

    save(plot, draw)
    sys.stderr.write(f"Drawn into {plot}.\n")


def show(
    document: Mapping[str, Any], *, json: bool, csv: bool, lines: Callable[[], None], pages: Callable[[], None]
) -> None:
    """Prints the document as JSON, its lines as CSV, or else the pages that a person reads."""
    if json:
        show_json(document)
    elif csv:
        lines()
    else:
        pages()


def chosen_type(wanted: str | None, known: Sequence[str]) -> str | None:
    """The type asked for; NotFound names those there are."""
    if wanted is not None and wanted not in known:
        raise NotFound(f"There is no partner type {wanted!r}; the types are {', '.join(known) or 'none yet'}.")
    return wanted


def show_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A header line and one line a row; None is empty."""
    from jobs.flat import safe

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(c) is None else safe(row[c]) for c in columns])
