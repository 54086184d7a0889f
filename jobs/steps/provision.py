"""Makes our fields in the CRMs, for the objects that the mapping writes back to; and takes them out again."""

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.settings import WorkspaceSettings
from models.catalogue import CATALOGUE, CatalogueField, fields_of
from sync.connector import Connector, ProvisionStep
from sync.mapping.grammar import Mapping as Rules

Steps = list[tuple[str, ProvisionStep]]
ADVICE = "advice"  # the status of what only a person can make


def targets(rules: Rules) -> Iterator[tuple[str, str, list[CatalogueField]]]:
    """(connection, object, fields) that the mapping writes back to."""
    for subject, named in (("partner", rules.write_back.partner), ("entry", rules.write_back.entry)):
        for place, fields in named.items():
            connection, _, object_name = place.partition(".")
            chosen = [f for f in fields_of(subject) if fields == "default" or f.name in fields]  # type: ignore[arg-type]
            yield connection, object_name, chosen


def provision(
    settings: WorkspaceSettings,
    rules: Rules,
    connectors: Mapping[str, Connector],
    *,
    dry_run: bool,
    layout: bool = True,
) -> Steps:
    """(connection, what was or would be made), in the order it was done; what people have to do comes as `advice`."""
    steps: Steps = []
    for connection, object_name, fields in targets(rules):
        made = connectors[connection].provision(
            object_name,
            fields,
            prefix=settings.prefix,
            language=rules.language,
            dry_run=dry_run,
            layout=layout,
        )
        steps += [(connection, step) for step in made]
    return steps


def unprovision(
    settings: WorkspaceSettings, rules: Rules, connectors: Mapping[str, Connector], *, dry_run: bool
) -> Steps:
    """(connection, what was or would be taken out), in the order it was done."""
    whose: dict[str, dict[str, tuple[CatalogueField, ...]]] = {}
    for connection, object_name, _ in targets(rules):
        whose.setdefault(connection, {})[object_name] = CATALOGUE  # an earlier mapping may have chosen other fields
    return [
        (connection, step)
        for connection, objects in whose.items()
        for step in connectors[connection].unprovision(objects, prefix=settings.prefix, dry_run=dry_run)
    ]


def documents(steps: Steps) -> list[dict[str, Any]]:
    """The steps that are ours, as JSON."""
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
        if s.status != ADVICE
    ]


def advice(steps: Steps) -> list[dict[str, str]]:
    """What is left to people, as JSON."""
    return [
        {"connection": connection, "object": s.object, "what": s.what, "advice": s.advice}
        for connection, s in steps
        if s.status == ADVICE
    ]
