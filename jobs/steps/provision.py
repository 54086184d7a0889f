"""Makes our fields in the CRMs, for the objects that the mapping writes back to."""

from typing import Any

from jobs.wiring import Workspace
from models.catalogue import fields_of
from sync.connector import ProvisionStep


def provision(workspace: Workspace, *, dry_run: bool) -> list[tuple[str, ProvisionStep]]:
    """(connection, what was or would be made), in the order it was done."""
    done: list[tuple[str, ProvisionStep]] = []
    targets = workspace.rules.write_back
    for subject, named in (("partner", targets.partner), ("entry", targets.entry)):
        for place, fields in named.items():
            connection, _, object_name = place.partition(".")
            chosen = [f for f in fields_of(subject) if fields == "default" or f.name in fields]  # type: ignore[arg-type]
            steps = workspace.connectors[connection].provision(
                object_name,
                chosen,
                prefix=workspace.settings.prefix,
                language=workspace.rules.language,
                dry_run=dry_run,
            )
            done += [(connection, step) for step in steps]
    return done


def documents(steps: list[tuple[str, ProvisionStep]]) -> list[dict[str, Any]]:
    """The steps as JSON."""
    return [
        {
            "connection": connection,
            "object": s.object,
            "what": s.what,
            "status": s.status,
            "advice": s.advice,
            "request": dict(s.request) if s.request else None,
        }
        for connection, s in steps
    ]
