"""How much partners of a type differ: a beta distribution of their rates, fitted to counts (empirical Bayes).

Partner i converts y_i of n_i with a rate of its own, drawn from Beta(a, b). The likelihood of (a, b) is that of the beta-binomial;
with m = a / (a + b) and k = a + b, ln k has a weak normal prior around ln 12, without which k runs away where partners are alike. Many types and
steps are fitted side by side, each by Newton's method for itself.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import betaln, digamma

from indicators.counting import per_group
from indicators.inputs import Flags, Floats, Ints
from indicators.trigamma import trigamma

CENTRE, SPREAD = math.log(12.0), 1.5
MOST = 500.0
_LEAST, _ROUNDS, _HALVINGS, _STILL, _LONGEST = math.log(0.05), 60, 30, 1e-7, 2.0
_FREE = 25.0  # ln k at most, without a prior

Hill = Callable[[Floats, Floats, Ints], Floats]
"""By u = logit m, v = ln k and which fits: [6, fits] height, slopes by u and v, second derivatives uu, uv, vv."""


def fit_beta_binomial(y: Floats, n: Floats, *, prior: bool = True) -> tuple[float, float]:
    """The most likely (a, b) for conversions y [partners] of attempts n [partners]; both may be expected, so not whole.

    With `prior` k is held at `MOST` and a mean of exactly 0 or 1 is kept from (half a conversion and half a failure are added to the
    likelihood of the mean); without, it is plain maximum likelihood. (0.5, 0.5) where there is no attempt.
    """
    a, b = fit_groups(y, n, np.zeros(len(n), np.int64), 1, prior=prior)
    return float(a[0]), float(b[0])


def fit_groups(
    y: Floats,
    n: Floats,
    group: Ints,
    groups: int,
    *,
    prior: bool = True,
    start: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """(a, b), each [groups], of the partners [partners] of each group, the same as of them alone. `start`: (a, b) to begin with."""
    tried = n > 0
    y, n, group = y[tried], n[tried], group[tried]
    a, b = np.full(groups, 0.5), np.full(groups, 0.5)
    fits = np.flatnonzero(np.bincount(group, minlength=groups))
    if not len(fits):
        return a, b
    of = np.searchsorted(fits, group)
    shares = np.clip(y / n, 0.0, 1.0)
    begin = (start[0][fits], start[1][fits]) if start is not None else moments(shares, of, len(fits))
    k, whole = begin[0] + begin[1], per_group(of, y, len(fits)) / per_group(of, n, len(fits))
    m = np.clip(np.where(k > 0, begin[0] / np.where(k > 0, k, 1.0), whole), 0.01, 0.99)
    v = np.log(np.clip(k, 0.5, MOST))
    highest = math.log(MOST) if prior else _FREE
    a[fits], b[fits] = climbed(_hill_of(y, n, of, prior=prior), np.log(m / (1 - m)), v, highest)
    return a, b


def moments(rates: Floats, group: Ints, groups: int) -> tuple[Floats, Floats]:
    """(a, b), each [groups], whose mean and standard deviation are those of the rates of each group; a start for the fit."""
    count = np.bincount(group, minlength=groups)
    m = per_group(group, rates, groups) / np.maximum(count, 1)
    variance = per_group(group, (rates - m[group]) ** 2, groups) / np.maximum(count - 1, 1)
    k = np.where(variance > 0, m * (1 - m) / np.where(variance > 0, variance, 1.0) - 1, CENTRE)
    return m * k, (1 - m) * k


def climbed(hill: Hill, u: Floats, v: Floats, highest: float) -> tuple[Floats, Floats]:
    """(a, b), each [fits], at the tops that Newton's steps uphill from (u, v) come to, each fit for itself; v stays below `highest`."""
    u, v = u.copy(), v.copy()
    here = hill(u, v, np.arange(len(u)))
    climbing = np.ones(len(u), np.bool_)
    for _ in range(_ROUNDS):
        along_u, along_v = _steps(here, bound=(v >= highest) & (here[2] > 0))
        climbing &= np.maximum(np.abs(along_u), np.abs(along_v)) >= _STILL
        tried = np.flatnonzero(climbing)
        for _ in range(_HALVINGS):
            if not len(tried):
                break
            there_u = np.clip(u[tried] + along_u[tried], -12.0, 12.0)
            there_v = np.clip(v[tried] + along_v[tried], _LEAST, highest)
            reached = hill(there_u, there_v, tried)
            before = here[0, tried]
            up = reached[0] >= before - 1e-11 * (1 + np.abs(before))  # what rounding takes away is no descent
            u[tried[up]], v[tried[up]], here[:, tried[up]] = there_u[up], there_v[up], reached[:, up]
            tried = tried[~up]
            along_u[tried] /= 2
            along_v[tried] /= 2
        climbing[tried] = False
        if not climbing.any():
            break
    m, k = 1 / (1 + np.exp(-u)), np.exp(v)
    return m * k, (1 - m) * k


