"""T2: is x useful? Forecasts of the deals of the next weeks, made at each past week with what was known then (METHODS 3k).

Baselines: the last four weeks; the mean of the last twelve; the same weeks of last year (from 104 weeks on); and a quasi-Poisson
ridge regression on own lags with one annual harmonic (from 78 weeks on). The candidate is that regression and x of 1-4, 5-8 and 9-12
weeks before. Skill is 1 - score / score of the best baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from indicators.inputs import Floats, Ints
from indicators.leading.panel import BLOCKS
from indicators.leading.ridge import Outcomes, forecasts
from indicators.leading.scores import crps, cumulative_for, diebold_mariano, mase, pinball, poisson_deviance

FIRST_ORIGIN = BLOCKS[-1][1] - 1  # twelve weeks of lags behind it
MIN_TRAINING = 40
MIN_TESTS = 12  # origins to be graded by; fewer say nothing
YEAR = 365.25 / 7
HARMONIC_FROM, LAST_YEAR_FROM = 78, 104
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

    name is None where nothing can be graded: too few origins, or no deal in any of their windows. own_lags [origins, coefficients].
    """

    horizon: int
    origins: Ints
    name: str | None = None
    outcomes: Outcomes | None = None
    own_lags: Floats | None = None
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
    made = _plain(deals.known, origins, horizon)
    outcomes = Outcomes.of(deals.known, origins, horizon, FIRST_ORIGIN, origins + 1 >= HARMONIC_FROM)
    own = forecasts(deals.lags[None], deals.season, outcomes)
    made["own_lags"] = own.mean[0]
    losses = {name: poisson_deviance(y, m) for name, m in made.items()}
    best = min(losses, key=lambda name: (float(losses[name].sum()), name))
    past = final[FIRST_ORIGIN + 1 :]
    sums = past[horizon:] - past[:-horizon]
    naive = float(np.abs(sums[horizon:] - sums[:-horizon]).mean()) if len(sums) > horizon else 0.0
    # a plain forecast has no spread of its own; it is lent the regression's
    spread = _Spread.of(y, made[best], own.scale[0])
    return Baseline(horizon, origins, best, outcomes, own.coefficients[0], y, losses[best], spread, naive)


def backtest(deals: Deals, x: Floats, against: Baseline) -> Skill:
    """Skill of x at the baseline's horizon. `x` [weeks, columns] is what was known at the end of each week."""
    return backtests(deals, [x], against)[0]


def backtests(deals: Deals, candidates: Sequence[Floats], against: Baseline) -> list[Skill]:
    """The skill of each candidate, the same as of it alone; together they cost far less."""
    outcomes, origins = against.outcomes, against.origins
    if outcomes is None:
        return [Skill(against.horizon, max(len(origins), 0))] * len(candidates)
    found: list[Skill | None] = [None] * len(candidates)
    for width in sorted({x.shape[1] for x in candidates}):
        same = [i for i, x in enumerate(candidates) if x.shape[1] == width]
        columns = np.stack([np.column_stack([deals.lags, candidates[i]]) for i in same])
        told = forecasts(columns, deals.season, outcomes, against.own_lags)
        for i, mean, over in zip(same, told.mean, told.scale, strict=True):
            found[i] = _graded(against, mean, over)
    return [skill for skill in found if skill is not None]


def _graded(against: Baseline, mean: Floats, over: Floats) -> Skill:
    y, horizon = against.y, against.horizon
    assert y is not None
    assert against.loss is not None
    assert against.spread is not None
    loss, spread = poisson_deviance(y, mean), _Spread.of(y, mean, over)
    test = diebold_mariano(loss, against.loss, horizon)
    return Skill(
        horizon,
        len(against.origins),
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


def _skill(score: Floats, against: Floats) -> float | None:
    total = float(against.sum())
    return None if total <= 1e-12 else 1.0 - float(score.sum()) / total
