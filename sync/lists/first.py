"""To what a new record is tied besides its partner: a record in between (the partner's Campaign), and one that comes first (a Lead). Pure.

What is there is read from the mirror. The record that comes first is found by the marks that make two companies one; by a name alone
it never is, since that would put a stranger on the list.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from models.counted import counted
from models.vocabulary import RecordRef, Target
from sync.lists.compare import marks_of
from sync.lists.people import Person, email_in
from sync.lists.understand import target_key
from sync.mapping.conditions import MirrorValue, text_of
from sync.mapping.create import First, Instead
from sync.mapping.customers import target_of
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.identity import stable_id
from sync.mapping.names import name_key
from sync.mapping.reader import MirrorReader
from sync.mapping.rules import EntryRule
from sync.mapping.selection import selector

FIRST_KEY = "first-"  # so begins the key of a record that comes first: it is nobody's row


@dataclass(frozen=True, slots=True)
class Untold(Exception):
    """A row of which nobody can tell what its record would be tied to; `reason` says what a person can do."""

    reason: str


class NotChosen(Untold):
    """What a person chose for the whole list is not there: nothing of it is to be taken in by a slip of the keyboard."""


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
    tied: dict[tuple[str, ...], str] = field(
        default_factory=dict
    )  # (between, field:first ...) -> the record that is there
    emails: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))  # (field, e-mail) -> ids
    others: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # every record in between -> (its name, partner's id)

    def partner_field(self, partner: RecordRef, into: str | None = None) -> str:
        """The id that the partner's field of a new record gets: the partner's own, or that of the one record in between.

        `into`: the record in between that a person chose, by its id or name.
        """
        rule = self.rule
        if rule.partner.then is None:
            if into is not None:
                raise NotChosen(
                    f"new records of {rule.object} name their partner themselves, so that there is nothing to choose by --into"
                )
            return partner.id
        some, name = self.between.get(partner.id, []), rule.partner.between
        if into is not None:
            return self._chosen(partner, name, into)
        if len(some) == 1:
            return some[0]
        if not some:
            raise Untold(
                f"the partner has no {name} that the mapping takes; make one that names the partner, and import the list again after the next run"
            )
        raise Untold(
            f"the partner has {counted(len(some), 'record')} of {name}; say which one with --into, or by `among` in the mapping's `create` which one new records go to"
        )

    def _chosen(self, partner: RecordRef, name: str, into: str) -> str:
        own = {i: called for i, (called, whose) in self.others.items() if whose == partner.id}
        some = [i for i in own if into in (i, i[:15])] or [i for i, called in own.items() if _same(into, called)]
        if len(some) == 1:
            return some[0]
        has = (
            f"{counted(len(some), 'record')} of {name} of that name; give the id of one"
            if some
            else f"no {name} of that id or name"
        )
        raise NotChosen(f"the partner has {has}")

    def first(self, name: str, target: Target, person: Person) -> tuple[str, str] | None:
        """(the field, the id) of the record that is there for this company; None where there is none yet."""
        create = self.rule.create
        for field_name, way in (create.first[name].ways(name) if create is not None else {}).items():
            if found := self._there(field_name, way.leads_to(field_name), target, person):
                return field_name, found
        return None

    def _there(self, name: str, leads_to: str, target: Target, person: Person) -> str | None:
        for mark in _marks(target, person.email):
            some = self.by_mark.get((name, mark), set())
            if len(some) > 1 and person.email:
                some = (some & self.emails.get((name, person.email), set())) or some
            if len(some) == 1:
                return next(iter(some))
            if some:
                raise Untold(
                    f"{counted(len(some), 'record')} of {leads_to} are of this company, and nobody can tell which one is meant; merge them, say by `where` "
                    "which ones count, or name the person's e-mail address in the list"
                )
        return None


def _same(said: str, called: str) -> bool:
    return bool(called) and " ".join(said.split()).casefold() == " ".join(called.split()).casefold()


def _marks(target: Target, email: str | None) -> Iterator[tuple[str, ...]]:
    """The marks of a company, and last the one that it shares with a person of it."""
    yield from marks_of(target)
    if email and (name := name_key(target.name)):
        yield "name_and_email", name, email


def ties_of(rules: Rules, rule: EntryRule, reader: MirrorReader) -> Ties:
    """Read once for a list."""
    found = Ties(rule)
    if rule.create is None:
        return found
    if rule.partner.then is not None:
        _read_between(rules, rule, reader, found)
    for name, first in rule.create.first.items():
        for field_name, way in first.ways(name).items():
            _read_first(rules, rule, reader, found, field_name, way)
    if rule.create.first:
        _read_tied(rule, reader, found)
    return found


def _read_between(rules: Rules, rule: EntryRule, reader: MirrorReader, found: Ties) -> None:
    create, further, name = rule.create, rule.partner.then, rule.partner.between
    if create is None or further is None or further.field is None:
        return
    fits = selector(create.among, reader, rule.connection, name, rules.zone)
    named = {create.named} if create.named else set()
    for row in reader.rows(rule.connection, name, sorted({further.field, *named, *create.among.fields()})):
        partner = text_of(row.values.get(further.field))
        if partner:
            found.others[row.id] = (text_of(row.values.get(create.named)) if create.named else "", partner)
            if fits(row):
                found.between[partner].append(row.id)


def _read_first(
    rules: Rules, rule: EntryRule, reader: MirrorReader, found: Ties, name: str, way: First | Instead
) -> None:
    place = way.leads_to(name)
    fits = selector(way.where, reader, rule.connection, place, rules.zone)
    of = way.of if isinstance(way, Instead) else None
    marks = [] if of is not None else way.target.items()
    companies = _companies(rule, reader, way.target.items(), of.leads_to) if of is not None else {}
    own = {of.field} if of is not None else set()
    own |= {way.email} if way.email else set()
    fields = sorted({*way.where.fields(), *own, *(field_name for _, field_name in marks)})
    for row in reader.rows(rule.connection, place, fields, deleted=True):
        if row.deleted:
            found.gone.add((place, row.id))
        elif fits(row):
            email = email_in(text_of(row.values.get(way.email))) if way.email else None
            if email:
                found.emails[name, email].add(row.id)
            company = _target(row.values, marks) if of is None else companies.get(text_of(row.values.get(of.field)))
            for mark in _marks(company, email) if company is not None else ():
                found.by_mark[name, mark].add(row.id)


def _companies(rule: EntryRule, reader: MirrorReader, marks: list[tuple[str, str]], place: str) -> dict[str, Target]:
    rows = reader.rows(rule.connection, place, sorted({field_name for _, field_name in marks}))
    return {row.id: _target(row.values, marks) for row in rows}


def _target(values: Mapping[str, MirrorValue], marks: list[tuple[str, str]]) -> Target:
    return target_of({mark: text_of(values.get(field_name)).strip() or None for mark, field_name in marks})


def _read_tied(rule: EntryRule, reader: MirrorReader, found: Ties) -> None:
    partner = [rule.partner.field] if rule.partner.field else []
    slots = [list(first.ways(name)) for name, first in (rule.create.first if rule.create is not None else {}).items()]
    for row in reader.rows(rule.connection, rule.object, sorted({*partner, *(n for slot in slots for n in slot)})):
        held = {
            n: text for n in (*partner, *(n for slot in slots for n in slot)) if (text := text_of(row.values.get(n)))
        }
        if all(name in held for name in partner):
            for names in product(*([n for n in slot if n in held] for slot in slots)):
                found.tied[(*(held[n] for n in partner), *(end(n, held[n]) for n in names))] = row.id


def end(field_name: str, record_id: str) -> str:
    """What a record is tied to by a field, told from what it is tied to by another."""
    return f"{field_name}:{record_id}"
