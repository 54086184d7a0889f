"""The curves of `type_curves` straight from one count a step: what past days are judged by needs neither intervals nor ratios.

All types are counted in one go. A type with too few entries in its window, whose window has to grow, takes the long way.
"""

import math
from collections.abc import Sequence

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.conversion import point_conversion, status_of
from indicators.curves import StepCurve, TypeCurves, chosen_curves, curve_from, curve_of
from indicators.incidence import CENSORED, CONVERTED, incidence
from indicators.inputs import Ints
from indicators.subjects import ALL, STEPS, Funnel, Step


def quick_curves(funnel: Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS) -> tuple[TypeCurves, ...]:
    """The four steps of each type, and of all types together as the last row."""
    rows: list[list[StepCurve]] = [[] for _ in (*types, ALL)]
    for step in STEPS:
        counts, still_open = _counts(funnel, step, len(types), assumptions)
        for t, name in enumerate((*types, ALL)):
            index = None if t == len(types) else t
            ours, waiting = (
                (counts.sum(axis=0), int(still_open.sum())) if index is None else (counts[t], int(still_open[t]))
            )
            if int(ours.sum()) < assumptions.min_subjects:
                rows[t].append(curve_of(point_conversion(funnel, name, index, step, assumptions)))
            else:
                rows[t].append(_curve(ours, waiting, assumptions))
    return chosen_curves([tuple(row) for row in rows], assumptions)


def _counts(funnel: Funnel, step: Step, kinds: int, assumptions: Assumptions) -> tuple[Ints, Ints]:
    """Counts [types, 3, days] of the subjects in the window by ending, and [types] how many have not come to an end."""
    subjects, _ = funnel.subjects(step, None, assumptions.window, 0)
    days = assumptions.horizon + 1
    late = subjects.duration > assumptions.horizon
    ending = np.where(late, CENSORED, subjects.ending).astype(np.int64)
    cell = (subjects.type.astype(np.int64) * 3 + ending) * days + np.minimum(subjects.duration, assumptions.horizon)
    counts = np.bincount(cell, minlength=kinds * 3 * days).reshape(kinds, 3, days).astype(np.int64)
    still_open = np.bincount(subjects.type[subjects.ending == CENSORED], minlength=kinds).astype(np.int64)
    return counts, still_open


def _curve(counts: Ints, still_open: int, assumptions: Assumptions) -> StepCurve:
    curve = incidence(counts)
    return curve_from(
        curve,
        se=math.sqrt(float(curve.variance[-1])),
        conversions=int(counts[CONVERTED].sum()),
        mature=status_of(curve, still_open, assumptions) == "ok",
    )
