"""`sakigake db`: our tables."""

import os
import shutil
import subprocess

import typer

from jobs.cli.common import JsonOption, out, show_json
from jobs.errors import NotFound

app = typer.Typer(no_args_is_help=True)


@app.command()
def upgrade(json: JsonOption = False) -> None:
    """Bring our tables to this version. Safe to repeat."""
    from jobs import database as db

    with db.database(db.home_folder(), os.environ.get("DATABASE_URL")) as url:
        opened = db.engine(url)
        before = db.schema_version(opened)
        opened.dispose()
        db.upgrade(url)
        if json:
            show_json({"before": before, "now": db.code_version()})
        elif before == db.code_version():
            out.print(f"The tables are of version {before} already.")
        else:
            out.print(f"The tables are now of version {db.code_version()} (before: {before or 'none'}).")


@app.command()
def url() -> None:
    """Print the database's address, password included: for psql and BI tools on this machine."""
    from jobs import database as db

    with db.database(db.home_folder(), os.environ.get("DATABASE_URL")) as address:
        print(address.replace("postgresql+psycopg://", "postgresql://", 1))
        if not os.environ.get("DATABASE_URL"):
            typer.echo(
                "The embedded server ends with the last command that uses it; keep `sakigake serve` running to stay connected.",
                err=True,
            )


@app.command()
def shell() -> None:
    """Open psql on our database."""
    from jobs import database as db

    program = shutil.which("psql")
    if program is None:
        raise NotFound(
            "There is no psql on this machine; install PostgreSQL's client, or take the address from `sakigake db url`."
        )
    with db.database(db.home_folder(), os.environ.get("DATABASE_URL")) as address:
        ended = subprocess.run([program, address.replace("postgresql+psycopg://", "postgresql://", 1)], check=False)
    raise typer.Exit(ended.returncode)
