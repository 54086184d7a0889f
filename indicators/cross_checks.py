"""Numbers beside the published ones, for whoever checks them; none of them decides anything.

ever        of companies on lists, rather than attempts: the share that comes to a deal in whatever attempt within the horizon (METHODS 3a, 5)
earliest    rate and median if every unrecorded milestone had been reached as early as it can have been, with the one before it,
            where the published ones take the latest day, that of the one after it (METHODS 3a, 4)
converters  the median of those that have converted already, which is too short while cohorts are young (METHODS 3c)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.conversion import rate_interval
from indicators.incidence import CONVERTED, Incidence, aalen_johansen, quantile_days
from indicators.inputs import DEAL, LISTED, NO_DAY
from indicators.intervals import Interval
from indicators.paths import PathTable
from indicators.subjects import ALL, OVERALL, STEPS, Funnel, Subjects, step_name


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One step of one partner type, or `all`. Rates are shares, medians days; None where there is nothing to tell.

    ever             of `listed>deal` alone: entries, of them with a deal, their rate and its interval
    earliest_rate, earliest_median   see the module; None where every milestone of the step is recorded
    converters_median
    """

    type: str
    step: str
    ever_n: int | None
    ever_converted: int | None
    ever_rate: float | None
    ever_interval: Interval | None
    earliest_rate: float | None
    earliest_median: int | None
    converters_median: int | None


def cross_checks(funnel: Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS) -> tuple[CrossCheck, ...]:
    """Every step and `listed>deal`, for each type in turn and then for `all`; subjects are those of the published rates."""
    skipped = bool(funnel.paths.inferred.any())
    early = Funnel(at_the_earliest(funnel.paths)) if skipped else funnel
    whole = Funnel(entries_as_paths(funnel.paths))
    kinds: list[tuple[str, int | None]] = [*((name, index) for index, name in enumerate(types)), (ALL, None)]
    found = []
    for name, index in kinds:
        for step in (*STEPS, OVERALL):
            published, _ = funnel.subjects(step, index, assumptions.window, assumptions.min_subjects)
            ever = _curve(whole, index, step, assumptions) if step == OVERALL else None
            unrecorded = skipped and not published.dated.all()
            curve = _curve(early, index, step, assumptions) if unrecorded else None
            found.append(
                CrossCheck(
                    type=name,
                    step=step_name(step),
                    ever_n=None if ever is None else ever.n,
                    ever_converted=None if ever is None else ever.conversions,
                    ever_rate=None if ever is None or not ever.n else min(1.0, float(ever.f1[-1])),
                    ever_interval=None if ever is None else rate_interval(ever),
                    earliest_rate=None if curve is None or not curve.n else min(1.0, float(curve.f1[-1])),
                    earliest_median=_median(curve, assumptions),
                    converters_median=_of_converters(published, assumptions.horizon),
                )
            )
    return tuple(found)


def at_the_earliest(paths: PathTable) -> PathTable:
    """The paths with every unrecorded milestone reached on the day of the one before it; an unrecorded `listed` stays where it is."""
    reached = paths.reached.copy()
    for k in range(LISTED + 1, DEAL + 1):
        reached[:, k] = np.where(paths.inferred[:, k], reached[:, k - 1], reached[:, k])
    return replace(paths, reached=reached)


def entries_as_paths(paths: PathTable) -> PathTable:
    """One row an entry: listed with its first attempt, a deal with the first attempt that came to one, and lost only with its newest."""
    if not len(paths):
        return paths
    first = np.flatnonzero(paths.attempt == 1)
    newest = np.r_[first[1:], len(paths)] - 1
    far = np.iinfo(np.int32).max
    days = np.where(paths.reached == NO_DAY, far, paths.reached)
    soonest = np.minimum.reduceat(days, first, axis=0)
    reached = np.where(soonest == far, NO_DAY, soonest).astype(np.int32)
    columns = (
        "entry",
        "partner",
        "type",
        "attempt",
        "inferred",
        "current",
        "since",
        "regressions",
        "won",
        "known_from",
    )
    return replace(
        paths,
        **{name: getattr(paths, name)[first] for name in columns},
        reached=reached,
        lost=np.where(reached[:, DEAL] == NO_DAY, paths.lost[newest], NO_DAY).astype(np.int32),
        excluded=np.logical_or.reduceat(paths.excluded, first),
    )


def _curve(funnel: Funnel, partner_type: int | None, step: tuple[int, int], assumptions: Assumptions) -> Incidence:
    subjects, _ = funnel.subjects(step, partner_type, assumptions.window, assumptions.min_subjects)
    return aalen_johansen(subjects.duration, subjects.ending, assumptions.horizon)


def _median(curve: Incidence | None, assumptions: Assumptions) -> int | None:
    if curve is None:
        return None
    by = min(assumptions.horizon, curve.readable_to(assumptions.min_at_risk))
    if int(curve.converted[: by + 1].sum()) < assumptions.min_conversions:
        return None
    return int(quantile_days(curve.f1, 0.5, by))


def _of_converters(subjects: Subjects, horizon: int) -> int | None:
    """The lower median of the days of those that converted within the horizon, both days recorded."""
    done = (subjects.ending == CONVERTED) & subjects.dated & (subjects.duration <= horizon)
    days = np.cumsum(np.bincount(subjects.duration[done], minlength=1))
    return int(np.searchsorted(days, (int(days[-1]) + 1) // 2)) if days[-1] else None
