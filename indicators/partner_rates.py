"""Each partner's own conversion, step by step: its few entries, leaning on its type where they say little (METHODS 3d).

A partner's rate is drawn from its type's Beta(a, b), see `partner_priors`. Open entries count by the chance that they will still convert, given
how long they have waited. Counting them as failures, or leaving them out, would misjudge every partner that has just handed in a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.counting import per_group
from indicators.curves import TypeCurves
from indicators.inputs import Floats, Ints, PartnerTable
from indicators.partner_priors import Priors, fitted_priors
from indicators.subjects import STEPS, Funnel
from indicators.tallies import Waiting, tallies_of

_NEWTON = 9


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
        k = sizes_of(self.priors)[kind] + self.informed
        return np.maximum(self.rate * k, 1e-9), np.maximum((1 - self.rate) * k, 1e-9)


def partner_rates(
    funnel: Funnel,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    assumptions: Assumptions = DEFAULTS,
) -> PartnerRates:
    """The rates of every partner on every step, and what they lean on. `curves` is what `type_curves` gives."""
    return rates_given(funnel, partners, curves, fitted_priors(funnel, partners, curves, assumptions), assumptions)


def rates_given(
    funnel: Funnel,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    priors: Priors,
    assumptions: Assumptions = DEFAULTS,
) -> PartnerRates:
    """The rates of these partners alone, leaning on `priors` [types][4]: the same bytes as among all partners."""
    tallies, kind = tallies_of(funnel, partners, assumptions), partners.type
    attempts, converted = (np.column_stack([getattr(t, name) for t in tallies]) for name in ("attempts", "converted"))
    leans, sizes = np.zeros((len(partners), len(STEPS))), sizes_of(priors)[kind]
    for t, row in enumerate(priors):
        mine = np.flatnonzero(kind == t)
        for k, prior in enumerate(row):
            leans[mine, k] = prior.of(attempts[mine, k])[0]
    informed, waits = np.zeros(leans.shape), []
    for k, tally in enumerate(tallies):
        delay = np.array([row[k].delay for row in curves])[kind]
        informed[:, k] = attempts[:, k] - tally.waiting.sum(axis=1) + (tally.waiting * delay).sum(axis=1)
        waits.append(Waiting.at({t: row[k] for t, row in enumerate(curves)}, kind, tally.waiting))
    size, tried, done = sizes.T.ravel(), attempts.T.ravel(), converted.T.ravel()
    rate = at_rest(leans.T.ravel(), size, tried, done, Waiting.together(waits)).reshape(leans.T.shape).T
    a, b = np.maximum(rate * (sizes + informed), 1e-9), np.maximum((1 - rate) * (sizes + informed), 1e-9)
    return PartnerRates(
        rate=rate,
        # a distribution all in one corner has its mean outside of its middle
        low=np.minimum(betaincinv(a, b, 0.1), rate),
        high=np.maximum(betaincinv(a, b, 0.9), rate),
        attempts=attempts,
        converted=converted,
        open=np.column_stack([tally.waiting[:, :-1].sum(axis=1) for tally in tallies]).astype(np.int64),
        informed=informed,
        weight=informed / np.maximum(informed + sizes, 1e-9),
        size=sizes + attempts,
        priors=priors,
        known=tuple(curve.known for curve in curves[-1]),
    )


def at_rest(a: Floats, size: Floats, attempts: Ints, converted: Ints, waits: Waiting) -> Floats:
    """The rates [n] at which expectation and maximisation rest, leaning on Beta(a, size - a): p = (a + converted + sum of r(p)) / (size + attempts).

    By Newton's method, each rate for itself and always in as many steps, so that it does not matter which are worked out beside.
    The two sides cross once (they are where a concave likelihood is highest), so that each step narrows a bracket, and one that would leave it
    halves it: a partner that has just handed in a long list has a right-hand side almost as steep as the left.
    """
    whole, done = size + attempts, a + converted
    low, high = np.zeros(len(a)), np.ones(len(a))
    p: Floats = np.asarray(done / (whole - per_group(waits.partner, waits.entries, waits.n)), np.float64)
    for _ in range(_NEWTON):
        expected, slope = waits.expected(p)
        above = done + expected - whole * p
        low, high = np.where(above >= 0, p, low), np.where(above <= 0, p, high)
        steep = whole - slope
        there = p + above / np.where(steep > 0, steep, 1.0)
        inside = (steep > 0) & (there >= low) & (there <= high)
        p = np.asarray(np.where(inside, there, (low + high) / 2), np.float64)
    return p


def sizes_of(priors: Priors) -> Floats:
    """[types, 4]: a + b."""
    return np.array([[prior.a + prior.b for prior in row] for row in priors]).reshape(-1, len(STEPS))
