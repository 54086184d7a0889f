"""The backtest is, number by number, what its formulas say: one origin at a time, with what was known then (METHODS 3k, T2)."""

import numpy as np
import pytest
from scipy import stats

from indicators.leading.backtest import Deals, Skill, backtest, baseline, block_features
from indicators.leading.ridge import RIDGE
from indicators.leading.scores import diebold_mariano
from tests.unit.reference.plain_regression import plain_forecast

YEAR_OF_WEEKS = 365.25 / 7


def features(known):
    def of(week, low, high):
        return known[week, max(week + 1 - high, 0) : max(week + 2 - low, 0)].sum()

    return np.log1p([[of(week, 1, 4), of(week, 5, 8), of(week, 9, 12)] for week in range(len(known))])


def deviance(y, m):
    m = np.maximum(m, 0.05)
    return 2 * ((y * np.log(np.where(y > 0, y, 1) / m)) - (y - m))


def spread_scores(y, mean, over):
    """CRPS and pinball losses of the negative binomial of that mean and variance over x mean."""
    found = []
    for actual, m, d in zip(y, np.maximum(mean, 0.05), over, strict=True):
        k = np.arange(int(max(actual, m + 14 * (d * m) ** 0.5)) + 50)
        cdf = stats.nbinom.cdf(k, m / (d - 1), 1 / d) if d > 1 + 1e-9 else stats.poisson.cdf(k, m)
        low, high = ((actual - q, share) for q, share in ((np.argmax(cdf >= s), s) for s in (0.1, 0.9)))
        found.append([((cdf - (k >= actual)) ** 2).sum(), *(max(s * gap, (s - 1) * gap) for gap, s in (low, high))])
    return np.array(found).sum(axis=0)


def plain(known, x, h):
    weeks, final = len(known), known[-1]
    origins = range(11 + 40 - 1 + h, weeks - h)
    y = np.array([final[o + 1 : o + 1 + h].sum() for o in origins])
    made = {
        "last_4_weeks": [known[o, o - 3 : o + 1].sum() * h / 4 for o in origins],
        "mean_12_weeks": [known[o, o - 11 : o + 1].sum() * h / 12 for o in origins],
    }
    if weeks >= 104:
        made["last_year"] = [known[o, o + 1 - 52 : o + 1 - 52 + h].sum() for o in origins]
    turn = 2 * np.pi * np.arange(weeks) / YEAR_OF_WEEKS
    season = np.column_stack([np.sin(turn), np.cos(turn)])

    def regression(columns):
        found = []
        for o in origins:
            rows = np.arange(11, o - h + 1)
            past = np.array([known[o, week + 1 : week + 1 + h].sum() for week in rows])
            own = np.column_stack([columns, season * (o + 1 >= 78)])[np.r_[rows, o]]
            found.append(plain_forecast(own, past))
        return np.array(found).T

    made["own_lags"], lent = regression(features(known))
    made = {name: np.asarray(m, float) for name, m in made.items()}
    loss = {name: deviance(y, m) for name, m in made.items()}
    best = min(loss, key=lambda name: loss[name].sum())
    mean, over = regression(np.column_stack([features(known), features(x)]))
    mine, theirs = spread_scores(y, mean, over), spread_scores(y, made[best], lent)
    sums = [final[w : w + h].sum() for w in range(12, weeks - h + 1)]
    naive = np.mean([abs(b - a) for a, b in zip(sums, sums[h:], strict=False)])
    test = diebold_mariano(deviance(y, mean), loss[best], h)
    skills = 1 - mine / theirs
    return Skill(
        h, len(y), best, 1 - deviance(y, mean).sum() / loss[best].sum(), skills[0], np.abs(y - mean).mean() / naive,
        skills[1], skills[2], test.statistic, test.p,
    )  # fmt: skip


def typed_in(final, chance):
    """[weeks, weeks]: the newest week is half typed in at its end, the one before it all but some."""
    known = np.tril(np.broadcast_to(final, (len(final), len(final))))
    week = np.arange(len(final))
    known[week, week] //= 2
    known[week[1:], week[:-1]] -= chance.binomial(final[:-1], 0.1)
    return known


def world(name, weeks):
    chance = np.random.default_rng(11)
    week = np.arange(weeks)
    level = {
        "steady": 12 * np.ones(weeks),
        "risen": np.where(week < 70, 10, 60),
        "jumping": np.where(week % 40 < 20, 5, 40),
        "creeping": 30 * np.exp(np.cumsum(chance.normal(0, 0.08, weeks))),
        "every year alike": 4 + 60 * (week % 52 % 13 < 3),
        "seasonal": 25 * np.exp(0.8 * np.sin(2 * np.pi * week / YEAR_OF_WEEKS)),
    }[name]
    final = chance.poisson(level)
    x = chance.poisson(np.r_[level[3:], level[-3:]] / 2)
    return typed_in(final, chance), typed_in(x, chance)


@pytest.mark.parametrize(
    ("name", "weeks", "horizon", "best"),
    [
        ("steady", 96, 4, "mean_12_weeks"),
        ("risen", 100, 8, "last_4_weeks"),
        ("jumping", 100, 4, "own_lags"),
        ("creeping", 112, 8, "mean_12_weeks"),
        ("every year alike", 104, 4, "last_year"),
        ("every year alike", 103, 4, "own_lags"),
        ("seasonal", 96, 4, "own_lags"),
        ("seasonal", 140, 12, "last_year"),
    ],
)
def test_every_number_of_the_backtest_is_that_of_its_formula(name, weeks, horizon, best):
    known, x = world(name, weeks)
    deals = Deals(known)
    found, expected = backtest(deals, block_features(x), baseline(deals, horizon)), plain(known, x, horizon)
    assert found.baseline == expected.baseline == best
    assert found.origins == expected.origins
    for figure in ("deviance", "crps", "mase", "pinball_10", "pinball_90", "dm", "p"):
        assert getattr(found, figure) == pytest.approx(getattr(expected, figure), rel=1e-5, abs=1e-9), figure


def test_slopes_bear_a_penalty_of_a_hundred_deals():
    """A free fit of two years of weeks by eight columns follows noise; the measured skills in docs/indicators.md are with this one."""
    assert RIDGE == 100.0


def test_twelve_origins_are_graded_and_eleven_are_not():
    for weeks, testable in ((11 + 40 - 1 + 4 + 12 + 4, True), (11 + 40 - 1 + 4 + 11 + 4, False)):
        known, x = world("steady", weeks)
        deals = Deals(known)
        assert backtest(deals, block_features(x), baseline(deals, 4)).testable is testable
