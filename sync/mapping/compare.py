"""What another version of the mapping says otherwise of the same records: events gained, lost and moved, by rule. Pure.

An event is the same one where its fact is (entry, milestone, record, change). Where a rule takes its day from another field or record,
the fact is another one; such pairs of one entry and milestone are told as one event that moved, or that is only told otherwise.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from heapq import nsmallest
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sync.mapping.said import MILESTONES, SaidColumns, day_date

EXAMPLES = 5  # shown of each rule and kind
NONE: Mapping[str, int] = MappingProxyType({})
Places = NDArray[np.int64]
_NOWHERE = -1


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


def compare_events(before: SaidColumns, after: SaidColumns, unmoved: Mapping[str, int] = NONE) -> list[RuleDifference]:
    """By rule, in the order of their names. What is lost or moved away counts for the rule that told it before, all else for the new one.

    `unmoved`: how many events of which rules are the same on both sides, and not among them.
    """
    rules = {rule: RuleDifference(rule, count, count) for rule, count in unmoved.items()}
    for side, name in ((before, "before"), (after, "after")):
        for rule, count in zip(side.rules, np.bincount(side.rule, minlength=len(side.rules)).tolist(), strict=True):
            found = rules.setdefault(rule, RuleDifference(rule))
            setattr(found, name, getattr(found, name) + count)
    for kind, was, now in _differing(before, after):
        _note(rules, kind, before, was, after, now)
    return [rules[name] for name in sorted(rules) if rules[name].before or rules[name].after]


def total(differences: Sequence[RuleDifference]) -> dict[str, int]:
    """All rules together, by kind of difference."""
    return {kind.value: sum(d.counts[kind] for d in differences) for kind in Difference}


def _differing(before: SaidColumns, after: SaidColumns) -> Iterator[tuple[Difference, Places, Places]]:
    """(kind, places before, places after) of all events that differ; -1 where an event is not there."""
    _, same, too = np.intersect1d(before.fact, after.fact, assume_unique=True, return_indices=True)
    elsewhere = before.day[same] != after.day[too]
    yield Difference.MOVED, same[elsewhere], too[elsewhere]
    was, now = _paired(before, _besides(len(before), same), after, _besides(len(after), too))
    there = (was != _NOWHERE) & (now != _NOWHERE)
    retold = there & (before.day[was] == after.day[now]) if there.any() else there
    for kind, of in (
        (Difference.RETOLD, retold),
        (Difference.MOVED, there & ~retold),
        (Difference.LOST, now == _NOWHERE),
        (Difference.GAINED, was == _NOWHERE),
    ):
        yield kind, was[of], now[of]


def _besides(n: int, places: Places) -> Places:
    rest = np.ones(n, np.bool_)
    rest[places] = False
    return np.flatnonzero(rest)


def _paired(before: SaidColumns, gone: Places, after: SaidColumns, came: Places) -> tuple[Places, Places]:
    """Lost with gained of the same entry and milestone, -1 where there is none: see `_of_one_place`."""
    entry = np.unique(np.concatenate((before.entry[gone], after.entry[came])), return_inverse=True)[1].astype(np.int64)
    key = entry * len(MILESTONES) + np.concatenate((before.milestone[gone], after.milestone[came]))
    lost, gained = np.split(key, [len(gone)])
    times = np.bincount(lost, minlength=(top := int(key.max(initial=0)) + 1)), np.bincount(gained, minlength=top)
    alone = (times[0] == 1) & (times[1] == 1)
    several = (times[0] > 0) & (times[1] > 0) & ~alone
    one, other = np.flatnonzero(alone[lost]), np.flatnonzero(alone[gained])
    one, other = one[np.argsort(lost[one])], other[np.argsort(gained[other])]
    pairs: list[tuple[int, int]] = []
    at: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, keys, places in ((0, lost, gone), (1, gained, came)):
        rows = np.flatnonzero(several[keys])
        for place, row in zip(keys[rows].tolist(), places[rows].tolist(), strict=True):
            at[place][side].append(row)
    for ours, theirs in at.values():
        pairs += _of_one_place(before, ours, after, theirs)
    more = np.array(pairs, np.int64).reshape(-1, 2)
    lonely, new = gone[times[1][lost] == 0], came[times[0][gained] == 0]
    none = np.full(max(len(lonely), len(new)), _NOWHERE, np.int64)
    return (
        np.concatenate((gone[one], more[:, 0], lonely, none[: len(new)])),
        np.concatenate((came[other], more[:, 1], none[: len(lonely)], new)),
    )


def _of_one_place(
    before: SaidColumns, gone: list[int], after: SaidColumns, came: list[int]
) -> Iterator[tuple[int, int]]:
    """Of one entry and milestone: first those of one day, then the others in the order of their days."""
    lost = sorted((int(before.day[i]), bytes(before.fact[i]), i) for i in gone)
    gained = sorted((int(after.day[i]), bytes(after.fact[i]), i) for i in came)
    by_day: dict[int, list[tuple[int, bytes, int]]] = defaultdict(list)
    for event in reversed(gained):
        by_day[event[0]].append(event)
    for was in list(lost):
        if by_day[was[0]]:
            now = by_day[was[0]].pop()
            lost.remove(was)
            gained.remove(now)
            yield was[2], now[2]
    for at in range(max(len(lost), len(gained))):
        yield (
            lost[at][2] if at < len(lost) else _NOWHERE,
            gained[at][2] if at < len(gained) else _NOWHERE,
        )


def _note(
    rules: dict[str, RuleDifference],
    kind: Difference,
    before: SaidColumns,
    was: Places,
    after: SaidColumns,
    now: Places,
) -> None:
    """Counts these under the rule that tells them now, or else told them before, and keeps the first examples."""
    side, places = (before, was) if kind is Difference.LOST else (after, now)

    def example(at: int) -> Example:
        ours, theirs, place = int(was[at]), int(now[at]), int(places[at])
        return Example(
            side.source[place],
            MILESTONES[side.milestone[place]].value,
            None if ours == _NOWHERE else day_date(before.day[ours]),
            None if theirs == _NOWHERE else day_date(after.day[theirs]),
        )

    for code, rule in enumerate(side.rules):
        of = np.flatnonzero(side.rule[places] == code)
        if not len(of):
            continue
        found = rules[rule]
        found.counts[kind] += len(of)
        shown = [side.source[i] for i in places[of].tolist()]
        last = nsmallest(EXAMPLES, shown)[-1]  # which of one record come first, their days tell
        first = [example(at) for at, source in zip(of.tolist(), shown, strict=True) if source <= last]
        found.examples[kind] = sorted([*found.examples[kind], *first], key=_by_source)[:EXAMPLES]


def _by_source(example: Example) -> tuple[str, str, date, date]:
    return example.source, example.milestone, example.before or date.min, example.after or date.min
