"""The curves of `type_curves` straight from one count a step.

A type with too few entries in its window, whose window has to grow, takes the long way.
"""

import math
from collections.abc import Sequence

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.by_type import curves_by_type
from indicators.conversion import point_conversion, status_of
from indicators.curves import StepCurve, TypeCurves, chosen_curves, curve_from, curve_of
from indicators.incidence import Incidence
from indicators.subjects import ALL, STEPS, Funnel


def quick_curves(funnel: Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS) -> tuple[TypeCurves, ...]:
    """The four steps of each type, and of all types together as the last row."""
    rows: list[list[StepCurve]] = [[] for _ in (*types, ALL)]
    for step in STEPS:
        curves, still_open = curves_by_type(funnel, step, len(types), assumptions)
        for t, (name, curve, waiting) in enumerate(zip((*types, ALL), curves, still_open.tolist(), strict=True)):
            if curve is None:
                index = None if t == len(types) else t
                rows[t].append(curve_of(point_conversion(funnel, name, index, step, assumptions)))
            else:
                rows[t].append(_curve(curve, waiting, assumptions))
    return chosen_curves([tuple(row) for row in rows], assumptions)


def _curve(curve: Incidence, still_open: int, assumptions: Assumptions) -> StepCurve:
    return curve_from(
        curve,
        se=math.sqrt(curve.variance()),
        conversions=curve.conversions,
        mature=status_of(curve, still_open, assumptions) == "ok",
    )
