"""Which database is used, how it is talked to, and whether its tables are ours and of this version.

``DATABASE_URL`` selects any PostgreSQL 16 or later. Without it the embedded one is used, under ``SAKIGAKE_HOME``.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import platformdirs
import psycopg
from sqlalchemy import URL, Engine, column, create_engine, event, make_url, select, table, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

import migrations
from jobs.errors import DatabaseTooOld, DatabaseUnavailable, SakigakeError, SchemaBusy, SchemaVersionMismatch
from models.base import SCHEMA

OLDEST = 16
_VERSIONS = Path(migrations.__file__).parent / "versions"
_STARTING_SECONDS = 30.0  # the embedded server may just be recovering from a crash
_CONNECT = {
    "connect_timeout": 10,  # seconds
    "client_encoding": "utf8",  # whatever PGCLIENTENCODING says
    # A peer that vanished without a word is noticed within a minute, rather than after the two hours of the system.
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where our state lives: ``SAKIGAKE_HOME``, else /var/lib/sakigake for root, else the user's data folder."""
    if chosen := environ.get("SAKIGAKE_HOME"):
        return Path(chosen).expanduser().absolute()
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/sakigake")
    return platformdirs.user_data_path("sakigake", appauthor=False)


@contextlib.contextmanager
def database(home: Path, url: str | None) -> Iterator[str]:
    """An SQLAlchemy URL of a database that answers, for as long as the context lasts.

    ``url`` is what ``DATABASE_URL`` holds; empty or none starts the embedded server under ``home``, or joins the one that
    runs there. Raises DatabaseUnavailable, DatabaseTooOld.
    """
    if url:
        address = _address(url)
        _require(address, "check DATABASE_URL, or unset it to use the embedded PostgreSQL", patience=0)
        yield address.render_as_string(hide_password=False)
        return
    from jobs.postgres.supervisor import embedded  # POSIX only, while DATABASE_URL works everywhere

    with embedded(home) as started:
        _require(make_url(started), f"see {home / 'postgres' / 'server.log'}", patience=_STARTING_SECONDS)
        yield started


def engine(
    url: str,
    *,
    application_name: str = "sakigake",
    statement_timeout: timedelta = timedelta(minutes=10),
    lock_timeout: timedelta = timedelta(seconds=30),
    **options: Any,
) -> Engine:
    """An engine on which no wait is endless: connecting, statements, locks and transactions left open all have limits.

    ``options`` go to ``create_engine``. Sessions keep UTC, and find tables outside of ``public`` by their schema's name alone.
    """
    address = make_url(url)
    defaults = {"application_name": application_name, **_CONNECT}
    if "poolclass" not in options:
        options.setdefault("pool_pre_ping", True)  # a connection that died with a restarted server is replaced unseen
        options.setdefault("pool_size", 16)  # kept for the next step, rather than opened anew by each
        options.setdefault("max_overflow", -1)  # a run takes two for each object it reads at once, which settings bound
    made = create_engine(
        address, connect_args={name: value for name, value in defaults.items() if name not in address.query}, **options
    )
    settings = {
        "statement_timeout": statement_timeout,
        "lock_timeout": lock_timeout,
        "idle_in_transaction_session_timeout": statement_timeout,
    }
    parts = [f"set_config('{name}', '{_milliseconds(limit)}', false)" for name, limit in settings.items()]
    # A role may well be called sakigake, and the default path would then begin with the schema of that name.
    parts += ["set_config('TimeZone', 'UTC', false)", "set_config('search_path', 'public', false)"]
    statement = f"SELECT {', '.join(parts)}"

    # By statement rather than by the connection's `options`, which poolers in front of PostgreSQL refuse.
    @event.listens_for(made, "connect", insert=True)  # before SQLAlchemy asks for the default schema
    def _limit(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(statement)
        connection.autocommit = False

    return made


def upgrade(url: str, patience: timedelta = timedelta(seconds=5)) -> None:
    """The tables are of this version. Safe to repeat, and to run twice at once.

    ``patience`` is how long a migration waits for a table that others use, who meanwhile wait behind it. Raises
    SchemaVersionMismatch, SchemaBusy, DatabaseUnavailable.
    """
    _migrate(url, "head", patience)


def downgrade(url: str, revision: str, patience: timedelta = timedelta(seconds=5)) -> None:
    """The tables are of an earlier version (``base``: none of ours are left, nor what they held)."""
    _migrate(url, revision, patience, down=True)


def code_version() -> str:
    """The schema version that this code works with: migrations are numbered, and the highest is the newest."""
    return max(path.name[:4] for path in _VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))


def schema_version(engine: Engine) -> str | None:
    """The version that the database's tables are of; nothing where there are none. Raises SchemaVersionMismatch for another's."""
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.alembic_version"}):
            count = text("SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(:name)")
            if connection.scalar(count, {"name": SCHEMA}):
                raise SchemaVersionMismatch(_stranger(engine.url, "has tables, and none that tells a version"))
            return None
        versions: list[str] = list(
            connection.scalars(select(column("version_num")).select_from(table("alembic_version", schema=SCHEMA)))
        )
    if not versions:
        return None
    if len(versions) > 1 or not re.fullmatch(r"\d{4}", versions[0]):
        raise SchemaVersionMismatch(_stranger(engine.url, f"says it is of version {', '.join(sorted(versions))}"))
    return versions[0]


