"""T2: is x useful? Forecasts of the deals of the next weeks, made at each past week with what was known then (METHODS 3k).

Baselines: the last four weeks; the mean of the last twelve; the same weeks of last year (from 104 weeks on); and a quasi-Poisson
ridge regression on own lags with one annual harmonic (from 78 weeks on). The candidate is that regression and x of 1-4, 5-8 and 9-12
weeks before. Skill is 1 - score / score of the best baseline.
"""

from dataclasses import dataclass, field

import numpy as np

from indicators.inputs import Floats, Ints
from indicators.leading.panel import BLOCKS
from indicators.leading.scores import crps, diebold_mariano, mase, pinball, poisson_deviance

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


def backtest(deals: Deals, x: Floats, horizon: int) -> Skill:
    """Skill of x in forecasting the deals of the next `horizon` weeks. `x` [weeks, columns] is what was known at the end of each week."""
    n = len(deals.known)
    origins = np.arange(FIRST_ORIGIN + MIN_TRAINING - 1 + horizon, n - horizon)
    if len(origins) < MIN_TESTS:
        return Skill(horizon, max(len(origins), 0))
    final = np.pad(np.cumsum(deals.known[-1]), (1, 0))
    y = final[origins + 1 + horizon] - final[origins + 1]
    if not y.any():
        return Skill(horizon, len(origins))
    own = _design(deals, None, origins)
    forecasts = {name: (m, np.ones(len(origins))) for name, m in _plain(deals.known, origins, horizon).items()}
    forecasts["own_lags"] = _regression(own, deals.known, origins, horizon)
    losses = {name: poisson_deviance(y, m) for name, (m, _) in forecasts.items()}
    best = min(losses, key=lambda name: (float(losses[name].sum()), name))
    mean, over = _regression(_design(deals, x, origins), deals.known, origins, horizon)
    loss = poisson_deviance(y, mean)
    base_mean, base_over = forecasts[best]
    if best != "own_lags":  # a plain forecast has no spread of its own; it is lent the regression's
        base_over = forecasts["own_lags"][1]
    test = diebold_mariano(loss, losses[best], horizon)
    past = final[FIRST_ORIGIN + 1 :]
    sums = past[horizon:] - past[:-horizon]
    naive = float(np.abs(sums[horizon:] - sums[:-horizon]).mean()) if len(sums) > horizon else 0.0
    return Skill(
        horizon,
        len(origins),
        best,
        _skill(loss, losses[best]),
        _skill(crps(y, mean, over), crps(y, base_mean, base_over)),
        mase(y, mean, naive),
        _skill(pinball(y, mean, over, 0.1), pinball(y, base_mean, base_over, 0.1)),
        _skill(pinball(y, mean, over, 0.9), pinball(y, base_mean, base_over, 0.9)),
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
        eta = np.clip(np.einsum("ojp,op->oj", columns, beta), low[:, None], high[:, None])
        mean = np.exp(eta)
        weight = used * mean / _scale(mean, y, used, trained, columns.shape[2])[:, None]
        worked = eta + (y - mean) / mean
        left = np.einsum("ojp,oj,ojq->opq", columns, weight, columns) + penalty
        right = np.einsum("ojp,oj->op", columns, weight * worked)
        after = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        moved = float(np.abs(after - beta).max())
        beta = after
        if moved < 1e-8:
            break
    at = np.arange(len(origins))
    eta = np.clip(np.einsum("ojp,op->oj", columns, beta), low[:, None], high[:, None])
    mean = np.exp(eta)
    return mean[at, origins], _scale(mean, y, used, trained, columns.shape[2])


def _scale(mean: Floats, y: Floats, used: Floats, trained: Floats, columns: int) -> Floats:
    """Pearson's dispersion, at least 1: counts of overlapping weeks vary no less than Poisson's."""
    chi = ((y - mean) ** 2 / mean * used).sum(axis=1)
    return np.asarray(np.maximum(chi / np.maximum(trained - columns, 1.0), 1.0), np.float64)


def _skill(score: Floats, against: Floats) -> float | None:
    total = float(against.sum())
    return None if total <= 1e-12 else 1.0 - float(score.sum()) / total
