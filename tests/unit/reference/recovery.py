"""What a world of known truth shows of rates and forecasts: measured the same way by the tests and by `python -m bench.recovery`."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import DEFAULTS
from indicators.beta_binomial import fit_beta_binomial
from indicators.chances_by_rate import ChancesByRate
from indicators.conversion import conversions, point_conversions
from indicators.exposure import SIGNIFICANT, fit_exposure, score_test
from indicators.forecast import chances
from indicators.incidence import CENSORED, CONVERTED
from indicators.inputs import DEAL, NO_DAY
from indicators.lead_time import lead_times
from indicators.outlook import Outlook, outlook
from indicators.partner_priors import leaning
from indicators.subjects import STEPS, Funnel, step_name, subjects_of
from tests.unit.reference.worlds import World

ALL_HISTORY = replace(DEFAULTS, window=None, partner_window=None, replicates=400)
CUTS = (150, 365, 731)
AHEAD = (30, 60, 90)
BINS = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
WAITED = (0, 8, 16, 30)  # days
BEGAN = 731  # days of history in a world


@dataclass(frozen=True)
class Cells:
    """Conversion and lead time by type and step: whether the interval covers the truth, and how far the median is off (days)."""

    inside: list[bool]
    medians_off: list[float]
    resolved_only: list[float]  # how far won / (won + lost) is off
    rates_off: list[float]


def cells(world: World) -> Cells:
    found = Cells([], [], [], [])
    for cut in CUTS:
        paths = world.paths(min(world.as_of - BEGAN + cut, world.as_of))
        rates = {(r.type, r.step): r for r in conversions(paths, world.partners.types, ALL_HISTORY)}
        leads = {(r.type, r.step): r for r in lead_times(paths, world.partners.types, ALL_HISTORY)}
        for t, name in enumerate(world.partners.types):
            truth = world.truth["types"][name]
            for k, step in enumerate(STEPS):
                row, lead = rates[name, step_name(step)], leads[name, step_name(step)]
                right = truth["realised_eventual_cvr"][k]
                found.inside.append(row.interval.low <= right <= row.interval.high)
                if cut == CUTS[-1]:
                    subjects = subjects_of(paths, step, partner_type=t)
                    resolved = subjects.ending != CENSORED
                    found.resolved_only.append(float((subjects.ending[resolved] == CONVERTED).mean()) - right)
                    found.rates_off.append(float(row.rate) - right)
                    if lead.conversions >= 100:
                        found.medians_off.append(lead.median - truth["lead_time"][k]["median"])
    return found


def outlook_at(world: World, as_of: int) -> Outlook:
    funnel = Funnel(world.paths(as_of))
    return outlook(funnel, world.partners, point_conversions(funnel, world.partners.types, ALL_HISTORY), ALL_HISTORY)


def rate_errors(world: World) -> np.ndarray:
    """[3, 4]: root mean square error over partners, by step, of the raw share, the type's mean, and the partner's rate."""
    ahead = outlook_at(world, world.as_of)
    rates = ahead.rates
    truth = np.array([world.truth["partner_p"][i] for i in world.partner_ids])
    raw = rates.converted / np.maximum(rates.attempts, 1)
    mean = np.array([[curve.rate for curve in ahead.curves[t]] for t in world.partners.type])
    tried = rates.attempts > 0
    return np.array(
        [[float(np.sqrt(((g - truth)[tried[:, k], k] ** 2).mean())) for k in range(4)] for g in (raw, mean, rates.rate)]
    )


def interval_cover(world: World) -> float:
    """The share of partners and steps whose 80 % interval holds the true rate."""
    rates = outlook_at(world, world.as_of).rates
    truth = np.array([world.truth["partner_p"][i] for i in world.partner_ids])
    inside = (rates.low <= truth) & (truth <= rates.high)
    return float(inside[rates.attempts > 0].mean())


@dataclass(frozen=True)
class Foretold:
    """Chances of entries under way and what became of them, [entries of all origins, 3 horizons].

    `age`: days that each had waited. `unsure` [3]: the variance that the sums have because the partners' rates are estimates, as the published intervals draw them.
    """

    chance: np.ndarray
    came: np.ndarray
    age: np.ndarray
    unsure: np.ndarray

    def apart(self) -> np.ndarray:
        """[3] how many standard deviations of the forecast expected and actual sums are apart."""
        spread = np.sqrt((self.chance * (1 - self.chance)).sum(axis=0) + self.unsure)
        return (self.chance.sum(axis=0) - self.came.sum(axis=0)) / spread

    def waited(self) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """(from how many days on, expected and actual sums [3]) by how long the entries had waited where they stood."""
        bounds = (*WAITED, 10**6)
        chosen = [(low, (self.age >= low) & (self.age < high)) for low, high in itertools.pairwise(bounds)]
        return [(low, self.chance[m].sum(axis=0), self.came[m].sum(axis=0)) for low, m in chosen]

    def bins(self) -> list[tuple[int, float, float]]:
        """(entries, mean chance, share that came) by chance within 60 days."""
        q, y = self.chance[:, 1], self.came[:, 1]
        chosen = [(q >= low) & (q < high) for low, high in itertools.pairwise(BINS)]
        return [(int(m.sum()), float(q[m].mean()), float(y[m].mean())) for m in chosen if m.any()]


def foretold(world: World, origins: int = 4, apart: int = 120) -> Foretold:
    """Forecasts of entries under way on past days, the newest 90 days ago, against what the whole history tells."""
    known = world.paths()
    deal = np.full(len(world.entries), NO_DAY)
    deal[known.entry] = known.reached[:, DEAL]
    q, y, age, unsure = [], [], [], np.zeros(len(AHEAD))
    for back in range(origins):
        as_of = world.as_of - 90 - apart * back
        ahead = outlook_at(world, as_of)
        q.append(chances(ahead.under_way, ahead.ways, ahead.rates, AHEAD))
        day = deal[ahead.under_way.entry][:, None]
        y.append((day != NO_DAY) & (day <= as_of + np.array(AHEAD)[None, :]))
        age.append(ahead.under_way.age)
        unsure += _by_rates(ahead)
    return Foretold(np.concatenate(q), np.concatenate(y), np.concatenate(age), unsure)


def _by_rates(ahead: Outlook, draws: int = 200) -> np.ndarray:
    """[3] the variance of the expected sums over draws of the partners' rates."""
    kind = ahead.partners.type
    a, b = ahead.rates.spread(kind)
    found = np.zeros(len(AHEAD))
    for t, way in enumerate(ahead.ways[:-1]):
        members = np.flatnonzero(kind == t)
        by_rate = ChancesByRate(way, [table[:, list(AHEAD)] for table in way.tables], powers=1)
        for i, mine in zip(members, by_rate.of(ahead.under_way, members), strict=True):
            p = np.random.default_rng(i).beta(a[i, :, None], b[i, :, None], (len(STEPS), draws))
            found += by_rate.sums([mine], p[None])[0, 0].var(axis=1)
    return found