def check_schema_version(engine: Engine) -> None:
    """Passes where the tables are of the code's version; else raises SchemaVersionMismatch with the remedy."""
    found, expected = schema_version(engine), code_version()
    where = _name(engine.url)
    if found is None:
        raise SchemaVersionMismatch(
            f"The database {where} holds none of Sakigake's tables yet: run `sakigake db upgrade`."
        )
    if found < expected:
        raise SchemaVersionMismatch(
            f"The database {where} is of schema version {found} and this Sakigake works with {expected}: stop what else uses it "
            "and run `sakigake db upgrade`."
        )
    if found > expected:
        raise SchemaVersionMismatch(_newer(where, found, expected))


def _migrate(url: str, revision: str, patience: timedelta, *, down: bool = False) -> None:
    from alembic import command
    from alembic.config import Config

    made = engine(url, application_name="sakigake db upgrade", poolclass=NullPool)
    try:
        found, expected = schema_version(made), code_version()
        if found and found > expected:
            raise SchemaVersionMismatch(_newer(_name(made.url), found, expected))
        config = Config(attributes={"engine": made, "lock_timeout": f"{_milliseconds(patience)}ms"})
        config.set_main_option("script_location", str(_VERSIONS.parent).replace("%", "%%"))
        (command.downgrade if down else command.upgrade)(config, revision)
    except DBAPIError as error:
        raise _explain(error, _name(made.url)) from error
    finally:
        made.dispose()


def _explain(error: DBAPIError, where: str) -> SakigakeError:
    state = getattr(error.orig, "sqlstate", None)
    if state in {"55P03", "57014"}:  # lock_not_available, query_canceled
        return SchemaBusy(
            f"The tables in {where} are in use, so the migration gave up and its changes were rolled back: stop what uses them "
            "(`sakigake serve`, a report, another upgrade) and run `sakigake db upgrade` again."
        )
    if state == "42501":  # insufficient_privilege
        return DatabaseUnavailable(
            f"The role that DATABASE_URL names may not create tables in {where}: as its owner, say GRANT CREATE ON DATABASE "
            "to that role, and make it the owner of the schema sakigake."
        )
    return DatabaseUnavailable(f"The migration of {where} failed and its changes were rolled back: {_reason(error)}.")


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or not re.fullmatch(r"postgres(ql)?(\+psycopg)?", address.drivername):
        raise DatabaseUnavailable(
            "DATABASE_URL is not the address of a PostgreSQL: expected postgresql://user:password@host:5432/database."
        )
    return address.set(drivername="postgresql+psycopg")


def _require(address: URL, remedy: str, patience: float) -> None:
    """A server that answers, is new enough and keeps text as UTF-8."""
    # By the driver alone: SQLAlchemy asks its own questions first, and stumbles over a database that is not in UTF-8.
    _, options = create_engine(address, poolclass=NullPool).dialect.create_connect_args(address)
    deadline = time.monotonic() + patience
    while True:
        try:
            with psycopg.connect(**{**_CONNECT, **options}) as connection:
                version = connection.info.parameter_status("server_version") or "0"
                encoding = connection.info.parameter_status("server_encoding")
            break
        except psycopg.Error as error:
            if time.monotonic() >= deadline:
                raise DatabaseUnavailable(
                    f"The database {_name(address)} cannot be reached: {_reason(error)}; {remedy}."
                ) from error
            time.sleep(0.2)
    if int(re.match(r"\d+", version)[0]) < OLDEST:  # type: ignore[index]
        raise DatabaseTooOld(
            f"The database {_name(address)} is PostgreSQL {version.split()[0]}, and Sakigake needs {OLDEST} or later: upgrade it, "
            "or unset DATABASE_URL to use the embedded one."
        )
    if encoding != "UTF8":
        raise DatabaseUnavailable(
            f"The database {_name(address)} keeps text as {encoding}, and Sakigake needs UTF8: create one with ENCODING 'UTF8'."
        )


def _name(url: URL) -> str:
    """The address without who enters and how."""
    place = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}"
    return f"{url.database or url.username or ''} at {place}"


def _reason(error: Exception) -> str:
    """The last cause in a driver's message of many lines, without a full stop."""
    said = [line.strip() for line in str(getattr(error, "orig", None) or error).splitlines() if line.strip()]
    causes = [line for line in said if "failed: " in line] or said[:1] or [type(error).__name__]
    return causes[-1].rpartition("failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")


def _newer(where: str, found: str, expected: str) -> str:
    return (
        f"The database {where} is of schema version {found}, and this Sakigake knows no later one than {expected}: install the "
        "Sakigake that wrote it, or a later one."
    )


def _stranger(url: URL, what: str) -> str:
    return (
        f"The schema {SCHEMA} of the database {_name(url)} {what}, so it belongs to another program: give Sakigake a database of "
        "its own in DATABASE_URL."
    )


def _milliseconds(limit: timedelta) -> int:
    return max(1, int(limit / timedelta(milliseconds=1)))
