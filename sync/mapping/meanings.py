"""What the values of a field mean by a mapping: stages, attributes of partners, and what makes a deal partner-sourced."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass

from models.vocabulary import Willingness
from sync.mapping.conditions import MirrorValue, number_of, text_of
from sync.mapping.grammar import Mapping
from sync.mapping.rules import Attribute

Values = MappingType[str, MirrorValue]
Told = tuple[str, tuple[str, ...]]
"""A value as it is listed, and the words it is mapped to."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """How one field is read: `of` gives the value of a record and what it means.

    `complete`: the mapping has to name every value; one that it does not name is reported, and never read as nothing happening.
    `part` and `rule` say whose records count; `part` is None where all records of the object do.
    """

    connection: str
    object: str
    field: str
    of: Callable[[Values], Told]
    complete: bool
    kind: str  # stage, linked stage, industry, contract, willingness, employees
    part: str | None = None
    rule: int = -1


def meanings(mapping: Mapping) -> Iterator[Meaning]:
    """In the order of the file."""
    yield from _attributes(mapping)
    yield from _stages(mapping)


def _attributes(mapping: Mapping) -> Iterator[Meaning]:
    for index, rule in enumerate(mapping.partners):
        for axis, attribute in rule.attributes.items():
            if axis in ("industry", "contract"):
                named: dict[str, list[str]] = defaultdict(list)
                for kind, partner_type in mapping.partner_types.items():
                    for word in getattr(partner_type, axis) or ():
                        named[word].append(kind)
                read, complete = _words(attribute, named), bool(named)
            elif axis == "willingness":
                read, complete = _words(attribute, {w.value: [w.value] for w in Willingness}), True
            elif axis == "employees":
                read, complete = _sizes(mapping, attribute.field), False
            else:
                continue
            yield Meaning(rule.connection, rule.object, attribute.field, read, complete, axis, "partners", index)


def _words(attribute: Attribute, named: MappingType[str, list[str]]) -> Callable[[Values], Told]:
    def of(values: Values) -> Told:
        value = text_of(values.get(attribute.field)).strip()
        return value, tuple(named.get(attribute.values.get(value, value), ()))

    return of


def _sizes(mapping: Mapping, field: str) -> Callable[[Values], Told]:
    """Numbers of employees are listed by the size they make."""

    def of(values: Values) -> Told:
        count = number_of(values.get(field))
        if count is None:
            return text_of(values.get(field)), ()
        for name, (low, high) in mapping.sizes.items():
            if low <= int(count) and (high is None or int(count) <= high):
                return f"{low} to {high}" if high is not None else f"{low} and more", (name,)
        return str(count), ()

    return of


def _stages(mapping: Mapping) -> Iterator[Meaning]:
    for index, rule in enumerate(mapping.entries):
        own: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        linked: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for milestone, of in rule.milestones.items():
            if of.stage is None:
                continue
            field, stages = of.stage
            for stage in stages:
                (linked[of.linked_object, field] if of.linked_object else own[field])[stage].append(milestone.value)
        for field, values in rule.ignored.items():
            for value in values:
                own[field][value].append("ignored")
        for field, named in own.items():
            yield Meaning(rule.connection, rule.object, field, _named(field, named), True, "stage", "entries", index)
        for (name, field), named in linked.items():
            yield Meaning(rule.connection, name, field, _named(field, named), False, "linked stage")


def _named(field: str, named: MappingType[str, list[str]]) -> Callable[[Values], Told]:
    def of(values: Values) -> Told:
        value = text_of(values.get(field))
        return value, tuple(named.get(value, ()))

    return of
