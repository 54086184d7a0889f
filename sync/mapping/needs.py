"""What a mapping needs read from each CRM: objects, fields, histories and associations, and nothing else.

Fields that are written back are not among them: our own values never feed a rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sync.mapping.create import First, Instead
from sync.mapping.grammar import Mapping
from sync.mapping.rules import DAYS, EntryRule, PartnerRule
from sync.mapping.where import Reference, Related, Where
from sync.records import ReadSpec


@dataclass(slots=True)
class _Wanted:
    fields: set[str] = field(default_factory=set)
    history: set[str] = field(default_factory=set)
    associations: set[str] = field(default_factory=set)
    filtered: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)

    def where(self, where: Where) -> None:
        """What the conditions read of the record itself."""
        self.fields |= where.fields()
        self.filtered |= where.fields()
        self.associations |= {related.by.association for _, related in where.links() if related.by.association}


def needs(mapping: Mapping) -> dict[str, dict[str, ReadSpec]]:
    """Connection -> object -> what is wanted of it, all in the order of their names."""
    wanted: dict[tuple[str, str], _Wanted] = defaultdict(_Wanted)
    for partner in mapping.partners:
        want = wanted[partner.connection, partner.object]
        want.fields |= partner_fields(partner)
        want.where(partner.where)
        want.days |= {a.field for name, a in partner.attributes.items() if name in DAYS}
    for entry in mapping.entries:
        _of_entry(wanted, entry)
    for activity in mapping.activities:
        want = wanted[activity.connection, activity.object]
        want.where(activity.where)
        want.fields.add(activity.at)
        want.filtered.add(activity.at)
        want.days.add(activity.at)
        for reference in (activity.partner, activity.entry):
            _refer(wanted, activity.connection, activity.object, reference)
    for deal in mapping.deals_all_channels:
        want = wanted[deal.connection, deal.object]
        want.where(deal.where)
        want.fields |= {f for _, said in deal.said() for f in said.fields()} | ({deal.at} if deal.at else set())
        want.days |= {deal.at} if deal.at else set()
    for customer in mapping.customers:
        want = wanted[customer.connection, customer.object]
        want.where(customer.where)
        want.fields |= {customer.since} if customer.since else set()
        want.days |= {customer.since} if customer.since else set()
        _refer(wanted, customer.connection, customer.object, customer.linked)
        want = wanted[customer.connection, customer.company]
        want.fields |= {customer.name, *(name for _, name in customer.match_on.items())}
    for connection, name, where in _wheres(mapping):
        for _, related in where.links():
            _of_related(wanted, connection, name, related)
    # a moment of creation dates what history does not, and stamps what was there from the start
    for rule in (*mapping.entries, *mapping.activities, *mapping.deals_all_channels):
        _created(wanted, mapping, rule.connection, rule.object)
    for partner in mapping.partners:
        if made_by := partner_made_by(mapping, partner.connection, partner.object):
            wanted[partner.connection, partner.object].fields.add(made_by)
            wanted[partner.connection, partner.object].days.add(made_by)
    for connection, object_name in _linked(mapping.entries):
        _created(wanted, mapping, connection, object_name)
    result: dict[str, dict[str, ReadSpec]] = {}
    for (connection, name), want in sorted(wanted.items()):
        fields, history, links = (tuple(sorted(part)) for part in (want.fields, want.history, want.associations))
        filtered, days = tuple(sorted(want.filtered)), tuple(sorted(want.days))
        spec = ReadSpec(name, fields, history, links, filtered=filtered, days=days)
        result.setdefault(connection, {})[name] = spec
    return result


def partner_made_by(mapping: Mapping, connection: str, object_name: str) -> str | None:
    """The field by which the record that was made first names the partner: only where `created` names this very object.

    A connection's default is for entries and activities; HubSpot's companies have no such field.
    """
    return mapping.created.get(f"{connection}.{object_name}")


def partner_fields(rule: PartnerRule) -> set[str]:
    """The fields a partner rule reads."""
    named = (rule.name, *(name for _, name in rule.match_on.items()))
    attributes = (attribute.field for _, attribute in rule.attributes.items())
    return {*rule.where.fields(), *(name for name in named if name), *attributes}


def _of_entry(wanted: dict[tuple[str, str], _Wanted], entry: EntryRule) -> None:
    want = wanted[entry.connection, entry.object]
    want.where(entry.where)
    want.fields |= {*entry.ignored, *(name for _, name in entry.target.items())}
    _refer(wanted, entry.connection, entry.object, entry.partner)
    if entry.partner.field:
        want.filtered.add(entry.partner.field)
    for rule in entry.milestones.values():
        _refer(wanted, entry.connection, entry.object, rule.linked)
        if rule.reason:
            want.fields.add(rule.reason)
        source = wanted[entry.connection, rule.linked_object] if rule.linked_object else want
        if rule.at:
            source.fields.add(rule.at)
            source.days.add(rule.at)
        if rule.stage:
            source.fields.add(rule.stage[0])
            source.history.add(rule.stage[0])
            source.filtered.add(rule.stage[0])
    _of_create(wanted, entry)


def _of_create(wanted: dict[tuple[str, str], _Wanted], entry: EntryRule) -> None:
    """What tells which records are there already, to which a new one is tied."""
    if entry.create is None:
        return
    if not entry.create.among.is_empty:
        wanted[entry.connection, entry.partner.between].where(entry.create.among)
    if entry.create.named is not None:
        wanted[entry.connection, entry.partner.between].fields.add(entry.create.named)
    for field_name, way in ways(entry):
        wanted[entry.connection, entry.object].fields.add(field_name)
        want = wanted[entry.connection, way.leads_to(field_name)]
        want.where(way.where)
        want.fields |= {way.email} if way.email else set()
        if isinstance(way, Instead) and way.of is not None:
            want.fields.add(way.of.field)
            want = wanted[entry.connection, way.of.leads_to]
        want.fields |= {name for _, name in way.target.items()}


def ways(entry: EntryRule) -> Iterator[tuple[str, First | Instead]]:
    """By field, how the records that a new one names may be there already."""
    for name, first in (entry.create.first if entry.create is not None else {}).items():
        yield from first.ways(name).items()


def _refer(
    wanted: dict[tuple[str, str], _Wanted], connection: str, object_name: str, reference: Reference | None
) -> None:
    """The fields and associations that lead from a record to another, those of the records in between included."""
    for name, step in reference.steps(object_name) if reference is not None else ():
        if step.field:
            wanted[connection, name].fields.add(step.field)
        if step.association:
            wanted[connection, name].associations.add(step.association)


def _wheres(mapping: Mapping) -> Iterator[tuple[str, str, Where]]:
    for rule in (
        *mapping.partners, *mapping.entries, *mapping.activities, *mapping.deals_all_channels, *mapping.customers,
    ):  # fmt: skip
        yield rule.connection, rule.object, rule.where
    for deal in mapping.deals_all_channels:
        yield from ((deal.connection, deal.object, said) for _, said in deal.said())
    for entry in mapping.entries:
        if entry.create is not None:
            yield entry.connection, entry.partner.between, entry.create.among
            for name, way in ways(entry):
                yield entry.connection, way.leads_to(name), way.where


def _of_related(wanted: dict[tuple[str, str], _Wanted], connection: str, object_name: str, related: Related) -> None:
    _refer(wanted, connection, object_name, related.by)
    wanted[connection, related.leads_to].where(related.where)
    for _, further in related.where.links():
        _of_related(wanted, connection, related.leads_to, further)


def _linked(entries: Iterable[EntryRule]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        for rule in entry.milestones.values():
            if rule.linked_object:
                yield entry.connection, rule.linked_object


def _created(wanted: dict[tuple[str, str], _Wanted], mapping: Mapping, connection: str, object_name: str) -> None:
    if name := mapping.created_field(connection, object_name):
        wanted[connection, object_name].fields.add(name)
        wanted[connection, object_name].days.add(name)
