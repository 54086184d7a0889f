"""Quasi-Poisson ridge regressions of the weeks ahead: of many candidates, at every past week, in one go (METHODS 3k, T2).

Each is fitted to the weeks whose outcome was known by its origin, with columns standardised over just those weeks. The columns themselves
do not depend on the origin. So none is standardised: the penalty of a slope grows with its column's variance instead, which is the same
fit, and the normal equations of all origins are one product of the weights with the products of columns.
"""

from dataclasses import dataclass, replace

import numpy as np

from indicators.inputs import Flags, Floats, Ints

RIDGE = 100.0  # on standardised columns: as if a hundred deals spoke against each; two years of weeks do not bear eight free slopes
_ROUNDS, _STILL = 25, 1e-6
_FAR = 4.0  # no forecast of 50 times what ever was
_CONSTANT = 1e-12  # a variance that is no more than what rounding leaves of none


@dataclass(frozen=True, eq=False, slots=True)
class Outcomes:
    """What was to be forecast, as it was known at each origin.

    origins      [origins] weeks at which a forecast is made, the last one last
    first        the first week that is fitted to; columns and rows of the others begin there
    y, used      [origins, weeks] the sum of the weeks after each week, and 1 where the fit may use it
    level        [origins] the mean of what is used, from which regressions tell deviations
    seasonal     [origins] whether there is enough behind the origin to tell a season by
    """

    origins: Ints
    first: int
    y: Floats
    used: Floats
    level: Floats
    seasonal: Flags

    @classmethod
    def of(cls, known: Ints, origins: Ints, horizon: int, first: int, seasonal: Flags) -> "Outcomes":
        """Of `known` [weeks, weeks], as `series.vintages` gives it."""
        week = np.arange(first, origins[-1] + 1 - horizon)  # outcomes of later ones are known at no origin
        total = np.pad(np.cumsum(known[origins], axis=1), ((0, 0), (1, 0)))
        used = (week + horizon <= origins[:, None]).astype(np.float64)
        y = (total[:, week + 1 + horizon] - total[:, week + 1]) * used
        return cls(origins, first, y, used, np.maximum(y.sum(axis=1) / used.sum(axis=1), 0.1), seasonal)


@dataclass(frozen=True, eq=False, slots=True)
class Forecasts:
    """mean, scale [candidates, origins] forecast and dispersion; coefficients [candidates, origins, 1 + c + 2], a constant first.

    The constant is what comes on top of the logarithm of the origin's level.
    """

    mean: Floats
    scale: Floats
    coefficients: Floats


def forecasts(columns: Floats, season: Floats, outcomes: Outcomes, near: Floats | None = None) -> Forecasts:
    """The forecasts by columns [candidates, weeks, c] and season [weeks, 2], which count from week 0 on.

    `near` [origins, 1 + c' + 2]: coefficients of the first c' columns and the season alone, where the search begins; it ends at the same.
    A candidate's figures are the same bytes whichever others are worked out beside it.
    """
    whole = fit = _Fit.of(columns, season, outcomes)
    beta = np.zeros_like(fit.stiff)
    if near is not None:
        own = near.shape[1] - season.shape[1]
        beta[:, :, :own], beta[:, :, -season.shape[1] :] = near[:, :own], near[:, own:]
    left = np.arange(len(beta))
    for _ in range(_ROUNDS):
        after = fit.step(beta[left])
        moves = np.abs((after - beta[left]) * fit.size).max(axis=(1, 2), initial=0.0) >= _STILL
        beta[left] = after
        if not moves.any():
            break
        if not moves.all():
            left, fit = left[moves], fit.only(moves)
    mean, scale = whole.told(beta)
    return Forecasts(mean, scale, beta)


