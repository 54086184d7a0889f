"""How much partners of a type differ: a beta distribution of their rates, fitted to counts (empirical Bayes).

Partner i converts y_i of n_i with a rate of its own, drawn from Beta(a, b). The likelihood of (a, b) is that of the beta-binomial;
with m = a / (a + b) and k = a + b, ln k has a weak normal prior around ln 12, without which k runs away where partners are alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, zeta

from indicators.inputs import Floats

CENTRE, SPREAD = math.log(12.0), 1.5
MOST = 500.0
_LEAST, _ROUNDS, _HALVINGS, _STILL, _LONGEST = math.log(0.05), 60, 30, 1e-7, 2.0

Pair = tuple[float, float]
"""Of (logit m, ln k)."""


@dataclass(frozen=True, slots=True)
class _Hill:
    """Where the search stands: height, slopes by (logit m, ln k), second derivatives (uu, uv, vv)."""

    value: float
    gradient: tuple[float, float]
    bends: tuple[float, float, float]


def moments(rates: Floats) -> tuple[float, float]:
    """(a, b) whose mean and standard deviation are those of the rates; a start for the fit."""
    m, variance = float(rates.mean()), float(rates.var(ddof=1)) if len(rates) > 1 else 0.0
    k = m * (1 - m) / variance - 1 if variance > 0 else CENTRE
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
    at, highest = (math.log(m / (1 - m)), math.log(k)), math.log(MOST) if prior else 25.0
    here = _likelihood(at, y, n, prior=prior)
    for _ in range(_ROUNDS):
        step = _step(here, bound=at[1] >= highest and here.gradient[1] > 0)
        if max(abs(step[0]), abs(step[1])) < _STILL:
            break
        for _ in range(_HALVINGS):
            there = min(max(at[0] + step[0], -12.0), 12.0), min(max(at[1] + step[1], _LEAST), highest)
            reached = _likelihood(there, y, n, prior=prior)
            if reached.value >= here.value - 1e-11 * (1 + abs(here.value)):  # what rounding takes away is no descent
                break
            step = step[0] / 2, step[1] / 2
        else:
            break
        at, here = there, reached
    m, k = 1 / (1 + math.exp(-at[0])), math.exp(at[1])
    return m * k, (1 - m) * k


def _likelihood(at: Pair, y: Floats, n: Floats, *, prior: bool) -> _Hill:
    """Log-likelihood of (logit m, ln k), its slopes and its bends."""
    m, k = 1 / (1 + math.exp(-at[0])), math.exp(at[1])
    a, b = m * k, (1 - m) * k
    ends, rows = (
        np.array([k, a, b]),
        np.stack([k + n, a + y, b + n - y]),
    )  # together: a call costs more than its numbers
    value = float((betaln(rows[1], rows[2]) - betaln(a, b)).sum())
    whole, from_a, from_b = (digamma(rows) - digamma(ends)[:, None]).sum(axis=1).tolist()
    bend, bend_a, bend_b = (zeta(2.0, rows) - zeta(2.0, ends)[:, None]).sum(axis=1).tolist()
    to_a, to_b, aa, bb = from_a - whole, from_b - whole, bend_a - bend, bend_b - bend
    w = k * m * (1 - m)  # da / du; db / du is its negative; by v = ln k both grow in proportion
    by_u, by_v = (to_a - to_b) * w, to_a * a + to_b * b
    uu = (aa + 2 * bend + bb) * w * w + (to_a - to_b) * w * (1 - 2 * m)
    uv = w * (aa * a - bb * b - bend * (b - a)) + (to_a - to_b) * w
    vv = aa * a * a + bb * b * b - 2 * bend * a * b + by_v
    if prior:
        away = at[1] - CENTRE
        value += -0.5 * (away / SPREAD) ** 2 + 0.5 * (math.log(m) + math.log1p(-m))
        by_u, by_v = by_u + 0.5 * (1 - 2 * m), by_v - away / SPREAD**2
        uu, vv = uu - m * (1 - m), vv - 1 / SPREAD**2
    return _Hill(value, (by_u, by_v), (uu, uv, vv))


def _step(here: _Hill, *, bound: bool) -> Pair:
    """Newton's step uphill, or a short one along the slope where the hill does not bend downwards; `bound`: k may not grow."""
    (by_u, by_v), (uu, uv, vv) = here.gradient, here.bends
    if bound:
        return by_u / max(-uu, 1e-9), 0.0
    determinant = uu * vv - uv * uv
    if uu < 0 and determinant > 0:
        step = (uv * by_v - vv * by_u) / determinant, (uv * by_u - uu * by_v) / determinant
    else:
        steepest = max(abs(uu), abs(vv), 1e-9)
        step = by_u / steepest, by_v / steepest
    share = min(1.0, _LONGEST / max(abs(step[0]), abs(step[1]), 1e-300))
    return step[0] * share, step[1] * share
