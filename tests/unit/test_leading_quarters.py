"""How far chance carries the panel statistic: over quarters, and not only over turns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.leading.panel import BLOCKS, Counted, Panel
from indicators.leading.panel_scores import panel_test, turns
from indicators.leading.quarters import QUARTER, by_quarter, spread_over_quarters, weeks_before

WEEKS, PARTNERS = 104, 60


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 4), st.integers(13, 45))
def test_quarters_add_what_counting_week_by_week_gives(seed, partners, weeks):
    chance = np.random.default_rng(seed)
    panel = Panel.of(chance.integers(0, weeks, partners), weeks)
    x = chance.poisson(1, (partners, weeks)) * panel.active
    rest = chance.normal(size=(partners, weeks)) * panel.usable
    before = weeks_before(x.astype(float), panel.active, BLOCKS)
    found = spread_over_quarters(rest, before, by_quarter(before**2 * panel.usable))
    for block, (low, high) in enumerate(BLOCKS):
        added, told = {}, {}
        for p in range(partners):
            mean = x[p, panel.start[p] :].mean() if panel.start[p] < weeks else 0
            for t in np.flatnonzero(panel.usable[p]):
                f = sum(x[p, t - lag] - mean for lag in range(low, high + 1))
                key = p, (weeks - 1 - t) // QUARTER
                added[key] = added.get(key, 0) + rest[p, t] * f
                told[key] = told.get(key, 0) + f * f
        total = sum(told.values())
        effect = sum(added.values()) / total if total > 1e-9 else 0
        assert found[block] == pytest.approx(sum((added[k] - effect * told[k]) ** 2 for k in added) ** 0.5, abs=1e-6)


def test_the_quarters_add_up_to_the_statistic_that_was_observed():
    chance = np.random.default_rng(1)
    panel = Panel.of(chance.integers(0, 30, PARTNERS), WEEKS)
    of, by = (Counted(panel, chance.poisson(1, (PARTNERS, WEEKS))) for _ in range(2))
    tables = turns(of, by)
    above = sum(table[:, :, 0].sum(axis=1) - table.mean(axis=2).sum(axis=1) for table in tables)
    np.testing.assert_allclose((of.rest * by.before).sum(axis=(1, 2)), above, atol=1e-6)


def ratio(of, by):
    over_turns = sum(table.var(axis=2).sum(axis=1) for table in turns(of, by)) ** 0.5
    return spread_over_quarters(of.rest, by.before, by.squares) / over_turns


def test_where_weeks_are_alike_quarters_and_turns_agree():
    chance = np.random.default_rng(2)
    panel = Panel.of(np.zeros(PARTNERS, int), WEEKS)
    found = [ratio(*(Counted(panel, chance.poisson(1, (PARTNERS, WEEKS))) for _ in range(2))) for _ in range(10)]
    np.testing.assert_allclose(np.mean(found, axis=0), 1, atol=0.1)


def together(chance):
    """Two series of chance alone, busy at the same partner in the same quarters."""
    busy = np.repeat(np.where(chance.random((PARTNERS, 8)) < 0.25, 3.5, 1 / 6), QUARTER, axis=1)
    # each week's level is the same for both, whether it is up or down is not
    return (np.rint(3 + busy * chance.choice([-0.8, 0.8], busy.shape)).astype(int) for _ in range(2))


def test_where_both_are_busy_in_the_same_quarters_quarters_lie_further_apart_than_turns():
    chance = np.random.default_rng(3)
    panel = Panel.of(np.zeros(PARTNERS, int), WEEKS)
    found = [ratio(*(Counted(panel, series) for series in together(chance))) for _ in range(10)]
    near, further, _ = np.mean(found, axis=0)  # the last block reaches into the quarter before
    assert near > 1.4
    assert further > 1.2


def test_chance_in_the_same_quarters_is_not_said_to_lead():
    chance = np.random.default_rng(4)
    found = [panel_test(*together(chance), np.zeros(PARTNERS, int), seed="s", replicates=199).p for _ in range(100)]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 2 * (0.05 * 0.95 / 100) ** 0.5
