"""A mapping against the CRMs as they describe themselves now: do its objects, fields, values and stages exist, and fit?"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from collections.abc import Set as AbstractSet

from sync.described import ObjectDescription
from sync.documents import Problem, advice
from sync.mapping.check_create import check_create
from sync.mapping.check_labels import Pair, check_labels
from sync.mapping.fitting import Absent, Descriptions, Fitting, Path, without
from sync.mapping.grammar import Mapping
from sync.mapping.rules import DAYS, CustomerRule, EntryRule, FromObject, MilestoneRule, PartnerRule


def check(
    mapping: Mapping,
    descriptions: Descriptions,
    absent: Absent | None = None,
    labels: MappingType[Pair, AbstractSet[str]] | None = None,
    ours: AbstractSet[str] = frozenset(),
) -> list[Problem]:
    """Everything in the mapping that the CRMs do not have, in the order of the file. Empty: the mapping fits.

    `descriptions` holds the objects that our user can see, by (connection, object); `needs` says which are asked for.
    `absent` tells of the others: in the CRM's words why they cannot be seen, or None where nobody asked and nothing is said.
    `labels` holds those of the links between two objects, as far as the CRM was asked and told.
    `ours` are the names of fields that we write: no rule reads them, and none is suggested.
    """
    others = {place: without(found, ours) for place, found in descriptions.items()}
    found = (
        *_Check(mapping, others, Fitting(mapping, others, absent or {}, ours)).all(),
        *check_labels(mapping, labels or {}),
    )
    return sorted(found, key=lambda problem: (problem.line, problem.sentence))


class _Check:
    def __init__(self, mapping: Mapping, descriptions: Descriptions, fit: Fitting) -> None:
        self._mapping = mapping
        self._descriptions = descriptions
        self._fit = fit

    def all(self) -> Iterator[Problem]:
        mapping = self._mapping
        for index, partner in enumerate(mapping.partners):
            yield from self._partner(("partners", index), partner)
        yield from self._types()
        for index, entry in enumerate(mapping.entries):
            yield from self._entry(("entries", index), entry)
        for index, rule in enumerate(mapping.activities):
            path: Path = ("activities", index)
            found, problems = self._fit.object(path, rule.connection, rule.object)
            yield from problems
            if found:
                yield from self._fit.where((*path, "where"), found, rule.where, rule.connection)
                yield from self._fit.day((*path, "at"), found, rule.at)
                yield from self._fit.reference(
                    (*path, "partner"),
                    found,
                    rule.partner,
                    rule.connection,
                    self._read_by(mapping.partners, rule.connection),
                )
                yield from self._fit.reference(
                    (*path, "entry"),
                    found,
                    rule.entry,
                    rule.connection,
                    self._read_by(mapping.entries, rule.connection),
                )
        for index, deal in enumerate(mapping.deals_all_channels):
            path = ("deals_all_channels", index)
            found, problems = self._fit.object(path, deal.connection, deal.object)
            yield from problems
            if found:
                yield from self._fit.where((*path, "where"), found, deal.where, deal.connection)
                for key, said in deal.said():
                    yield from self._fit.where((*path, key), found, said, deal.connection, deal.where)
                yield from self._fit.day((*path, "at"), found, deal.at)
        for index, customer in enumerate(mapping.customers):
            path = ("customers", index)
            found, problems = self._fit.object(path, customer.connection, customer.object)
            yield from problems
            if found:
                yield from self._fit.where((*path, "where"), found, customer.where, customer.connection)
                yield from self._fit.day((*path, "since"), found, customer.since)
                yield from self._company(path, customer, found)
        yield from self._created()

    def _company(self, path: Path, rule: CustomerRule, found: ObjectDescription) -> Iterator[Problem]:
        """The record that says what company it is."""
        there: ObjectDescription | None = found
        if rule.linked is not None:
            there, problems = self._fit.linked(path, found, rule.linked, rule.object_, rule.connection, "linked")
            yield from problems
        if there is not None:
            yield from self._fit.exists((*path, "name"), there, rule.name)
            for mark, named in rule.match_on.items():
                yield from self._fit.exists((*path, "match_on", mark), there, named)

    def _partner(self, path: Path, rule: PartnerRule) -> Iterator[Problem]:
        found, problems = self._fit.object(path, rule.connection, rule.object)
        yield from problems
        if found is None:
            return
        yield from self._fit.where((*path, "where"), found, rule.where, rule.connection)
        yield from self._fit.exists((*path, "name"), found, rule.name)
        for mark, named in rule.match_on.items():
            yield from self._fit.exists((*path, "match_on", mark), found, named)
        for name, attribute in rule.attributes.items():
            at = (*path, "attributes", name)
            if name in DAYS:
                yield from self._fit.day(at, found, attribute.field)
                continue
            if name == "employees":
                yield from self._fit.number(at, found, attribute.field)
                continue
            field, problems = self._fit.field(at, found, attribute.field)
            yield from problems
            if field is not None:
                yield from self._fit.values((*at, "values"), field, tuple(attribute.values))

    @staticmethod
    def _read_by(rules: Sequence[FromObject], connection: str) -> dict[str, None]:
        """The objects of the connection that such rules read, in the order of the file."""
        return {rule.object: None for rule in rules if rule.connection == connection}

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
        """The words a partner's attribute can take; empty where some field takes free text, or is not known."""
        possible: set[str] = set()
        for rule in self._mapping.partners:
            attribute = getattr(rule.attributes, axis)
            if attribute is None:
                continue
            found = self._descriptions.get((rule.connection, rule.object))
            field = found.field(attribute.field) if found else None
            if field is None or not field.options:
                return set()
            possible |= {attribute.values.get(value, value) for value, _ in field.options}
        return possible

    def _entry(self, path: Path, rule: EntryRule) -> Iterator[Problem]:
        found, problems = self._fit.object(path, rule.connection, rule.object)
        yield from problems
        if found is None:
            return
        yield from self._fit.where((*path, "where"), found, rule.where, rule.connection)
        yield from self._fit.reference(
            (*path, "partner"),
            found,
            rule.partner,
            rule.connection,
            self._read_by(self._mapping.partners, rule.connection),
        )
        for mark, name in rule.target.items():
            yield from self._fit.exists((*path, "target", mark), found, name)
        yield from self._fit.stages((*path, "ignored"), found, rule.ignored, rule.where)
        for milestone, of in rule.milestones.items():
            yield from self._milestone((*path, "milestones", milestone.value), rule, of, found)
        yield from check_create(self._mapping, self._fit, path, rule, found)

    def _milestone(
        self, path: Path, entry: EntryRule, rule: MilestoneRule, found: ObjectDescription
    ) -> Iterator[Problem]:
        yield from self._fit.exists((*path, "reason"), found, rule.reason)
        source: ObjectDescription | None = found
        if rule.linked is not None:
            source, problems = self._fit.linked(path, found, rule.linked, rule.object, entry.connection, "linked")
            yield from problems
        if source is not None:
            yield from self._fit.day((*path, "at"), source, rule.at)
            # a linked record may be in any pipeline
            yield from self._fit.stages(
                (*path, "enters"), source, rule.enters or {}, entry.where if rule.linked is None else None
            )

    def _created(self) -> Iterator[Problem]:
        for name, field in self._mapping.created.items():
            connection, _, object_name = name.partition(".")
            for (of_connection, of_object), found in sorted(self._descriptions.items(), key=lambda item: item[0]):
                asked = self._mapping.created_field(of_connection, of_object) == field
                if of_connection == connection and object_name in ("", of_object) and asked and self._read(of_object):
                    yield from self._fit.day(("created", name), found, field)

    def _read(self, object_name: str) -> bool:
        """Whether entries, activities or deals come from the object: only there does its making matter."""
        rules = (*self._mapping.entries, *self._mapping.activities, *self._mapping.deals_all_channels)
        return any(rule.object == object_name for rule in rules)
