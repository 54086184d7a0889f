"""T3: how the series of the whole move together. Shown beside the verdict, never part of it.

Aggregate series share seasons and campaigns; on worlds without any effect such tests cried wolf in 4 to 29 % of cases (METHODS 3k).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from indicators.inputs import Floats, Ints
from indicators.leading.panel import BLOCKS, LONGEST_LAG

ORDER = 4  # lags of the autoregressions
_YEAR = 365.25 / 7
_FEWEST = 40  # weeks below which nothing is described
_STEPS, _RESTS = 50, 1e-9  # of Newton's method: how many, and when it has arrived
_FARTHEST = 20.0  # logarithms of means beyond this are those of no weekly count


@dataclass(frozen=True, slots=True)
class Description:
    """Of weekly sums over partners; None where there is too little to describe.

    lag, correlation  the largest cross-correlation of the prewhitened series, x this many weeks before y
    band              correlations within this of 0 are what chance gives in 95 of 100 lags
    granger_p         does the past of x add to the past of y? F test, 4 lags
    slope, slope_t    distributed lag: change of ln y per one more x in the block of the largest t, season taken out
    """

    lag: int | None = None
    correlation: float | None = None
    band: float | None = None
    granger_p: float | None = None
    slope: float | None = None
    slope_t: float | None = None


def describe(y: Ints, x: Ints) -> Description:
    """How weekly y [weeks] and x [weeks] of the whole move together."""
    n = len(y)
    if n < _FEWEST or not x.any() or not y.any() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Description()
    lag, correlation = _cross_correlation(np.log1p(y), np.log1p(x))
    slope, slope_t = _distributed_lag(y, x)
    return Description(
        lag, correlation, 1.96 / (n - ORDER - LONGEST_LAG) ** 0.5, granger(np.log1p(y), np.log1p(x)), slope, slope_t
    )


def granger(y: Floats, x: Floats, order: int = ORDER) -> float | None:
    """P of the F test that `order` lags of x add nothing to as many of y (Granger 1969); None where it cannot be computed."""
    own = np.column_stack([np.ones(len(y) - order), *(y[order - lag : len(y) - lag] for lag in range(1, order + 1))])
    both = np.column_stack([own, *(x[order - lag : len(x) - lag] for lag in range(1, order + 1))])
    target = y[order:]
    left = [_residuals(design, target) for design in (own, both)]
    short, long = (float(r @ r) for r in left)
    freedom = len(target) - both.shape[1]
    if freedom <= 0 or long <= 1e-12:
        return None
    added = max(short - long, 0.0)  # what adds nothing may leave more by rounding
    return float(fdtrc(order, freedom, added / order / (long / freedom)))


def _cross_correlation(y: Floats, x: Floats) -> tuple[int, float]:
    """Both filtered by x's own autoregression (Box and Jenkins 1970); ties go to the shorter lag."""
    lags = range(1, ORDER + 1)
    design = np.column_stack([np.ones(len(x) - ORDER), *(x[ORDER - lag : len(x) - lag] for lag in lags)])
    beta = np.linalg.lstsq(design, x[ORDER:], rcond=None)[0]

    def filtered(series: Floats) -> Floats:
        own = np.column_stack([np.ones(len(x) - ORDER), *(series[ORDER - lag : len(x) - lag] for lag in lags)])
        left = series[ORDER:] - own @ beta
        return np.asarray(left - left.mean(), np.float64)

    a, b = filtered(y), filtered(x)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    found = [
        (round(float(a[lag:] @ b[: len(b) - lag]) / scale, 9) if scale > 0 else 0.0) for lag in range(LONGEST_LAG + 1)
    ]
    lag = int(np.argmax(np.abs(found)))
    return lag, found[lag]


def _distributed_lag(y: Ints, x: Ints) -> tuple[float | None, float | None]:
    """Quasi-Poisson of y on the blocks of x, one annual harmonic and a trend. None where no slope fits best."""
    n = len(y)
    week = np.arange(LONGEST_LAG, n)
    total = np.r_[0, np.cumsum(x)]
    blocks = [total[week + 1 - low] - total[week - high] for low, high in BLOCKS]
    turn = 2 * np.pi * week / _YEAR
    others = np.column_stack([np.ones(len(week)), week / n, np.sin(turn), np.cos(turn)])
    design = np.column_stack([*blocks, others]).astype(np.float64)
    target = y[LONGEST_LAG:].astype(np.float64)
    if not target.any() or np.linalg.matrix_rank(design) < design.shape[1] or len(target) <= design.shape[1]:
        return None, None
    beta = _poisson_fit(design, target)
    if beta is None:
        return None, None
    mean = np.exp(design @ beta)
    spread = float(((target - mean) ** 2 / mean).sum()) / (len(target) - design.shape[1])
    covariance = np.linalg.inv((design * mean[:, None]).T @ design) * max(spread, 1e-12)
    t = beta[: len(BLOCKS)] / np.sqrt(np.diag(covariance)[: len(BLOCKS)])
    at = int(np.argmax(np.abs(t)))
    return float(beta[at]), float(t[at])


def _poisson_fit(design: Floats, target: Floats) -> Floats | None:
    """Coefficients of the largest likelihood, by Newton's method; None where they would be infinite.

    They are where few weeks have any y, and the design alone tells those from all others: then each step is as long as the one before.
    """
    beta = np.zeros(design.shape[1])
    beta[len(BLOCKS)] = np.log(max(target.mean(), 0.1))
    for _ in range(_STEPS):
        mean = np.exp(np.clip(design @ beta, -_FARTHEST, _FARTHEST))
        try:
            step = np.linalg.solve((design * mean[:, None]).T @ design, design.T @ (target - mean))
        except np.linalg.LinAlgError:
            return None
        beta = beta + step
        if np.abs(step).max() < _RESTS:
            return beta if np.abs(design @ beta).max() < _FARTHEST else None
    return None


def _residuals(design: Floats, target: Floats) -> Floats:
    return np.asarray(target - design @ np.linalg.lstsq(design, target, rcond=None)[0], np.float64)
