"""Each partner's own conversion, step by step: its few entries, leaning on its type where they say little (METHODS 3d).

A partner's rate is drawn from its type's Beta(a, b). Open entries count by the chance that they will still convert, given how long
they have waited (expectation), the rates and (a, b) follow from that (maximisation), until neither moves. A type with too few
partners or attempts borrows (a, b) of all types together. Counting open entries as failures, or leaving them out, would misjudge
every partner that has just handed in a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.beta_binomial import fit_beta_binomial
from indicators.counting import per_group
from indicators.curves import StepCurve, TypeCurves, waiting
from indicators.exposure import NONE, SIGNIFICANT, Exposure, fit_exposure, score_test
from indicators.incidence import CENSORED, CONVERTED, ENDED
from indicators.inputs import Flags, Floats, Ints, PartnerTable
from indicators.subjects import STEPS, Funnel, Step, Subjects

_ROUNDS, _REFIT, _NEWTON = 200, 5, 9


@dataclass(frozen=True, slots=True)
class Prior:
    """The rates of a type's partners are spread like Beta(a, b). `pooled`: those of all types are, since this one is too small.

    Where partners that list more convert more or less, `exposure` tells how the mean goes by that; (a, b) is of one in the middle.
    """

    a: float
    b: float
    pooled: bool
    exposure: Exposure = NONE

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def of(self, attempts: Ints) -> tuple[Floats, Floats]:
        """(a, b) of partners with so many attempts [partners]."""
        return leaning(self.a, self.b, self.exposure, attempts)


def leaning(a: float, b: float, exposure: Exposure, attempts: Ints) -> tuple[Floats, Floats]:
    """(a, b) [partners] with the mean that goes by the attempts of each."""
    if exposure.slope == 0:
        return np.full(len(attempts), a), np.full(len(attempts), b)
    mean = 1 / (1 + np.exp(-(np.log(a / b) + exposure.shift(attempts))))
    return mean * (a + b), (1 - mean) * (a + b)


Priors = tuple[tuple[Prior, ...], ...]
"""[types][4]"""


@dataclass(frozen=True, eq=False, slots=True)
class PartnerRates:
    """Columns [partners, 4], one a step from `listed>requested` on. Rates are shares.

    rate, low, high   the partner's own rate, and the 80 % interval of it
    attempts, converted, open   what the partner's entries did in the window
    informed    attempts that tell something: an open one counts as far as converters would have converted by now
    weight      how much of the rate is the partner's own data: informed / (informed + a + b)
    size        a + b and the attempts: what one entry weighs in the rate is 1 / size
    priors      [types][4]
    known       [4] whether anybody ever converted: without, the rates are no more than the prior
    """

    rate: Floats
    low: Floats
    high: Floats
    attempts: Ints
    converted: Ints
    open: Ints
    informed: Floats
    weight: Floats
    size: Floats
    priors: Priors
    known: tuple[bool, ...]

    def spread(self, kind: Ints) -> tuple[Floats, Floats]:
        """The parameters [partners, 4] of the beta distribution of each rate; `kind` [partners] are the partners' types."""
        k = _sizes(self.priors)[kind] + self.informed
        return np.maximum(self.rate * k, 1e-9), np.maximum((1 - self.rate) * k, 1e-9)


@dataclass(frozen=True, eq=False, slots=True)
class _Tally:
    """What one step's entries did, by partner: counts [partners], and of the open ones by age [partners, days]."""

    converted: Ints
    attempts: Ints
    waiting: Floats


def partner_rates(
    funnel: Funnel,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    assumptions: Assumptions = DEFAULTS,
    *,
    still: float = 1e-7,
) -> PartnerRates:
    """The rates of every partner on every step, and what they lean on. `curves` is what `type_curves` gives.

    `still`: the search for (a, b) rests when no rate moves by more.
    """
    return rates_given(
        funnel, partners, curves, fitted_priors(funnel, partners, curves, assumptions, still=still), assumptions
    )


def fitted_priors(
    funnel: Funnel,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    assumptions: Assumptions = DEFAULTS,
    *,
    still: float = 1e-7,
) -> Priors:
    """How the rates of each type's partners are spread, step by step."""
    by_step = [
        _priors_of_step(tally, partners, curves, step, assumptions, still)
        for tally, step in zip(_tallies(funnel, partners, assumptions), STEPS, strict=True)
    ]
    return tuple(tuple(of_step[t] for of_step in by_step) for t in range(len(partners.types)))


