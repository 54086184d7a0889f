"""What every command shares: options, the opened workspace, and the way answers are printed."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer
from rich.console import Console
from rich.text import Text

from jobs.tables.folding import folded, is_japanese
from models.plain import plain

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jobs.wiring import Workspace

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The configuration file.", envvar="SAKIGAKE_CONFIG", show_default=True)
]
WorkspaceOption = Annotated[str | None, typer.Option("--workspace", help="Which workspace, where there are several.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
DEFAULT_CONFIG = Path("sakigake.yaml")

PIPED = 120  # characters a line where nobody's window says how wide it is


class Uncut(Console):
    """What is wider than the page goes on in the next line, as a terminal breaks it; nothing is cut away."""

    def print(self, *objects: Any, **options: Any) -> None:
        told = objects if options.get("soft_wrap") else (self._folded(o, options.get("markup")) for o in objects)
        super().print(*told, **{"crop": False, **options})

    def _folded(self, said: Any, markup: bool | None) -> Any:
        """A plain sentence; one in Japanese broken between its phrases."""
        if not isinstance(said, str):
            return said
        said = plain(said)
        if not is_japanese(said):
            return said
        return Text("\n").join(folded(self.render_str(said, markup=markup), self.width))


out = Uncut(highlight=False, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS") or PIPED))


def show_json(document: Any) -> None:
    """The whole answer as one JSON document."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")


class _StandardError:
    """Whatever standard error is when a line is written: it may be another than when logging was set up."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def set_logs(level: str = "warning") -> None:
    """Logs go to standard error: as lines for a person at a terminal, as JSON for everybody else."""
    import structlog

    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )


@contextmanager
def opened_database(*, logs: str = "warning") -> "Iterator[Engine]":
    """Our database, of the version this code works with."""
    from jobs.database import check_schema_version, database, engine, home_folder

    set_logs(logs)
    with database(home_folder(), os.environ.get("DATABASE_URL")) as url:
        opened = engine(url)
        try:
            check_schema_version(opened)
            yield opened
        finally:
            opened.dispose()


@contextmanager
def opened_workspace(config: Path, workspace: str | None, *, logs: str = "warning") -> "Iterator[Workspace]":
    """The workspace of the configuration, on our database, with its CRMs."""
    from jobs.settings import load

    configuration = load(config)  # before the rest is imported: a fault in the file is told at once
    from jobs.database import home_folder
    from jobs.heads import note_head
    from jobs.wiring import open_workspace

    home = home_folder()
    with (
        opened_database(logs=logs) as opened,
        open_workspace(configuration, config.absolute().parent, opened, workspace, home=home) as ready,
    ):
        yield ready
        with ready.connect() as conn:
            note_head(conn, ready.name, home)
