"""By which fields and links records lead to each other in a mapping: what a changed record may change elsewhere."""

from collections.abc import Iterator
from typing import NamedTuple

from sync.mapping.grammar import Mapping
from sync.mapping.where import Reference, Where


class Edge(NamedTuple):
    """Records of an object lead to others by a field that holds an id, or by an association with an object."""

    connection: str
    object: str
    field: str | None
    association: str | None


def edges(mapping: Mapping) -> list[Edge]:
    """Each once, in order."""
    found: set[Edge] = set()
    for partner in mapping.partners:
        found.update(_of_where(partner.connection, partner.object, partner.where))
    for entry in mapping.entries:
        found.update(_of_where(entry.connection, entry.object, entry.where))
        references = [entry.partner, *(rule.linked for rule in entry.milestones.values() if rule.linked)]
        for reference in references:
            found.update(_of_reference(entry.connection, entry.object, reference))
    for activity in mapping.activities:
        found.update(_of_where(activity.connection, activity.object, activity.where))
        for way in (activity.partner, activity.entry):
            if way is not None:
                found.update(_of_reference(activity.connection, activity.object, way))
    for deal in mapping.deals_all_channels:
        for where in deal.wheres():
            found.update(_of_where(deal.connection, deal.object, where))
    for customer in mapping.customers:
        found.update(_of_where(customer.connection, customer.object, customer.where))
        if customer.linked is not None:
            found.update(_of_reference(customer.connection, customer.object, customer.linked))
    return sorted(found, key=lambda edge: tuple(part or "" for part in edge))


def _of_reference(connection: str, object_name: str, reference: Reference) -> Iterator[Edge]:
    for here, step in reference.steps(object_name):
        yield Edge(connection, here, step.field, step.association)


def _of_where(connection: str, object_name: str, where: Where) -> Iterator[Edge]:
    for _, related in where.links():
        yield from _of_reference(connection, object_name, related.by)
        yield from _of_where(connection, related.leads_to, related.where)
