"""Do partners that list more convert more, or less? Where they do, the mean that a partner leans on goes by how many entries it has (METHODS 3d).

Otherwise the mean of a type is that of whoever lists most, and partners with few entries are drawn towards it. The mean of partner i is
logit m_i = logit m + slope (ln n_i - centre), k being the same for all: a beta-binomial regression on ln n. It is used only where the score
test says that the slope is there; the test needs no more than what was fitted without one. Sources: Rao (1948); Williams (1982).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, digamma, ndtr

from indicators.beta_binomial import CENTRE, MOST, SPREAD
from indicators.inputs import Floats, Ints

SIGNIFICANT = 0.01  # a dozen such tests are made, one a type and step
LEAST_PARTNERS = 8  # fewer cannot show that their rates go by anything
_STEEP = 1.0  # standard deviation that a slope is thought to have, before anything was seen


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the logit of the mean goes by ln n: `slope` around `centre`, told of partners with ln n from `low` to `high`."""

    slope: float = 0.0
    centre: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def shift(self, attempts: Ints) -> Floats:
        """What is added to the logit of the mean [partners]; beyond the partners that it was told of, as at the last of these."""
        ln = np.clip(np.log(np.maximum(attempts, 1)), self.low, self.high)
        return np.asarray(self.slope * (ln - self.centre), np.float64)


NONE = Exposure()


@dataclass(frozen=True, eq=False, slots=True)
class _Slopes:
    """Of each partner's log-likelihood by u = logit m and v = ln k, with what they are made of: w = da / du, by a and by b."""

    a: Floats
    b: Floats
    w: Floats
    to_a: Floats
    to_b: Floats

    @property
    def u(self) -> Floats:
        return (self.to_a - self.to_b) * self.w

    @property
    def v(self) -> Floats:
        return self.to_a * self.a + self.to_b * self.b


def _slopes(u: Floats, v: float, y: Floats, n: Floats) -> _Slopes:
    m, k = 1 / (1 + np.exp(-u)), math.exp(v)
    a, b = m * k, (1 - m) * k
    whole = digamma(k + n) - digamma(k)
    return _Slopes(a, b, k * m * (1 - m), digamma(a + y) - digamma(a) - whole, digamma(b + n - y) - digamma(b) - whole)


def score_test(y: Floats, n: Floats, k: float) -> float:
    """p, two-sided, of that the rates of partners with y of n [partners, n > 0] do not go by ln n; k = a + b was fitted without.

    Each partner's count varies 1 + (n - 1) / (k + 1) times as much as a binomial one. 1 where nothing can show.
    """
    x = np.log(n)
    if len(n) < LEAST_PARTNERS or not np.ptp(x) > 0:
        return 1.0
    over = 1 + (n - 1) / (k + 1)
    m = float((y / over).sum() / (n / over).sum())
    weight = n * m * (1 - m) / over
    if not weight.sum() > 0:
        return 1.0
    apart = x - float((weight * x).sum() / weight.sum())
    score = float((apart * (y - n * m) / over).sum())
    return float(2 * ndtr(-abs(score) / math.sqrt(float((weight * apart * apart).sum()))))


def fit_exposure(y: Floats, n: Floats, a: float, b: float, slope: float = 0.0) -> tuple[float, float, Exposure]:
    """The most likely (a, b) at the mean of ln n, and how the mean goes by ln n, for y of n [partners, n > 0]; (a, b, slope) is where to begin.

    Priors as in `fit_beta_binomial`; the slope's is normal around 0.
    """
    x = np.log(n)
    centre = float(x.mean())
    x = x - centre

    def downhill(at: Floats) -> tuple[float, Floats]:
        u, v = at[0] + at[1] * x, float(at[2])
        d = _slopes(u, v, y, n)
        m, away = 1 / (1 + math.exp(-at[0])), v - CENTRE
        penalty = 0.5 * (math.log(m) + math.log1p(-m)) - 0.5 * (away / SPREAD) ** 2 - 0.5 * (at[1] / _STEEP) ** 2
        slopes = np.array(
            [d.u.sum() + 0.5 * (1 - 2 * m), (x * d.u).sum() - at[1] / _STEEP**2, d.v.sum() - away / SPREAD**2]
        )
        return -(float((betaln(d.a + y, d.b + n - y) - betaln(d.a, d.b)).sum()) + penalty), -slopes

    start = np.array([math.log(a / b), slope, math.log(a + b)])
    limits = [(-12.0, 12.0), (-5.0, 5.0), (math.log(0.05), math.log(MOST))]
    at = minimize(downhill, np.clip(start, *np.array(limits).T), jac=True, bounds=limits, method="L-BFGS-B").x
    m, k = 1 / (1 + math.exp(-at[0])), math.exp(at[2])
    found = Exposure(float(at[1]), centre, float(x.min()) + centre, float(x.max()) + centre)
    return m * k, (1 - m) * k, found
