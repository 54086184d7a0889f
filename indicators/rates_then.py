"""Partners' rates on earlier days: what was known of their entries by then, as what is known today tells it."""

from collections.abc import Sequence

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.curves import TypeCurves
from indicators.incidence import CENSORED
from indicators.inputs import Floats, PartnerTable
from indicators.partner_priors import Priors
from indicators.partner_rates import at_rest, sizes_of
from indicators.subjects import STEPS, Funnel, Subjects
from indicators.tallies import Tally, Waiting, tally


def rates_on(
    funnel: Funnel,
    days: Sequence[int],
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    priors: Priors,
    assumptions: Assumptions = DEFAULTS,
) -> Floats:
    """[days, partners, 4]: the rates by the end of each of the days, by the curves and priors given: all at once, and each for itself."""
    n, kind = len(partners), partners.type
    shape = len(STEPS), len(days), n
    tallies, waits = list[Tally](), list[Waiting]()
    leans = np.zeros(shape)
    for k, step in enumerate(STEPS):
        every, _ = funnel.subjects(step, None, None, 0)
        of_step = {t: row[k] for t, row in enumerate(curves)}
        for d, day in enumerate(days):
            told = _told_by(every, day, n, assumptions)
            for t, row in enumerate(priors):
                mine = np.flatnonzero(kind == t)
                leans[k, d, mine] = row[k].of(told.attempts[mine])[0]
            tallies.append(told)
            waits.append(Waiting.at(of_step, kind, told.waiting))
    if not tallies:
        return np.zeros((0, n, len(STEPS)))
    sizes = np.broadcast_to(sizes_of(priors)[kind].T[:, None, :], shape).ravel()
    attempts, converted = (np.concatenate([getattr(t, name) for t in tallies]) for name in ("attempts", "converted"))
    rate = at_rest(leans.ravel(), sizes, attempts, converted, Waiting.together(waits))
    return np.ascontiguousarray(rate.reshape(shape).transpose(1, 2, 0))


def _told_by(subjects: Subjects, day: int, n_partners: int, assumptions: Assumptions) -> Tally:
    """What those of the window had done by the end of an earlier day."""
    age = day - subjects.start
    there = np.flatnonzero(
        age >= 0 if assumptions.partner_window is None else (age >= 0) & (age < assumptions.partner_window)
    )
    age, duration = age.take(there), subjects.duration.take(there)
    ending = np.where(duration > age, CENSORED, subjects.ending.take(there)).astype(np.int8)
    return tally(subjects.partner.take(there), np.minimum(duration, age), ending, n_partners, assumptions.horizon)
