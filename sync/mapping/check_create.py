"""Whether new records can be made as a rule says: are the fields there, may they be filled, do values and types fit?"""

from collections.abc import Iterator

from sync.connector import FieldDescription, FieldType, ObjectDescription
from sync.documents import Problem
from sync.mapping.conditions import number_of
from sync.mapping.creation import given_fields
from sync.mapping.fitting import Fitting, Path
from sync.mapping.grammar import Mapping
from sync.mapping.rules import EntryRule, Filling

_DAYS = (FieldType.DATE, FieldType.DATETIME, FieldType.TEXT)
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


def check_create(
    mapping: Mapping, fit: Fitting, path: Path, rule: EntryRule, found: ObjectDescription
) -> Iterator[Problem]:
    """Everything that would keep the CRM from taking such a record, as far as its description tells."""
    if rule.create is None:
        return
    for name, filling in given_fields(rule).items():
        said = name in rule.create.set_
        at: Path = (*path, "create", "set", name) if said else (*path, "create")
        field = found.field(name)
        if field is None:
            if said:
                yield from fit.exists(at, found, name)
            continue  # the rule that reads it says so
        if not field.creatable:
            yield mapping.problem(at, f"'{name}' cannot be filled by our user, so no new record could hold it")
            continue
        if filling.value is not None:
            yield from fit.values(at, field, (filling.value,), rule.where)
        if sentence := _unfit(field, filling):
            yield mapping.problem(at, sentence)
    if rule.partner.field and (partner := found.field(rule.partner.field)) and not partner.creatable:
        yield mapping.problem(
            (*path, "create"),
            f"'{partner.name}' cannot be filled by our user, so a new record would not say whose it is",
        )


def _unfit(field: FieldDescription, filling: Filling) -> str | None:
    kind = field.crm_type
    if filling.row == "listed_on":
        return None if field.type in _DAYS else f"'{field.name}' is no date ({kind}), and the list's day would go there"
    if filling.row is not None:
        return None if field.type is FieldType.TEXT else f"'{field.name}' is no text ({kind}), and {filling.row} is one"
    if field.type in _NUMBERS and number_of(filling.value) is None:
        return f"'{filling.value}' is no number, and '{field.name}' is one ({kind})"
    return None
