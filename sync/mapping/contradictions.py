"""Facts that contradict each other: milestones in an order that cannot be, days still to come, and targets that one partner lists twice."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from models.vocabulary import FUNNEL, Entry, Event, Milestone, RecordRef
from sync.mapping.facts import Facts

CLAMPED = 3  # days: smaller inversions are typing, and are put right where events are put in order
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
    by: str  # corporate_number, domain, name
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


def listed_twice(facts: Facts) -> Iterator[Twice]:
    """By the strongest mark of the target that both carry."""
    by_target: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in facts.entries:
        if mark := _mark(entry):
            by_target[entry.partner_id, *mark].append(entry)
    days: dict[str, dict[Milestone, list[date]]] = defaultdict(lambda: defaultdict(list))
    for event in facts.events:
        days[event.entry_id][event.milestone].append(event.occurred_on)
    for (partner_id, by, _), entries in sorted(by_target.items()):
        if len(entries) > 1:
            together = _beside(entries, days)
            if len(together) > 1:
                yield Twice(partner_id, by, tuple(sorted(entry.source for entry in together)))


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


def _mark(entry: Entry) -> tuple[str, str] | None:
    target = entry.target
    if target.corporate_number:
        return "corporate_number", target.corporate_number
    if target.domain:
        return "domain", target.domain
    if target.name:
        return "name", "".join(unicodedata.normalize("NFKC", target.name).casefold().split())
    return None


def _first_days(events: tuple[Event, ...]) -> dict[str, dict[Milestone, date]]:
    found: dict[str, dict[Milestone, date]] = defaultdict(dict)
    for event in events:
        met = found[event.entry_id].get(event.milestone)
        if met is None or event.occurred_on < met:
            found[event.entry_id][event.milestone] = event.occurred_on
    return found
