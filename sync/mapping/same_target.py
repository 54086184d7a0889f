"""Entries of one partner for the same target in two CRMs are one entry, with both records.

Which targets are one company is said by `matching`. Of one company, a list may hold several attempts, one after the other: two
records of one CRM are never one entry, and records of two CRMs are only where their time on the list overlaps, the nearest first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from operator import itemgetter
from typing import NamedTuple

from models.vocabulary import Entry, Event, Milestone, RecordRef, Target
from sync.mapping.facts import EntryMatch
from sync.mapping.matching import Decision, Marks, Matched, Suggestion, match, matched_by, sharing

REOPEN = timedelta(days=30)  # within which a lost entry that moves again is the same attempt
_NEVER = datetime.max.replace(tzinfo=UTC)
_UNKNOWN = timedelta(days=100_000)


class EntryRecord(NamedTuple):
    """A CRM record that is on a partner's list. `start` and `end` are its days there, `made` when its CRM made it, where known."""

    ref: RecordRef
    entry_id: str
    partner_id: str
    marks: Marks
    start: date | None = None
    end: date | None = None
    made: datetime | None = None


class Dated(NamedTuple):
    """As far as an event is asked here: whose it is, and when it came to what."""

    entry_id: str
    partner_id: str
    milestone: Milestone
    occurred_on: date


@dataclass(frozen=True, slots=True)
class Joined:
    """`entries` and `matches` after joining; `renamed`: a record's own entry id -> the id of the entry it belongs to."""

    entries: list[Entry]
    matches: list[EntryMatch]
    renamed: dict[str, str]
    suggestions: list[Suggestion]


def marks_of(target: Target) -> Marks:
    """The target's marks of identity."""
    return Marks(
        target.name or "", target.corporate_number, target.domain, target.phone, target.prefecture, target.city
    )


def join_entries(
    entries: Sequence[Entry],
    events: Iterable[Event | Dated],
    made: Mapping[str, datetime | None],
    decisions: Sequence[Decision] = (),
    *,
    bare: bool = False,
) -> Joined:
    """Entries, one a record so far, joined where they are one. `made` says by entry when its record was made.

    `bare`: without `matches`.
    """
    of_partner: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        of_partner[entry.partner_id].append(entry)
    several = {p for p, listed in of_partner.items() if len({e.source.connection for e in listed}) > 1}
    joined = Joined([], [], {}, [])
    said: dict[RecordRef, list[tuple[int, Decision]]] = defaultdict(list)
    for place, decision in enumerate(decisions):
        said[decision.left].append((place, decision))
    asked: dict[str, dict[RecordRef, Entry]] = {}
    for partner_id, listed in of_partner.items():
        marks = {e.source: marks_of(e.target) for e in listed} if partner_id in several else {}
        shared = sharing(marks, decisions) if marks else set()
        asked[partner_id] = {e.source: e for e in listed if e.source in shared} if shared else {}
        single = [e for e in listed if e.source not in shared] if shared else listed
        joined.entries.extend(Entry(e.entry_id, partner_id, e.source, e.target, (e.source,)) for e in single)
        if not bare:
            joined.matches.extend(EntryMatch(e.source, e.entry_id, partner_id, "itself", e.target) for e in single)
    days = _days(events, {e.entry_id for alone in asked.values() for e in alone.values()})
    for partner_id, alone in asked.items():
        if not alone:
            continue
        records = [
            EntryRecord(ref, e.entry_id, partner_id, marks_of(e.target), *days[e.entry_id], made.get(e.entry_id))
            for ref, e in alone.items()
        ]
        own = sorted((pair for ref in alone for pair in said.get(ref, ()) if pair[1].right in alone), key=itemgetter(0))
        groups, how, suggestions = _one_partner(records, [decision for _, decision in own], bare=bare)
        joined.suggestions.extend(suggestions)
        for refs in groups:
            ordered = sorted(refs, key=lambda ref: (made.get(alone[ref].entry_id) or _NEVER, ref))
            one = _one([alone[ref] for ref in ordered])
            joined.entries.append(one)
            for ref in ordered:
                if not bare:
                    joined.matches.append(EntryMatch(ref, one.entry_id, partner_id, how[ref], alone[ref].target))
                if alone[ref].entry_id != one.entry_id:
                    joined.renamed[alone[ref].entry_id] = one.entry_id
    return joined


def suggestions_of(records: Iterable[EntryRecord], decisions: Sequence[Decision]) -> list[Suggestion]:
    """Records of two CRMs on one partner's list whose targets only a person can tell to be one."""
    of_partner: dict[str, list[EntryRecord]] = defaultdict(list)
    for record in records:
        of_partner[record.partner_id].append(record)
    found = []
    for listed in of_partner.values():
        if len({r.ref.connection for r in listed}) > 1:
            found += _open_questions(_companies(listed, decisions), decisions)
    return sorted(found)


