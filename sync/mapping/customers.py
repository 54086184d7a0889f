"""Companies that buy already or are about to, by the mapping's rules: a target among them needs no introduction. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from models.vocabulary import RecordRef, Target
from sync.mapping.conditions import text_of
from sync.mapping.facts import CustomerMark
from sync.mapping.grammar import Mapping
from sync.mapping.identity import corporate_number, domain
from sync.mapping.reader import MirrorReader
from sync.mapping.selection import selector
from sync.mapping.target_numbers import numbers_of


class Customer(NamedTuple):
    """A record that is a customer (`stands`; or an `open_deal` of the company's own), by its marks of identity."""

    ref: RecordRef
    target: Target
    stands: str = "customer"


def customers(mapping: Mapping, reader: MirrorReader) -> Iterator[Customer]:
    """Every record that a rule of `customers` takes, once for each rule. Deleted ones are none."""
    for rule in mapping.customers:
        marks = rule.match_on.items()
        fields = sorted({*rule.where.fields(), *(name for _, name in marks), rule.name})
        fits = selector(rule.where, reader, rule.connection, rule.object, mapping.zone)
        for row in reader.rows(rule.connection, rule.object, fields):
            if fits(row):
                said = {mark: text_of(row.values.get(name)).strip() or None for mark, name in marks}
                yield Customer(
                    RecordRef(rule.connection, rule.object, row.id),
                    Target(
                        name=text_of(row.values.get(rule.name)).strip() or None,
                        corporate_number=corporate_number(said.get("corporate_number") or ""),
                        domain=domain(said.get("domain") or ""),
                        phone=said.get("phone"),
                        prefecture=said.get("prefecture"),
                        city=said.get("city"),
                    ),
                    rule.stands,
                )


def customer_marks(mapping: Mapping, reader: MirrorReader) -> list[CustomerMark]:
    """Each mark of each of them once, in order."""
    found = customers(mapping, reader)
    return sorted({CustomerMark(one.ref, one.stands, number) for one in found for number in numbers_of(one.target)})
