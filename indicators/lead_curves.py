"""Lead-time curves as points to draw: of those that convert within the horizon, the share that had by each day (METHODS 3c)."""

from collections.abc import Sequence

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.incidence import aalen_johansen
from indicators.paths import PathTable
from indicators.subjects import ALL, OVERALL, STEPS, Funnel, step_name

Points = tuple[tuple[int, float], ...]


def lead_curves(
    paths: PathTable | Funnel, types: Sequence[str], assumptions: Assumptions = DEFAULTS
) -> dict[str, dict[str, Points]]:
    """By type, and `all` last, and by step: (day, share) where the share rises, from day 0; empty where too few converted."""
    funnel = Funnel.of(paths)
    made: dict[str, dict[str, Points]] = {}
    for index, name in [*enumerate(types), (None, ALL)]:
        made[name] = {}
        for step in (*STEPS, OVERALL):
            subjects, _ = funnel.subjects(step, index, assumptions.window, assumptions.min_subjects)
            timed = subjects.only(subjects.dated)
            curve = aalen_johansen(timed.duration, timed.ending, assumptions.horizon)
            by = min(assumptions.horizon, curve.readable_to(assumptions.min_at_risk))
            if int(curve.converted[: by + 1].sum()) < assumptions.min_conversions or curve.f1[by] <= 0:
                made[name][step_name(step)] = ()
                continue
            share = np.minimum(curve.f1[: by + 1] / curve.f1[by], 1.0)
            rises = np.flatnonzero(np.diff(share, prepend=0.0) > 0)
            points = [(int(d), round(float(share[d]), 6)) for d in rises]
            made[name][step_name(step)] = tuple(points if points[0][0] == 0 else [(0, 0.0), *points])
    return made
