"""To what a new record is tied besides its partner: a record in between (the partner's Campaign), and one that comes first (a Lead). Pure.

What is there is read from the mirror. The record that comes first is found by the marks that make two companies one; by a name alone
it never is, since that would put a stranger on the list.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.vocabulary import RecordRef, Target
from sync.lists.compare import marks_of
from sync.lists.understand import target_key
from sync.mapping.conditions import text_of
from sync.mapping.create import First
from sync.mapping.customers import target_of
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.identity import stable_id
from sync.mapping.reader import MirrorReader
from sync.mapping.rules import EntryRule
from sync.mapping.selection import selector

FIRST_KEY = "first-"  # so begins the key of a record that comes first: it is nobody's row


@dataclass(frozen=True, slots=True)
class Untold(Exception):
    """A row of which nobody can tell what its record would be tied to; `reason` says what a person can do."""

    reason: str


def first_key(partner: RecordRef, place: str, target: Target) -> str:
    """The key of the record that comes first: one for a company, whoever lists it; one for each partner where nothing but a name tells."""
    marked = any(marks_of(target))
    return FIRST_KEY + stable_id("comes first", place, "" if marked else str(partner), *target_key(target))


@dataclass(slots=True)
class Ties:
    """What stands in the CRM, by the mirror, for one rule that makes records."""

    rule: EntryRule
    between: dict[str, list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )  # partner's id -> records in between
    by_mark: dict[tuple[str, tuple[str, ...]], set[str]] = field(default_factory=lambda: defaultdict(set))
    gone: set[tuple[str, str]] = field(default_factory=set)  # (object, id) that the mirror knows as deleted
    tied: dict[tuple[str, ...], str] = field(default_factory=dict)  # (between, first ...) -> the record that is there

    def partner_field(self, partner: RecordRef) -> str:
        """The id that the partner's field of a new record gets: the partner's own, or that of the one record in between."""
        rule = self.rule
        if rule.partner.then is None:
            return partner.id
        some, name = self.between.get(partner.id, []), rule.partner.between
        if len(some) == 1:
            return some[0]
        if not some:
            raise Untold(
                f"the partner has no {name} that the mapping takes; make one that names the partner, and import the list again after the next run"
            )
        raise Untold(
            f"the partner has {len(some)} records of {name}; say by `among` in the mapping's `create` which one new records go to"
        )

    def first(self, name: str, target: Target) -> str | None:
        """The id of the record that is there for this company; None where there is none yet."""
        for mark in marks_of(target):
            some = self.by_mark.get((name, mark), set())
            if len(some) == 1:
                return next(iter(some))
            if some:
                leads_to = self.rule.create.first[name].leads_to(name) if self.rule.create else name
                raise Untold(
                    f"{len(some)} records of {leads_to} are of this company, and nobody can tell which one is meant; merge them, or say by `where` "
                    "which ones count"
                )
        return None


def ties_of(rules: Rules, rule: EntryRule, reader: MirrorReader) -> Ties:
    """Read once for a list."""
    found = Ties(rule)
    if rule.create is None:
        return found
    if rule.partner.then is not None:
        _read_between(rules, rule, reader, found)
    for name, first in rule.create.first.items():
        _read_first(rules, rule, reader, found, name, first)
    if rule.create.first:
        _read_tied(rule, reader, found)
    return found


def _read_between(rules: Rules, rule: EntryRule, reader: MirrorReader, found: Ties) -> None:
    create, further, name = rule.create, rule.partner.then, rule.partner.between
    if create is None or further is None or further.field is None:
        return
    fits = selector(create.among, reader, rule.connection, name, rules.zone)
    for row in reader.rows(rule.connection, name, sorted({further.field, *create.among.fields()})):
        partner = text_of(row.values.get(further.field))
        if partner and fits(row):
            found.between[partner].append(row.id)


def _read_first(rules: Rules, rule: EntryRule, reader: MirrorReader, found: Ties, name: str, first: First) -> None:
    place = first.leads_to(name)
    fits = selector(first.where, reader, rule.connection, place, rules.zone)
    marks = first.target.items()
    fields = sorted({*first.where.fields(), *(field_name for _, field_name in marks)})
    for row in reader.rows(rule.connection, place, fields, deleted=True):
        if row.deleted:
            found.gone.add((place, row.id))
        elif fits(row):
            said = {mark: text_of(row.values.get(field_name)).strip() or None for mark, field_name in marks}
            for mark in marks_of(target_of(said)):
                found.by_mark[name, mark].add(row.id)


def _read_tied(rule: EntryRule, reader: MirrorReader, found: Ties) -> None:
    names: Sequence[str] = _tying(rule)
    for row in reader.rows(rule.connection, rule.object, names):
        ends = tuple(text_of(row.values.get(n)) for n in names)
        if all(ends):
            found.tied[ends] = row.id


def _tying(rule: EntryRule) -> list[str]:
    first = rule.create.first if rule.create is not None else {}
    return [*([rule.partner.field] if rule.partner.field else []), *first]
