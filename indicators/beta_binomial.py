"""How much partners of a type differ: a beta distribution of their rates, fitted to counts (empirical Bayes).

Partner i converts y_i of n_i with a rate of its own, drawn from Beta(a, b). The likelihood of (a, b) is that of the beta-binomial;
with m = a / (a + b) and k = a + b, ln k has a weak normal prior around ln 12, without which k runs away where partners are alike.
"""

import math

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, digamma

from indicators.inputs import Floats

_CENTRE, _SPREAD = math.log(12.0), 1.5
MOST = 500.0


def moments(rates: Floats) -> tuple[float, float]:
    """(a, b) whose mean and standard deviation are those of the rates; a start for the fit."""
    m, variance = float(rates.mean()), float(rates.var(ddof=1)) if len(rates) > 1 else 0.0
    k = m * (1 - m) / variance - 1 if variance > 0 else _CENTRE
    return m * k, (1 - m) * k


def fit_beta_binomial(
    y: Floats, n: Floats, *, prior: bool = True, start: tuple[float, float] | None = None
) -> tuple[float, float]:
    """The most likely (a, b) for conversions y [partners] of attempts n [partners]; both may be expected, so not whole.

    With `prior` k is held at `MOST` and a mean of exactly 0 or 1 is kept from (half a conversion and half a failure are added to the
    likelihood of the mean); without, it is plain maximum likelihood. (0.5, 0.5) where there is no attempt.
    """
    tried = n > 0
    y, n = y[tried], n[tried]
    if not len(n):
        return 0.5, 0.5
    shares = np.clip(y / n, 0.0, 1.0)
    a, b = start or moments(shares)
    k = min(max(a + b, 0.5), MOST)
    m = min(max(a / (a + b) if a + b > 0 else float(y.sum() / n.sum()), 0.01), 0.99)

    def loss(at: Floats) -> tuple[float, Floats]:
        m, k = 1 / (1 + math.exp(-at[0])), math.exp(at[1])
        a, b = m * k, (1 - m) * k
        value = float((betaln(a + y, b + n - y) - betaln(a, b)).sum())
        whole = digamma(a + b + n) - digamma(a + b)
        to_a = float((digamma(a + y) - digamma(a) - whole).sum())
        to_b = float((digamma(b + n - y) - digamma(b) - whole).sum())
        by_m, by_k = (to_a - to_b) * k * m * (1 - m), (to_a * m + to_b * (1 - m)) * k
        if prior:
            value += -0.5 * ((at[1] - _CENTRE) / _SPREAD) ** 2 + 0.5 * (math.log(m) + math.log1p(-m))
            by_k -= (at[1] - _CENTRE) / _SPREAD**2
            by_m += 0.5 * (1 - 2 * m)
        return -value, -np.array([by_m, by_k])

    highest = math.log(MOST) if prior else 25.0
    found = minimize(
        loss,
        np.array([math.log(m / (1 - m)), math.log(k)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-12.0, 12.0), (math.log(0.05), highest)],
        options={"ftol": 1e-13, "gtol": 1e-8},
    )
    m, k = 1 / (1 + math.exp(-found.x[0])), math.exp(found.x[1])
    return m * k, (1 - m) * k
