"""Whether new records can be made as a rule says: are the fields there, may they be filled, do values and types fit?"""

from collections.abc import Generator, Iterator

from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.documents import Problem, advice
from sync.mapping.conditions import number_of
from sync.mapping.create import Filling, First, Instead
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
        if rule.create.named is not None:
            yield from fit.exists((*at, "named"), between, rule.create.named)
    if rule.partner.field and (partner := found.field(rule.partner.field)) and not partner.creatable:
        yield mapping.problem(
            (*path, "create"),
            f"'{partner.name}' cannot be filled by our user, so a new record would not say whose it is",
        )


def _first(
    mapping: Mapping, fit: Fitting, path: Path, connection: str, found: ObjectDescription, name: str, first: First
) -> Iterator[Problem]:
    """The fields lead to such records, which can be found, and one can be made."""
    for field_name, way in first.ways(name).items():
        at: Path = path if way is first else (*path, "instead", field_name)
        there = yield from _way(mapping, fit, at, connection, found, field_name, way)
        if there is not None and way is first:
            yield from _given(mapping, fit, path, first_fields(first), first.set_, there, None)


def _way(
    mapping: Mapping,
    fit: Fitting,
    path: Path,
    connection: str,
    found: ObjectDescription,
    name: str,
    first: First | Instead,
) -> Generator[Problem, None, ObjectDescription | None]:
    """The object that the field leads to, whose records can be found as it says."""
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
        return None
    yield from fit.where((*path, "where"), there, first.where, connection)
    if first.email is not None:
        yield from fit.exists((*path, "email"), there, first.email)
    marked: ObjectDescription | None = there
    if isinstance(first, Instead) and first.of is not None:
        yield from fit.exists((*path, "of"), there, first.of.field)
        marked, problems = fit.object((*path, "of"), connection, first.of.leads_to)
        yield from problems
    for mark, named in first.target.items():
        if marked is not None:
            yield from fit.exists((*path, "target", mark), marked, named)
    return there


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
    if filling.row is not None and "listed_on" in filling.row:
        return None if field.type in _DAYS else f"'{field.name}' is no date ({kind}), and the list's day would go there"
    if filling.row is not None:
        return (
            None
            if field.type is FieldType.TEXT
            else f"'{field.name}' is no text ({kind}), and {filling.columns} is one"
        )
    if field.type in _NUMBERS and number_of(filling.value) is None:
        return f"'{filling.value}' is no number, and '{field.name}' is one ({kind})"
    return None
