"""Facts that contradict each other: milestones in an order that cannot be, days still to come, and targets that one partner lists twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from models.vocabulary import FUNNEL, Entry, Event, Milestone, RecordRef
from sync.mapping.facts import Facts
from sync.mapping.identity import Groups
from sync.mapping.matching import Decision, Matched, match
from sync.mapping.same_target import marks_of

CLAMPED = 3  # days: smaller inversions are typing, and are put right where events are put in order
MARKS = ("corporate_number", "domain", "name_and_phone", "name_and_place")  # the strongest first
_ENDS = {Milestone.LOST: (Milestone.LISTED,), Milestone.WON: (*FUNNEL,)}


@dataclass(frozen=True, slots=True, order=True)
class Contradiction:
    """A milestone of an entry that is dated before an earlier one, or (`than` is None) after today."""

    entry: RecordRef
    milestone: Milestone
    on: date
    than: Milestone | None
    than_on: date


@dataclass(frozen=True, slots=True, order=True)
class Twice:
    """Entries of one partner for one target that stand beside each other: none was lost before the next was listed."""

    partner_id: str
    by: str  # one of MARKS; decision; name, where only a person can tell
    entries: tuple[RecordRef, ...]


def contradictions(facts: Facts, today: date) -> Iterator[Contradiction]:
    """Of the first day that each entry reached each milestone, in the order of the entries."""
    source = {entry.entry_id: entry.source for entry in facts.entries}
    for entry_id, days in sorted(_first_days(facts.events).items()):
        ref = source.get(entry_id)
        if ref is None:
            continue
        for milestone, on in days.items():
            if on > today:
                yield Contradiction(ref, milestone, on, None, today)
        reached = [(m, days[m]) for m in FUNNEL if m in days]
        pairs = list(pairwise(reached))
        for end, before in _ENDS.items():
            if end in days:
                pairs += [((m, days[m]), (end, days[end])) for m in reversed(before) if m in days][:1]
        for (earlier, first), (later, then) in pairs:
            if (first - then).days > CLAMPED:
                yield Contradiction(ref, later, then, earlier, first)


def listed_twice(facts: Facts, decisions: Sequence[Decision] = ()) -> Iterator[Twice]:
    """By the marks, and the persons' decisions, that also tell which partners are one: whole groups, then those that share a name alone."""
    of_partner: dict[str, dict[RecordRef, Entry]] = defaultdict(dict)
    for entry in facts.entries:
        of_partner[entry.partner_id][entry.source] = entry
    days: dict[str, dict[Milestone, list[date]]] = defaultdict(lambda: defaultdict(list))
    for event in facts.events:
        days[event.entry_id][event.milestone].append(event.occurred_on)
    said: dict[RecordRef, list[tuple[int, Decision]]] = defaultdict(list)
    for place, decision in enumerate(decisions):
        said[decision.left].append((place, decision))
    found: list[Twice] = []
    for partner_id, entries in of_partner.items():
        marks = {ref: marks_of(entry.target) for ref, entry in entries.items()}
        own = sorted(pair for ref in entries for pair in said.get(ref, ()) if pair[1].right in entries)
        matched = match(marks, [decision for _, decision in own], alike=False)
        groups = [(_strongest(matched, refs), refs) for refs in matched.groups.values()]
        groups += [("name", refs) for refs in _named_alike(matched)]
        for by, refs in groups:
            together = _beside([entries[ref] for ref in refs], days) if len(refs) > 1 else []
            if len(together) > 1:
                found.append(Twice(partner_id, by, tuple(sorted(entry.source for entry in together))))
    yield from sorted(found)


def _strongest(matched: Matched, refs: Sequence[RecordRef]) -> str:
    """The strongest mark that told one of them."""
    told = {matched.matched_by[ref] for ref in refs}
    return next((mark for mark in MARKS if mark in told), "decision")


def _named_alike(matched: Matched) -> Iterator[list[RecordRef]]:
    """Records of groups that share a name, and nothing that would make them one."""
    pairs = [(s.left, s.right) for s in matched.suggestions if s.why == "name"]
    chained = Groups({ref for pair in pairs for ref in pair})
    for left, right in pairs:
        chained.join(left, right)
    for firsts in chained.all().values():
        yield sorted(ref for first in firsts for ref in matched.groups[first])


def _beside(entries: list[Entry], days: dict[str, dict[Milestone, list[date]]]) -> list[Entry]:
    """Those that another one stands beside; a target listed anew after it was lost is another attempt."""

    def listed(entry: Entry) -> date:
        every = [day for found in days[entry.entry_id].values() for day in found]
        return min(days[entry.entry_id].get(Milestone.LISTED) or every, default=date.max)

    ordered = sorted(entries, key=lambda entry: (listed(entry), entry.source))
    found: dict[str, Entry] = {}
    for one, other in pairwise(ordered):
        lost = days[one.entry_id].get(Milestone.LOST)
        if not lost or min(lost) > listed(other):
            found |= {one.entry_id: one, other.entry_id: other}
    return list(found.values())


def _first_days(events: tuple[Event, ...]) -> dict[str, dict[Milestone, date]]:
    found: dict[str, dict[Milestone, date]] = defaultdict(dict)
    for event in events:
        met = found[event.entry_id].get(event.milestone)
        if met is None or event.occurred_on < met:
            found[event.entry_id][event.milestone] = event.occurred_on
    return found
