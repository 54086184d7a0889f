"""The panel test is, number by number, what its formulas say; they are written down here as plainly as they read (METHODS 3k)."""

from dataclasses import dataclass

import numpy as np
import pytest

from indicators.leading.panel import BLOCKS, lagged
from indicators.leading.panel_scores import panel_test

REPLICATES = 1999
WIDTH, POWER = 4, 0.84


@dataclass(frozen=True)
class Plain:
    z: list
    p: float
    peak_lag: int
    effect: float
    mde: float


def demeaned(f, usable):
    """f less its partner and week means on the usable cells, by least squares on a column for each partner and each week."""
    partner, week = np.nonzero(usable)
    columns = np.column_stack(
        [partner[:, None] == np.arange(usable.shape[0]), week[:, None] == np.arange(usable.shape[1])]
    )
    values = f[usable].astype(float)
    found = np.zeros(f.shape)
    found[usable] = values - columns @ np.linalg.lstsq(columns.astype(float), values, rcond=None)[0]
    return found


def over_quarters(rest, weight, x, start, lags):
    """The root of the sum over partners and quarters of (what each adds - effect times what x says in it) squared."""
    weeks = rest.shape[1]
    own = [x[i, first:].mean() for i, first in enumerate(start)]
    added, told = {}, {}
    for i, first in enumerate(start):
        for week in range(first + 12, weeks):
            f = sum(x[i, week - lag] - own[i] for lag in lags)
            key = i, (weeks - 1 - week) // 13
            added[key] = added.get(key, 0) + rest[i, week] * f
            told[key] = told.get(key, 0) + weight[i] * f * f
    effect = sum(added.values()) / sum(told.values())
    return sum((added[key] - effect * told[key]) ** 2 for key in added) ** 0.5


def plain(y, x, start, seed):
    partners, weeks = y.shape
    usable = np.arange(weeks) >= start[:, None] + 12
    x = np.where(np.arange(weeks) >= start[:, None], x, 0)
    mu = usable.astype(float)
    for _ in range(2000):  # iterative proportional fitting to the sums over weeks, then over partners
        for axis in (1, 0):
            wanted, there = (y * usable).sum(axis=axis, keepdims=True), mu.sum(axis=axis, keepdims=True)
            mu = mu * np.divide(wanted, there, out=np.zeros_like(there), where=there > 0)
    weeks_of, mean_of_all = usable.sum(axis=1), (y * usable).sum() / usable.sum()
    weight = 2 * mean_of_all / ((y * usable).sum(axis=1) / weeks_of + mean_of_all)
    rest = demeaned(weight[:, None] * (y - mu), usable)

    def score(of_x, lags):
        return (rest * sum(lagged(of_x, lag) for lag in lags)).sum(axis=1)

    blocks = [range(low, high + 1) for low, high in BLOCKS]
    turned = np.zeros((partners, weeks, len(blocks)))
    long = weeks - start
    for turn in range(weeks):
        moved = np.zeros_like(x)
        for i, first in enumerate(start):
            moved[i, first:] = np.roll(x[i, first:], turn)
        turned[:, turn] = np.column_stack([score(moved, lags) for lags in blocks])
    own = [turned[i, : long[i]] for i in range(partners)]
    mean, sd = sum(o.mean(axis=0) for o in own), np.sqrt(sum(o.var(axis=0) for o in own))
    observed = turned[:, 0].sum(axis=0)
    chance = np.random.default_rng(seed)
    drawn = sum(o[chance.integers(0, len(o), REPLICATES)] for o in own)
    largest = ((drawn - mean) / sd).max(axis=1)
    left = [demeaned(sum(lagged(x, lag) for lag in lags), usable) for lags in blocks]
    squares = np.array([(weight[:, None] * f**2).sum() for f in left])
    fits = [
        score(x, [lag]).sum() / np.sqrt((weight[:, None] ** 2 * mu * demeaned(lagged(x, lag), usable) ** 2).sum())
        for lag in range(13)
    ]
    sd = np.maximum(sd, [over_quarters(rest, weight, x, start, lags) for lags in blocks])
    z = (observed - mean) / sd
    best = int(np.argmax(z))
    return Plain(
        z.tolist(),
        (1 + (largest >= z.max() - 1e-9).sum()) / (1 + REPLICATES),
        int(np.argmax(fits)),
        WIDTH * (observed - mean)[best] / squares[best],
        max(WIDTH * (np.quantile(largest, 0.95) + POWER) * sd / squares),
    )