def hill_at(u: Floats, v: Floats, logs: Floats, firsts: Floats, seconds: Floats, *, prior: bool) -> Floats:
    """The hill by sums over partners: `logs` [fits] of the likelihood's logarithms; of how ln B(a, b) and its like change, `firsts` [3, fits] by
    k, a and b, and `seconds` likewise, as positive numbers. With `prior`, that of the mean and of ln k.
    """
    m, k = 1 / (1 + np.exp(-u)), np.exp(v)
    a, b = m * k, (1 - m) * k
    whole, from_a, from_b = firsts
    bend, bend_a, bend_b = seconds
    to_a, to_b, aa, bb = from_a - whole, from_b - whole, bend - bend_a, bend - bend_b
    w = k * m * (1 - m)  # da / du; db / du is its negative; by v both grow in proportion
    by_u, by_v = (to_a - to_b) * w, to_a * a + to_b * b
    found = np.stack(
        [
            logs,
            by_u,
            by_v,
            (aa - 2 * bend + bb) * w * w + by_u * (1 - 2 * m),
            w * (aa * a - bb * b + bend * (b - a)) + by_u,
            aa * a * a + bb * b * b + 2 * bend * a * b + by_v,
        ]
    )
    if prior:
        away = v - CENTRE
        found[0] += -0.5 * (away / SPREAD) ** 2 + 0.5 * (np.log(m) + np.log1p(-m))
        found[1] += 0.5 * (1 - 2 * m)
        found[2] -= away / SPREAD**2
        found[3] -= m * (1 - m)
        found[5] -= 1 / SPREAD**2
    return found


def _hill_of(y: Floats, n: Floats, of: Ints, *, prior: bool) -> Hill:
    """Of partners with y of n [partners], which belong to the fits `of`."""

    def hill(u: Floats, v: Floats, fits: Ints) -> Floats:
        chosen = np.zeros(int(of.max()) + 1, np.bool_)
        chosen[fits] = True
        rows = np.flatnonzero(chosen[of])
        place = np.searchsorted(fits, of[rows])
        m, k = 1 / (1 + np.exp(-u)), np.exp(v)
        ends = np.stack([k, m * k, (1 - m) * k])
        each = ends[:, place] + np.stack([n[rows], y[rows], n[rows] - y[rows]])
        count = np.bincount(place, minlength=len(fits))

        def summed(function: Callable[[Floats], Floats]) -> Floats:
            return np.stack([per_group(place, row, len(fits)) for row in function(each)]) - count * function(ends)

        logs = per_group(place, betaln(each[1], each[2]), len(fits)) - count * betaln(ends[1], ends[2])
        return hill_at(u, v, logs, summed(digamma), -summed(trigamma), prior=prior)

    return hill


def _steps(here: Floats, bound: Flags) -> tuple[Floats, Floats]:
    """Newton's step, or a short one along the slope where the hill does not bend downwards; `bound`: k may not grow."""
    _, by_u, by_v, uu, uv, vv = here
    determinant = uu * vv - uv * uv
    bends = (uu < 0) & (determinant > 0)
    divisor = np.where(bends, determinant, 1.0)
    steepest = np.maximum(np.maximum(np.abs(uu), np.abs(vv)), 1e-9)
    step_u = np.where(bends, (uv * by_v - vv * by_u) / divisor, by_u / steepest)
    step_v = np.where(bends, (uv * by_u - uu * by_v) / divisor, by_v / steepest)
    share = np.minimum(1.0, _LONGEST / np.maximum(np.maximum(np.abs(step_u), np.abs(step_v)), 1e-300))
    return (
        np.where(bound, by_u / np.maximum(-uu, 1e-9), step_u * share),
        np.where(bound, 0.0, step_v * share),
    )
