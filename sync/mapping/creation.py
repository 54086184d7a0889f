"""What a new record would hold by an entry rule, and what is wrong with that before any CRM is asked. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.vocabulary import Milestone
from sync.mapping.rules import IMPORTED, EntryRule, Filling

if TYPE_CHECKING:
    from sync.mapping.grammar import Mapping

Given = dict[str, Filling]


def given_fields(rule: EntryRule) -> Given:
    """What fills which field of a new record, its partner left out: `target`, the day of `listed`, and what `set` says, which counts."""
    found: Given = {name: Filling(row=mark) for mark, name in rule.target.items()}
    listed = rule.milestones.get(Milestone.LISTED)
    if listed is not None and listed.at is not None and listed.linked is None:
        found[listed.at] = Filling(row="listed_on")
    return found | (rule.create.set_ if rule.create is not None else {})


def creations(mapping: "Mapping", index: int, rule: EntryRule) -> Iterator[tuple[tuple[str | int, ...], str]]:
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
    if rule.partner.then is not None:
        yield (
            path,
            "a new record is tied to its partner by one field or association; 'partner' of this rule goes on through another record",
        )
    if rule.target.name is None:
        yield path, "'target' names no field for the name, so a new record would not say what company it is"
    given = given_fields(rule)
    if rule.partner.field in given:
        yield (*path, "set"), f"'{rule.partner.field}' holds the partner; take it out of set"
    for name, condition in rule.where.conditions.items():
        filling = given.get(name)
        if filling is not None and filling.row is not None:
            continue  # as the row says
        value = filling.value if filling is not None else None
        if name == rule.partner.field:
            value = "-"  # some record's id
        if not condition.predicate(mapping.zone)(value):
            met = f"'{value}'" if value is not None else "nothing"
            yield (
                (*path, "set", name) if value is not None else path,
                f"a new record would hold {met} in {name}, and 'where' of this rule would not take it; say in set what 'where' asks for",
            )