def world(seed, lag=None, sign=1):
    """Partners that join at different times, some x before they do, and, where `lag` is given, more y (or less) after x."""
    chance = np.random.default_rng(seed)
    partners, weeks = 12, 45
    start = np.where(np.arange(partners) < 6, 0, chance.integers(0, 25, partners))
    level, season = chance.gamma(3, 0.4, (partners, 1)), 1 + 0.7 * np.sin(np.arange(weeks) / 7)
    x = chance.poisson(np.broadcast_to(chance.gamma(2, 0.3, (partners, 1)) * season, (partners, weeks)))
    y = chance.poisson(level * season)
    if lag is not None and sign > 0:
        y = y + lagged(chance.poisson(1.2 * x), lag)
    elif lag is not None:
        y = np.maximum(y - lagged(2 * x, lag), 0)
    return y, x, start


@pytest.mark.parametrize(
    ("seed", "lag", "sign"), [(1, 0, 1), (2, 1, 1), (3, 6, 1), (4, 12, 1), (5, None, 1), (6, 3, -1)]
)
def test_every_number_of_the_panel_test_is_that_of_its_formula(seed, lag, sign):
    y, x, start = world(seed, lag, sign)
    found, expected = panel_test(y, x, start, seed="s"), plain(y, x, start, seed)
    assert found.z == pytest.approx(expected.z, abs=1e-5)
    assert found.effect == pytest.approx(expected.effect, rel=1e-5)
    assert found.peak_lag == expected.peak_lag
    assert found.p == pytest.approx(expected.p, abs=0.03)
    assert found.mde == pytest.approx(expected.mde, rel=0.03)  # each by its own draws
    if lag is not None and sign > 0:
        assert found.peak_lag == lag


def test_fewer_deals_after_visits_are_no_lead():
    """One-sided: what drives deals away is no leading indicator of them."""
    y, x, start = world(7, 3, -1)
    found = panel_test(y, x, start, seed="s")
    assert min(found.z) < -2.5
    assert found.p > 0.5


def test_turns_that_fit_just_as_well_speak_against_a_lead():
    """Visits every eight weeks, deals the week after: two of eight turns fit as well as what was seen."""
    x, y = np.zeros((2, 68), int), np.ones((2, 68), int)
    x[0, 4::8], y[0, 5::8] = 1, 5
    found = panel_test(y, x, np.zeros(2, int), seed="s")
    assert found.z[0] > 1
    assert found.p == pytest.approx(0.25, abs=0.04)
    assert found.peak_lag == 1  # and not 9, which fits alike


def test_the_lag_is_that_of_the_score_over_its_spread():
    """Visits come in a burst and deals in another, so that lags differ in what they are measured against."""
    lags = set()
    for seed in range(12):
        y, x, start = world(seed)
        chance = np.random.default_rng(seed)
        x[:, -5:] += chance.poisson(6, (len(x), 5))
        y[:, 16:22] += chance.poisson(8, (len(y), 6))
        expected = plain(y, x, start, seed)
        assert panel_test(y, x, start, seed="s", replicates=49).peak_lag == expected.peak_lag
        lags.add(expected.peak_lag)
    assert len(lags) > 3


def test_what_is_counted_lies_within_the_windows():
    weeks = 50
    y, x = np.zeros((4, weeks), int), np.zeros((4, weeks), int)
    x[0, 20], y[0, 30] = 3, 2
    x[1, 5], y[1, 44] = 1, 1  # x before its window
    x[2, 40] = 4  # no y
    y[3, 41] = 5  # no x
    found = panel_test(y, x, np.array([10, 10, 20, 0]), seed="s")
    assert (found.n_x, found.n_y, found.partners, found.usable_weeks) == (7, 8, 1, weeks - 12)
    assert panel_test(y[:3], x[:3], np.array([10, 10, 20]), seed="s").usable_weeks == weeks - 22


def test_the_pace_tells_what_effect_more_weeks_would_show():
    """After n weeks the smallest visible effect is about pace / sqrt(n)."""
    chance = np.random.default_rng(1)
    y, x = chance.poisson(0.8, (40, 212)), chance.poisson(0.5, (40, 212))
    found = panel_test(y, x, np.zeros(40, int), seed="s")
    assert found.pace / found.usable_weeks**0.5 == pytest.approx(found.mde, rel=0.15)
