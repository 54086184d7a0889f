"""Entries that wait longer than those that moved on (METHODS 3g).

    warn      older in its milestone than 80 % of the conversions took, and no logged activity in 14 days
    stalled   older than 95 % of them took, or its chance of going on sank below a quarter of its partner's rate
    beyond    as old as the horizon: no curve speaks of it any more
A logged activity within 14 days clears `warn` and `stalled`. Ages are calendar days.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.by_type import curves_by_type
from indicators.incidence import Incidence, aalen_johansen, quantile_days
from indicators.inputs import DEAL, LOST, MILESTONES, NO_DAY, WON, Codes, EntryTable, Flags, Floats, Ints
from indicators.paths import PathTable
from indicators.subjects import STEPS, Funnel, Step

STATUSES: tuple[str, ...] = ("moving", "warn", "stalled", "beyond")
MOVING, WARN, STALLED, BEYOND = range(len(STATUSES))


@dataclass(frozen=True, eq=False, slots=True)
class StepPace:
    """What the entries of a type tell about one step: limits of age in days, and the chance of going on.

    chances  [days] of going on by the horizon, when still open after so many days; 0 where the limits are assumed
    at_entry the same on the day of coming to the milestone
    pooled   too few conversions of this type, so all types together speak; `assumed`: too few even then, so defaults do
    """

    p80: int
    p95: int
    chances: Floats
    at_entry: float
    pooled: bool = False
    assumed: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class StalledEntries:
    """One row an entry.

    open       stands at `listed` .. `executed`, as far as the mapping tells
    status     code in STATUSES; `moving` too where the entry is not open
    age        days in the current milestone, 0 where not open
    days_over  days beyond the age by which 80 % of the conversions had come, 0 where not beyond
    chance     of coming to the next milestone by the horizon, now; 0 where not open or unknown
    chance_at_entry   the same on the day it came to its milestone
    next       code of the next milestone, -1 where not open: what to do next
    known      conversions tell of its step; where they are too few its limits are defaults, and its chance is unknown
    """

    open: Flags
    status: Codes
    age: Ints
    days_over: Ints
    chance: Floats
    chance_at_entry: Floats
    next: Codes
    known: Flags

    @property
    def is_stalled(self) -> Flags:
        """`stalled` or `beyond`, not `warn`: what the CRM field says."""
        return self.status >= STALLED


def paces(
    paths: PathTable | Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS
) -> tuple[tuple[StepPace, ...], ...]:
    """The pace of each of the four steps, for each type. Own entries from 20 conversions on, then all types', then defaults."""
    funnel = Funnel.of(paths)
    *own, pooled = zip(*(_paces_of(funnel, step, len(types), assumptions) for step in STEPS), strict=True)
    return tuple(tuple(_choose(mine, every) for mine, every in zip(row, pooled, strict=True)) for row in own)


def chance_of_next(curve: Incidence) -> Floats:
    """The chance of converting by the horizon when still open after day c, for c = 0 .. horizon: (F1(H) - F1(c)) / S(c).

    With one rate p for all entries this is p (1 - F) / (p (1 - F) + (1 - p)(1 - G)) of METHODS 3e.
    """
    gain = np.maximum(curve.f1[-1] - curve.f1, 0.0)
    open_share = curve.s > 1e-12
    return np.asarray(np.where(open_share, np.minimum(gain / np.where(open_share, curve.s, 1.0), 1.0), 0.0), np.float64)


def chance_at_rate(chance: Floats, at_entry: float, rate: Floats) -> Floats:
    """The chance [n] of going on of entries whose partners have other rates [n] than `at_entry`, of which `chance` [n] is told.

    With 1 - F of those that will go on still there, and 1 - G of those that never will, p (1 - F) / (p (1 - F) + (1 - p)(1 - G)) is asked for
    (METHODS 3e); (1 - F) / (1 - G) follows from the chance at the other rate.
    """
    will, wont = rate * chance * (1 - at_entry), (1 - rate) * (1 - chance) * at_entry
    both = will + wont
    return np.asarray(np.where(both > 0, will / np.where(both > 0, both, 1.0), chance), np.float64)


