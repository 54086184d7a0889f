"""What rests on a field of a CRM: the rules that read it, the milestones they make, and the fields that are written back from them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.catalogue import CATALOGUE
from models.vocabulary import Milestone
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.grammar import path_text
from sync.mapping.rules import EntryRule
from sync.mapping.where import Reference, Where

_ALL = tuple(f.name for f in CATALOGUE)
_COUNTS = frozenset(f"{m}_90d" for m in Milestone)
_MEETINGS = ("next_regular_meeting_due", "next_step")
_SHARE = ("deals_target_month",)
_VALID_ROWS = ("tier", "tier_reason", "tier_since", "attack_list_count", "next_regular_meeting_due", "next_step")


@dataclass(frozen=True, slots=True)
class Use:
    """One place of the mapping that reads a field. `fields` are those of the catalogue that come of it."""

    connection: str
    object: str
    field: str
    path: tuple[str | int, ...]
    milestones: tuple[str, ...] = ()
    fields: tuple[str, ...] = _ALL


def dependants(rules: Rules, connection: str, object_name: str, field: str = "") -> dict[str, list[str]]:
    """`rules`, `milestones` and `fields` (of the catalogue) that rest on the field; without one, on the object."""
    found = [u for u in uses(rules) if (u.connection, u.object) == (connection, object_name) and field in ("", u.field)]
    milestones = {m for u in found for m in u.milestones}
    fields = {f for u in found for f in u.fields}
    return {
        "rules": list(dict.fromkeys(path_text(u.path) for u in found)),
        "milestones": [m.value for m in Milestone if m.value in milestones],
        "fields": [f for f in _ALL if f in fields],
    }


def uses(rules: Rules) -> Iterator[Use]:
    """Every place that reads a field, in the order of the file."""
    for i, partner in enumerate(rules.partners):
        at: tuple[str | int, ...] = ("partners", i)
        yield from _of_where(partner.connection, partner.object, partner.where, (*at, "where"))
        named: list[tuple[tuple[str, ...], str]] = []
        named += [(("name",), partner.name)] if partner.name else []
        named += [(("match_on", mark), f) for mark, f in partner.match_on.items()]
        named += [(("attributes", name), attribute.field) for name, attribute in partner.attributes.items()]
        yield from (Use(partner.connection, partner.object, f, (*at, *path)) for path, f in named)
    for i, entry in enumerate(rules.entries):
        yield from _of_entry(("entries", i), entry)
    for i, rule in enumerate(rules.activities):
        at = ("activities", i)
        made = tuple(
            m.value
            for e in rules.entries
            for m, of in e.milestones.items()
            if of.activity is not None and of.activity.kind == rule.kind
        )
        fields = (*_MEETINGS, *(_fields_of(made) if made else ()))
        yield from _of_where(rule.connection, rule.object, rule.where, at, made, fields)
        read = [(rule.object, rule.at), *_of(rule.object, rule.partner), *_of(rule.object, rule.entry)]
        yield from (Use(rule.connection, there, f, at, made, fields) for there, f in read)
    for i, deal in enumerate(rules.deals_all_channels):
        at = ("deals_all_channels", i)
        for where in deal.wheres():
            yield from _of_where(deal.connection, deal.object, where, at, (), _SHARE)
        if deal.at:
            yield Use(deal.connection, deal.object, deal.at, at, (), _SHARE)
    for i, customer in enumerate(rules.customers):
        at = ("customers", i)
        yield from _of_where(customer.connection, customer.object, customer.where, at, (), _VALID_ROWS)
        read = [(customer.object, customer.since)] if customer.since else []
        read += _of(customer.object, customer.linked)
        read += [(customer.company, f) for f in (customer.name, *(name for _, name in customer.match_on.items()))]
        yield from (Use(customer.connection, there, f, at, (), _VALID_ROWS) for there, f in read)
    yield from _created(rules)


def _of_entry(at: tuple[str | int, ...], entry: EntryRule) -> Iterator[Use]:
    everything = tuple(m.value for m in entry.milestones)
    yield from _of_where(entry.connection, entry.object, entry.where, (*at, "where"), everything)
    for between, f in _of(entry.object, entry.partner):
        yield Use(entry.connection, between, f, (*at, "partner"), everything)
    named: list[tuple[tuple[str, ...], str]] = [(("target", name), f) for name, f in entry.target.items()]
    yield from (Use(entry.connection, entry.object, f, (*at, *path), everything) for path, f in named)
    for f in entry.ignored:
        yield Use(entry.connection, entry.object, f, (*at, "ignored", f), (), ())
    for milestone, rule in entry.milestones.items():
        path = (*at, "milestones", milestone.value)
        fields = _fields_of((milestone.value,))
        own = [*_of(entry.object, rule.linked), *([(entry.object, rule.reason)] if rule.reason else [])]
        read = [*([rule.at] if rule.at else []), *(rule.enters or ())]
        for place, f in own:
            yield Use(entry.connection, place, f, path, (milestone.value,), fields)
        for f in read:
            yield Use(entry.connection, rule.linked_object or entry.object, f, path, (milestone.value,), fields)


def _of_where(
    connection: str,
    object_name: str,
    where: Where,
    at: tuple[str | int, ...],
    milestones: tuple[str, ...] = (),
    fields: tuple[str, ...] = _ALL,
) -> Iterator[Use]:
    """What conditions read, of the record and of those it is linked to."""
    for placed in where.placed():
        there = placed.through[-1].leads_to if placed.through else object_name
        yield Use(connection, there, placed.field, (*at, placed.field), milestones, fields)
    for _, related in where.links():
        for there, f in _of(object_name, related.by):
            yield Use(connection, there, f, (*at, "related"), milestones, fields)


def _created(rules: Rules) -> Iterator[Use]:
    """The moment a record was made dates what its history does not."""
    read = {(r.connection, r.object): None for r in (*rules.entries, *rules.activities, *rules.deals_all_channels)} | {
        (e.connection, m.linked_object): None for e in rules.entries for m in e.milestones.values() if m.linked_object
    }
    for connection, object_name in read:
        field = rules.created_field(connection, object_name)
        if field:
            key = f"{connection}.{object_name}"
            milestones = tuple(m.value for e in rules.entries if e.connection == connection for m in e.milestones)
            yield Use(
                connection, object_name, field, ("created", key if key in rules.created else connection), milestones
            )


def _of(object_name: str, reference: Reference | None) -> list[tuple[str, str]]:
    """(object, field) of each step that a field leads."""
    steps = reference.steps(object_name) if reference is not None else ()
    return [(name, step.field) for name, step in steps if step.field]


def _fields_of(milestones: Iterable[str]) -> tuple[str, ...]:
    """All but the counts of other milestones."""
    counts = {f"{m}_90d" for m in milestones}
    return tuple(f for f in _ALL if f not in _COUNTS or f in counts)


def by_object(rules: Rules, connection: str) -> "_OfConnection":
    """`dependants` of one connection, for those who know fields and no mapping."""
    return _OfConnection(rules, connection)


@dataclass(frozen=True, slots=True)
class _OfConnection:
    rules: Rules
    connection: str

    def __call__(self, object_name: str, field: str) -> Mapping[str, list[str]]:
        return dependants(self.rules, self.connection, object_name, field)
