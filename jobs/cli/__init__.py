"""The command line. Errors are one sentence and an exit code, never a traceback.

Commands import what they need when they are called: `--help` and a mistyped option need no database driver and no arithmetic.
"""

import gc
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from jobs.cli import (
    audit,
    checking,
    cycle,
    database,
    explaining,
    importing,
    keeping,
    leading,
    looking,
    mapping_versions,
    numbers,
    partners,
    provisioning,
    reports,
    setup,
    tier,
    world,
)
from jobs.cli.failures import INTERRUPTED, explain
from models.plain import plain

# The arithmetic is many small products, over which BLAS threads spin longer than one thread works; read when numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sakigake: the leading indicators of partner sales, from your own CRM, written back where your team looks.",
)
for part in (
    setup,
    checking,
    provisioning,
    mapping_versions,
    importing,
    cycle,
    looking,
    explaining,
    numbers,
    leading,
    reports,
    partners,
    audit,
    keeping,
    world,
):
    part.add_to(app)
app.add_typer(tier.tier_app, name="tier")
app.add_typer(database.app, name="db", help="Our tables: upgrade, address, a shell.")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sakigake {version('sakigake')}")
        raise typer.Exit


@app.callback()
def _before(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    _ = version


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; whatever ends it is printed as one sentence, and told by the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=given, prog_name="sakigake", standalone_mode=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads one sentence
        if type(error).__name__ == "NoArgsIsHelpError":  # the message is the help
            sys.stderr.write(error.format_message())  # type: ignore[attr-defined]
            sys.exit(2)
        sentence, code = explain(error)
        _fail(sentence, code)
    if code == INTERRUPTED:
        _fail("Interrupted; what was stored stays, and the next run goes on from there.", INTERRUPTED)
    if arguments is None:
        gc.freeze()  # the process ends: to look for garbage once more would cost a fifth of a second
    sys.exit(code if isinstance(code, int) else 0)


def _fail(sentence: str, code: int) -> None:
    sys.stderr.write(f"sakigake: {plain(sentence)}\n")
    sys.exit(code)
