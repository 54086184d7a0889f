"""What record of a CRM a row of an imported list becomes, by the rule that makes it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from models.vocabulary import RecordRef
from sync.described import FieldType, ObjectDescription
from sync.lists.first import Untold
from sync.lists.understand import ListRow
from sync.mapping.conditions import number_of
from sync.mapping.creation import Given, first_fields, given_fields
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.rules import EntryRule, PartnerRule
from sync.record_maker import After, Link, NewRecord
from sync.writes import Value

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
    partner_id: str = ""  # what the partner's field gets: the partner's id, or that of the record in between
    first: Mapping[str, str | After] = field(
        default_factory=dict
    )  # by field: the id of what comes first, or how it is made


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
    values = _values(given_fields(rule), wanted, description, rules.zone)
    links: tuple[Link, ...] = ()
    if rule.partner.field is not None:
        values[rule.partner.field] = wanted.partner_id or wanted.partner.id
    else:
        links = (Link(str(rule.partner.association), wanted.partner.id, rule.partner.label),)
    values |= {name: held for name, held in wanted.first.items() if isinstance(held, str)}
    after = tuple(held for held in wanted.first.values() if isinstance(held, After))
    return NewRecord(wanted.row_id, values, links, after)


def first_record(rules: Rules, wanted: Wanted, name: str, key: str, description: ObjectDescription) -> NewRecord:
    """The record that comes first, as the CRM is given it. Untold where the row leaves a field empty that has to be filled."""
    create = rules.entries[wanted.rule].create
    given = first_fields(create.first[name]) if create is not None else {}
    values = _values(given, wanted, description, rules.zone)
    for field_name, filling in given.items():
        described = description.field(field_name)
        if described is not None and not described.nullable and field_name not in values:
            raise Untold(
                f"{description.name} needs {field_name}, which is to hold the list's {filling.columns}, and this row has none; fill it in, or name "
                "another column or a value in the mapping"
            )
    return NewRecord(key, values)


def _values(given: Given, wanted: Wanted, description: ObjectDescription, zone: ZoneInfo) -> dict[str, Value]:
    said = _said(wanted)
    values: dict[str, Value] = {}
    for name, filling in given.items():
        text = filling.value if filling.row is None else next((t for c in filling.row if (t := said.get(c))), None)
        if text:
            described = description.field(name)
            values[name] = _typed(text, described.type if described else FieldType.TEXT, zone)
    return values


def _said(wanted: Wanted) -> Mapping[str, str | None]:
    target, person = wanted.row.target, wanted.row.person
    return {
        "name": target.name, "corporate_number": target.corporate_number, "domain": target.domain, "phone": target.phone,
        "prefecture": target.prefecture, "city": target.city, "listed_on": wanted.listed_on.isoformat(), "file": wanted.file,
        "contact_name": person.name, "contact_last_name": person.last_name, "contact_first_name": person.first_name,
        "contact_email": person.email, "contact_title": person.title,
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
