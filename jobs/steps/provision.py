"""Makes our fields in the CRMs, for the objects that the mapping writes back to; and takes them out again."""

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.settings import WorkspaceSettings
from models.catalogue import CATALOGUE, LIST_ROW_KEY, CatalogueField, fields_of
from sync.connector import Connector, ProvisionStep
from sync.mapping.creation import given_fields
from sync.mapping.grammar import Mapping as Rules

Steps = list[tuple[str, ProvisionStep]]
ADVICE = "advice"  # the status of what only a person can make


def targets(rules: Rules) -> Iterator[tuple[str, str, list[CatalogueField]]]:
    """(connection, object, fields) that the mapping writes back to, or makes records of."""
    made = {rule.from_ for rule in rules.entries if rule.create is not None}
    for subject, named in (("partner", rules.write_back.partner), ("entry", rules.write_back.entry)):
        for place, fields in named.items():
            connection, _, object_name = place.partition(".")
            chosen = [f for f in fields_of(subject) if fields == "default" or f.name in fields]  # type: ignore[arg-type]
            yield connection, object_name, chosen + ([LIST_ROW_KEY] if place in made else [])
    for place in made:
        if place not in rules.write_back.entry:
            connection, _, object_name = place.partition(".")
            yield connection, object_name, [LIST_ROW_KEY]


def made_fields(rules: Rules, connection: str) -> dict[str, list[str]]:
    """The fields that new records of this connection are given, by object, ours left out."""
    found: dict[str, list[str]] = {}
    for rule in rules.entries:
        if rule.create is not None and rule.connection == connection:
            partner = [rule.partner.field] if rule.partner.field else []
            found[rule.object] = sorted({*found.get(rule.object, ()), *given_fields(rule), *partner})
    return found


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
        whose.setdefault(connection, {})[object_name] = (
            *CATALOGUE,
            LIST_ROW_KEY,
        )  # an earlier mapping may have chosen others
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
