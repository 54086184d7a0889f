"""What ended a command, as one sentence and an exit code. Nothing heavy is imported before something has failed."""

import os
import sys
import traceback
from pathlib import Path

from jobs.errors import SakigakeError
from sync.errors import SyncError

INTERRUPTED = 130  # what shells call the end by ctrl-C
AGAIN = "then run the command again; what was stored stays"
# By SQLSTATE, or its class: what a person can do about it. https://www.postgresql.org/docs/current/errcodes-appendix.html
_REMEDIES = {
    "53100": f"make room on the disk of the database, {AGAIN}.",
    "53300": f"raise its max_connections or end other programs that use it, {AGAIN}.",
    "53": f"give the database server more room, {AGAIN}.",
    "42501": f"grant the role that DATABASE_URL names what it lacks, {AGAIN}.",
    "55P03": f"end what else uses these tables, {AGAIN}.",
    "57014": f"look for what keeps the server busy, {AGAIN}.",
    "57P": f"wait until the server is up, {AGAIN}.",
    "08": f"check that the server runs and can be reached, {AGAIN}.",
    "40": f"it met another program's changes; {AGAIN.removeprefix('then ')}.",
}
_SAY_WHAT = ("08", "25", "28", "3D", "42", "53", "55", "57")  # classes whose messages repeat no values of rows


def explain(error: Exception) -> tuple[str, int]:
    """The sentence for the person, and the exit code. Never a value of a record, never a secret."""
    if isinstance(error, SakigakeError):
        return str(error), error.exit_code
    if isinstance(error, SyncError):
        return str(error), 1
    if hasattr(error, "format_message"):  # of the command line itself; typer may bring its own copy of click
        return _usage(error), 2
    return _of_database(error) or _of_system(error) or _unforeseen(error), 1


def _usage(error: Exception) -> str:
    said = str(error.format_message()).strip()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "sakigake"
    return f"{said} See: {path} --help" if said.endswith("?") else f"{said.rstrip('.')}; see: {path} --help"


def _of_database(error: Exception) -> str | None:
    import psycopg
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate or ("08000" if isinstance(cause, psycopg.OperationalError) else "")
        said = (cause.diag.message_primary or str(cause).partition("\n")[0] or type(cause).__name__).strip().rstrip(".")
        shown = said if state.startswith(_SAY_WHAT) else f"{type(cause).__name__}, {state or 'no SQLSTATE'}"
        fitting = (remedy for code, remedy in _REMEDIES.items() if state.startswith(code))
        return f"PostgreSQL said no ({shown}): {next(fitting, f'look at its log, {AGAIN}.')}"
    if isinstance(error, SQLAlchemyError):
        return f"The database could not be used ({type(error).__name__}): check DATABASE_URL and the server's log, {AGAIN}."
    return None


def _of_system(error: Exception) -> str | None:
    if not isinstance(error, OSError) or error.errno is None:
        return None
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{(error.strerror or type(error).__name__).lower()}; make room or mend the place, {AGAIN}."


def _unforeseen(error: Exception) -> str:
    """A fault of ours: where it happened rather than what it says, which may hold values of records."""
    if os.environ.get("SAKIGAKE_TRACEBACK"):
        traceback.print_exception(error, file=sys.stderr)
    frames = traceback.extract_tb(error.__traceback__)
    root = Path(__file__).resolve().parents[2]
    ours = [f for f in frames if Path(f.filename).is_relative_to(root) and "site-packages" not in f.filename]
    at = f"{Path(ours[-1].filename).relative_to(root)}:{ours[-1].lineno}" if ours else "an unknown place"
    return (
        f"A fault in Sakigake ({type(error).__name__} at {at}); please report it with what SAKIGAKE_TRACEBACK=1 shows, which may hold "
        "values of records. What was stored stays."
    )
