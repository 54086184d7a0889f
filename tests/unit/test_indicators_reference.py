"""Published numbers, exactly as printed where they were published (METHODS 4a)."""

import numpy as np
import pytest

from indicators.conversion import rate_interval
from indicators.incidence import aalen_johansen
from indicators.intervals import WHOLE, clopper_pearson, wilson, z_value
from indicators.kaplan_meier import kaplan_meier, log_rank

# Freireich 1963: weeks in remission, 21 patients each; with 6-MP 12 are censored, with placebo none
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SIX_MP_RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_r1_remission_under_six_mp():
    curve = kaplan_meier(SIX_MP, SIX_MP_RELAPSED)
    printed = {
        6: (0.857, 0.0764),
        7: (0.807, 0.0869),
        10: (0.753, 0.0963),
        13: (0.690, 0.1068),
        16: (0.627, 0.1141),
        22: (0.538, 0.1282),
        23: (0.448, 0.1346),
    }
    assert {t: (round(curve.s[t], 3), round(curve.se[t], 4)) for t in printed} == printed
    assert curve.median() == 23


def test_r2_remission_under_placebo_and_the_log_rank_test():
    curve = kaplan_meier(PLACEBO, [1] * 21)
    assert curve.median() == 8
    assert round(curve.s[8], 3) == 0.381
    assert round(curve.s[12], 3) == 0.190
    group = [0] * 21 + [1] * 21
    assert round(log_rank(SIX_MP + PLACEBO, SIX_MP_RELAPSED + [1] * 21, group), 3) == 16.793


def test_r1_and_r2_are_the_published_data():
    """The numbers written out above are the ones that the oracle library carries."""
    datasets = pytest.importorskip("lifelines.datasets")
    data = datasets.load_leukemia()
    for rx, (times, flags) in enumerate([(SIX_MP, SIX_MP_RELAPSED), (PLACEBO, [1] * 21)]):
        arm = data[data["Rx"] == rx]
        assert sorted(zip(arm["t"], arm["status"], strict=True)) == sorted(zip(times, flags, strict=True))


def test_r3_lung_cancer():
    data = pytest.importorskip("lifelines.datasets").load_lung()
    died = (data["status"] == data["status"].max()).astype(int).to_numpy()
    curve = kaplan_meier(data["time"].astype(int).to_numpy(), died)
    assert (len(data), died.sum()) == (228, 165)
    assert curve.median() == 310
    assert curve.median_interval() == (284, 361)


def test_r4_waltons_flies_and_the_oracle_on_every_day():
    lifelines = pytest.importorskip("lifelines")
    data = pytest.importorskip("lifelines.datasets").load_waltons()
    days, flags = data["T"].astype(int).to_numpy(), data["E"].astype(int).to_numpy()
    curve = kaplan_meier(days, flags)
    assert len(data) == 163
    assert curve.median() == 56
    assert round(curve.s[10], 5) == 0.96921
    assert round(curve.s[30], 6) == 0.827224
    assert round(curve.s[60], 6) == 0.311524
    oracle = lifelines.KaplanMeierFitter().fit(days, flags).survival_function_at_times(range(len(curve.s)))
    np.testing.assert_allclose(curve.s, oracle.to_numpy(), atol=1e-12)


def test_r5_competing_ends_by_hand():
    curve = aalen_johansen([1, 2, 3, 4, 5, 6], [0, 1, 1, 2, 2, 0], 6)
    assert (curve.f2[-1], curve.f1[-1], curve.s[-1]) == pytest.approx((0.4, 0.4, 0.2), abs=1e-15)


def test_r6_ties_are_exact_and_the_same_every_time():
    times, endings = [1, 1, 2, 2, 3, 3, 3, 5, 5, 8], [1, 2, 1, 0, 1, 1, 2, 0, 2, 1]
    curve = aalen_johansen(times, endings, 8)
    printed = {1: 0.1, 2: 0.2, 3: 0.433333, 5: 0.433333, 8: 0.666667}
    assert {t: round(float(curve.f1[t]), 6) for t in printed} == printed
    assert [round(float(curve.s[t]), 5) for t in (1, 2, 3, 5)] == [0.8, 0.7, 0.35, 0.23333]
    shuffled = np.random.default_rng(1).permutation(10)
    again = aalen_johansen(np.array(times)[shuffled], np.array(endings)[shuffled], 8)
    assert again.f1.tobytes() == curve.f1.tobytes()