def rates_given(
    funnel: Funnel,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    priors: Priors,
    assumptions: Assumptions = DEFAULTS,
) -> PartnerRates:
    """The rates of these partners alone, leaning on `priors` [types][4]: the same bytes as among all partners."""
    tallies = _tallies(funnel, partners, assumptions)
    shape = len(partners), len(STEPS)
    rate, informed = np.zeros(shape), np.zeros(shape)
    for k, tally in enumerate(tallies):
        for t, row in enumerate(priors):
            mine = np.flatnonzero(partners.type == t)
            if mine.size:
                curve, waits = curves[t][k], tally.waiting[mine]
                rate[mine, k] = _at_rest(curve, row[k], tally.attempts[mine], tally.converted[mine], waits)
                decided = tally.attempts[mine] - waits.sum(axis=1)
                informed[mine, k] = decided + (waits * curve.delay).sum(axis=1)
    attempts = np.column_stack([tally.attempts for tally in tallies])
    sizes = _sizes(priors)[partners.type]
    a, b = np.maximum(rate * (sizes + informed), 1e-9), np.maximum((1 - rate) * (sizes + informed), 1e-9)
    return PartnerRates(
        rate=rate,
        # a distribution all in one corner has its mean outside of its middle
        low=np.minimum(betaincinv(a, b, 0.1), rate),
        high=np.maximum(betaincinv(a, b, 0.9), rate),
        attempts=attempts,
        converted=np.column_stack([tally.converted for tally in tallies]),
        open=np.column_stack([tally.waiting[:, :-1].sum(axis=1) for tally in tallies]).astype(np.int64),
        informed=informed,
        weight=informed / np.maximum(informed + sizes, 1e-9),
        size=sizes + attempts,
        priors=priors,
        known=tuple(curve.known for curve in curves[-1]),
    )


def rates_on(
    funnel: Funnel,
    days: Sequence[int],
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    priors: Priors,
    assumptions: Assumptions = DEFAULTS,
) -> Floats:
    """[days, partners, 4]: the rates as the partners' entries told them by the end of earlier days, by the curves and priors given."""
    found = np.zeros((len(days), len(partners), len(STEPS)))
    for k, step in enumerate(STEPS):
        every, _ = funnel.subjects(step, None, None, 0)
        tallies = [_tally(_by(every, day, assumptions), len(partners), assumptions.horizon) for day in days]
        for t, row in enumerate(priors):
            mine = np.flatnonzero(partners.type == t)
            if mine.size and tallies:
                attempts, converted = (
                    np.concatenate([column[mine] for column in columns])
                    for columns in zip(*((tally.attempts, tally.converted) for tally in tallies), strict=True)
                )
                waits = np.concatenate([tally.waiting[mine] for tally in tallies])
                rate = _at_rest(curves[t][k], row[k], attempts, converted, waits)
                found[:, mine, k] = rate.reshape(len(days), mine.size)
    return found


def _by(subjects: Subjects, day: int, assumptions: Assumptions) -> Subjects:
    """Those of the window as they stood at the end of an earlier day."""
    age = day - subjects.start
    there = age >= 0 if assumptions.partner_window is None else (age >= 0) & (age < assumptions.partner_window)
    then, age = subjects.only(there), age[there]
    later = then.duration > age
    return replace(
        then, duration=np.minimum(then.duration, age), ending=np.where(later, CENSORED, then.ending).astype(np.int8)
    )


def _at_rest(curve: StepCurve, prior: Prior, attempts: Ints, converted: Ints, waits: Floats) -> Floats:
    """The rate [n] at which expectation and maximisation rest for a partner: p = (a + converted + sum of r(p)) / (a + b + n).

    By Newton's method, each partner for itself and always in as many steps, so that it does not matter whose rates are worked out beside.
    The two sides cross once (they are where a concave likelihood is highest), so that each step narrows a bracket, and one that would leave it
    halves it: a partner that has just handed in a long list has a right-hand side almost as steep as the left.
    """
    cells = _Cells(curve, waits)
    a, _ = prior.of(attempts)
    whole = prior.a + prior.b + attempts
    low, high = np.zeros(len(attempts)), np.ones(len(attempts))
    p: Floats = np.asarray((a + converted) / (whole - waits[:, :-1].sum(axis=1)), np.float64)
    for _ in range(_NEWTON):
        expected, slope = cells.expected(p)
        above = a + converted + expected - whole * p
        low, high = np.where(above >= 0, p, low), np.where(above <= 0, p, high)
        steep = whole - slope
        there = p + above / np.where(steep > 0, steep, 1.0)
        inside = (steep > 0) & (there >= low) & (there <= high)
        p = np.asarray(np.where(inside, there, (low + high) / 2), np.float64)
    return p


