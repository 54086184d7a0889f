"""Makes our fields in the CRMs, for the objects that the mapping writes back to; and takes them out again."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobs.settings import WorkspaceSettings
from models.catalogue import CatalogueField, fields_of
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

    def make(connector: Connector, object_name: str, fields: list[CatalogueField]) -> list[ProvisionStep]:
        return connector.provision(
            object_name,
            fields,
            prefix=settings.prefix,
            language=rules.language,
            dry_run=dry_run,
            layout=layout,
        )

    return _everywhere(rules, connectors, make)


def unprovision(
    settings: WorkspaceSettings, rules: Rules, connectors: Mapping[str, Connector], *, dry_run: bool
) -> Steps:
    """(connection, what was or would be taken out), in the order it was done."""

    def remove(connector: Connector, object_name: str, fields: list[CatalogueField]) -> list[ProvisionStep]:
        return connector.unprovision(object_name, fields, prefix=settings.prefix, dry_run=dry_run)

    return _everywhere(rules, connectors, remove)


def _everywhere(
    rules: Rules,
    connectors: Mapping[str, Connector],
    act: Callable[[Connector, str, list[CatalogueField]], list[ProvisionStep]],
) -> Steps:
    return [
        (connection, step)
        for connection, object_name, fields in targets(rules)
        for step in act(connectors[connection], object_name, fields)
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
