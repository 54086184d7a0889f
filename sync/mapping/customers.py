"""Companies that buy already or are about to, by the mapping's rules: a target among them needs no introduction. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from models.vocabulary import RecordRef, Target
from sync.mapping.conditions import text_of
from sync.mapping.facts import CustomerFact
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.identity import corporate_number, domain
from sync.mapping.reader import MirrorReader
from sync.mapping.selection import selector


class Customer(NamedTuple):
    """A record that is a customer (`stands`; or an `open_deal` of the company's own), by its marks of identity."""

    ref: RecordRef
    target: Target
    stands: str = "customer"


def customers(mapping: Rules, reader: MirrorReader) -> Iterator[Customer]:
    """Every record that a rule of `customers` takes, once for each rule. Deleted ones are none."""
    for rule in mapping.customers:
        marks = rule.match_on.items()
        fields = sorted({*rule.where.fields(), *(name for _, name in marks), rule.name})
        fits = selector(rule.where, reader, rule.connection, rule.object, mapping.zone)
        for row in reader.rows(rule.connection, rule.object, fields):
            if fits(row):
                said = {mark: text_of(row.values.get(name)).strip() or None for mark, name in marks}
                named = text_of(row.values.get(rule.name)).strip() or None
                ref = RecordRef(rule.connection, rule.object, row.id)
                yield Customer(ref, target_of({**said, "name": named}), rule.stands)


def customer_facts(mapping: Rules, reader: MirrorReader) -> tuple[CustomerFact, ...]:
    """The same in the order of their records."""
    found = (CustomerFact(one.ref, one.stands, one.target) for one in customers(mapping, reader))
    return tuple(sorted(found, key=lambda fact: (fact.source, fact.stands)))


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
