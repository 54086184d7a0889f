"""Links between records. Both directions are kept; a link has one or more types, each with its own number each way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.errors import bad_request, not_found
from sandbox.hubspot.object_types import ObjectType, ObjectTypes

HUBSPOT, USER = "HUBSPOT_DEFINED", "USER_DEFINED"
Spec = tuple[str, int]  # category and type id


@dataclass(frozen=True, slots=True)
class LinkType:
    """One kind of link from one object to another, as `/labels` lists it."""

    category: str
    type_id: int
    label: str | None
    name: str
    inverse: int  # type id of the same link seen from the other side

    @property
    def spec(self) -> Spec:
        return self.category, self.type_id

    def wire(self) -> dict[str, Any]:
        return {"category": self.category, "typeId": self.type_id, "label": self.label}


# from, to, type id, inverse type id, label, inverse label. The first row of a pair is its unlabelled type.
_STANDARD = (
    ("contacts", "companies", 279, 280, None, None),
    ("contacts", "companies", 1, 2, "Primary", "Primary Company"),
    ("deals", "contacts", 3, 4, None, None),
    ("deals", "companies", 341, 342, None, None),
    ("deals", "companies", 5, 6, "Primary", "Primary"),
    ("meetings", "contacts", 200, 199, None, None),
    ("meetings", "companies", 188, 187, None, None),
    ("meetings", "deals", 212, 211, None, None),
    ("tasks", "contacts", 204, 203, None, None),
    ("tasks", "companies", 192, 191, None, None),
    ("tasks", "deals", 216, 215, None, None),
    ("calls", "contacts", 194, 193, None, None),
    ("calls", "companies", 182, 181, None, None),
    ("calls", "deals", 206, 205, None, None),
    ("notes", "contacts", 202, 201, None, None),
    ("notes", "companies", 190, 189, None, None),
    ("notes", "deals", 214, 213, None, None),
    ("companies", "companies", 450, 450, None, None),
    ("companies", "companies", 13, 14, "Parent Company", "Child Company"),
    ("contacts", "contacts", 449, 449, None, None),
    ("deals", "deals", 451, 451, None, None),
)
_WITH_PRIMARY = ({"contacts", "companies"}, {"deals", "companies"})
PARTNER_LABEL = 101


class Associations:
    """The links of the portal, by type ids and numeric record ids."""

    def __init__(self, kinds: ObjectTypes) -> None:
        self._types: dict[tuple[str, str], dict[Spec, LinkType]] = {}
        self._links: dict[tuple[str, str], dict[int, dict[int, set[Spec]]]] = {}
        self._serial = PARTNER_LABEL
        for source, target, number, inverse, label, back in _STANDARD:
            self._define(kinds.find(source), kinds.find(target), HUBSPOT, (number, inverse), (label, back))
        self.add_label(kinds.find("deals"), kinds.find("companies"), "partner", "partner")

    def _define(
        self,
        source: ObjectType,
        target: ObjectType,
        category: str,
        numbers: tuple[int, int],
        labels: tuple[str | None, str | None],
    ) -> list[LinkType]:
        there = LinkType(category, numbers[0], labels[0], _v3_name(source, target, category, labels[0]), numbers[1])
        back = LinkType(category, numbers[1], labels[1], _v3_name(target, source, category, labels[1]), numbers[0])
        self._types.setdefault((source.type_id, target.type_id), {})[there.spec] = there
        self._types.setdefault((target.type_id, source.type_id), {})[back.spec] = back
        return [there, back]

    def add_label(
        self, source: ObjectType, target: ObjectType, label: str, inverse: str | None = None
    ) -> list[LinkType]:
        """A label of the portal's own; its two directions get two numbers."""
        self.unlabelled(source, target)
        numbers = self._serial, self._serial + 1
        self._serial += 2
        return self._define(source, target, USER, numbers, (label, inverse or label))

    def remove_label(self, source: ObjectType, target: ObjectType, number: int) -> None:
        found = self.types(source, target).pop((USER, number), None)
        if found is None:
            raise not_found(f"No association label with id {number}", associationTypeId=[str(number)])
        self.types(target, source).pop((USER, found.inverse), None)
        for pair, gone in (((source, target), found.spec), ((target, source), (USER, found.inverse))):
            for targets in self._side(*pair).values():
                for specs in targets.values():
                    specs.discard(gone)

    def types(self, source: ObjectType, target: ObjectType) -> dict[Spec, LinkType]:
        return self._types.setdefault((source.type_id, target.type_id), {})

    def unlabelled(self, source: ObjectType, target: ObjectType) -> LinkType:
        """The plain type of a pair; made where the portal has none yet (custom objects)."""
        for kind in self.types(source, target).values():
            if kind.label is None:
                return kind
        category = USER if source.is_custom or target.is_custom else HUBSPOT
        number = self._serial = self._serial + 2
        return self._define(source, target, category, (number - 2, number - 1), (None, None))[0]

    def type_of(self, source: ObjectType, target: ObjectType, category: str, number: int) -> LinkType:
        found = self.types(source, target).get((category, number))
        if found is None:
            raise bad_request(
                f"One or more association types are not valid between {source.constant} and {target.constant}: {category} {number}",
                subCategory="crm.associations.INVALID_ASSOCIATION_TYPE",
            )
        return found

    def link(
        self, source: ObjectType, source_id: int, target: ObjectType, target_id: int, kinds: Iterable[LinkType]
    ) -> list[LinkType]:
        """Links two records; a labelled link carries the plain type too, as HubSpot's replies show. No record's stamp moves."""
        wanted = list(kinds)
        for kind in {*wanted, self.unlabelled(source, target)}:
            self._side(source, target).setdefault(source_id, {}).setdefault(target_id, set()).add(kind.spec)
            self._side(target, source).setdefault(target_id, {}).setdefault(source_id, set()).add(
                (kind.category, kind.inverse)
            )
        return wanted

    def unlink(self, source: ObjectType, source_id: int, target: ObjectType, target_id: int) -> None:
        for one, one_id, two, two_id in (
            (source, source_id, target, target_id),
            (target, target_id, source, source_id),
        ):
            targets = self._side(one, two).get(one_id, {})
            targets.pop(two_id, None)
            if not targets:
                self._side(one, two).pop(one_id, None)

    def unlabel(
        self, source: ObjectType, source_id: int, target: ObjectType, target_id: int, kinds: Iterable[LinkType]
    ) -> None:
        """Takes labels away; the plain link stays."""
        for kind in kinds:
            self._side(source, target).get(source_id, {}).get(target_id, set()).discard(kind.spec)
            self._side(target, source).get(target_id, {}).get(source_id, set()).discard((kind.category, kind.inverse))

    def of(self, source: ObjectType, source_id: int, target: ObjectType) -> list[tuple[int, list[LinkType]]]:
        """The linked records in the order of their ids, each with the types of its link."""
        known = self.types(source, target)
        links = self._side(source, target).get(source_id, {})
        return [
            (other, [known[s] for s in sorted(specs, key=_by_number) if s in known])
            for other, specs in sorted(links.items())
        ]

    def between(self, source: ObjectType, target: ObjectType) -> dict[int, dict[int, set[Spec]]]:
        return self._side(source, target)

    def forget(self, kind: ObjectType, record_id: int) -> None:
        """A record is gone for good: so are its links."""
        for other, other_id, _ in list(self._all(kind, record_id)):
            self._drop(kind.type_id, record_id, other, other_id)

    def move(self, kind: ObjectType, old: int, new: int) -> None:
        """After a merge the survivor has the links, and the old id has none."""
        for other, other_id, specs in list(self._all(kind, old)):
            self._drop(kind.type_id, old, other, other_id)
            self._links.setdefault((kind.type_id, other), {}).setdefault(new, {}).setdefault(other_id, set()).update(
                specs
            )
            types = self._types[(kind.type_id, other)]
            back = {(s[0], types[s].inverse) for s in specs}
            self._links.setdefault((other, kind.type_id), {}).setdefault(other_id, {}).setdefault(new, set()).update(
                back
            )

    def _side(self, source: ObjectType, target: ObjectType) -> dict[int, dict[int, set[Spec]]]:
        return self._links.setdefault((source.type_id, target.type_id), {})

    def _all(self, kind: ObjectType, record_id: int) -> Iterator[tuple[str, int, set[Spec]]]:
        for (source, target), links in self._links.items():
            if source == kind.type_id:
                for other, specs in links.get(record_id, {}).items():
                    yield target, other, specs

    def _drop(self, source: str, source_id: int, target: str, target_id: int) -> None:
        for one, one_id, two, two_id in (
            (source, source_id, target, target_id),
            (target, target_id, source, source_id),
        ):
            side = self._links.get((one, two), {})
            side.get(one_id, {}).pop(two_id, None)
            if not side.get(one_id, True):
                del side[one_id]


def _by_number(spec: Spec) -> int:
    return spec[1]


def _v3_name(source: ObjectType, target: ObjectType, category: str, label: str | None) -> str:
    """How v3 calls a type. Where a pair has a primary link, that one bears the plain name."""
    plain = f"{source.v3_name}_to_{target.v3_name}"
    if label is None:
        return f"{plain}_unlabeled" if {source.name, target.name} in _WITH_PRIMARY else plain
    if label.startswith("Primary"):
        return plain
    return label if category == USER else label.lower().replace(" ", "_")
