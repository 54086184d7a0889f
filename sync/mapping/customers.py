"""Companies that buy already or are about to, by the mapping's rules: a target among them needs no introduction. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from models.vocabulary import RecordRef, Target
from sync.mapping.conditions import text_of
from sync.mapping.dates import UnreadableDateError, day_of
from sync.mapping.facts import CustomerFact
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.identity import corporate_number, domain
from sync.mapping.links import Values, linker
from sync.mapping.reader import MirrorReader, MirrorRow
from sync.mapping.rules import CustomerRule
from sync.mapping.selection import selector


class Customer(NamedTuple):
    """A record by which a company is a customer (`stands`; or an `open_deal` of the company's own), by its marks of identity.

    `since` is the day that the record states; None where it states none.
    """

    ref: RecordRef
    target: Target
    stands: str = "customer"
    since: date | None = None


def customers(mapping: Rules, reader: MirrorReader) -> Iterator[Customer]:
    """Every record that a rule of `customers` takes, once for each rule and company. Deleted ones are none, and so are those of a deleted company."""
    for rule in mapping.customers:
        companies_of = _companies(rule, reader)
        fits = selector(rule.where, reader, rule.connection, rule.object, mapping.zone)
        fields = {*rule.where.fields(), *([rule.since] if rule.since else [])}
        if rule.linked is None:
            fields |= _said(rule)
        elif rule.linked.field:
            fields.add(rule.linked.field)
        for row in reader.rows(rule.connection, rule.object, sorted(fields)):
            if fits(row):
                ref, since = RecordRef(rule.connection, rule.object, row.id), _since(rule, row, mapping)
                for values in companies_of(row):
                    yield Customer(ref, _company(rule, values), rule.stands, since)


def customer_facts(mapping: Rules, reader: MirrorReader) -> tuple[CustomerFact, ...]:
    """The same in the order of their records."""
    found = (CustomerFact(one.ref, one.stands, one.target, one.since) for one in customers(mapping, reader))
    return tuple(sorted(found, key=lambda fact: (fact.source, fact.stands, fact.since or date.min)))


def _said(rule: CustomerRule) -> set[str]:
    return {rule.name, *(name for _, name in rule.match_on.items())}


def _companies(rule: CustomerRule, reader: MirrorReader) -> Callable[[MirrorRow], Iterable[Values]]:
    """What says of which companies a record is: the record itself, or those that it leads to."""
    if rule.linked is None:
        return lambda row: (row.values,)
    there = {row.id: row.values for row in reader.rows(rule.connection, rule.company, sorted(_said(rule)))}
    find = linker(reader, rule.connection, rule.object, rule.linked)
    return lambda row: (there[end] for end in find(row.id, row.values) if end in there)


def _company(rule: CustomerRule, values: Values) -> Target:
    said = {mark: text_of(values.get(name)).strip() or None for mark, name in rule.match_on.items()}
    return target_of({**said, "name": text_of(values.get(rule.name)).strip() or None})


def _since(rule: CustomerRule, row: MirrorRow, mapping: Rules) -> date | None:
    try:
        return day_of(row.values.get(rule.since), mapping.zone) if rule.since else None
    except UnreadableDateError:
        return None  # `mapping check` lets no field through that is no date


def target_of(said: Mapping[str, str | None]) -> Target:
    """The company that a record's fields tell of, its marks in their one form."""
    return Target(
        name=said.get("name"),
        corporate_number=corporate_number(said.get("corporate_number") or ""),
        domain=domain(said.get("domain") or ""),
        phone=said.get("phone"),
        prefecture=said.get("prefecture"),
        city=said.get("city"),
    )