@dataclass(frozen=True, eq=False, slots=True)
class _Fit:
    """What stays the same from one round to the next.

    flat, squares    [origins, weeks] the level of the weeks that are used; y^2 over the level
    twice, freedom   [origins] twice the sum of y; degrees of freedom of the dispersion
    design, products [candidates, weeks, 1 + p] a constant and the columns; [candidates, weeks, (1 + p)^2] of each by each
    ahead            [candidates, origins, 1 + p] the design's row of each origin, by which it is forecast
    alive, both      [candidates, origins, 1 + p] which columns may tell anything; [candidates, origins, 1 + p, 1 + p] 1 where two may
    size, stiff      [candidates, origins, 1 + p] standard deviations, 1 of the constant; the penalty of a dispersion of 1
    """

    outcomes: Outcomes
    flat: Floats
    squares: Floats
    twice: Floats
    freedom: Floats
    design: Floats
    products: Floats
    ahead: Floats
    alive: Flags
    both: Floats
    size: Floats
    stiff: Floats

    @classmethod
    def of(cls, columns: Floats, season: Floats, outcomes: Outcomes) -> "_Fit":
        used, y, level = outcomes.used, outcomes.y, outcomes.level
        weeks = slice(outcomes.first, outcomes.first + used.shape[1])
        every = np.concatenate([columns, np.broadcast_to(season, (len(columns), *season.shape))], axis=2)
        every -= every[:, weeks].mean(axis=1, keepdims=True)  # near its middle at every origin, so that little cancels
        every = np.concatenate([np.ones((*every.shape[:2], 1)), every], axis=2)
        design, width = every[:, weeks], every.shape[2]
        products = (design[:, :, :, None] * design[:, :, None, :]).reshape(*design.shape[:2], width**2)
        trained = used.sum(axis=1)
        middle = used @ design / trained[:, None]
        variance = used @ design**2 / trained[:, None] - middle**2
        alive = variance > _CONSTANT * np.maximum(middle**2, 1.0)
        alive[:, :, 0] = True
        alive[:, :, -season.shape[1] :] &= outcomes.seasonal[:, None]
        variance = np.where(alive, variance, 0.0)
        stiff = np.where(alive, RIDGE * variance, 1.0)
        variance[:, :, 0], stiff[:, :, 0] = 1.0, 0.0
        both = (alive[:, :, :, None] & alive[:, :, None, :]).astype(np.float64)
        return cls(
            outcomes, used * level[:, None], y**2 / level[:, None], 2 * y.sum(axis=1), np.maximum(trained - width, 1.0),
            design, products, every[:, outcomes.origins], alive, both, np.sqrt(variance), stiff,
        )  # fmt: skip

    def only(self, candidates: Flags) -> "_Fit":
        own = ("design", "products", "ahead", "alive", "both", "size", "stiff")
        return replace(self, **{name: getattr(self, name)[candidates] for name in own})

    def step(self, beta: Floats) -> Floats:
        """The next coefficients, by iteratively reweighted least squares."""
        eta = self._eta(beta)
        times = np.exp(eta)
        weight = times * self.flat
        scale = self._scale(times, weight)
        eta -= 1.0
        eta *= weight
        eta += self.outcomes.y
        system = (weight @ self.products).reshape(self.both.shape)
        system *= self.both
        diagonal = np.einsum("...ii->...i", system)  # a view
        diagonal += scale[:, :, None] * self.stiff
        right = np.where(self.alive, eta @ self.design, 0.0)
        return np.asarray(np.linalg.solve(system, right[:, :, :, None])[:, :, :, 0], np.float64)

    def told(self, beta: Floats) -> tuple[Floats, Floats]:
        """Means of what is forecast and dispersions, both [candidates, origins]."""
        mean = self.outcomes.level * np.exp(np.clip((self.ahead * beta).sum(axis=2), -_FAR, _FAR))
        times = np.exp(self._eta(beta))
        return mean, self._scale(times, times * self.flat)

    def _eta(self, beta: Floats) -> Floats:
        """Logarithms of how many times the level is expected, [candidates, origins, weeks]."""
        eta = beta @ self.design.transpose(0, 2, 1)
        np.clip(eta, -_FAR, _FAR, out=eta)
        return eta

    def _scale(self, times: Floats, weight: Floats) -> Floats:
        """Pearson's dispersion, at least 1: counts of overlapping weeks vary no less than Poisson's."""
        chi = (self.squares / times).sum(axis=-1) - self.twice + weight.sum(axis=-1)
        return np.asarray(np.maximum(chi / self.freedom, 1.0), np.float64)
