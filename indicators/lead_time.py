"""How long a step takes where it is taken: quantiles of the conversion curve, given conversion (METHODS 3c).

Averages over those that have already converted read too short while cohorts are young; a quantile of the Aalen-Johansen curve
does not. Calendar days, and beside them business days: a curve of its own, over the business days of the same spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.business_days import WEEKDAYS, BusinessDays
from indicators.conversion import bootstrap_curves, drawn_curves
from indicators.incidence import CENSORED, aalen_johansen, quantile_days
from indicators.paths import PathTable
from indicators.subjects import ALL, OVERALL, STEPS, Funnel, Step, Subjects, step_name


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Days from one milestone to the next among those that convert, for one partner type or `all`.

    status         `ok`; `few`: under 10 conversions, nothing published; `skips`: over 20 % of the step's ends are inferred, to be greyed
    conversions    with both days recorded
    median, p80, p95            days; None where not published
    median_interval, p80_interval   95 %, partners drawn anew
    business_median, business_p80   business days
    """

    type: str
    step: str
    status: str
    conversions: int
    median: int | None = None
    p80: int | None = None
    p95: int | None = None
    median_interval: tuple[int, int] | None = None
    p80_interval: tuple[int, int] | None = None
    business_median: int | None = None
    business_p80: int | None = None


def lead_times(
    paths: PathTable | Funnel,
    types: Sequence[str],
    assumptions: Assumptions = DEFAULTS,
    calendar: BusinessDays = WEEKDAYS,
) -> tuple[LeadTime, ...]:
    """Every step and `listed>deal`, for each partner type in turn and then for `all`. `types` are the names behind `paths.type`."""
    funnel = Funnel.of(paths)
    kinds = [(name, index) for index, name in enumerate(types)]
    return tuple(
        step_lead_time(funnel, name, index, step, assumptions, calendar)
        for name, index in (*kinds, (ALL, None))
        for step in (*STEPS, OVERALL)
    )


def step_lead_time(
    paths: PathTable | Funnel,
    name: str,
    partner_type: int | None,
    step: Step,
    assumptions: Assumptions = DEFAULTS,
    calendar: BusinessDays = WEEKDAYS,
) -> LeadTime:
    """One step of one partner type (None: of all). Attempts with an inferred day at either end are left out."""
    funnel = Funnel.of(paths)
    subjects, _ = funnel.subjects(step, partner_type, assumptions.window, assumptions.min_subjects)
    everyone = bool(subjects.dated.all())
    subjects = subjects if everyone else subjects.only(subjects.dated)
    curve = aalen_johansen(subjects.duration, subjects.ending, assumptions.horizon)
    by = min(assumptions.horizon, curve.readable_to(assumptions.min_at_risk))
    conversions = int(curve.converted[: by + 1].sum())
    if conversions < assumptions.min_conversions:
        return LeadTime(name, step_name(step), "few", conversions)
    skipped = funnel.skip_rates(partner_type)
    skips = max(skipped[step[0]], skipped[step[1]]) > assumptions.max_skip_rate
    median, p80, p95 = (int(quantile_days(curve.f1, q, by)) for q in (0.5, 0.8, 0.95))
    working = _business_quantiles(subjects, calendar, assumptions)
    drawn = (
        drawn_curves(funnel, name, partner_type, step, subjects, assumptions)
        if everyone
        else bootstrap_curves(subjects, f"{name}|{step_name(step)}|lead time", assumptions)
    )
    return LeadTime(
        name,
        step_name(step),
        "skips" if skips else "ok",
        conversions,
        median,
        p80,
        p95,
        _interval(drawn.quantile_days(0.5, by)),
        _interval(drawn.quantile_days(0.8, by)),
        *working,
    )


def _business_quantiles(
    subjects: Subjects, calendar: BusinessDays, assumptions: Assumptions
) -> tuple[int | None, int | None]:
    """Median and P80 in business days. What comes after the calendar horizon is censored there, as for calendar days."""
    late = subjects.duration > assumptions.horizon
    until = subjects.start + np.minimum(subjects.duration, assumptions.horizon)
    spans = calendar.between(subjects.start, until)
    curve = aalen_johansen(spans, np.where(late, CENSORED, subjects.ending), assumptions.horizon)
    by = min(assumptions.horizon, curve.readable_to(assumptions.min_at_risk))
    median, p80 = (int(quantile_days(curve.f1, q, by)) for q in (0.5, 0.8))
    return (median, p80) if min(median, p80) >= 0 else (None, None)


def _interval(days: np.typing.NDArray[np.int64]) -> tuple[int, int]:
    """Whole days between which 95 % of the draws that saw a conversion fall."""
    low, high = np.percentile(days[days >= 0], [2.5, 97.5], method="inverted_cdf")
    return int(low), int(high)
