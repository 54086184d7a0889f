"""Who let the mapping come into force: what the guards and the rule of two persons ask."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from jobs.wiring import Workspace


@dataclass(frozen=True, slots=True)
class InForce:
    """Whether the mapping at hand is the version in force, and who activated it, where that is known."""

    active: bool
    who: str | None = None


def in_force(conn: Connection[Any], workspace: Workspace) -> InForce:
    """What the newest activation says of the mapping at hand."""
    kept = conn.execute("select to_regclass('sakigake.mapping_activation') is not null").fetchone()
    if not (kept and kept[0]):
        return InForce(active=True)
    row = conn.execute(
        "select mapping_hash, who from sakigake.mapping_activation where workspace = %s order by seq desc limit 1",
        (workspace.name,),
    ).fetchone()
    return InForce(active=False) if row is None else InForce(row[0] == workspace.rules.hash, row[1])
