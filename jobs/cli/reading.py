"""What commands share that read our tables alone: no CRM is asked, no secret is needed."""

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.common import opened_database
from jobs.errors import ConfigError

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine

    from jobs.asked import Axes
    from sync.mapping.grammar import Mapping as Rules

CsvOption = Annotated[bool, typer.Option("--csv", help="Print one table as CSV, for spreadsheets.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DAY", help="As of that day, such as 2026-10-31; default: the newest.")
]
KnownAtOption = Annotated[
    str | None,
    typer.Option(
        "--known-at", metavar="DAY", help="As it was known at the end of that day, or at a time with its zone."
    ),
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
    """An opened workspace for reading: its rules, and our database in both of its ways."""

    name: str
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
        yield Reader(name, rules, engine, conn)


def chosen_type(wanted: str | None, known: Sequence[str]) -> str | None:
    """The type asked for; ConfigError names those there are."""
    if wanted is not None and wanted not in known:
        raise ConfigError(f"There is no partner type {wanted!r}; there are {', '.join(known) or 'none yet'}.")
    return wanted


def show_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A header line and one line a row; None is empty."""
    from jobs.flat import safe

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(c) is None else safe(row[c]) for c in columns])
