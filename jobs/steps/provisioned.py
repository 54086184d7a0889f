"""Where our fields were made: kept before the first is, so that they are found again whatever the mapping says by then."""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from jobs.runs import utc_now

Place = tuple[str, str]
"""A connection and an object."""


def note(conn: Connection[Any], workspace: str, prefix: str, places: Iterable[Place]) -> None:
    """Our fields are about to be made there, under that prefix."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.provisioned (workspace, connection, object, prefix, made_at) values (%s, %s, %s, %s, %s)
            on conflict do nothing""",
            [(workspace, connection, name, prefix, utc_now()) for connection, name in places],
        )


def noted(conn: Connection[Any], workspace: str) -> dict[str, list[Place]]:
    """Where they were made and not taken out since, by prefix."""
    found: dict[str, list[Place]] = {}
    for connection, name, prefix in conn.execute(
        "select connection, object, prefix from sakigake.provisioned where workspace = %s order by made_at, connection, object",
        (workspace,),
    ):
        found.setdefault(prefix, []).append((connection, name))
    return found


def forget(conn: Connection[Any], workspace: str, prefix: str, places: Iterable[Place]) -> None:
    """They were taken out there."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "delete from sakigake.provisioned where (workspace, connection, object, prefix) = (%s, %s, %s, %s)",
            [(workspace, connection, name, prefix) for connection, name in places],
        )
