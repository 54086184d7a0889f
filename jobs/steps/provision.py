"""Makes our fields in the CRMs, for the objects that the mapping writes back to."""

from collections.abc import Mapping
from typing import Any

from jobs.settings import WorkspaceSettings
from models.catalogue import fields_of
from sync.connector import Connector, ProvisionStep
from sync.mapping.grammar import Mapping as Rules


def provision(
    settings: WorkspaceSettings, rules: Rules, connectors: Mapping[str, Connector], *, dry_run: bool
) -> list[tuple[str, ProvisionStep]]:
    """(connection, what was or would be made), in the order it was done."""
    done: list[tuple[str, ProvisionStep]] = []
    targets = rules.write_back
    for subject, named in (("partner", targets.partner), ("entry", targets.entry)):
        for place, fields in named.items():
            connection, _, object_name = place.partition(".")
            chosen = [f for f in fields_of(subject) if fields == "default" or f.name in fields]  # type: ignore[arg-type]
            steps = connectors[connection].provision(
                object_name,
                chosen,
                prefix=settings.prefix,
                language=rules.language,
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
