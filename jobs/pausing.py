"""`sakigake pause` and `resume`: a connection rests, neither read nor written, while the others go on."""

from typing import Any

from psycopg import Connection

from jobs.errors import ConfigError, SakigakeError
from jobs.person import person
from jobs.runs import utc_now
from jobs.wiring import Workspace


class ConnectionPaused(SakigakeError):
    """What was asked for needs a connection that rests."""


def paused(conn: Connection[Any], workspace: str) -> dict[str, dict[str, str]]:
    """`paused_at`, `who` and `reason` by connection."""
    rows = conn.execute(
        "select connection, paused_at, who, reason from sakigake.paused where workspace = %s order by 1", (workspace,)
    )
    return {c: {"paused_at": at.isoformat(), "who": who, "reason": reason} for c, at, who, reason in rows}


def pause(workspace: Workspace, connection: str, reason: str) -> dict[str, Any]:
    """The connections that rest now. A run that is under way ends as it began."""
    _known(workspace, connection)
    with workspace.connect() as conn:
        conn.execute(
            """insert into sakigake.paused (workspace, connection, paused_at, who, reason) values (%s, %s, %s, %s, %s)
            on conflict do nothing""",
            (workspace.name, connection, utc_now(), person(), reason.strip()),
        )
        return {"paused": paused(conn, workspace.name)}


def resume(workspace: Workspace, connection: str) -> dict[str, Any]:
    """The connections that still rest; ConfigError where this one did not."""
    _known(workspace, connection)
    with workspace.connect() as conn:
        gone = conn.execute(
            "delete from sakigake.paused where workspace = %s and connection = %s", (workspace.name, connection)
        ).rowcount
        if not gone:
            raise ConfigError(f"Connection {connection} is not paused.")
        return {"paused": paused(conn, workspace.name)}


def require_awake(conn: Connection[Any], workspace: str, connections: set[str]) -> None:
    """ConnectionPaused where one of these rests."""
    resting = sorted(connections & set(paused(conn, workspace)))
    if resting:
        raise ConnectionPaused(
            f"Connection {resting[0]} is paused, so nothing is sent to it; wake it with: sakigake resume {resting[0]}"
        )


def _known(workspace: Workspace, connection: str) -> None:
    if connection not in workspace.settings.connections:
        raise ConfigError(
            f"There is no connection {connection!r}; there are {', '.join(workspace.settings.connections)}."
        )
