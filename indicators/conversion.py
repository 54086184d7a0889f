"""How many go on: three numbers with three names for each step of the funnel (METHODS 3b).

rate        eventual conversion within the horizon, by Aalen-Johansen with `lost` as competing end: open entries are neither
            failures nor left out
within      the plain share of an old enough cohort that converted within w days
flow_ratio  count of one milestone over the count of the one before in the window: a ratio of counts, not a probability;
            it can exceed 1
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.bootstrap import DrawnCurves, drawn_incidence, draws, generator, group_histograms, groups_of
from indicators.incidence import CENSORED, CONVERTED, ENDED, Incidence, aalen_johansen, quantile_days
from indicators.intervals import WHOLE, Interval, clopper_pearson, wilson, z_value
from indicators.paths import PathTable
from indicators.subjects import ALL, OVERALL, STEPS, Funnel, Step, Subjects, step_name

FEW_EVENTS = 5


@dataclass(frozen=True, slots=True)
class WithinWindow:
    """Of the `n` that had `days` days' time, how many converted in them. `rate` is None where n = 0."""

    days: int
    n: int
    converted: int
    rate: float | None
    interval: Interval


@dataclass(frozen=True, eq=False, slots=True)
class Conversion:
    """Conversion of one step for one partner type, or `all`. Rates are shares in [0, 1]; None where there is no subject.

    status     `ok`; `no_data`; `few`: under 10 subjects, some still open; `immature`: ten subjects were not watched for twice the median
               lead time, and over a tenth of them were too young for it
    n, converted, lost, open   subjects in the window, and what became of them within the horizon
    rate, se   eventual conversion and its standard error
    interval   the published one: of `analytic` and `bootstrap` (None without subjects) the wider
    corrected  the rate after undoing what unrecorded milestones do to it; equals `rate` where none are
    skip_rate  share of attempts beyond the step's second milestone in which that one was not recorded
    readable_to    the last day on which enough subjects are still watched (H_eff)
    window     days looked back for subjects, grown until there are enough; None = all
    flow_from, flow_to   attempts that came to the two milestones in the window as assumed, not grown
    regressed, regressions   subjects that stepped back to a milestone visited before, anywhere on their way, and how often in all: conversions and
               lead times go by when a milestone was first reached, so that a second time counts for nothing
    product    for `listed>deal`: the corrected steps multiplied; `disagrees`: it lies over 2 standard errors from the rate
    """

    type: str
    step: str
    status: str
    n: int
    converted: int
    lost: int
    open: int
    rate: float | None
    se: float | None
    interval: Interval
    analytic: Interval
    bootstrap: Interval | None
    corrected: float | None
    skip_rate: float
    readable_to: int
    window: int | None
    within: tuple[WithinWindow, ...]
    flow_from: int
    flow_to: int
    curve: Incidence
    regressed: int = 0
    regressions: int = 0
    product: float | None = None
    disagrees: bool | None = None

    @property
    def flow_ratio(self) -> float | None:
        """`flow_to` over `flow_from`; None where nothing came."""
        return self.flow_to / self.flow_from if self.flow_from else None

    @property
    def share_resolved(self) -> float | None:
        """The share of subjects that converted or were lost."""
        return (self.converted + self.lost) / self.n if self.n else None


def conversions(
    paths: PathTable | Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS
) -> tuple[Conversion, ...]:
    """Every step and `listed>deal`, for each partner type in turn and then for `all`.

    `types` are the names behind `paths.type`. The numbers of a type do not depend on partners of other types.
    """
    funnel = Funnel.of(paths)
    kinds = [(name, index) for index, name in enumerate(types)]
    return tuple(
        row for name, index in (*kinds, (ALL, None)) for row in funnel_conversions(funnel, name, index, assumptions)
    )


