"""Has a step's conversion changed of late? The newest cohort against the ones before it, on one day of their curves (METHODS 3b).

A z test of F1 at 30 days between entries that came in the last 90 days and those that came before them in the window. Holm's
correction over the four steps of a type keeps false alarms at 5 % for the type.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtr

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.incidence import aalen_johansen
from indicators.multiple import holm
from indicators.subjects import STEPS, Funnel, Step, step_name

NO_CHANGE, CHANGED, TOO_FEW = "no change seen", "changed", "few"


@dataclass(frozen=True, slots=True)
class Drift:
    """One step of one partner type, or `all`. Rates are shares converted by `at` days.

    status    `changed`: Holm's p is 0.05 or less; `no change seen`; `few`: a cohort is too small to ask
    p         two-sided, as adjusted over the steps of the type; None where not asked
    """

    type: str
    step: str
    status: str
    at: int
    recent: float | None
    before: float | None
    n_recent: int
    n_before: int
    p: float | None


def drifts(funnel: Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS) -> tuple[Drift, ...]:
    """The four steps of each type in turn and then of `all`."""
    kinds: list[tuple[str, int | None]] = [*((name, index) for index, name in enumerate(types)), ("all", None)]
    return tuple(row for name, index in kinds for row in _of_type(funnel, name, index, assumptions))


def _of_type(funnel: Funnel, name: str, partner_type: int | None, assumptions: Assumptions) -> list[Drift]:
    rows = [_step(funnel, name, partner_type, step, assumptions) for step in STEPS]
    asked = [i for i, row in enumerate(rows) if row.p is not None]
    for i, p in zip(asked, holm([rows[i].p or 0.0 for i in asked]), strict=True):
        rows[i] = replace(rows[i], p=p, status=CHANGED if p <= 0.05 else NO_CHANGE)
    return rows


def _step(funnel: Funnel, name: str, partner_type: int | None, step: Step, assumptions: Assumptions) -> Drift:
    subjects, _ = funnel.subjects(step, partner_type, assumptions.window, assumptions.min_subjects)
    at = assumptions.drift_at
    recent = funnel.paths.as_of - subjects.start < assumptions.drift_recent
    curves = [aalen_johansen(s.duration, s.ending, at) for s in (subjects.only(recent), subjects.only(~recent))]
    enough = all(
        curve.n >= assumptions.min_subjects
        and curve.watched_to(assumptions.min_at_risk, assumptions.max_unwatched) >= at
        for curve in curves
    )
    rates = [float(curve.f1[-1]) for curve in curves]
    spread = math.sqrt(sum(curve.variance() for curve in curves))
    p = None
    if enough:
        gap = abs(rates[0] - rates[1])
        p = 2 * float(ndtr(-gap / spread)) if spread > 0 else float(gap < 1e-12)
    shown = [rate if curve.n else None for rate, curve in zip(rates, curves, strict=True)]
    return Drift(name, step_name(step), TOO_FEW, at, shown[0], shown[1], curves[0].n, curves[1].n, p)
