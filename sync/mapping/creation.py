"""What a new record would hold by an entry rule, and what is wrong with that before any CRM is asked. Pure."""

from collections.abc import Iterator

from models.vocabulary import Milestone
from sync.mapping.create import Filling, First
from sync.mapping.grammar import Mapping
from sync.mapping.rules import IMPORTED, EntryRule
from sync.mapping.where import Reference

Given = dict[str, Filling]


def given_fields(rule: EntryRule) -> Given:
    """What fills which field of a new record, its partner left out: `target`, the day of `listed`, and what `set` says, which counts.

    Where a record comes first (a Lead), that one is given the target.
    """
    comes_first = rule.create is not None and rule.create.first
    found: Given = {} if comes_first else {name: Filling(row=[mark]) for mark, name in rule.target.items()}
    listed = rule.milestones.get(Milestone.LISTED)
    if listed is not None and listed.at is not None and listed.linked is None:
        found[listed.at] = Filling(row=["listed_on"])
    return found | (rule.create.set_ if rule.create is not None else {})


def first_fields(first: First) -> Given:
    """What fills which field of a record that comes first."""
    return {name: Filling(row=[mark]) for mark, name in first.target.items()} | first.set_


def is_tied(partner: Reference) -> bool:
    """Whether a new record can be tied to its partner: by a field or association of its own, or a field of one record in between."""
    further = partner.then
    return further is None or (partner.field is not None and further.field is not None and further.then is None)


def creations(mapping: Mapping, index: int, rule: EntryRule) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(path, sentence) of each contradiction."""
    if rule.create is None:
        return
    path: tuple[str | int, ...] = ("entries", index, "create")
    if rule.from_ == IMPORTED:
        yield path, "rows of lists become records of a CRM; write 'create' in the rule that reads that CRM's object"
        return
    if not any(other.from_ == IMPORTED for other in mapping.entries):
        yield (
            path,
            f"'create' makes records of imported lists, and no rule reads them; add '- from: {IMPORTED}' under entries",
        )
    if not is_tied(rule.partner):
        yield (
            path,
            "a new record is tied to its partner by one field or association, or through one record in between; 'partner' goes another way",
        )
    if rule.partner.then is None and not rule.create.among.is_empty:
        yield (*path, "among"), "'partner' of this rule goes through no record in between, of which one could be chosen"
    if rule.partner.then is None and rule.create.named is not None:
        yield (*path, "named"), "'partner' of this rule goes through no record in between, which could have a name"
    given = given_fields(rule)
    yield from _names(path, rule, given)
    if rule.partner.field in given:
        yield (*path, "set"), f"'{rule.partner.field}' holds the partner; take it out of set"
    held = {rule.partner.field, *rule.create.first}
    for name, condition in rule.where.conditions.items():
        filling = given.get(name)
        if filling is not None and filling.row is not None:
            continue  # as the row says
        value = filling.value if filling is not None else None
        if name in held:
            value = "-"  # some record's id
        if not condition.predicate(mapping.zone)(value):
            met = f"'{value}'" if value is not None else "nothing"
            yield (
                (*path, "set", name) if value is not None else path,
                f"a new record would hold {met} in {name}, and 'where' of this rule would not take it; say in set what 'where' asks for",
            )


def _names(path: tuple[str | int, ...], rule: EntryRule, given: Given) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Whether the new record, or the one that comes first, says what company it is."""
    first = rule.create.first if rule.create is not None else {}
    if not first and rule.target.name is None:
        yield path, "'target' names no field for the name, so a new record would not say what company it is"
    for field, one in first.items():
        if one.target.name is None:
            yield (
                (*path, "first", field),
                "'target' names no field for the name, by which such a record is found or made",
            )
        if field == rule.partner.field:
            yield (
                (*path, "first", field),
                f"'{field}' leads to the partner; another field names the record that comes first",
            )
        if field in given:
            yield (*path, "first", field), f"'{field}' holds the record that comes first; take it out of set"
        for other, way in one.instead.items():
            at = (*path, "first", field, "instead", other)
            if way.target.name is None:
                yield at, "'target' names no field for the name, by which such a record is found"
            if other in {field, rule.partner.field} or other in given:
                yield at, f"'{other}' holds something else already; another field names what is taken instead"
