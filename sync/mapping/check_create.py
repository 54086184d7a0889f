"""Whether new records can be made as a rule says: are the fields there, may they be filled, do values and types fit?"""

from collections.abc import Iterator

from sync.connector import FieldDescription, FieldType, ObjectDescription
from sync.documents import Problem, advice
from sync.mapping.conditions import number_of
from sync.mapping.create import Filling, First
from sync.mapping.creation import Given, first_fields, given_fields
from sync.mapping.fitting import Fitting, Path
from sync.mapping.grammar import Mapping
from sync.mapping.rules import EntryRule
from sync.mapping.where import Where

_DAYS = (FieldType.DATE, FieldType.DATETIME, FieldType.TEXT)
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


def check_create(
    mapping: Mapping, fit: Fitting, path: Path, rule: EntryRule, found: ObjectDescription
) -> Iterator[Problem]:
    """Everything that would keep the CRM from taking such a record, as far as its description tells."""
    if rule.create is None:
        return
    at: Path = (*path, "create")
    yield from _given(mapping, fit, at, given_fields(rule), rule.create.set_, found, rule.where)
    for name, first in rule.create.first.items():
        yield from _first(mapping, fit, (*at, "first", name), rule.connection, found, name, first)
    between, _ = (None, ()) if rule.partner.then is None else fit.object(path, rule.connection, rule.partner.between)
    if between is not None:
        yield from fit.where((*at, "among"), between, rule.create.among, rule.connection)
    if rule.partner.field and (partner := found.field(rule.partner.field)) and not partner.creatable:
        yield mapping.problem(
            (*path, "create"),
            f"'{partner.name}' cannot be filled by our user, so a new record would not say whose it is",
        )


def _first(
    mapping: Mapping, fit: Fitting, path: Path, connection: str, found: ObjectDescription, name: str, first: First
) -> Iterator[Problem]:
    """The field leads to such a record, and one can be found and made."""
    there, problems = fit.object(path, connection, first.leads_to(name))
    yield from problems
    field, problems = fit.field(path, found, name)
    yield from problems
    if field is not None and not field.creatable:
        yield mapping.problem(
            path, f"'{name}' cannot be filled by our user, so no new record could name what comes first"
        )
    if field is not None and field.references and first.leads_to(name) not in field.references:
        yield mapping.problem(
            path, f"'{name}' does not lead to {first.leads_to(name)}; {advice(first.leads_to(name), field.references)}"
        )
    if there is None:
        return
    for mark, named in first.target.items():
        yield from fit.exists((*path, "target", mark), there, named)
    yield from fit.where((*path, "where"), there, first.where, connection)
    yield from _given(mapping, fit, path, first_fields(first), first.set_, there, None)


def _given(
    mapping: Mapping, fit: Fitting, path: Path, given: Given, set_: Given, found: ObjectDescription, where: Where | None
) -> Iterator[Problem]:
    """Whether the fields can be given what they are to hold."""
    for name, filling in given.items():
        said = name in set_
        at: Path = (*path, "set", name) if said else path
        field = found.field(name)
        if field is None:
            if said:
                yield from fit.exists(at, found, name)
            continue  # what reads it says so
        if not field.creatable:
            yield mapping.problem(at, f"'{name}' cannot be filled by our user, so no new record could hold it")
            continue
        if filling.value is not None:
            yield from fit.values(at, field, (filling.value,), where)
        if sentence := _unfit(field, filling):
            yield mapping.problem(at, sentence)


def _unfit(field: FieldDescription, filling: Filling) -> str | None:
    kind = field.crm_type
    if filling.row == "listed_on":
        return None if field.type in _DAYS else f"'{field.name}' is no date ({kind}), and the list's day would go there"
    if filling.row is not None:
        return None if field.type is FieldType.TEXT else f"'{field.name}' is no text ({kind}), and {filling.row} is one"
    if field.type in _NUMBERS and number_of(filling.value) is None:
        return f"'{filling.value}' is no number, and '{field.name}' is one ({kind})"
    return None
