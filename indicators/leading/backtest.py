"""T2: is x useful? Forecasts of the deals of the next weeks, made at each past week with what was known then (METHODS 3k).

Baselines: the last four weeks; the mean of the last twelve; the same weeks of last year (from 104 weeks on); and a quasi-Poisson
ridge regression on own lags with one annual harmonic (from 78 weeks on). The candidate is that regression and x of 1-4, 5-8 and 9-12
weeks before. Skill is 1 - score / score of the best baseline.
"""

from dataclasses import dataclass, field

import numpy as np

from indicators.inputs import Floats, Ints
from indicators.leading.panel import BLOCKS
from indicators.leading.scores import crps, cumulative_for, diebold_mariano, mase, pinball, poisson_deviance

FIRST_ORIGIN = BLOCKS[-1][1] - 1  # twelve weeks of lags behind it
MIN_TRAINING = 40
MIN_TESTS = 12  # origins to be graded by; fewer say nothing
YEAR = 365.25 / 7
HARMONIC_FROM, LAST_YEAR_FROM = 78, 104
RIDGE = 100.0  # on standardised columns: as if a hundred deals spoke against each; two years of weeks do not bear eight free slopes
HORIZONS = (4, 8, 12)


@dataclass(frozen=True, slots=True)
class Skill:
    """How well x forecasts, against the best baseline. Skills are shares, 0 as good, negative worse; None where it cannot be tested.

    origins   weeks at which a forecast was made and could be graded
    baseline  which one was the best: `last_4_weeks`, `mean_12_weeks`, `last_year`, `own_lags`
    deviance, crps   skill by that score; deviance decides
    mase      mean absolute scaled error of the candidate
    pinball_10, pinball_90   skill of the quantiles
    dm, p     Diebold-Mariano statistic and one-sided p on the deviance
    """

    horizon: int
    origins: int
    baseline: str | None = None
    deviance: float | None = None
    crps: float | None = None
    mase: float | None = None
    pinball_10: float | None = None
    pinball_90: float | None = None
    dm: float | None = None
    p: float | None = None

    @property
    def testable(self) -> bool:
        return self.deviance is not None


@dataclass(frozen=True, eq=False, slots=True)
class Deals:
    """The deals' side of the backtest, shared by all candidates. `known` [weeks, weeks] as `series.vintages` gives it."""

    known: Ints
    lags: Floats = field(init=False)
    season: Floats = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lags", block_features(self.known))
        turn = 2 * np.pi * np.arange(len(self.known)) / YEAR
        object.__setattr__(self, "season", np.column_stack([np.sin(turn), np.cos(turn)]))


def block_features(known: Ints) -> Floats:
    """[weeks, 3]: log(1 + sum) of the last 4 weeks, the 4 before and the 4 before those, as known at the end of each week."""
    n = len(known)
    total = np.pad(np.cumsum(known, axis=1), ((0, 0), (1, 0)))
    week = np.arange(n)
    made = [
        total[week, np.maximum(week + 2 - low, 0)] - total[week, np.maximum(week + 1 - high, 0)] for low, high in BLOCKS
    ]
    return np.asarray(np.log1p(np.column_stack(made)) if n else np.zeros((0, len(BLOCKS))), np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Baseline:
    """What x has to beat at one horizon: the best of the simple forecasts. All arrays have one value an origin.

    name is None where nothing can be graded: too few origins, or no deal in any of their windows.
    """

    horizon: int
    origins: Ints
    name: str | None = None
    y: Ints | None = None
    loss: Floats | None = None
    spread: "_Spread | None" = None
    naive_error: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class _Spread:
    """Losses of a predictive distribution."""

    crps: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, y: Ints, mean: Floats, dispersion: Floats) -> "_Spread":
        below = cumulative_for(y, mean, dispersion)
        return cls(crps(y, below), pinball(y, below, 0.1), pinball(y, below, 0.9))


def baseline(deals: Deals, horizon: int) -> Baseline:
    """The best simple forecast of the deals of the next `horizon` weeks, by Poisson deviance over all origins."""
    n = len(deals.known)
    origins = np.arange(FIRST_ORIGIN + MIN_TRAINING - 1 + horizon, n - horizon)
    if len(origins) < MIN_TESTS:
        return Baseline(horizon, origins)
    final = np.pad(np.cumsum(deals.known[-1]), (1, 0))
    y = final[origins + 1 + horizon] - final[origins + 1]
    if not y.any():
        return Baseline(horizon, origins)
    forecasts = _plain(deals.known, origins, horizon)
    forecasts["own_lags"], dispersion = _regression(_design(deals, None, origins), deals.known, origins, horizon)
    losses = {name: poisson_deviance(y, m) for name, m in forecasts.items()}
    best = min(losses, key=lambda name: (float(losses[name].sum()), name))
    past = final[FIRST_ORIGIN + 1 :]
    sums = past[horizon:] - past[:-horizon]
    naive = float(np.abs(sums[horizon:] - sums[:-horizon]).mean()) if len(sums) > horizon else 0.0
    # a plain forecast has no spread of its own; it is lent the regression's
    return Baseline(horizon, origins, best, y, losses[best], _Spread.of(y, forecasts[best], dispersion), naive)


