"""Many beta-binomial fits to whole counts in one go: the same as `beta_binomial.fit_beta_binomial` of each alone, for a tenth of its cost.

The logarithms of the rising factorials that the likelihood consists of are sums over j of ln(a + j), one for every partner that converted
more than j times. So a fit needs no more than how many partners converted, failed and tried more often than each j.
"""

from dataclasses import dataclass

import numpy as np

from indicators.beta_binomial import CENTRE, HALVINGS, LEAST, LONGEST, MOST, ROUNDS, SPREAD, STILL, fit_beta_binomial
from indicators.inputs import Flags, Floats, Ints

_LONG = 8  # counts of more than so many times the partners cost more than special functions of each partner do


def fit_beta_binomials(y: Ints, n: Ints) -> tuple[Floats, Floats]:
    """(a, b), each [fits], of conversions y [fits, partners] of attempts n [fits, partners], with the prior; 0.5 where there is no attempt."""
    if int(n.max(initial=0)) > _LONG * max(n.shape[1], 1):
        pairs = [fit_beta_binomial(*row) for row in zip(y.astype(np.float64), n.astype(np.float64), strict=True)]
        a, b = np.array(pairs).reshape(-1, 2).T
        return a, b
    a, b = np.full(len(n), 0.5), np.full(len(n), 0.5)
    tried = n.any(axis=1)
    if tried.any():
        a[tried], b[tried] = _climbed(y[tried], n[tried])
    return a, b


def _climbed(y: Ints, n: Ints) -> tuple[Floats, Floats]:
    """Newton's steps uphill from the moments of the rates, each fit for itself."""
    counted = _Counted(_more_than(y), _more_than(n - y), _more_than(n))
    u, v = _start(y, n)
    highest = np.log(MOST)
    here = counted.hill(u, v, np.arange(len(u)))
    climbing = np.ones(len(u), np.bool_)
    for _ in range(ROUNDS):
        along_u, along_v = _steps(here, bound=(v >= highest) & (here[2] > 0))
        climbing &= np.maximum(np.abs(along_u), np.abs(along_v)) >= STILL
        tried = np.flatnonzero(climbing)
        for _ in range(HALVINGS):
            if not len(tried):
                break
            there_u = np.clip(u[tried] + along_u[tried], -12.0, 12.0)
            there_v = np.clip(v[tried] + along_v[tried], LEAST, highest)
            reached = counted.hill(there_u, there_v, tried)
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


def _more_than(counts: Ints) -> Floats:
    """[fits, j]: how many partners have a count above j."""
    fits, most = len(counts), int(counts.max(initial=0))
    place = np.arange(fits)[:, None] * (most + 1) + counts
    have = np.bincount(place.ravel(), minlength=fits * (most + 1)).reshape(fits, most + 1)
    return np.cumsum(have[:, ::-1], axis=1)[:, -2::-1].astype(np.float64)


def _start(y: Ints, n: Ints) -> tuple[Floats, Floats]:
    """(logit m, ln k) whose mean and spread are those of the rates."""
    tried = n > 0
    partners = tried.sum(axis=1)
    shares = np.where(tried, y / np.maximum(n, 1), 0.0)
    m = shares.sum(axis=1) / partners
    spread = (np.where(tried, shares - m[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(partners - 1, 1)
    k = np.where(spread > 0, m * (1 - m) / np.where(spread > 0, spread, 1.0) - 1, CENTRE)
    m = np.clip(m, 0.01, 0.99)
    return np.log(m / (1 - m)), np.log(np.clip(k, 0.5, MOST))


@dataclass(frozen=True, eq=False, slots=True)
class _Counted:
    """[fits, j] each: partners that converted, failed and tried more than j times."""

    converted: Floats
    failed: Floats
    attempts: Floats

    def hill(self, u: Floats, v: Floats, fits: Ints) -> Floats:
        """[6, fits]: height, slopes by u = logit m and v = ln k, second derivatives uu, uv, vv."""
        m, k = 1 / (1 + np.exp(-u)), np.exp(v)
        a, b = m * k, (1 - m) * k
        of_a, to_a, aa = _rising(self.converted[fits], a)
        of_b, to_b, bb = _rising(self.failed[fits], b)
        of_k, whole, bend = _rising(self.attempts[fits], k)
        to_a, to_b, aa, bb = to_a - whole, to_b - whole, bend - aa, bend - bb
        w = k * m * (1 - m)  # da / du; db / du is its negative; by v both grow in proportion
        away = v - CENTRE
        by_v = to_a * a + to_b * b
        return np.stack(
            [
                of_a + of_b - of_k - 0.5 * (away / SPREAD) ** 2 + 0.5 * (np.log(m) + np.log1p(-m)),
                (to_a - to_b) * w + 0.5 * (1 - 2 * m),
                by_v - away / SPREAD**2,
                (aa - 2 * bend + bb) * w * w + (to_a - to_b) * w * (1 - 2 * m) - m * (1 - m),
                w * (aa * a - bb * b + bend * (b - a)) + (to_a - to_b) * w,
                aa * a * a + bb * b * b + 2 * bend * a * b + by_v - 1 / SPREAD**2,
            ]
        )


def _rising(counts: Floats, start: Floats) -> tuple[Floats, Floats, Floats]:
    """Sums over j of counts x ln(start + j), and of the counts over start + j and over its square."""
    each = start[:, None] + np.arange(counts.shape[1])
    over = counts / each
    return (counts * np.log(each)).sum(axis=1), over.sum(axis=1), (over / each).sum(axis=1)


def _steps(here: Floats, bound: Flags) -> tuple[Floats, Floats]:
    """Newton's step, or a short one along the slope where the hill does not bend downwards; `bound`: k may not grow."""
    _, by_u, by_v, uu, uv, vv = here
    determinant = uu * vv - uv * uv
    bends = (uu < 0) & (determinant > 0)
    divisor = np.where(bends, determinant, 1.0)
    steepest = np.maximum(np.maximum(np.abs(uu), np.abs(vv)), 1e-9)
    step_u = np.where(bends, (uv * by_v - vv * by_u) / divisor, by_u / steepest)
    step_v = np.where(bends, (uv * by_u - uu * by_v) / divisor, by_v / steepest)
    share = np.minimum(1.0, LONGEST / np.maximum(np.maximum(np.abs(step_u), np.abs(step_v)), 1e-300))
    return (
        np.where(bound, by_u / np.maximum(-uu, 1e-9), step_u * share),
        np.where(bound, 0.0, step_v * share),
    )
