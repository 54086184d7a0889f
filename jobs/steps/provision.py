"""Makes our fields in the CRMs, for the objects that the mapping writes back to; and takes them out again."""

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.settings import WorkspaceSettings
from jobs.steps import provisioned
from jobs.wiring import Workspace
from models.catalogue import CATALOGUE, LIST_ROW_KEY, CatalogueField, fields_of
from sync.connector import Connector, ProvisionStep
from sync.mapping.creation import first_fields, given_fields
from sync.mapping.grammar import Mapping as Rules

Steps = list[tuple[str, ProvisionStep]]
ADVICE = "advice"  # the status of what only a person can make


def targets(rules: Rules) -> Iterator[tuple[str, str, list[CatalogueField]]]:
    """(connection, object, fields) that the mapping writes back to, or makes records of."""
    made = {f"{connection}.{name}" for connection, name in made_objects(rules)}
    for subject, named in (("partner", rules.write_back.partner), ("entry", rules.write_back.entry)):
        for place, fields in named.items():
            connection, _, object_name = place.partition(".")
            chosen = [f for f in fields_of(subject) if fields == "default" or f.name in fields]  # type: ignore[arg-type]
            if subject == "entry" and place in made:
                chosen.append(LIST_ROW_KEY)
            yield connection, object_name, chosen
    for place in sorted(made - set(rules.write_back.entry)):
        connection, _, object_name = place.partition(".")
        yield connection, object_name, [LIST_ROW_KEY]


def made_objects(rules: Rules) -> Iterator[tuple[str, str]]:
    """(connection, object) of which rows of lists become records, those that come first included."""
    for rule in rules.entries:
        if rule.create is not None:
            yield rule.connection, rule.object
            yield from ((rule.connection, first.leads_to(name)) for name, first in rule.create.first.items())


def made_fields(rules: Rules, connection: str) -> dict[str, list[str]]:
    """The fields that new records of this connection are given, by object, ours left out."""
    found: dict[str, set[str]] = {}
    for rule in rules.entries:
        if rule.create is not None and rule.connection == connection:
            partner = {rule.partner.field} if rule.partner.field else set()
            found.setdefault(rule.object, set()).update(given_fields(rule), partner, rule.create.first)
            for name, first in rule.create.first.items():
                found.setdefault(first.leads_to(name), set()).update(first_fields(first))
    return {name: sorted(fields) for name, fields in found.items()}


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


def provision_workspace(workspace: Workspace, *, dry_run: bool, layout: bool = True) -> Steps:
    """As `provision`, and keeps where it was done before the first field is made."""
    if not dry_run:
        with workspace.connect() as conn:
            places = [(connection, name) for connection, name, _ in targets(workspace.rules)]
            provisioned.note(conn, workspace.name, workspace.settings.prefix, places)
    return provision(workspace.settings, workspace.rules, workspace.connectors, dry_run=dry_run, layout=layout)


def to_remove(workspace: Workspace) -> dict[str, list[provisioned.Place]]:
    """Where our fields are to be taken out, by prefix: where they were made, and where the mapping would have them."""
    with workspace.connect() as conn:
        found = provisioned.noted(conn, workspace.name)
    mapped = [(connection, name) for connection, name, _ in targets(workspace.rules)]
    here = found.setdefault(workspace.settings.prefix, [])
    here += [place for place in mapped if place not in here]
    return found


def unprovision(workspace: Workspace, *, dry_run: bool) -> Steps:
    """(connection, what was or would be taken out), in the order it was done; an object that no mapping names any more is not forgotten."""
    steps: Steps = []
    for prefix, places in to_remove(workspace).items():
        whose: dict[str, dict[str, tuple[CatalogueField, ...]]] = {}
        for connection, name in places:
            # an earlier mapping may have chosen other fields
            whose.setdefault(connection, {})[name] = (*CATALOGUE, LIST_ROW_KEY)
        for connection, objects in whose.items():
            connector = workspace.connectors.get(connection)
            if connector is None:
                advice = f"the connection {connection} is not configured any more; our fields are made there"
                steps += [(connection, ProvisionStep(name, "our fields", "kept", advice)) for name in objects]
                continue
            done = connector.unprovision(objects, prefix=prefix, dry_run=dry_run)
            steps += [(connection, step) for step in done]
            if not dry_run and not any(step.status == "refused" for step in done):
                with workspace.connect() as conn:
                    provisioned.forget(conn, workspace.name, prefix, [(connection, name) for name in objects])
    return steps


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