def of_sizes(rng: np.random.Generator, partners: int, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attempts, true rates and conversions of partners; the logit of their mean goes by the logarithm of the attempts."""
    n = np.maximum(1, np.round(np.exp(rng.normal(3, 1, partners))))
    mean = 1 / (1 + np.exp(0.4 - slope * (np.log(n) - 3)))
    p = rng.beta(12 * mean, 12 * (1 - mean))
    return n, p, rng.binomial(n.astype(int), p).astype(float)


@dataclass(frozen=True)
class BySize:
    """Rates of partners of such a world: whether it is said that they go by size, and errors [partners] without and with what is then fitted.

    `always`: with it, were it always fitted. `few`: the quarter with the fewest attempts.
    """

    said: bool
    slope: float
    without: np.ndarray
    published: np.ndarray
    always: np.ndarray
    few: np.ndarray


def by_size(rng: np.random.Generator, partners: int, slope: float) -> BySize:
    n, p, y = of_sizes(rng, partners, slope)
    a, b = fit_beta_binomial(y, n)
    without = (a + y) / (a + b + n) - p
    at_a, at_b, how = fit_exposure(y, n, a, b)
    lean, rest = leaning(at_a, at_b, how, n.astype(np.int64))
    always = (lean + y) / (lean + rest + n) - p
    said = score_test(y, n, a + b) <= SIGNIFICANT
    return BySize(said, how.slope, without, always if said else without, always, n <= np.quantile(n, 0.25))
