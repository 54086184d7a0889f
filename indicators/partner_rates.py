"""Each partner's own conversion, step by step: its few entries, leaning on its type where they say little (METHODS 3d).

A partner's rate is drawn from its type's Beta(a, b). Open entries count by the chance that they will still convert, given how long
they have waited (expectation), the rates and (a, b) follow from that (maximisation), until neither moves. A type with too few
partners or attempts borrows (a, b) of all types together. Counting open entries as failures, or leaving them out, would misjudge
every partner that has just handed in a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.beta_binomial import fit_beta_binomial
from indicators.curves import StepCurve, TypeCurves, waiting
from indicators.incidence import CENSORED, CONVERTED, ENDED
from indicators.inputs import Flags, Floats, Ints, PartnerTable
from indicators.subjects import STEPS, Funnel, Step, Subjects

_ROUNDS, _REFIT = 200, 5


@dataclass(frozen=True, slots=True)
class Prior:
    """The rates of a type's partners are spread like Beta(a, b). `pooled`: those of all types are, since this one is too small."""

    a: float
    b: float
    pooled: bool

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)


@dataclass(frozen=True, eq=False, slots=True)
class PartnerRates:
    """Columns [partners, 4], one a step from `listed>requested` on. Rates are shares.

    rate, low, high   the partner's own rate, and the 80 % interval of it
    attempts, converted, open   what the partner's entries did in the window
    informed    attempts that tell something: an open one counts as far as converters would have converted by now
    weight      how much of the rate is the partner's own data: informed / (informed + a + b)
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
    priors: tuple[tuple[Prior, ...], ...]
    known: tuple[bool, ...]

    def spread(self, kind: Ints) -> tuple[Floats, Floats]:
        """The parameters [partners, 4] of the beta distribution of each rate; `kind` [partners] are the partners' types."""
        sizes = np.array([[prior.a + prior.b for prior in row] for row in self.priors]).reshape(-1, len(STEPS))
        k = sizes[kind] + self.informed
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
    """The rates of every partner on every step. `curves` is what `type_curves` gives. Without any entry a partner has its type's mean.

    `still`: the rates are found when none moves by more.
    """
    shape = len(partners), len(STEPS)
    columns = {name: np.zeros(shape) for name in ("rate", "informed")}
    counts = {name: np.zeros(shape, np.int64) for name in ("attempts", "converted", "open")}
    priors: list[list[Prior]] = [[] for _ in partners.types]
    for k, step in enumerate(STEPS):
        subjects, _ = funnel.subjects(step, None, assumptions.partner_window, 0)
        tally = _tally(subjects, len(partners), assumptions.horizon)
        for t, (prior, rate) in enumerate(_rates_of_step(tally, partners, curves, step, assumptions, still)):
            priors[t].append(prior)
            mine = partners.type == t
            columns["rate"][mine, k] = rate[mine]
            delay = curves[t][k].delay
            columns["informed"][mine, k] = (tally.attempts - tally.waiting.sum(axis=1) + tally.waiting @ delay)[mine]
        counts["attempts"][:, k], counts["converted"][:, k] = tally.attempts, tally.converted
        counts["open"][:, k] = tally.waiting[:, :-1].sum(axis=1)
    sizes = np.array([[prior.a + prior.b for prior in row] for row in priors]).reshape(-1, len(STEPS))
    k_all = sizes[partners.type] if len(partners) else np.zeros(shape)
    rate, informed = columns["rate"], columns["informed"]
    a, b = np.maximum(rate * (k_all + informed), 1e-9), np.maximum((1 - rate) * (k_all + informed), 1e-9)
    return PartnerRates(
        rate=rate,
        low=np.minimum(
            betaincinv(a, b, 0.1), rate
        ),  # a distribution all in one corner has its mean outside of its middle
        high=np.maximum(betaincinv(a, b, 0.9), rate),
        attempts=counts["attempts"],
        converted=counts["converted"],
        open=counts["open"],
        informed=informed,
        weight=informed / np.maximum(informed + k_all, 1e-9),
        priors=tuple(tuple(row) for row in priors),
        known=tuple(curve.known for curve in curves[-1]),
    )


def chance_still(curve: StepCurve, rate: Floats) -> Floats:
    """The chance [n, days] that an entry of a partner with this rate [n], still open after c days, will convert (METHODS 3d, E)."""
    converters, others = waiting(curve)
    p = rate[:, None]
    will, wont = p * converters, (1 - p) * others
    both = will + wont
    chance = np.divide(will, both, out=np.zeros(np.broadcast_shapes(will.shape)), where=both > 0)
    chance[:, -1] = 0.0  # as old as the horizon: it counts as not converted
    return np.asarray(chance, np.float64)


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


def _rates_of_step(
    tally: _Tally,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    step: Step,
    assumptions: Assumptions,
    still: float,
) -> list[tuple[Prior, Floats]]:
    """For each type its prior, and the rates [partners] that hold for its partners."""
    kinds = range(len(partners.types))
    everybody = np.ones(len(partners), bool)
    rows: list[tuple[Prior, Floats]] = []
    pooled: tuple[float, float, Floats] | None = None
    for t in kinds:
        mine = partners.type == t
        tried = mine & (tally.attempts > 0)
        small = (
            int(tried.sum()) < assumptions.min_partners or int(tally.attempts[mine].sum()) < assumptions.min_attempts
        )
        if small:
            if pooled is None:
                pooled = _iterate(tally, everybody, partners.type, curves, step, still)
            rows.append((Prior(pooled[0], pooled[1], pooled=True), pooled[2]))
        else:
            a, b, rate = _iterate(tally, mine, partners.type, curves, step, still)
            rows.append((Prior(a, b, pooled=False), rate))
    return rows


def _iterate(
    tally: _Tally, who: Flags, kind: Ints, curves: Sequence[TypeCurves], step: Step, still: float
) -> tuple[float, float, Floats]:
    """(a, b) and rates [partners] (0 outside `who`): expectation and maximisation by turns."""
    chosen = np.flatnonzero(who)
    n, y0 = tally.attempts[chosen].astype(np.float64), tally.converted[chosen].astype(np.float64)
    waiting_ = tally.waiting[chosen]
    ages = np.flatnonzero(waiting_.any(axis=0))
    types = kind[chosen]
    groups = [(curves[t][step[0]], np.flatnonzero(types == t)) for t in np.unique(types)]
    decided = y0.sum() + 0.5
    start = decided / max(n.sum() - waiting_[:, :-1].sum() + 1.0, decided + 0.5)
    rate = np.full(len(chosen), start)
    a, b, y = 12.0 * start, 12.0 * (1 - start), y0
    for turn in range(_ROUNDS):
        y = y0.copy()
        if ages.size:
            for curve, rows in groups:
                y[rows] += (waiting_[np.ix_(rows, ages)] * chance_still(curve, rate[rows])[:, ages]).sum(axis=1)
        if turn % _REFIT == 0:
            a, b = fit_beta_binomial(y, n, start=(a, b) if turn else None)
        moved = (a + y) / (a + b + n)
        rests = bool(np.abs(moved - rate).max(initial=0.0) < still)
        rate = moved
        if rests and turn > _REFIT:
            break
    found = np.zeros(len(who))
    found[chosen] = rate
    return a, b, found
