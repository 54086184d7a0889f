"""How the rates of a type's partners are spread: the search rests where METHODS 3d says, and small types borrow."""

import numpy as np
import pytest

from indicators.assumptions import DEFAULTS
from indicators.beta_binomial import fit_beta_binomial
from indicators.conversion import point_conversions
from indicators.curves import type_curves
from indicators.exposure import fit_exposure
from indicators.inputs import EntryTable, PartnerTable
from indicators.partner_priors import fitted_priors
from indicators.partner_rates import partner_rates, rates_given
from indicators.paths import canonical_paths
from indicators.subjects import Funnel
from indicators.tallies import Waiting, tallies_of
from tests.unit.reference.worlds import DAY0, events_of

AS_OF = 400


def world_of(sizes, rates, seed=3):
    """Partners of three types by turns, with so many entries listed over the last year that go on with these rates after 5 to 60 days."""
    rng = np.random.default_rng(seed)
    stories, owner = [], []
    for partner, (size, p) in enumerate(zip(sizes, rates, strict=True)):
        for day in rng.integers(60, AS_OF, size).tolist():
            story = [("listed", day)]
            for name in ("requested", "agreed"):
                after = day + int(rng.integers(5, 60))
                if rng.random() > p:
                    story += [("lost", after)] if rng.random() < 0.6 and after <= AS_OF else []
                    break
                day = after
                story += [(name, day)] if day <= AS_OF else []
            stories.append([at for at in story if at[1] <= AS_OF])
            owner.append(partner)
    types = ("legacy", "growth1", "growth2")
    partners = PartnerTable.of([f"p{i}" for i in range(len(sizes))], types, np.arange(len(sizes)) % 3)
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], owner)
    funnel = Funnel(canonical_paths(events_of(stories), entries, partners, DAY0 + AS_OF))
    return funnel, partners, type_curves(point_conversions(funnel, types), types)


def expected_counts(funnel, partners, curves, priors, k):
    """Of step k by partner: what has converted and is still to, at the rates that rest on these priors, and all attempts."""
    tally = tallies_of(funnel, partners, DEFAULTS)[k]
    rates = rates_given(funnel, partners, curves, priors).rate[:, k]
    open_ = Waiting.at({t: row[k] for t, row in enumerate(curves)}, partners.type, tally.waiting)
    assert open_.entries.sum() > 30
    return tally.converted + open_.expected(rates)[0], tally.attempts.astype(float)


def test_the_search_rests_where_the_spread_is_the_most_likely_one_of_the_counts_that_it_expects():
    """Also of types whose searches rest later than others beside them."""
    rng = np.random.default_rng(5)
    sizes, rates = rng.integers(20, 60, 24), rng.beta(4, 4, 24)
    rates[1::3] = 0.5  # no partner of the second type differs: its search is a long one
    case = world_of(sizes, rates)
    priors = fitted_priors(*case)
    for k in (0, 1):
        y, n = expected_counts(*case, priors, k)
        for t in range(3):
            mine, prior = case[1].type == t, priors[t][k]
            assert (prior.pooled, prior.exposure.slope) == (False, 0)
            assert (prior.a, prior.b) == pytest.approx(fit_beta_binomial(y[mine], n[mine]), rel=1e-4)


def test_where_rates_go_by_size_the_search_rests_at_the_regression_on_the_counts_that_it_expects():
    sizes = np.array([4, 7, 12, 20, 35, 60] * 12)
    case = world_of(sizes, 1 / (1 + np.exp(-0.9 * (np.log(sizes) - 2.8))))
    priors = fitted_priors(*case)
    y, n = expected_counts(*case, priors, 0)
    for t in range(3):
        mine, prior = case[1].type == t, priors[t][0]
        a, b, exposure = fit_exposure(y[mine], n[mine], prior.a, prior.b, prior.exposure.slope)
        assert prior.exposure.slope > 0.3
        assert prior.exposure.slope == pytest.approx(exposure.slope, rel=1e-3)
        assert (prior.a, prior.b) == pytest.approx((a, b), rel=1e-3)


@pytest.mark.parametrize(
    ("counts", "pooled"), [([7, 7, 6], False), ([7, 6, 6], True), ([10, 10], True), ([10, 10, 0], True)]
)
def test_three_partners_with_data_and_twenty_attempts_are_a_type_of_their_own(counts, pooled):
    many, few = [20] * 4, counts
    good, bad = [("listed", 100), ("requested", 110)], [("listed", 100), ("lost", 130)]
    stories, owner = [], []
    for partner, n in enumerate([*many, *few]):
        stories += [good if i % 2 else bad for i in range(n)]
        owner += [partner] * n
    partners = PartnerTable.of([f"p{i}" for i in range(4 + len(few))], ("legacy", "growth1"), [0] * 4 + [1] * len(few))
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], owner)
    funnel = Funnel(canonical_paths(events_of(stories), entries, partners, DAY0 + AS_OF))
    rates = partner_rates(funnel, partners, type_curves(point_conversions(funnel, partners.types), partners.types))
    assert [row[0].pooled for row in rates.priors] == [False, pooled]