def bmt():
    """Bone marrow transplants (Scrucca 2007): month, status, and disease (0 = ALL, 1 = AML)."""
    data, outcome = pytest.importorskip("sksurv.datasets").load_bmt()
    status = outcome["status"].astype(int)
    return outcome["ftime"].astype(int), status, data["dis"].astype(int).to_numpy()


def test_r7_bone_marrow_transplants():
    months, status, disease = bmt()
    whole = aalen_johansen(months, status, 72)
    assert len(months) == 35
    assert [round(float(whole.f1[t]), 6) for t in (1, 5, 72)] == [0.057143, 0.204926, 0.272839]
    assert round(float(whole.f2[5]), 6) == 0.175792
    assert round(float(whole.f2[72]), 5) == 0.48127
    lymphoblastic = aalen_johansen(months[disease == 0], status[disease == 0], 72)
    assert lymphoblastic.n == 17
    assert (round(float(lymphoblastic.f1[-1]), 6), round(float(lymphoblastic.f2[-1]), 6)) == (0.176471, 0.705882)
    myeloid = aalen_johansen(months[disease == 1], status[disease == 1], 72)
    assert myeloid.n == 18
    assert (round(float(myeloid.f1[-1]), 6), round(float(myeloid.f2[-1]), 6)) == (0.368186, 0.205707)
    assert round(myeloid.variance() ** 0.5, 6) == 0.120851
    interval = rate_interval(myeloid)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.1492, 0.5917)


def test_r7_interval_of_the_lymphoblastic_group():
    """Printed by the log(-log) formula; with under 5 conversions we publish the exact interval, which is wider."""
    months, status, disease = bmt()
    curve = aalen_johansen(months[disease == 0], status[disease == 0], 72)
    f, se = float(curve.f1[-1]), curve.variance() ** 0.5
    w = 1.959963985 * se / (f * abs(np.log(f)))
    low, high = f ** np.exp(w), f ** np.exp(-w)
    assert (round(low, 4), round(high, 4)) == (0.0435, 0.3830)
    published = rate_interval(curve)
    assert published.low < low
    assert published.high > high


def test_the_oracle_agrees_on_random_data():
    sksurv = pytest.importorskip("sksurv.nonparametric")
    rng = np.random.default_rng(3)
    times, endings = rng.integers(1, 60, 400), rng.integers(0, 3, 400)
    curve = aalen_johansen(times, endings, 60)
    at, incidence = sksurv.cumulative_incidence_competing_risks(endings, times)
    np.testing.assert_allclose(curve.f1[at.astype(int)], incidence[1], atol=1e-12)
    np.testing.assert_allclose(curve.f2[at.astype(int)], incidence[2], atol=1e-12)


def test_r8_without_censoring_the_variance_is_the_binomial_one():
    rng = np.random.default_rng(5)
    for n in (1, 2, 17, 300):
        times, endings = rng.integers(0, 40, n), rng.integers(1, 3, n)
        curve = aalen_johansen(times, endings, 40)
        by_day = [curve.variance(day) for day in range(41)]
        np.testing.assert_allclose(by_day, curve.f1 * (1 - curve.f1) / n, atol=1e-14)
        assert curve.variance() == by_day[-1]


def test_r13_wilson_and_clopper_pearson():
    interval = wilson(441, 1000)
    assert (round(interval.low, 6), round(interval.high, 6)) == (0.410511, 0.471941)
    exact = clopper_pearson(4, 14)
    assert (round(exact.low, 6), round(exact.high, 6)) == (0.083889, 0.581035)