def funnel_conversions(
    paths: PathTable | Funnel, name: str, partner_type: int | None, assumptions: Assumptions = DEFAULTS
) -> tuple[Conversion, ...]:
    """The four steps and `listed>deal` of one partner type (None: of all)."""
    funnel = Funnel.of(paths)
    skipped = funnel.skip_rates(partner_type)
    rows = [_conversion(funnel, name, partner_type, step, assumptions) for step in STEPS]
    corrected = correct_skips([row.rate for row in rows], skipped)
    rows = [
        replace(row, corrected=value, skip_rate=skip)
        for row, value, skip in zip(rows, corrected, skipped[1:], strict=True)
    ]
    whole = _conversion(funnel, name, partner_type, OVERALL, assumptions)
    return (*rows, _with_product(replace(whole, corrected=whole.rate), rows))


def point_conversions(
    funnel: Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS
) -> tuple[Conversion, ...]:
    """The four steps for each partner type and `all`, with the analytic interval only: what is no more than a means needs no draws."""
    kinds: list[tuple[str, int | None]] = [*((name, index) for index, name in enumerate(types)), (ALL, None)]
    return tuple(
        _conversion(funnel, name, index, step, assumptions, draw=False) for name, index in kinds for step in STEPS
    )


def point_conversion(
    funnel: Funnel, name: str, partner_type: int | None, step: Step, assumptions: Assumptions = DEFAULTS
) -> Conversion:
    """One step of one type, as `point_conversions` gives it."""
    return _conversion(funnel, name, partner_type, step, assumptions, draw=False)


def correct_skips(rates: Sequence[float | None], skipped: Sequence[float]) -> tuple[float | None, ...]:
    """Rates of the four steps without the tilt that unrecorded milestones give them (METHODS 3a, 4).

    An unrecorded milestone is only noticed where the entry goes on, so the step into it reads low and the step out of it high.
    `rates` [4] per step, `skipped` [5] per milestone. Computed from the last step backwards; a rate of None stays None.
    """
    corrected: list[float | None] = [None] * len(rates)
    following: float | None = None
    for k in reversed(range(len(rates))):
        rate = rates[k]
        if rate is None:
            following = None
            continue
        deflated = rate * (1 - skipped[k]) / (1 - rate * skipped[k]) if rate * skipped[k] < 1 else rate
        missed = skipped[k + 1] * (1 - following) if following is not None else 0.0
        following = min(1.0, deflated / (1 - missed)) if missed < 1 else deflated
        corrected[k] = following
    return tuple(corrected)


def rate_interval(curve: Incidence, level: float = 0.95) -> Interval:
    """Analytic interval of F1 at the horizon.

    Log(-log) as a rule; under 5 conversions Clopper-Pearson on the effective number F (1 - F) / Var; no conversion at all:
    from 0 to 1 - 0.05^(1/n) with n the subjects watched to the horizon or to an end; mirrored where all convert.
    """
    rate, variance = float(curve.f1[-1]), curve.variance()
    complete = (
        curve.conversions + int(curve.ended.sum()) + int(curve.at_risk[-1] - curve.converted[-1] - curve.ended[-1])
    )
    if complete == 0:
        return WHOLE
    if curve.conversions == 0:
        return Interval(0.0, 1 - (1 - level) ** (1 / complete))
    if rate >= 1 - 1e-12:
        return Interval((1 - level) ** (1 / complete), 1.0)
    if curve.conversions < FEW_EVENTS and variance > 0:
        effective = rate * (1 - rate) / variance
        return clopper_pearson(rate * effective, effective, level)
    w = z_value(level) * math.sqrt(variance) / (rate * abs(math.log(rate)))
    return Interval(rate ** math.exp(w), rate ** math.exp(-w))


def cohort_within(subjects: Subjects, as_of: int, days: int, level: float = 0.95) -> WithinWindow:
    """Of the subjects that started at least `days` days before `as_of`: the share converted within them, with Wilson's interval."""
    old = subjects.start <= as_of - days
    n = int(old.sum())
    converted = int((old & (subjects.ending == CONVERTED) & (subjects.duration <= days)).sum())
    return WithinWindow(days, n, converted, converted / n if n else None, wilson(converted, n, level))


def bootstrap_curves(subjects: Subjects, label: str, assumptions: Assumptions) -> DrawnCurves:
    """F1 of partners drawn anew. `label` joins the seed. ValueError without subjects."""
    group, groups = groups_of(subjects.partner)
    if groups == 0:
        raise ValueError(f"there is nobody to draw from for {label}; ask for a bootstrap only where there are subjects")
    weights = draws(generator(assumptions.seed, label), groups, assumptions.replicates)
    counts = group_histograms(group, groups, subjects.duration, subjects.ending, assumptions.horizon)
    return drawn_incidence(weights, counts)


