"""What record of a CRM a row of an imported list becomes, by the rule that makes it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from models.vocabulary import RecordRef
from sync.connector import FieldType, ObjectDescription, Value
from sync.lists.understand import ListRow
from sync.mapping.conditions import number_of
from sync.mapping.creation import given_fields
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.rules import EntryRule, PartnerRule
from sync.record_maker import Link, NewRecord

Place = tuple[str, str]
NO_RULE = "no rule of the mapping makes records (create)"
NO_RECORD = "the partner has no record in a CRM in which the mapping makes records"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row that is to become a record: where, tied to which of the partner's records, by which rule."""

    row_id: str
    row: ListRow
    listed_on: date
    file: str
    rule: int
    partner: RecordRef


def makers(rules: Rules) -> list[tuple[int, EntryRule]]:
    """The rules that make records, with their places, in the order of the file."""
    return [(index, rule) for index, rule in enumerate(rules.entries) if rule.create is not None]


def choose(rules: Rules, records: Sequence[RecordRef]) -> tuple[int, RecordRef] | str:
    """The first rule in whose CRM the partner stands, and the record it stands with there; or why there is none.

    Of several records the one of the partner rule that stands first counts, of one rule's the smallest id.
    """
    found = makers(rules)
    if not found:
        return NO_RULE
    for index, rule in found:
        for partner in rules.partners:
            if partner.connection == rule.connection and _leads_to(rule, partner):
                held = [r for r in records if (r.connection, r.object) == (partner.connection, partner.object)]
                if held:
                    return index, min(held)
    return NO_RECORD


def _leads_to(rule: EntryRule, partner: PartnerRule) -> bool:
    """An association names the object it leads to; a field may hold the id of any."""
    return rule.partner.association in (None, partner.object)


def new_record(rules: Rules, wanted: Wanted, description: ObjectDescription) -> NewRecord:
    """The record as the CRM is given it; what the row does not say is left out."""
    rule = rules.entries[wanted.rule]
    said = _said(wanted)
    values: dict[str, Value] = {}
    for name, filling in given_fields(rule).items():
        text = filling.value if filling.row is None else said.get(filling.row)
        if text:
            field = description.field(name)
            values[name] = _typed(text, field.type if field else FieldType.TEXT, rules.zone)
    links: tuple[Link, ...] = ()
    if rule.partner.field is not None:
        values[rule.partner.field] = wanted.partner.id
    else:
        links = (Link(str(rule.partner.association), wanted.partner.id, rule.partner.label),)
    return NewRecord(wanted.row_id, values, links)


def _said(wanted: Wanted) -> Mapping[str, str | None]:
    target = wanted.row.target
    return {
        "name": target.name, "corporate_number": target.corporate_number, "domain": target.domain, "phone": target.phone,
        "prefecture": target.prefecture, "city": target.city, "listed_on": wanted.listed_on.isoformat(), "file": wanted.file,
    }  # fmt: skip


def _typed(text: str, kind: FieldType, zone: ZoneInfo) -> Value:
    """The text as a JSON value of the field's type. A day is the beginning of it where the field holds a moment."""
    match kind:
        case FieldType.BOOLEAN:
            return text.lower() == "true"
        case FieldType.INTEGER | FieldType.NUMBER:
            number = number_of(text)
            return text if number is None else int(number) if number == number.to_integral_value() else float(number)
        case FieldType.DATETIME:
            try:
                return datetime.combine(date.fromisoformat(text), time(), zone).isoformat()
            except ValueError:
                return text
        case _:
            return text