def test_intervals_of_nothing_of_all_and_of_no_trial_have_closed_forms():
    """None of n: Clopper and Pearson end at 1 - 0.025^(1/n), Wilson at z^2 / (n + z^2); all of n is the mirror, no trial the whole."""
    z2 = 1.959963985**2
    assert (clopper_pearson(0, 10).low, clopper_pearson(10, 10).high) == (0, 1)
    assert (wilson(0, 10).low, wilson(10, 10).high) == (0, 1)
    assert clopper_pearson(0, 10).high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert clopper_pearson(10, 10).low == pytest.approx(0.025 ** (1 / 10))
    assert (wilson(0, 10).high, wilson(10, 10).low) == pytest.approx((z2 / (10 + z2), 10 / (10 + z2)))
    assert wilson(0, 0) == clopper_pearson(0, 0) == WHOLE


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@pytest.mark.parametrize(
    ("counts", "sentence"), [((5, 4, 0.95), "0 <= successes <= n"), ((-1, 4, 0.95), "-1 successes")]
)
def test_impossible_counts_have_no_interval(interval, counts, sentence):
    with pytest.raises(ValueError, match=sentence):
        interval(*counts)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_share(level):
    for ask in (lambda: wilson(1, 4, level), lambda: clopper_pearson(1, 4, level), lambda: z_value(level)):
        with pytest.raises(ValueError, match="expected a share between 0 and 1"):
            ask()
    assert z_value() == pytest.approx(1.959964, abs=1e-6)


def test_a_flag_of_a_survival_curve_is_0_or_1():
    with pytest.raises(ValueError, match="a flag other than"):
        kaplan_meier([1, 2], [1, 2])


def test_graft_versus_host_disease_has_the_curves_of_the_oracle():
    """A published set with three competing ends, of which two count as one; its times are fractions of months, so their order is compared."""
    datasets = pytest.importorskip("sksurv.datasets", reason="the oracle has no wheel for this Python")
    nonparametric = pytest.importorskip("sksurv.nonparametric")
    _, outcome = datasets.load_cgvhd()
    status, (times, order) = outcome["status"], np.unique(outcome["ftime"], return_inverse=True)
    assert np.bincount(status).tolist() == [4, 86, 5, 5]
    for cause in (1, 2, 3):
        ending = np.where(status == cause, 1, np.where(status > 0, 2, 0))
        curve = aalen_johansen(order, ending, len(times) - 1)
        at, theirs = nonparametric.cumulative_incidence_competing_risks(status, outcome["ftime"])
        np.testing.assert_allclose(curve.f1[np.searchsorted(times, at)], theirs[cause], atol=1e-12)
        others = sum(theirs[other] for other in (1, 2, 3) if other != cause)
        np.testing.assert_allclose(curve.f2[np.searchsorted(times, at)], others, atol=1e-12)


def test_leaving_out_who_began_before_it_was_watched_tells_what_delayed_entry_tells():
    """Survival with AIDS of men of whom half were diagnosed before they were watched: who had died by then is not among them (METHODS 3a, 6).

    Left out, the curve is that of the estimator with delayed entry, on fewer men; watched from their diagnosis as if they had always been,
    they seem to live longer than they do.
    """
    lifelines = pytest.importorskip("lifelines", reason="the oracle has no wheel for this Python")
    men = pytest.importorskip("lifelines.datasets").load_multicenter_aids_cohort_study()
    days, died, unseen = (np.rint(365.25 * men["T"]).astype(int), men["D"].to_numpy(), men["W"].to_numpy() > 0)
    days = days.to_numpy()
    assert (len(men), int(unseen.sum()), int(died.sum())) == (78, 42, 27)
    delayed = lifelines.KaplanMeierFitter().fit(days, died, entry=np.rint(365.25 * men["W"]))
    left_out = aalen_johansen(days[~unseen], died[~unseen], 1000).s
    naive = aalen_johansen(days, died, 1000).s
    for day in (365, 548, 730, 1000):
        right = float(delayed.predict(day))
        low, high = delayed.confidence_interval_.loc[:day].iloc[-1]
        assert abs(left_out[day] - right) < (high - low) / 6
        assert naive[day] > right + 0.035