def backtest(deals: Deals, x: Floats, against: Baseline) -> Skill:
    """Skill of x at the baseline's horizon. `x` [weeks, columns] is what was known at the end of each week."""
    horizon, origins, y = against.horizon, against.origins, against.y
    if y is None or against.loss is None or against.spread is None:
        return Skill(horizon, max(len(origins), 0))
    mean, over = _regression(_design(deals, x, origins), deals.known, origins, horizon)
    loss, spread = poisson_deviance(y, mean), _Spread.of(y, mean, over)
    test = diebold_mariano(loss, against.loss, horizon)
    return Skill(
        horizon,
        len(origins),
        against.name,
        _skill(loss, against.loss),
        _skill(spread.crps, against.spread.crps),
        mase(y, mean, against.naive_error),
        _skill(spread.low, against.spread.low),
        _skill(spread.high, against.spread.high),
        None if test is None else test.statistic,
        None if test is None else test.p,
    )


def _plain(known: Ints, origins: Ints, horizon: int) -> dict[str, Floats]:
    """Forecasts that need no fitting, from what was known at each origin."""
    total = np.pad(np.cumsum(known, axis=1), ((0, 0), (1, 0)))

    def between(first: Ints, last: Ints) -> Floats:
        return np.asarray(total[origins, last + 1] - total[origins, first], np.float64)

    made = {
        "last_4_weeks": between(origins - 3, origins) * horizon / 4,
        "mean_12_weeks": between(origins - 11, origins) * horizon / 12,
    }
    year = round(YEAR)
    if len(known) >= LAST_YEAR_FROM and origins[0] >= year:
        made["last_year"] = between(origins + 1 - year, origins + horizon - year)
    return made


def _design(deals: Deals, x: Floats | None, origins: Ints) -> Floats:
    """[origins, weeks, columns]: own lags, the season once there is enough of it, and x."""
    columns = np.column_stack([deals.lags] if x is None else [deals.lags, x])
    steady = np.broadcast_to(columns, (len(origins), *columns.shape))
    seasonal = (origins + 1 >= HARMONIC_FROM)[:, None, None] * deals.season[None]
    return np.concatenate([steady, seasonal], axis=2)


def _regression(design: Floats, known: Ints, origins: Ints, horizon: int) -> tuple[Floats, Floats]:
    """Forecast and dispersion at each origin, from a fit to the weeks whose outcome was known by then; all origins at once."""
    n = design.shape[1]
    week = np.arange(n)
    total = np.pad(np.cumsum(known[origins], axis=1), ((0, 0), (1, 0)))
    y = (total[:, np.minimum(week + 1 + horizon, n)] - total[:, week + 1]).astype(np.float64)
    used = ((week >= FIRST_ORIGIN) & (week + horizon <= origins[:, None])).astype(np.float64)
    trained = used.sum(axis=1)
    middle = np.einsum("ojp,oj->op", design, used) / trained[:, None]
    centred = design - middle[:, None, :]
    spread = np.sqrt(np.einsum("ojp,oj->op", centred**2, used) / trained[:, None])
    scaled = centred / np.where(spread > 1e-9, spread, 1.0)[:, None, :] * (spread > 1e-9)[:, None, :]
    columns = np.concatenate([np.ones((len(origins), n, 1)), scaled], axis=2)
    penalty = np.diag(np.r_[0.0, np.full(design.shape[2], RIDGE)])
    level = np.log(np.maximum((y * used).sum(axis=1) / trained, 0.1))
    beta = np.zeros((len(origins), columns.shape[2]))
    beta[:, 0] = level
    low, high = level - 4.0, level + 4.0  # no forecast of 50 times what ever was
    for _ in range(25):
        eta = np.clip((columns @ beta[:, :, None])[:, :, 0], low[:, None], high[:, None])
        mean = np.exp(eta)
        weight = used * mean / _scale(mean, y, used, trained, columns.shape[2])[:, None]
        worked = eta + (y - mean) / mean
        weighed = columns.transpose(0, 2, 1) * weight[:, None, :]
        left = weighed @ columns + penalty
        right = (weighed @ worked[:, :, None])[:, :, 0]
        after = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        moved = float(np.abs(after - beta).max())
        beta = after
        if moved < 1e-8:
            break
    at = np.arange(len(origins))
    eta = np.clip((columns @ beta[:, :, None])[:, :, 0], low[:, None], high[:, None])
    mean = np.exp(eta)
    return mean[at, origins], _scale(mean, y, used, trained, columns.shape[2])


def _scale(mean: Floats, y: Floats, used: Floats, trained: Floats, columns: int) -> Floats:
    """Pearson's dispersion, at least 1: counts of overlapping weeks vary no less than Poisson's."""
    chi = ((y - mean) ** 2 / mean * used).sum(axis=1)
    return np.asarray(np.maximum(chi / np.maximum(trained - columns, 1.0), 1.0), np.float64)


def _skill(score: Floats, against: Floats) -> float | None:
    total = float(against.sum())
    return None if total <= 1e-12 else 1.0 - float(score.sum()) / total
