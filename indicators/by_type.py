"""One step's curves of all partner types from one count: what past days are judged by needs neither intervals nor ratios."""

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.incidence import CENSORED, Incidence, incidences
from indicators.inputs import Ints
from indicators.subjects import Funnel, Step, Subjects


def curves_by_type(
    funnel: Funnel, step: Step, kinds: int, assumptions: Assumptions = DEFAULTS, *, dated: bool = False
) -> tuple[list[Incidence | None], Ints]:
    """The curve of each of `kinds` types in the window, and of all together last; and [kinds + 1] how many have not come to an end.

    None where a type has too few entries in the window, which would have to grow for it. `dated`: of those alone whose days are known at both ends.
    """
    subjects, _ = funnel.subjects(step, None, assumptions.window, 0)
    there = np.bincount(subjects.type, minlength=kinds)
    if dated and not subjects.dated.all():
        subjects = subjects.only(subjects.dated)
    counts = _counts(subjects, kinds, assumptions.horizon)
    still_open = np.bincount(subjects.type[subjects.ending == CENSORED], minlength=kinds)
    enough = np.append(there, there.sum()) >= assumptions.min_subjects
    curves = incidences(np.concatenate([counts, counts.sum(axis=0, keepdims=True)]))
    return (
        [curve if speaks else None for curve, speaks in zip(curves, enough.tolist(), strict=True)],
        np.append(still_open, still_open.sum()).astype(np.int64),
    )


def _counts(subjects: Subjects, kinds: int, horizon: int) -> Ints:
    """[types, 3, days] of the subjects by ending."""
    days = horizon + 1
    ending = np.where(subjects.duration > horizon, CENSORED, subjects.ending).astype(np.int64)
    cell = (subjects.type.astype(np.int64) * 3 + ending) * days + np.minimum(subjects.duration, horizon)
    return np.bincount(cell, minlength=kinds * 3 * days).reshape(kinds, 3, days).astype(np.int64)
