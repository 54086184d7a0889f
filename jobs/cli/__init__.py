"""The command line. Errors are one sentence and an exit code, never a traceback."""

import os
import sys
from collections.abc import Sequence

import psycopg
import typer
from sqlalchemy.exc import SQLAlchemyError

from jobs.cli import checking, cycle, database, looking, setup, world
from jobs.cli.common import quiet_logs
from jobs.errors import SakigakeError
from sync.errors import SyncError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sakigake: the leading indicators of partner sales, from your own CRM, written back where your team looks.",
)
for part in (setup, checking, cycle, looking, world):
    part.add_to(app)
app.add_typer(database.app, name="db", help="Our tables: upgrade, address, a shell.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; a failure on purpose is printed as its sentence."""
    quiet_logs()
    try:
        app(args=list(arguments) if arguments is not None else None)
    except SakigakeError as e:
        _fail(str(e), e.exit_code)
    except SyncError as e:
        _fail(str(e), 1)
    except psycopg.Error as e:
        _fail(
            f"PostgreSQL said no: {(e.diag.message_primary or str(e)).strip()}. Look at the server's log, then run the command again.",
            1,
        )
    except SQLAlchemyError as e:
        _fail(
            f"The database could not be used ({type(e).__name__}). Check DATABASE_URL and the server's log, then run the command again.",
            1,
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as e:
        _fail(
            f"{e.strerror or e}{f': {e.filename}' if e.filename else ''}. Make room or mend the place, then run the command again.",
            1,
        )


def _fail(sentence: str, code: int) -> None:
    sys.stderr.write(f"sakigake: {sentence}\n")
    sys.exit(code)
