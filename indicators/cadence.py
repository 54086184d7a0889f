"""Is time spent where the tiers say? Meetings that were due and held, and pushes spent on tier D (METHODS 3h).

    A   a regular meeting in every week (Monday to Sunday)
    B   a regular meeting and a light touch in every calendar month
    C   a light touch, or a regular meeting, in every calendar month
    D   no push at all

A period is due if the tier held for the whole of it and it has at least three business days; the current one counts when it is over.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.business_days import BusinessDays
from indicators.inputs import NO_DAY, Ints
from indicators.intervals import Interval, wilson
from indicators.tiers import TierChange
from models.vocabulary import ActivityKind, Tier

PUSHES = (
    ActivityKind.REGULAR_MEETING,
    ActivityKind.CO_VISIT,
    ActivityKind.STUDY_SESSION,
    ActivityKind.DINNER,
    ActivityKind.TOUCH,
)
"""What reaches out to one partner. A webinar is open to all, and an approach is the action that a partner agreed to."""
FEWEST_DAYS = 3
_MONDAY = 4
_FRIDAY = 4  # days after Monday
_AHEAD = 9  # weeks, or months, in which there is a business day


@dataclass(frozen=True, eq=False, slots=True)
class Activities:
    """Logged activities, columns of one length: place of the partner, kind, day number."""

    partner: Ints
    kind: tuple[str, ...]
    day: Ints

    def days_of(self, *kinds: str) -> dict[int, list[int]]:
        """By partner, the days of these kinds in order."""
        mine = np.flatnonzero([kind in kinds for kind in self.kind])
        mine = mine[np.lexsort((self.day[mine], self.partner[mine]))]
        found: dict[int, list[int]] = {}
        for partner, day in zip(self.partner[mine].tolist(), self.day[mine].tolist(), strict=True):
            found.setdefault(partner, []).append(day)
        return found


@dataclass(frozen=True, slots=True)
class Duty:
    """What a tier is owed: `what` is `regular_meeting`, `touch` or `any_contact`; `per` is `week` or `month`.

    due, met  periods over the window, all partners of the tier
    rate      None where nothing was due
    """

    tier: Tier
    what: str
    per: str
    due: int
    met: int
    rate: float | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class Leak:
    """Pushes in the window: all of them, and those spent on partners that were in tier D that day."""

    pushes: int
    on_d: int
    partners: int
    share: float | None
    by_kind: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Capacity:
    """Regular meetings and touches a week that the tiers ask for, and what the team can bear. `status`: `ok`, `over`, `unknown` (no team size)."""

    per_week: float
    team: int | None
    per_person: float | None
    limit: float
    status: str


DUTIES: tuple[tuple[Tier, str, str, tuple[str, ...]], ...] = (
    (Tier.A, "regular_meeting", "week", (ActivityKind.REGULAR_MEETING,)),
    (Tier.B, "regular_meeting", "month", (ActivityKind.REGULAR_MEETING,)),
    (Tier.B, "touch", "month", (ActivityKind.TOUCH,)),
    (Tier.C, "any_contact", "month", (ActivityKind.TOUCH, ActivityKind.REGULAR_MEETING)),
)
LOAD = {Tier.A: 1.0, Tier.B: 0.25, Tier.C: 0.25, Tier.D: 0.0}  # a week
PER_PERSON = 10.0


def compliance(
    changes: Sequence[TierChange], activities: Activities, as_of: int, calendar: BusinessDays, *, days: int = 90
) -> tuple[Duty, ...]:
    """Periods due and met that ended in the trailing `days`."""
    stays = _stays(changes, as_of)
    made = []
    for tier, what, per, kinds in DUTIES:
        periods = [
            p for p in _periods(per, as_of - days, as_of) if working_days(p[0], p[1] + 1, calendar) >= FEWEST_DAYS
        ]
        held = activities.days_of(*kinds)
        due = met = 0
        for partner, spans in stays.items():
            done = held.get(partner, [])
            for first, last in periods:
                if any(t is tier and a <= first and last <= b for t, a, b in spans):
                    due += 1
                    met += bisect_left(done, first) < bisect_right(done, last)
        made.append(Duty(tier, what, per, due, met, met / due if due else None, wilson(met, due)))
    return tuple(made)


def leaks(changes: Sequence[TierChange], activities: Activities, as_of: int, *, days: int = 90) -> Leak:
    """Pushes of the trailing `days`, and those that went to a partner while in tier D."""
    stays = _stays(changes, as_of)
    total, wrong = 0, []
    recent = np.flatnonzero((activities.day > as_of - days) & (activities.day <= as_of))
    for at, partner, day in zip(
        *(c.tolist() for c in (recent, activities.partner[recent], activities.day[recent])), strict=True
    ):
        if (kind := activities.kind[at]) in PUSHES:
            total += 1
            if any(t is Tier.D and a <= day <= b for t, a, b in stays.get(partner, ())):
                wrong.append((partner, kind))
    kinds = tuple((k.value, n) for k in PUSHES if (n := sum(kind == k for _, kind in wrong)))
    return Leak(total, len(wrong), len({p for p, _ in wrong}), len(wrong) / total if total else None, kinds)


def capacity(tiers: Sequence[Tier], team: int | None, limit: float = PER_PERSON) -> Capacity:
    """Contacts a week that the tiers ask for, against a team of so many people; more than `limit` a person is over."""
    load = sum(LOAD[t] for t in tiers)
    each = load / team if team else None
    return Capacity(load, team, each, limit, "unknown" if each is None else "over" if each > limit else "ok")


def meeting_due(tier: Tier, meetings: Sequence[int], as_of: int, calendar: BusinessDays) -> int:
    """The day by which the next regular meeting should be held; NO_DAY for tiers that expect none.

    A: the last business day of this week, or of the next once this week has had one; of the first after it that has any. B: the same by month.
    """
    if tier is Tier.A:
        monday = as_of - (as_of - _MONDAY) % 7
        after = any(monday <= d <= as_of for d in meetings)
        return _last_working([_week(monday + 7 * at) for at in range(after, _AHEAD)], calendar)
    if tier is Tier.B:
        month = _month_of(as_of)
        first, _ = _month_span(month)
        after = any(first <= d <= as_of for d in meetings)
        return _last_working([_month_span(month + at) for at in range(after, _AHEAD)], calendar)
    return NO_DAY


def working_days(first: int, end: int, calendar: BusinessDays) -> int:
    """Business days from `first` up to but without `end`."""
    return int(calendar.between(first, end))


def _last_working(spans: Sequence[tuple[int, int]], calendar: BusinessDays) -> int:
    """The last business day of the first span that has one; the last day of the first where none has."""
    days = (d for first, last in spans for d in range(last, first - 1, -1))
    return next((d for d in days if working_days(d, d + 1, calendar)), spans[0][1])


def _stays(changes: Sequence[TierChange], as_of: int) -> dict[int, list[tuple[Tier, int, int]]]:
    """By partner: tier, first day, last day."""
    found: dict[int, list[tuple[Tier, int, int]]] = {}
    ordered = sorted(changes, key=lambda c: (c.partner, c.day))
    for at, change in enumerate(ordered):
        following = ordered[at + 1] if at + 1 < len(ordered) else None
        until = following.day - 1 if following is not None and following.partner == change.partner else as_of
        found.setdefault(change.partner, []).append((change.tier, change.day, until))
    return found


def _periods(per: str, after: int, as_of: int) -> list[tuple[int, int]]:
    """First and last days of whole weeks or months that ended after day `after` and by `as_of`."""
    if per == "week":
        sunday = as_of - (as_of + 1 - _MONDAY) % 7
        return [(end - 6, end) for end in range(sunday, after, -7)][::-1]
    found: list[tuple[int, int]] = []
    month = _month_of(as_of)
    while True:
        first, last = _month_span(month)
        if last <= after:
            return found[::-1]
        if last <= as_of:
            found.append((first, last))
        month -= 1


def _week(monday: int) -> tuple[int, int]:
    return monday, monday + _FRIDAY


def _month_of(day: int) -> int:
    return int(_date(day).astype("datetime64[M]").astype(np.int64))


def _month_span(month: int) -> tuple[int, int]:
    starts = [int(np.datetime64(m, "M").astype("datetime64[D]").astype(np.int64)) for m in (month, month + 1)]
    return starts[0], starts[1] - 1


def _date(day: int) -> np.datetime64:
    return np.datetime64(day, "D")
