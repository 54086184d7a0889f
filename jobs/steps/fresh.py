"""Whether the mirror holds what the mapping reads: a field that the CRM hides is not empty, and says nothing about anybody.

While some of it is stale, nothing is mapped and nothing is written back: facts and results stay as they were.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from jobs.errors import MirrorStale
from jobs.pausing import paused
from jobs.wiring import Workspace
from sync.described import FieldType
from sync.mapping.depends import dependants
from sync.mapping.needs import needs
from sync.mirror.prepare import BY_THE_READING

_DAYS = (FieldType.DATE, FieldType.DATETIME)


@dataclass(frozen=True, slots=True)
class Lack:
    """A field, or an object where `field` is empty, that the mapping reads and that the mirror cannot vouch for."""

    connection: str
    object: str
    field: str
    what: str
    remedy: str
    rules: tuple[str, ...]

    @property
    def place(self) -> str:
        return ".".join(part for part in (self.connection, self.object, self.field) if part)

    @property
    def sentence(self) -> str:
        return f"{self.place} {self.what}, and {', '.join(self.rules)} of the mapping read it. {self.remedy}"


def lacks(conn: Connection[Any], workspace: Workspace) -> list[Lack]:
    """All of them, in the order of their names."""
    found = []
    wanted, resting = needs(workspace.rules), paused(conn, workspace.name)
    for connection, name, description, stale, filling, gone_since, loaded in conn.execute(
        """select connection, object, description, stale, filling, gone_since, loaded from sakigake.mirror_object
        where workspace = %s order by 1, 2""",
        (workspace.name,),
    ):
        spec = wanted.get(connection, {}).get(name)
        if spec is None:
            continue
        told: dict[str, tuple[str, str]] = {}
        if gone_since is not None:
            told[""] = (
                f"is stale: it is not shown to our user since {_at(gone_since.isoformat())}",
                "Restore it or grant the integration user Read on it, or take it out of the mapping; then run again.",
            )
        elif not loaded:
            more = f"sakigake resume {connection}, then sakigake run" if connection in resting else "sakigake run"
            told[""] = ("is not read to its end yet", f"Go on with: {more}.")
        types = {f["name"]: f["type"] for f in description["fields"]}
        for field in spec.fields:
            if field in stale:
                told[field] = (
                    f"is stale: it is not shown to our user since {_at(stale[field]['since'])}",
                    "Grant the integration user Read on it, or mend the mapping where it was renamed or removed; then run again.",
                )
            elif field in filling and filling[field]["after"] is not BY_THE_READING:
                told[field] = ("is not read for all records yet", "Go on with: sakigake run.")
            elif field in spec.days and field in types and types[field] not in _DAYS:
                told[field] = (
                    f"is stale: a date is expected and it has become {types[field]}",
                    "Name another field in the mapping, or make it a date again in the CRM.",
                )
        for field, (what, remedy) in sorted(told.items()):
            rules = tuple(dependants(workspace.rules, connection, name, field)["rules"])
            found.append(Lack(connection, name, field, what, remedy, rules))
    return found


def unread(conn: Connection[Any], workspace: Workspace) -> list[str]:
    """`connection.Object` of what the mapping reads and the mirror does not hold whole yet, in the order of their names."""
    wanted = needs(workspace.rules)
    rows = conn.execute(
        "select connection, object from sakigake.mirror_object where workspace = %s and not loaded order by 1, 2",
        (workspace.name,),
    )
    return [f"{connection}.{name}" for connection, name in rows if name in wanted.get(connection, {})]


def require_fresh(conn: Connection[Any], workspace: Workspace, *, otherwise: str) -> None:
    """MirrorStale, naming fields, rules and remedy, where something lacks. `otherwise` says what is left as it was."""
    if found := lacks(conn, workspace):
        raise MirrorStale(f"{' '.join(one.sentence for one in found)} {otherwise}")


def _at(since: str) -> str:
    return f"{datetime.fromisoformat(since):%Y-%m-%d %H:%M} UTC"
