"""What a partner type's funnel does in time, taken apart for forecasts: whether (a rate) and when (delays), step by step.

rate    F1(H): how many convert at all
delay   F(t) = F1(t) / F1(H): of those that will convert, how many have by day t
loss    G(t) = F2(t) / (1 - F1(H)): of those that never will, how many are recorded as lost by day t; the rest die silently
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.conversion import Conversion
from indicators.incidence import Incidence
from indicators.inputs import DEAL, Floats
from indicators.subjects import ALL, STEPS, step_name


@dataclass(frozen=True, eq=False, slots=True)
class StepCurve:
    """One step of one type. Curves hold a value a day from 0 to the horizon.

    se            of the rate; the partner bootstrap's where that is wider
    conversions   seen
    mature        watched long enough to be trusted
    pooled        all types speak, since this one has too few conversions
    following     [milestone or `lost`, days]: what is recorded next, and when (`jumps`); None where nothing goes unrecorded
    """

    rate: float
    se: float
    delay: Floats
    loss: Floats
    n: int
    conversions: int
    mature: bool
    pooled: bool = False
    following: Floats | None = None

    @property
    def known(self) -> bool:
        """Somebody has converted, so that there is a delay to speak of."""
        return self.conversions > 0

    @property
    def daily(self) -> Floats:
        """The share of converters that convert on each day."""
        return np.diff(self.delay, prepend=0.0)


TypeCurves = tuple[StepCurve, ...]


def type_curves(
    conversions: Sequence[Conversion], types: Sequence[str], assumptions: Assumptions = DEFAULTS
) -> tuple[TypeCurves, ...]:
    """The four steps of each type, and of all types together as the last row.

    A step of a type speaks for itself from `own_curve` conversions on, where it has been watched long enough; else all types do.
    """
    found = {(row.type, row.step): row for row in conversions}
    steps = [step_name(step) for step in STEPS]
    return chosen_curves([tuple(curve_of(found[name, step]) for step in steps) for name in (*types, ALL)], assumptions)


def chosen_curves(rows: Sequence[TypeCurves], assumptions: Assumptions = DEFAULTS) -> tuple[TypeCurves, ...]:
    """The types' own curves, the last row being all types together, with that one's in the place of those that cannot speak."""
    *own, pooled = rows
    return (
        *(tuple(_choose(mine, every, assumptions) for mine, every in zip(row, pooled, strict=True)) for row in own),
        pooled,
    )


def onward(curves: TypeCurves, to: int = DEAL) -> Floats:
    """For each milestone up to `to` [to + 1, days]: of those that go all the way to it, how many are there within t days.

    The last row is 1 at once.
    """
    days = len(curves[0].delay)
    rows = np.ones((to + 1, days))
    pmf = np.zeros(days)
    pmf[0] = 1.0
    for k in range(to - 1, -1, -1):
        pmf = np.convolve(curves[k].daily, pmf)[:days]
        rows[k] = np.cumsum(pmf)
    return rows


def within_after(delay: Floats, following: Floats, only: Sequence[int] | None = None) -> Floats:
    """A[c, h]: the share of converters that take longer than c days for this step and are through what follows within h days more.

    `delay` [days] is this step's F, `following` [days] the cumulated delay of the rest of the way. Columns are h from 0 on, or `only` these.
    """
    days = len(delay)
    daily = np.diff(delay, prepend=0.0)
    if only is not None:
        ahead = [np.correlate(np.r_[daily[1:], np.zeros(h)], following[:h][::-1], "valid")[:days] for h in only]
        return np.column_stack(ahead)
    table = np.zeros((days, days))
    # what is due a day later from a day older, and what this day's converters bring
    for c in range(days - 2, -1, -1):
        table[c, 1:] = table[c + 1, :-1] + daily[c + 1] * following[:-1]
    return table


def waiting(curve: StepCurve) -> tuple[Floats, Floats]:
    """Of those that will convert, and of those that never will: the share still open after c days."""
    return np.maximum(1.0 - curve.delay, 0.0), np.maximum(1.0 - curve.loss, 0.0)


def curve_of(row: Conversion) -> StepCurve:
    """What a conversion says of whether and when."""
    se = max(row.se or 0.0, row.bootstrap.width / 3.92 if row.bootstrap is not None else 0.0)
    return curve_from(row.curve, se=se, conversions=row.converted, mature=row.status == "ok")


def curve_from(curve: Incidence, *, se: float, conversions: int, mature: bool) -> StepCurve:
    """F1 and F2 taken apart."""
    f1, f2 = curve.f1, curve.f2
    rate = min(1.0, float(f1[-1]))
    zeros = np.zeros(len(f1))
    return StepCurve(
        rate=rate,
        se=se,
        delay=np.minimum(f1 / rate, 1.0) if rate > 0 else zeros,
        loss=np.minimum(f2 / (1 - rate), 1.0) if rate < 1 - 1e-12 else zeros,
        n=curve.n,
        conversions=conversions,
        mature=mature,
    )


def _choose(own: StepCurve, every: StepCurve, assumptions: Assumptions) -> StepCurve:
    speaks = own.conversions >= assumptions.own_curve and (own.mature or not every.mature)
    if speaks:
        return own
    return StepCurve(
        every.rate, every.se, every.delay, every.loss, every.n, every.conversions, every.mature, pooled=True
    )
