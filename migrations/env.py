"""Runs migrations: one at a time, each in a transaction of its own, none waiting long for a lock.

While a migration waits for a table's lock, everyone who comes after waits behind it; so it gives up after seconds, is
rolled back, and can be run again.
"""

import os
from typing import Any

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from models.tables import SCHEMA, Base

_UPGRADES = 5_347_081_264  # any number that nobody else locks on
_TURN = "60s"  # another upgrade is running: it gets this long to finish
_LOCK = "5s"
_STATEMENT = "10min"


def _engine() -> Engine:
    given = context.config.attributes.get("engine")
    if isinstance(given, Engine):
        return given
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("alembic needs DATABASE_URL here; `sakigake db upgrade` finds the database by itself.")
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})


def _number(_context: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
    """Migrations are numbered, so that which of two is newer can be told without the file of either."""
    head = revision[0] if isinstance(revision, (tuple, list)) and revision else revision
    for script in directives:
        script.rev_id = f"{int(head or 0) + 1:04d}"


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    """The mirror's schemas follow the CRMs' own descriptions at run time and are none of our business here."""
    return kind != "schema" or name == SCHEMA


def _run() -> None:
    with _engine().connect() as connection:
        _set(connection, "lock_timeout", _TURN)
        # Held by the session, over all transactions; closing the connection gives it back.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _UPGRADES})
        # For a role called sakigake our schema is the default one, and would be looked for without its name.
        _set(connection, "search_path", "public")
        connection.dialect.default_schema_name = "public"
        _set(connection, "lock_timeout", context.config.attributes.get("lock_timeout", _LOCK))
        _set(connection, "statement_timeout", _STATEMENT)
        if not connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA}):
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        connection.commit()  # an open transaction would make all migrations part of it
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table_schema=SCHEMA,
            include_schemas=True,
            include_name=_ours,
            compare_server_default=True,
            transaction_per_migration=True,
            process_revision_directives=_number,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations look at the database before they change it; --sql is not offered.")
_run()
