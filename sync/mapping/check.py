"""A mapping against the CRMs as they describe themselves now: do its objects, fields, values and stages exist, and fit?"""

from collections.abc import Iterator
from collections.abc import Mapping as MappingType

from sync.connector import FieldDescription, FieldType, ObjectDescription
from sync.documents import Problem, advice
from sync.mapping.conditions import Condition
from sync.mapping.grammar import Mapping
from sync.mapping.rules import EntryRule, MilestoneRule, PartnerRule, Reference

Descriptions = MappingType[tuple[str, str], ObjectDescription]
Absent = MappingType[tuple[str, str], str | None]
Path = tuple[str | int, ...]
_DAYS = (FieldType.DATE, FieldType.DATETIME)


def check(mapping: Mapping, descriptions: Descriptions, absent: Absent | None = None) -> list[Problem]:
    """Everything in the mapping that the CRMs do not have, in the order of the file. Empty: the mapping fits.

    `descriptions` holds the objects that our user can see, by (connection, object); `needs` says which are asked for.
    `absent` tells of the others: in the CRM's words why they cannot be seen, or None where nobody asked and nothing is said.
    """
    return sorted(
        _Check(mapping, descriptions, absent or {}).all(), key=lambda problem: (problem.line, problem.sentence)
    )


class _Check:
    def __init__(self, mapping: Mapping, descriptions: Descriptions, absent: Absent) -> None:
        self._mapping = mapping
        self._absent = absent
        self._descriptions = descriptions

    def all(self) -> Iterator[Problem]:
        mapping = self._mapping
        for index, partner in enumerate(mapping.partners):
            yield from self._partner(("partners", index), partner)
        yield from self._types()
        for index, entry in enumerate(mapping.entries):
            yield from self._entry(("entries", index), entry)
        for index, rule in enumerate(mapping.activities):
            path: Path = ("activities", index)
            found, problems = self._object(path, rule.connection, rule.object)
            yield from problems
            if found:
                yield from self._where((*path, "where"), found, rule.where)
                yield from self._day((*path, "at"), found, rule.at)
                yield from self._reference((*path, "partner"), found, rule.partner)
                yield from self._reference((*path, "entry"), found, rule.entry)
        for index, deal in enumerate(mapping.deals_all_channels):
            path = ("deals_all_channels", index)
            found, problems = self._object(path, deal.connection, deal.object)
            yield from problems
            if found:
                yield from self._where((*path, "where"), found, deal.where)
                yield from self._where((*path, "partner_sourced"), found, deal.partner_sourced)
                yield from self._day((*path, "at"), found, deal.at)
        yield from self._created()

    def _object(
        self, path: Path, connection: str, name: str, key: str = "from"
    ) -> tuple[ObjectDescription | None, list[Problem]]:
        found = self._descriptions.get((connection, name))
        if found is not None:
            return found, []
        if (connection, name) in self._absent:
            said = self._absent[connection, name]
            return None, [self._mapping.problem((*path, key), said)] if said else []
        objects = [known for of_connection, known in self._descriptions if of_connection == connection]
        if objects:
            sentence = f"'{connection}' has no object '{name}' that our user can see; {advice(name, objects)}"
        else:
            connections = [of_connection for of_connection, _ in self._descriptions]
            sentence = f"there is no connection '{connection}'; {advice(connection, connections)}"
        return None, [self._mapping.problem((*path, key), sentence)]

    def _field(self, path: Path, found: ObjectDescription, name: str) -> tuple[FieldDescription | None, list[Problem]]:
        field = found.field(name)
        if field is not None:
            return field, []
        known = [f.name for f in found.fields]
        sentence = f"{found.name} has no field '{name}' that our user can see; {advice(name, known)}"
        return None, [self._mapping.problem(path, sentence)]

    def _exists(self, path: Path, found: ObjectDescription, name: str | None) -> list[Problem]:
        return self._field(path, found, name)[1] if name else []

    def _day(self, path: Path, found: ObjectDescription, name: str | None) -> Iterator[Problem]:
        if name is None:
            return
        field, problems = self._field(path, found, name)
        yield from problems
        if field is not None and field.type not in _DAYS:
            days = [f.name for f in found.fields if f.type in _DAYS]
            sentence = f"'{name}' is no date ({field.crm_type}); {advice(name, days)}"
            yield self._mapping.problem(path, sentence)

    def _values(self, path: Path, field: FieldDescription, values: tuple[str, ...]) -> Iterator[Problem]:
        options = [value for value, _ in field.options]
        if field.type is FieldType.BOOLEAN:
            options = ["true", "false"]
        if not options:
            return
        by_label = {label: value for value, label in field.options}
        for value in values:
            if value in options:
                continue
            if value in by_label:
                sentence = f"'{value}' is the label of '{by_label[value]}' in {field.name}; write '{by_label[value]}'"
            else:
                sentence = f"'{value}' is no value of {field.name}; {advice(value, options)}"
            yield self._mapping.problem(path, sentence)

    def _where(self, path: Path, found: ObjectDescription, where: MappingType[str, Condition]) -> Iterator[Problem]:
        for name, condition in where.items():
            field, problems = self._field((*path, name), found, name)
            yield from problems
            if field is not None:
                yield from self._values((*path, name), field, condition.values())

    def _stages(self, path: Path, found: ObjectDescription, stages: MappingType[str, list[str]]) -> Iterator[Problem]:
        for name, values in stages.items():
            field, problems = self._field((*path, name), found, name)
            yield from problems
            if field is not None:
                yield from self._values((*path, name), field, tuple(values))

    def _reference(self, path: Path, found: ObjectDescription, reference: Reference | None) -> list[Problem]:
        return self._exists(path, found, reference.field) if reference else []

    def _partner(self, path: Path, rule: PartnerRule) -> Iterator[Problem]:
        found, problems = self._object(path, rule.connection, rule.object)
        yield from problems
        if found is None:
            return
        yield from self._where((*path, "where"), found, rule.where)
        yield from self._exists((*path, "name"), found, rule.name)
        for mark in ("corporate_number", "domain"):
            yield from self._exists((*path, "match_on", mark), found, getattr(rule.match_on, mark))
        for name, attribute in rule.attributes.items():
            at = (*path, "attributes", name)
            if name in ("submitted_on", "joined_on"):
                yield from self._day(at, found, attribute.field)
                continue
            field, problems = self._field(at, found, attribute.field)
            yield from problems
            if field is not None:
                yield from self._values((*at, "values"), field, tuple(attribute.values))

    def _types(self) -> Iterator[Problem]:
        """Industries and contracts that no field could ever hold."""
        for axis in ("industry", "contract"):
            possible = self._possible(axis)
            for name, partner_type in self._mapping.partner_types.items():
                for value in getattr(partner_type, axis) or () if possible else ():
                    if value not in possible:
                        sentence = f"no partner's {axis} can be '{value}'; {advice(value, possible)}"
                        yield self._mapping.problem(("partner_types", name, axis), sentence)

    def _possible(self, axis: str) -> set[str]:
        """The words a partner's attribute can take; empty where some field takes free text."""
        possible: set[str] = set()
        for rule in self._mapping.partners:
            attribute = getattr(rule.attributes, axis)
            found = self._descriptions.get((rule.connection, rule.object))
            field = found.field(attribute.field) if attribute and found else None
            if field is None:
                continue
            if not field.options:
                return set()
            possible |= {attribute.values.get(value, value) for value, _ in field.options}
        return possible

    def _entry(self, path: Path, rule: EntryRule) -> Iterator[Problem]:
        found, problems = self._object(path, rule.connection, rule.object)
        yield from problems
        if found is None:
            return
        yield from self._where((*path, "where"), found, rule.where)
        yield from self._reference((*path, "partner"), found, rule.partner)
        for mark, name in rule.target.items():
            yield from self._exists((*path, "target", mark), found, name)
        yield from self._stages((*path, "ignored"), found, rule.ignored)
        for milestone, of in rule.milestones.items():
            yield from self._milestone((*path, "milestones", milestone.value), rule, of, found)

    def _milestone(
        self, path: Path, entry: EntryRule, rule: MilestoneRule, found: ObjectDescription
    ) -> Iterator[Problem]:
        yield from self._exists((*path, "reason"), found, rule.reason)
        source: ObjectDescription | None = found
        if rule.linked is not None and rule.linked_object is not None:
            field = None
            if rule.linked.field:
                field, problems = self._field((*path, "linked"), found, rule.linked.field)
                yield from problems
            if field is not None and field.references and rule.linked_object not in field.references:
                sentence = f"'{field.name}' does not lead to {rule.linked_object}; {advice(rule.linked_object, field.references)}"
                yield self._mapping.problem((*path, "object"), sentence)
                return
            source, problems = self._object(path, entry.connection, rule.linked_object, "object")
            yield from problems
        if source is not None:
            yield from self._day((*path, "at"), source, rule.at)
            yield from self._stages((*path, "enters"), source, rule.enters or {})

    def _created(self) -> Iterator[Problem]:
        for name, field in self._mapping.created.items():
            connection, _, object_name = name.partition(".")
            for (of_connection, of_object), found in sorted(self._descriptions.items(), key=lambda item: item[0]):
                asked = self._mapping.created_field(of_connection, of_object) == field
                if of_connection == connection and object_name in ("", of_object) and asked and self._read(of_object):
                    yield from self._day(("created", name), found, field)

    def _read(self, object_name: str) -> bool:
        """Whether entries, activities or deals come from the object: only there does its making matter."""
        rules = (*self._mapping.entries, *self._mapping.activities, *self._mapping.deals_all_channels)
        return any(rule.object == object_name for rule in rules)