class _Cells:
    """The open entries of partners by age, as far as there are any: those as old as the horizon count as not converted."""

    def __init__(self, curve: StepCurve, waits: Floats) -> None:
        converters, others = waiting(curve)
        self.partner, age = np.nonzero(waits[:, :-1])
        self.entries = waits[self.partner, age]
        self.converters, self.others = converters[age], others[age]
        self.n = len(waits)

    def expected(self, p: Floats) -> tuple[Floats, Floats]:
        """Of partners with rates p [n]: how many of their open entries will convert, and how that changes with p (METHODS 3d, E)."""
        own = p[self.partner]
        will, wont = own * self.converters, (1 - own) * self.others
        both = np.maximum(will + wont, 1e-100)
        found = per_group(self.partner, self.entries * (will / both), self.n)
        slope = self.entries * (self.converters * self.others / (both * both))
        return found, per_group(self.partner, slope, self.n)


def _sizes(priors: Priors) -> Floats:
    return np.array([[prior.a + prior.b for prior in row] for row in priors]).reshape(-1, len(STEPS))


def _tallies(funnel: Funnel, partners: PartnerTable, assumptions: Assumptions) -> list[_Tally]:
    return [
        _tally(funnel.subjects(step, None, assumptions.partner_window, 0)[0], len(partners), assumptions.horizon)
        for step in STEPS
    ]


def _tally(subjects: Subjects, n_partners: int, horizon: int) -> _Tally:
    within = subjects.duration <= horizon
    partner = subjects.partner.astype(np.int64)
    done = (subjects.ending == CONVERTED) & within
    ended = (subjects.ending == ENDED) & within
    censored = ~(done | ended)
    age = np.where(subjects.ending == CENSORED, np.minimum(subjects.duration, horizon), horizon)[censored].astype(
        np.int64
    )
    days = horizon + 1
    waiting_ = np.bincount(partner[censored] * days + age, minlength=n_partners * days).reshape(n_partners, days)
    return _Tally(
        np.bincount(partner[done], minlength=n_partners).astype(np.int64),
        np.bincount(partner, minlength=n_partners).astype(np.int64),
        waiting_.astype(np.float64),
    )


def _priors_of_step(
    tally: _Tally,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    step: Step,
    assumptions: Assumptions,
    still: float,
) -> list[Prior]:
    """The prior of each type; that of all types together where one is too small."""
    rows: list[Prior] = []
    pooled: Prior | None = None
    for t in range(len(partners.types)):
        mine = partners.type == t
        tried = mine & (tally.attempts > 0)
        small = (
            int(tried.sum()) < assumptions.min_partners or int(tally.attempts[mine].sum()) < assumptions.min_attempts
        )
        if small:
            if pooled is None:
                everybody = np.ones(len(partners), bool)
                pooled = _iterate(tally, everybody, partners.type, curves, step, still, pooled=True)
            rows.append(pooled)
        else:
            rows.append(_iterate(tally, mine, partners.type, curves, step, still, pooled=False))
    return rows


def _iterate(
    tally: _Tally, who: Flags, kind: Ints, curves: Sequence[TypeCurves], step: Step, still: float, *, pooled: bool
) -> Prior:
    """The prior: expectation and maximisation by turns. Of one type also whether it goes by the attempts, once it rests without."""
    chosen = np.flatnonzero(who)
    attempts, y0 = tally.attempts[chosen], tally.converted[chosen].astype(np.float64)
    n = attempts.astype(np.float64)
    waiting_ = tally.waiting[chosen]
    types = kind[chosen]
    groups = [
        (rows, _Cells(curves[t][step[0]], waiting_[rows]))
        for t in np.unique(types)
        if (rows := np.flatnonzero(types == t)).size
    ]
    decided = y0.sum() + 0.5
    start = decided / max(n.sum() - waiting_[:, :-1].sum() + 1.0, decided + 0.5)
    rate = np.full(len(chosen), start)
    a, b = 12.0 * start, 12.0 * (1 - start)
    exposure, tried = NONE, n > 0
    since = 0  # the turn from which on what is fitted has been fitted
    for turn in range(_ROUNDS):
        y = y0.copy()
        for rows, cells in groups:
            y[rows] += cells.expected(rate[rows])[0]
        if turn % _REFIT == 0 and exposure is not NONE:
            a, b, exposure = fit_exposure(y[tried], n[tried], a, b, exposure.slope)
        elif turn % _REFIT == 0:
            a, b = fit_beta_binomial(y, n, start=(a, b) if turn else None)
        moved = (leaning(a, b, exposure, attempts)[0] + y) / (a + b + n)
        rests = bool(np.abs(moved - rate).max(initial=0.0) < still)
        rate = moved
        if rests and turn > since + _REFIT:
            if pooled or exposure is not NONE or score_test(y[tried], n[tried], a + b) > SIGNIFICANT:
                break
            a, b, exposure = fit_exposure(y[tried], n[tried], a, b)
            since = turn
    return Prior(a, b, pooled, exposure)
