"""Where milestones go unrecorded: which recorded milestone entries come to next, and when.

An entry that stands at a milestone is recorded there, yet what comes next may be left out: after some waiting it is then further than
it looks, since the step it stands before and the one after are taken together. Of all that are recorded at milestone k,

    F_j(t) = the share whose next recorded milestone is j, by day t, by Aalen and Johansen with every j and `lost` competing

Taken step by step, with unrecorded milestones put on the day of the next recorded one, the first step reads long, the second is done
at once, and who has waited long is told too little (measured in docs/indicators.md). Where nothing goes unrecorded F_k+1 is F1 of the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.curves import StepCurve, TypeCurves, within_after
from indicators.incidence import at_risk_of
from indicators.inputs import DEAL, LISTED, NO_DAY, Floats, Ints
from indicators.subjects import Funnel, grown_window, known_to_reach

_LOST = DEAL + 1
_CENSORED = LISTED  # nobody comes to `listed` next


def with_jumps(
    curves: tuple[TypeCurves, ...], funnel: Funnel, assumptions: Assumptions = DEFAULTS
) -> tuple[TypeCurves, ...]:
    """The curves, which have a row a type and all types together last, with `following` where a milestone of theirs goes unrecorded."""
    if not any(funnel.skip_rates()):
        return curves
    last = len(curves) - 1
    steps = [_next_recorded(funnel, k) for k in range(LISTED, DEAL)]
    made: dict[tuple[int, int | None], Floats] = {}
    rows = []
    for t, row in enumerate(curves):
        sources = [None if t == last or curve.pooled else t for curve in row]
        if not any(any(funnel.skip_rates(source)) for source in set(sources)):
            rows.append(row)
            continue
        told = []
        for k, (curve, source) in enumerate(zip(row, sources, strict=True)):
            if (k, source) not in made:
                made[k, source] = steps[k].following(source, funnel.paths.as_of, assumptions)
            told.append(replace(curve, following=made[k, source]))
        rows.append(tuple(told))
    return tuple(rows)


@dataclass(frozen=True, eq=False, slots=True)
class _NextRecorded:
    """Attempts that were recorded at a milestone: since when, of which type, how long until what came next, and what that was."""

    start: Ints
    type: Ints
    duration: Ints
    cause: Ints

    def following(self, partner_type: int | None, as_of: int, assumptions: Assumptions) -> Floats:
        """[DEAL + 2, days]: the cumulated share by what came next, `lost` in the last row."""
        mine = np.ones(len(self.start), bool) if partner_type is None else self.type == partner_type
        if assumptions.window is not None:
            age = as_of - self.start
            mine &= age < grown_window(age[mine], assumptions.window, assumptions.min_subjects)
        days = assumptions.horizon + 1
        late = self.duration > assumptions.horizon
        cause = np.where(late, _CENSORED, self.cause)[mine]
        cell = cause * days + np.minimum(self.duration, assumptions.horizon)[mine]
        counts = np.bincount(cell, minlength=(_LOST + 1) * days).reshape(_LOST + 1, days)
        hazard = counts / np.maximum(at_risk_of(counts), 1.0)
        hazard[_CENSORED] = 0.0
        still = np.cumprod(np.maximum(1.0 - hazard.sum(axis=0), 0.0))
        return np.asarray(np.cumsum(np.r_[1.0, still[:-1]] * hazard, axis=1), np.float64)


def _next_recorded(funnel: Funnel, k: int) -> _NextRecorded:
    paths = funnel.paths
    rows = np.flatnonzero(known_to_reach(paths, k) & ~paths.inferred[:, k])
    reached, lost = paths.reached[rows], paths.lost[rows]
    cause = np.where(lost != NO_DAY, _LOST, _CENSORED)
    until = np.where(lost != NO_DAY, lost, paths.as_of)
    for j in range(DEAL, k, -1):
        there = (reached[:, j] != NO_DAY) & ~paths.inferred[rows, j]
        cause, until = np.where(there, j, cause), np.where(there, reached[:, j], until)
    start = reached[:, k].astype(np.int64)
    return _NextRecorded(start, paths.type[rows], np.maximum(until - start, 0), cause)


@dataclass(frozen=True, eq=False, slots=True)
class JumpTables:
    """One partner type, in the place of what `forecast.way_tables` makes step by step. Rows are milestones."""

    tables: tuple[Floats, ...]
    converters: Floats
    others: Floats


def jump_tables(curves: TypeCurves, to: int, only: Sequence[int] | None) -> JumpTables:
    """Chances of milestone `to` by the next recorded milestone, for the rates that the steps' curves have.

    A partner's rate p stands for p * seen / rate of this milestone's recorded next ones, so that what is taken from the partner stays as it is.
    """
    followed = [_followed(curve) for curve in curves[:to]]
    days = followed[0].shape[1]
    ways = np.ones((DEAL + 1, days))  # [j]: of those recorded at j the share that is at `to` within t days
    for k in range(to - 1, -1, -1):
        pmf = np.zeros(days)
        for j in range(k + 1, DEAL + 1):
            daily = np.diff(followed[k][j], prepend=0.0)
            if daily.any():
                pmf += np.convolve(daily, np.diff(ways[j], prepend=0.0))[:days]
        ways[k] = np.cumsum(pmf)
    tables, converters, others = [], [], []
    for k, curve in enumerate(curves[:to]):
        moved, lost = followed[k][LISTED + 1 : _LOST].sum(axis=0), followed[k][_LOST]
        seen = min(float(moved[-1]), 1.0)
        table = np.zeros((days, days if only is None else len(only)))
        for j in range(k + 1, DEAL + 1):
            if followed[k][j].any():
                table += within_after(followed[k][j], ways[j], only)
        whole = float(np.prod([c.rate for c in curves[k:to]]))
        tables.append(table / whole if whole > 0 else table * 0.0)
        staying = np.maximum(1.0 - moved / seen, 0.0) if seen > 0 else np.ones(days)
        dying = np.maximum(1.0 - lost / (1.0 - seen), 0.0) if seen < 1 - 1e-12 else np.ones(days)
        part = min(seen / curve.rate, 1.0) if curve.rate > 0 else 0.0
        converters.append(part * staying + (1.0 - part) * dying)
        others.append(dying)
    return JumpTables(tuple(tables), np.array(converters), np.array(others))


def _followed(curve: StepCurve) -> Floats:
    assert curve.following is not None, "a row has it for every step or for none"
    return curve.following