def stalled_entries(
    paths: PathTable,
    entries: EntryTable,
    table: Sequence[Sequence[StepPace]],
    assumptions: Assumptions = DEFAULTS,
    *,
    rates: Floats | None = None,
    before: tuple[Codes, int] | None = None,
    on: int | None = None,
) -> StalledEntries:
    """The state of every entry's newest attempt on the as-of day, or on the earlier day `on`. `table` is what `paces` gives: type x step.

    `rates` [partners, 4] are the partners' own, by which chances are told; without them by their types'.
    `before` is an earlier evaluation: its statuses [entries] and its day. With it a status never falls by the curves moving alone, only
    by a milestone or an activity since then. On an earlier day, entries that came to where they are afterwards are not open.
    """
    today = paths.as_of if on is None else on
    has = paths.last >= 0
    row = np.maximum(paths.last, 0)
    n = len(entries)
    milestone = np.where(has, paths.current[row], LOST) if len(paths) else np.full(n, LOST)
    since = np.where(has, paths.since[row], NO_DAY) if len(paths) else np.full(n, NO_DAY)
    kind = paths.type[row] if len(paths) else np.zeros(n, np.int64)
    is_open: Flags = np.asarray((milestone < DEAL) & ~entries.unplaced & (since <= today), np.bool_)
    age = np.where(is_open, today - since, 0).astype(np.int64)
    status, over = np.zeros(n, np.int8), np.zeros(n, np.int64)
    chance, at_entry, known = np.zeros(n), np.zeros(n), np.zeros(n, np.bool_)
    activity = entries.last_activity_day
    quiet = (activity == NO_DAY) | (activity > today) | (today - activity >= assumptions.quiet)
    for t, steps in enumerate(table):
        for k, pace in enumerate(steps):
            mine = np.flatnonzero(is_open & (kind == t) & (milestone == k))
            if not mine.size:
                continue
            ages = age[mine]
            of_type = pace.chances[np.minimum(ages, assumptions.horizon)]  # none is left on the last day
            start = np.full(mine.size, pace.at_entry)
            if rates is not None and not pace.assumed:
                start = rates[entries.partner[mine], k]
            now = chance_at_rate(of_type, pace.at_entry, start)
            faint = (now < assumptions.little_chance * start) & (not pace.assumed)
            level = np.where(ages > pace.p80, WARN, MOVING)
            level = np.where((ages > pace.p95) | faint, STALLED, level)
            level = np.where(quiet[mine], level, MOVING)
            status[mine] = np.where(ages >= assumptions.horizon, BEYOND, level)
            over[mine] = np.maximum(ages - pace.p80, 0)
            chance[mine], at_entry[mine], known[mine] = now, start, not pace.assumed
    if before is not None:
        earlier, then = before
        untouched = is_open & (since <= then) & (activity <= then)
        status = np.where(untouched, np.maximum(status, earlier), status).astype(np.int8)
    upcoming = np.where(is_open, milestone + 1, -1).astype(np.int8)
    return StalledEntries(is_open, status, age, over, chance, at_entry, upcoming, known)


def next_step(code: int) -> str | None:
    """The name of the next milestone by its code; None for -1, where there is none."""
    return MILESTONES[code].value if 0 <= code < WON else None


def _paces_of(funnel: Funnel, step: Step, kinds: int, assumptions: Assumptions) -> list[StepPace]:
    """Of a step: of each type's own entries, and last of all types'."""
    curves, _ = curves_by_type(funnel, step, kinds, assumptions)
    subjects, _ = funnel.subjects(step, None, assumptions.window, 0)
    dated = curves if subjects.dated.all() else curves_by_type(funnel, step, kinds, assumptions, dated=True)[0]
    return [
        _alone(funnel, of, step, assumptions) if curve is None or timed is None else _pace(curve, timed, assumptions)
        for of, curve, timed in zip((*range(kinds), None), curves, dated, strict=True)
    ]


def _alone(funnel: Funnel, partner_type: int | None, step: Step, assumptions: Assumptions) -> StepPace:
    """The pace of a type whose window has to grow."""
    subjects, _ = funnel.subjects(step, partner_type, assumptions.window, assumptions.min_subjects)
    timed = subjects.only(subjects.dated)
    curve, dated = (aalen_johansen(of.duration, of.ending, assumptions.horizon) for of in (subjects, timed))
    return _pace(curve, dated, assumptions)


def _pace(curve: Incidence, dated: Incidence, assumptions: Assumptions) -> StepPace:
    """By the curve of all, and that of those whose days are known."""
    by = min(assumptions.horizon, dated.readable_to(assumptions.min_at_risk))
    if int(dated.converted[: by + 1].sum()) < assumptions.own_curve:
        nothing = np.zeros(assumptions.horizon + 1)
        return StepPace(assumptions.default_p80, assumptions.default_p95, nothing, 0.0, assumed=True)
    p80, p95 = (int(quantile_days(dated.f1, share, by)) for share in (0.8, 0.95))
    return StepPace(p80, p95, chance_of_next(curve), float(curve.f1[-1]))


def _choose(own: StepPace, every: StepPace) -> StepPace:
    if not own.assumed:
        return own
    return replace(every, pooled=True)
