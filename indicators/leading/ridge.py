"""Quasi-Poisson ridge regressions of the weeks ahead: of many candidates, at every past week, in one go (METHODS 3k, T2).

Each is fitted to the weeks whose outcome was known by its origin, with columns standardised over just those weeks. The columns themselves
do not depend on the origin. So none is standardised: the penalty of a slope grows with its column's variance instead, which is the same
fit, and the normal equations of all origins are one product of the weights with the products of columns.
"""

from dataclasses import dataclass

import numpy as np

from indicators.inputs import Flags, Floats, Ints

RIDGE = 100.0  # on standardised columns: as if a hundred deals spoke against each; two years of weeks do not bear eight free slopes
_ROUNDS, _STILL = 25, 1e-6
_FAR = 4.0  # no forecast of 50 times what ever was
_CONSTANT = 1e-12  # a variance that is no more than what rounding leaves of none


@dataclass(frozen=True, eq=False, slots=True)
class Outcomes:
    """What was to be forecast, as it was known at each origin.

    origins      [origins] weeks at which a forecast is made
    first        the first week that is fitted to; columns and rows of the others begin there
    y, used      [origins, weeks] the sum of the weeks after each week, and 1 where the fit may use it
    seasonal     [origins] whether there is enough behind the origin to tell a season by
    """

    origins: Ints
    first: int
    y: Floats
    used: Floats
    seasonal: Flags

    @classmethod
    def of(cls, known: Ints, origins: Ints, horizon: int, first: int, seasonal: Flags) -> "Outcomes":
        """Of `known` [weeks, weeks], as `series.vintages` gives it."""
        n = known.shape[1]
        week = np.arange(first, n)
        total = np.pad(np.cumsum(known[origins], axis=1), ((0, 0), (1, 0)))
        y = total[:, np.minimum(week + 1 + horizon, n)] - total[:, week + 1]
        used = (week + horizon <= origins[:, None]).astype(np.float64)
        return cls(origins, first, y * used, used, seasonal)


@dataclass(frozen=True, eq=False, slots=True)
class Forecasts:
    """mean, scale [candidates, origins] forecast and dispersion; coefficients [candidates, origins, 1 + c + 2], a constant first."""

    mean: Floats
    scale: Floats
    coefficients: Floats


def forecasts(columns: Floats, season: Floats, outcomes: Outcomes, near: Floats | None = None) -> Forecasts:
    """The forecasts by columns [candidates, weeks, c] and season [weeks, 2], which count from week 0 on.

    `near` [origins, 1 + c' + 2]: coefficients of the first c' columns and the season alone, where the search begins; it ends at the same.
    A candidate's figures are the same bytes whichever others are worked out beside it.
    """
    fit = _Fit.of(columns, season, outcomes)
    level = np.log(np.maximum(outcomes.y.sum(axis=1) / fit.trained, 0.1))
    beta = np.zeros((*fit.alive.shape[:2], fit.design.shape[2]))
    beta[:, :, 0] = level
    if near is not None:
        own = near.shape[1] - season.shape[1]
        beta[:, :, :own], beta[:, :, -season.shape[1] :] = near[:, :own], near[:, own:]
    left = np.arange(len(beta))
    for _ in range(_ROUNDS):
        after = fit.step(beta[left], level, left)
        moved = np.abs((after - beta[left]) * fit.size[left]).max(axis=(1, 2), initial=0.0)
        beta[left] = after
        left = left[moved >= _STILL]
        if not len(left):
            break
    mean, scale = fit.told(beta, level)
    return Forecasts(mean[:, np.arange(len(outcomes.origins)), outcomes.origins - outcomes.first], scale, beta)


@dataclass(frozen=True, eq=False, slots=True)
class _Fit:
    """What stays the same from one round to the next.

    trained          [origins] weeks that are fitted to
    design, products [candidates, weeks, 1 + p] a constant and the columns; [candidates, weeks, pairs] of them
    place            [1 + p, 1 + p] where among the products each pair stands
    alive, size      [candidates, origins, 1 + p] which columns may tell anything, and their standard deviations; 1 of the constant
    squares, twice   [origins, weeks] y^2; [origins] twice the sum of y
    """

    outcomes: Outcomes
    trained: Floats
    design: Floats
    products: Floats
    place: Ints
    alive: Flags
    size: Floats
    squares: Floats
    twice: Floats

    @classmethod
    def of(cls, columns: Floats, season: Floats, outcomes: Outcomes) -> "_Fit":
        count, first, used = len(columns), outcomes.first, outcomes.used
        both = np.concatenate(
            [columns[:, first:], np.broadcast_to(season[first:], (count, *season[first:].shape))], axis=2
        )
        both = both - both.mean(axis=1, keepdims=True)  # near its middle at every origin, so that little cancels
        design = np.concatenate([np.ones((*both.shape[:2], 1)), both], axis=2)
        trained = used.sum(axis=1)
        middle = used @ design / trained[:, None]
        variance = used @ design**2 / trained[:, None] - middle**2
        alive = variance > _CONSTANT * np.maximum(middle**2, 1.0)
        alive[:, :, 0] = True
        alive[:, :, -season.shape[1] :] &= outcomes.seasonal[:, None]
        size = np.sqrt(np.where(alive, variance, 0.0))
        size[:, :, 0] = 1.0
        one, other = np.triu_indices(design.shape[2])
        place = np.zeros((design.shape[2], design.shape[2]), np.int64)
        place[one, other] = place[other, one] = np.arange(len(one))
        return cls(
            outcomes, trained, design, design[:, :, one] * design[:, :, other], place, alive, size,
            outcomes.y**2, 2 * outcomes.y.sum(axis=1),
        )  # fmt: skip

    def step(self, beta: Floats, level: Floats, which: Ints) -> Floats:
        """The next coefficients of the candidates `which`, by iteratively reweighted least squares."""
        eta, mean = self._means(beta, level, which)
        weight = mean * self.outcomes.used
        scale = self._scale(mean, weight)
        eta -= 1.0
        eta *= weight
        eta += self.outcomes.y
        alive = self.alive[which]
        system = (weight @ self.products[which])[:, :, self.place]
        system *= alive[:, :, :, None] & alive[:, :, None, :]
        penalty = np.where(alive, RIDGE * scale[:, :, None] * self.size[which] ** 2, 1.0)
        penalty[:, :, 0] = 0.0
        diagonal = np.arange(beta.shape[2])
        system[:, :, diagonal, diagonal] += penalty
        right = np.where(alive, eta @ self.design[which], 0.0)
        return np.asarray(np.linalg.solve(system, right[:, :, :, None])[:, :, :, 0], np.float64)

    def told(self, beta: Floats, level: Floats) -> tuple[Floats, Floats]:
        """Means [candidates, origins, weeks] and dispersions [candidates, origins]."""
        _, mean = self._means(beta, level, np.arange(len(beta)))
        return mean, self._scale(mean, mean * self.outcomes.used)

    def _means(self, beta: Floats, level: Floats, which: Ints) -> tuple[Floats, Floats]:
        eta = beta @ self.design[which].transpose(0, 2, 1)
        np.clip(eta, (level - _FAR)[:, None], (level + _FAR)[:, None], out=eta)
        return eta, np.exp(eta)

    def _scale(self, mean: Floats, weight: Floats) -> Floats:
        """Pearson's dispersion, at least 1: counts of overlapping weeks vary no less than Poisson's."""
        chi = (self.squares / mean).sum(axis=-1) - self.twice + weight.sum(axis=-1)
        return np.asarray(np.maximum(chi / np.maximum(self.trained - self.design.shape[2], 1.0), 1.0), np.float64)
