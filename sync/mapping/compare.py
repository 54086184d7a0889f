"""What another version of the mapping says otherwise of the same records: events gained, lost and moved, by rule. Pure.

An event is the same one where its fact is (entry, milestone, record, change). Where a rule takes its day from another field or record,
the fact is another one; such pairs of one entry and milestone are told as one event that moved, or that is only told otherwise.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

EXAMPLES = 5  # shown of each rule and kind
NONE: Mapping[str, int] = MappingProxyType({})


class Said(NamedTuple):
    """An event as far as it is compared."""

    fact: str
    entry: str
    milestone: str
    day: date
    rule: str
    source: str


class Difference(StrEnum):
    GAINED = "gained"
    LOST = "lost"
    MOVED = "moved"  # to another day
    RETOLD = "retold"  # of the same day, by another record or change


@dataclass(frozen=True, slots=True, order=True)
class Example:
    """One event that differs; the days are None where it is not there."""

    source: str
    milestone: str
    before: date | None
    after: date | None


@dataclass(slots=True)
class RuleDifference:
    """What becomes of the events of one rule: how many it told and tells, and of those that differ the first ones."""

    rule: str
    before: int = 0
    after: int = 0
    counts: dict[Difference, int] = field(default_factory=lambda: dict.fromkeys(Difference, 0))
    examples: dict[Difference, list[Example]] = field(default_factory=lambda: {d: [] for d in Difference})

    @property
    def differs(self) -> bool:
        return any(self.counts.values())


def compare_events(
    before: Iterable[Said], after: Iterable[Said], unmoved: Mapping[str, int] = NONE
) -> list[RuleDifference]:
    """By rule, in the order of their names. What is lost or moved away counts for the rule that told it before, all else for the new one.

    `unmoved`: how many events of which rules are the same on both sides, and not among them.
    """
    old = {event.fact: event for event in before}
    rules = {rule: RuleDifference(rule, count, count) for rule, count in unmoved.items()}
    came: list[Said] = []

    def of(rule: str) -> RuleDifference:
        found = rules.get(rule)
        if found is None:
            found = rules[rule] = RuleDifference(rule)
        return found

    def note(kind: Difference, was: Said | None, now: Said | None) -> None:
        told = now or was
        assert told is not None
        found = of(told.rule)
        found.counts[kind] += 1
        found.examples[kind].append(
            Example(told.source, told.milestone, was.day if was else None, now.day if now else None)
        )

    for event in old.values():
        of(event.rule).before += 1
    for event in after:
        of(event.rule).after += 1
        held = old.pop(event.fact, None)
        if held is None:
            came.append(event)
        elif held.day != event.day:
            note(Difference.MOVED, held, event)
    for was, now in _paired(old.values(), came):
        kind = (
            Difference.GAINED
            if was is None
            else Difference.LOST
            if now is None
            else Difference.RETOLD
            if was.day == now.day
            else Difference.MOVED
        )
        note(kind, was, now)
    for found in rules.values():
        for kind, examples in found.examples.items():
            found.examples[kind] = sorted(examples, key=_by_source)[:EXAMPLES]
    return [rules[name] for name in sorted(rules)]


def _paired(gone: Iterable[Said], came: Iterable[Said]) -> Iterable[tuple[Said | None, Said | None]]:
    """Lost with gained of the same entry and milestone: first those of one day, then the others in the order of their days."""
    places: dict[tuple[str, str], tuple[list[Said], list[Said]]] = defaultdict(lambda: ([], []))
    for event in gone:
        places[event.entry, event.milestone][0].append(event)
    for event in came:
        places[event.entry, event.milestone][1].append(event)
    for lost, gained in places.values():
        if lost and gained:
            yield from _of_one_day(lost, gained)
        lost.sort(key=_by_day)
        gained.sort(key=_by_day)
        for at in range(max(len(lost), len(gained))):
            yield (lost[at] if at < len(lost) else None), (gained[at] if at < len(gained) else None)


def _of_one_day(lost: list[Said], gained: list[Said]) -> Iterable[tuple[Said, Said]]:
    """Takes pairs of one day out of both lists."""
    by_day: dict[date, list[Said]] = defaultdict(list)
    for event in sorted(gained, key=_by_day, reverse=True):
        by_day[event.day].append(event)
    for was in sorted(lost, key=_by_day):
        if by_day[was.day]:
            now = by_day[was.day].pop()
            lost.remove(was)
            gained.remove(now)
            yield was, now


def _by_day(event: Said) -> tuple[date, str]:
    return event.day, event.fact


def _by_source(example: Example) -> tuple[str, str, date, date]:
    return example.source, example.milestone, example.before or date.min, example.after or date.min


def total(differences: Sequence[RuleDifference]) -> dict[str, int]:
    """All rules together, by kind of difference."""
    return {kind.value: sum(d.counts[kind] for d in differences) for kind in Difference}