def drawn_curves(
    funnel: Funnel, name: str, partner_type: int | None, step: Step, subjects: Subjects, assumptions: Assumptions
) -> DrawnCurves:
    """The bootstrap of a step's own subjects: of all of them for the rate, and for the lead time where all are dated."""
    key = (step, partner_type, assumptions.seed, assumptions.replicates)
    if key not in funnel.drawn:
        funnel.drawn[key] = bootstrap_curves(subjects, f"{name}|{step_name(step)}", assumptions)
    return funnel.drawn[key]


def _conversion(
    funnel: Funnel, name: str, partner_type: int | None, step: Step, assumptions: Assumptions, *, draw: bool = True
) -> Conversion:
    subjects, window = funnel.subjects(step, partner_type, assumptions.window, assumptions.min_subjects)
    curve = aalen_johansen(subjects.duration, subjects.ending, assumptions.horizon)
    analytic = rate_interval(curve)
    bootstrap = None
    if len(subjects) and draw:
        drawn = drawn_curves(funnel, name, partner_type, step, subjects, assumptions).on(assumptions.horizon)
        low, high = np.percentile(drawn, [2.5, 97.5])
        bootstrap = Interval(float(low), min(1.0, float(high)))
    readable_to = min(assumptions.horizon, curve.readable_to(assumptions.min_at_risk))
    timely = subjects.duration <= assumptions.horizon
    converted = int((timely & (subjects.ending == CONVERTED)).sum())
    lost = int((timely & (subjects.ending == ENDED)).sum())
    regressed, regressions = funnel.set_back(step[0], partner_type, window)
    return Conversion(
        type=name,
        step=step_name(step),
        status=status_of(curve, int((subjects.ending == CENSORED).sum()), assumptions),
        n=len(subjects),
        converted=converted,
        lost=lost,
        open=len(subjects) - converted - lost,
        rate=min(1.0, float(curve.f1[-1])) if len(subjects) else None,
        se=math.sqrt(curve.variance()) if len(subjects) else None,
        interval=analytic if bootstrap is None or analytic.width >= bootstrap.width else bootstrap,
        analytic=analytic,
        bootstrap=bootstrap,
        corrected=None,
        skip_rate=0.0,
        readable_to=readable_to,
        window=window,
        within=tuple(cohort_within(subjects, funnel.paths.as_of, days) for days in assumptions.within),
        flow_from=funnel.came(step[0], partner_type, assumptions.window),
        flow_to=funnel.came(step[1], partner_type, assumptions.window),
        curve=curve,
        regressed=regressed,
        regressions=regressions,
    )


def status_of(curve: Incidence, still_open: int, assumptions: Assumptions) -> str:
    """Young entries make a rate immature; that few are left because the others have come to an end does not."""
    if curve.n == 0:
        return "no_data"
    if still_open == 0:
        return "ok"  # nobody is left whose end could change the number
    if curve.n < assumptions.min_at_risk:
        return "few"
    watched = curve.watched_to(assumptions.min_at_risk, assumptions.max_unwatched)
    median = int(quantile_days(curve.f1, 0.5, watched))
    if median < 0:
        return "ok" if watched >= assumptions.horizon else "immature"
    return "immature" if watched < 2 * median else "ok"


def _with_product(whole: Conversion, steps: Sequence[Conversion]) -> Conversion:
    """The overall row with the product of the steps beside it, as a check of the assumption that steps are independent."""
    factors = [row.corrected for row in steps]
    if whole.rate is None or whole.se is None or any(f is None for f in factors):
        return whole
    product = math.prod(f for f in factors if f is not None)
    relative = sum((row.se / row.rate) ** 2 for row in steps if row.rate and row.se is not None)
    spread = math.sqrt(whole.se**2 + product**2 * relative)
    return replace(whole, product=product, disagrees=abs(whole.rate - product) > 2 * spread)
