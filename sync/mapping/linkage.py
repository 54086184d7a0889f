"""The associations that rules follow, by their labels: how many links bear which, and which of them a rule follows."""

from collections.abc import Iterator
from dataclasses import dataclass

from sync.mapping.counts import CountingReader
from sync.mapping.grammar import Mapping, path_text
from sync.mapping.where import Path, Reference, Where


@dataclass(frozen=True, slots=True, order=True)
class LinkCoverage:
    """Links between two objects that bear one label (empty: none). `followed_by` are the rules that follow them; links is 0 where a rule
    names a label that no link bears.
    """

    connection: str
    object: str
    to_object: str
    label: str
    links: int
    followed_by: tuple[str, ...]


def linkage(mapping: Mapping, reader: CountingReader) -> Iterator[LinkCoverage]:
    """Of every association that a rule follows, in the order of their names."""
    asked: dict[tuple[str, str, str], list[tuple[str, str | None]]] = {}
    for path, connection, object_name, reference in references(mapping):
        for name, step in reference.steps(object_name):
            if step.association:
                asked.setdefault((connection, name, step.association), []).append((path_text(path), step.label))
    for place, rules in sorted(asked.items()):
        met = reader.labels(*place)
        named = {label for _, label in rules if label is not None}
        for label in sorted({*met, *named}):
            followed = [path for path, wanted in rules if wanted is None or wanted == label]
            yield LinkCoverage(*place, label, met.get(label, 0), tuple(dict.fromkeys(followed)))


def references(mapping: Mapping) -> Iterator[tuple[Path, str, str, Reference]]:
    """(rule, connection, object, how its records point on)."""
    for index, entry in enumerate(mapping.entries):
        at: Path = ("entries", index)
        yield (*at, "partner"), entry.connection, entry.object, entry.partner
        yield from _of_where(at, entry.connection, entry.object, entry.where)
        for milestone, rule in entry.milestones.items():
            if rule.linked is not None:
                yield (*at, "milestones", milestone.value), entry.connection, entry.object, rule.linked
    for index, activity in enumerate(mapping.activities):
        at = ("activities", index)
        for reference in (activity.partner, activity.entry):
            if reference is not None:
                yield at, activity.connection, activity.object, reference
        yield from _of_where(at, activity.connection, activity.object, activity.where)
    for index, partner in enumerate(mapping.partners):
        yield from _of_where(("partners", index), partner.connection, partner.object, partner.where)
    for index, customer in enumerate(mapping.customers):
        if customer.linked is not None:
            yield ("customers", index, "linked"), customer.connection, customer.object, customer.linked
        yield from _of_where(("customers", index), customer.connection, customer.object, customer.where)
    for index, deal in enumerate(mapping.deals_all_channels):
        for where in deal.wheres():
            yield from _of_where(("deals_all_channels", index), deal.connection, deal.object, where)


def _of_where(at: Path, connection: str, object_name: str, where: Where) -> Iterator[tuple[Path, str, str, Reference]]:
    for _, related in where.links():
        yield at, connection, object_name, related.by
        yield from _of_where(at, connection, related.leads_to, related.where)