def _days(events: Iterable[Event | Dated], entries: set[str]) -> dict[str, tuple[date | None, date | None]]:
    """Of these entries: the day it came onto the list, and the day it was lost if nothing came after."""
    first: dict[str, date] = {}
    last: dict[str, date] = {}
    lost: dict[str, date] = {}
    for event in events:
        key, day = event.entry_id, event.occurred_on
        if key in entries:
            first[key] = min(first.get(key, day), day)
            if event.milestone is Milestone.LOST:
                lost[key] = max(lost.get(key, day), day)
            else:
                last[key] = max(last.get(key, day), day)
    found: dict[str, tuple[date | None, date | None]] = defaultdict(lambda: (None, None))
    for key, day in first.items():
        end = lost.get(key)
        found[key] = (day, end if end is not None and end >= last.get(key, end) else None)
    return found


def _companies(records: Iterable[EntryRecord], decisions: Sequence[Decision]) -> Matched:
    return match({r.ref: r.marks for r in records}, [d for d in decisions if d.same], alike=False, told=False)


def _one_partner(
    records: list[EntryRecord], decisions: Sequence[Decision], *, bare: bool
) -> tuple[list[list[RecordRef]], dict[RecordRef, str], list[Suggestion]]:
    """Which records of one partner are one entry, by which mark, and what a person might decide."""
    by_ref = {r.ref: r for r in records}
    companies = _companies(records, decisions)
    said = {frozenset((d.left, d.right)): d.same for d in decisions}  # the newest word on a pair counts
    groups: list[list[RecordRef]] = []
    for members in companies.groups.values():
        groups += _attempts([by_ref[ref] for ref in members], said)
    how = {} if bare else matched_by({r.ref: r.marks for r in records}, {refs[0]: refs for refs in groups})
    return groups, how, _open_questions(companies, decisions)


def _open_questions(companies: Matched, decisions: Sequence[Decision]) -> list[Suggestion]:
    apart = {frozenset((d.left, d.right)) for d in decisions if not d.same}
    found = []
    for s in companies.suggestions:
        pairs = (
            (left, right)
            for left in companies.groups[s.left]
            for right in companies.groups[s.right]
            if left.connection != right.connection
        )
        open_pair = next((pair for pair in pairs if frozenset(pair) not in apart), None)
        if open_pair is not None:
            found.append(replace(s, left=min(open_pair), right=max(open_pair)))
    return found


def _attempts(records: list[EntryRecord], said: Mapping[frozenset[RecordRef], bool]) -> Iterator[list[RecordRef]]:
    """The records of one target, at most one of each CRM to an entry."""
    if len({r.ref.connection for r in records}) == 1:
        yield from ([r.ref] for r in records)
        return
    pairs = []
    for one, other in combinations(sorted(records), 2):
        word = said.get(frozenset((one.ref, other.ref)))
        if one.ref.connection != other.ref.connection and (word or (word is None and _overlap(one, other))):
            apart = abs(one.start - other.start) if one.start and other.start else _UNKNOWN
            pairs.append((not word, apart, one.ref, other.ref))
    group = {r.ref: [r.ref] for r in records}
    for _, _, one_ref, other_ref in sorted(pairs):
        first, second = group[one_ref], group[other_ref]
        crms = [ref.connection for ref in (*first, *second)]
        told_apart = any(said.get(frozenset((a, b))) is False for a in first for b in second)
        if first is not second and len(crms) == len(set(crms)) and not told_apart:
            first += second
            for ref in second:
                group[ref] = first
    seen = set()
    for refs in group.values():
        if id(refs) not in seen:
            seen.add(id(refs))
            yield sorted(refs)


def _overlap(one: EntryRecord, other: EntryRecord) -> bool:
    """Whether both stood on the list at one time; what is not known speaks for it."""
    return all(
        later.start is None or earlier.end is None or later.start <= earlier.end + REOPEN
        for earlier, later in ((one, other), (other, one))
    )


def _one(parts: list[Entry]) -> Entry:
    """One entry of its records, the first made first: it names the entry, and its word on the target counts."""
    first = parts[0]
    if len(parts) == 1:
        return replace(first, sources=(first.source,))
    marks = {
        mark: next((value for part in parts if (value := getattr(part.target, mark)) is not None), None)
        for mark in Target.__slots__
    }
    return replace(first, target=Target(**marks), sources=tuple(sorted(part.source for part in parts)))
