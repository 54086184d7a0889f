"""Worlds in which partners visit the customers that are far along, and nobody else."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from indicators.inputs import NO_DAY
from indicators.leading.pipeline import Stays
from indicators.leading.series import Occurrences

MONDAY, WEEKS, PARTNERS = 20003, 104, 40
STEPS = ((0.5, 10), (0.6, 14), (0.75, 12), (0.55, 18))  # chance, and mean days of those that go on
NEVER = 10**6
QUARTERS = 8
HOW = ("alike", "keen", "few", "bursts", "growing", "campaigns")
"""How often partners visit.

alike      all the same
keen       some far more than others
few        three of 40 make two visits in three
bursts     few make most of them, and each visits a lot in one quarter of four and hardly in the others
growing    keen ones, and each grows or shrinks by a trend of its own: in lists, and once more in visits for each entry
campaigns  keen ones, in four weeks of 26, in which some take part more than others and hand in more lists too
"""


@dataclass(frozen=True)
class FarAlong:
    """`visited` and `won` [entries]: whether it ever had a visit, and whether a deal came of it."""

    question: dict[str, Any]
    visited: np.ndarray
    won: np.ndarray


def far_along(seed: int, *, how: str = "alike", effect: float = 0.0) -> FarAlong:
    """Entries are visited at random days within 60 days of an agreement, as long as they are not known to be over.

    how     one of HOW
    effect  deals that each visit brings about besides, three weeks later, at the same partner; 0: visits do nothing
    """
    chance = np.random.default_rng(seed)
    often, lists = _often(chance, how)
    listed = chance.poisson(chance.gamma(2, 0.25, PARTNERS)[:, None] * lists)
    partner, week = (np.repeat(place, listed[listed > 0]) for place in np.nonzero(listed))
    n, end = len(partner), 7 * WEEKS
    reached = np.full((n, 5), NEVER)
    reached[:, 0] = 7 * week + chance.integers(0, 7, n)
    alive = np.ones(n, bool)
    for k, (share, days) in enumerate(STEPS):
        alive &= chance.random(n) < share
        reached[alive, k + 1] = reached[alive, k] + np.rint(chance.gamma(2, days / 2, int(alive.sum())))
    newest = np.where(reached < NEVER, reached, 0).max(axis=1)
    silent = chance.random(n) < 0.35  # nobody ever closes them
    lost = np.where(alive | silent, NEVER, newest + 1 + np.rint(chance.exponential(35, n)).astype(int))
    over = np.minimum(np.minimum(reached[:, 4], lost), reached[:, 2] + 60)
    days = np.where(reached[:, 2] < NEVER, np.maximum(over - reached[:, 2], 0), 0)
    most = often.max(axis=1)
    entry = np.repeat(np.arange(n), chance.poisson(0.15 * most[partner] * days / 7))
    visit = reached[entry, 2] + np.floor(chance.random(len(entry)) * days[entry]).astype(int)
    entry, visit = entry[visit < end], visit[visit < end]
    share = often[partner[entry], visit // 7] / most[partner[entry]]
    made = chance.random(len(entry)) < share
    entry, visit = entry[made], visit[made]
    more = chance.poisson(effect, len(visit))
    deal = reached[:, 4] < end
    deals = Occurrences.of(
        np.r_[partner[deal], np.repeat(partner[entry], more)],
        MONDAY + np.r_[reached[deal, 4], np.repeat(visit, more) + 21],
    )
    known = np.where(reached < end, MONDAY + reached, NO_DAY)
    stays = Stays.of(partner, known.astype(np.int32), np.where(lost < end, MONDAY + lost, NO_DAY).astype(np.int32))
    visited = np.zeros(n, bool)
    visited[entry] = True
    question = {
        "deals": deals,
        "milestones": {},
        "activities": {"co_visit": Occurrences.of(partner[entry], MONDAY + visit)},
        "types": ["a"],
        "partner_type": np.zeros(PARTNERS, np.int64),
        "joined": np.full(PARTNERS, NO_DAY, np.int32),
        "as_of": MONDAY + end,
        "under_way": stays,
        "horizons": (4,),
        "replicates": 499,
    }
    return FarAlong(question, visited, deal)


def _often(chance: np.random.Generator, how: str) -> tuple[np.ndarray, np.ndarray]:
    """[partners, weeks] of visits for each entry, and of new entries; 1 is the usual."""
    everywhere = np.ones((PARTNERS, WEEKS))
    if how == "alike":
        return everywhere, everywhere
    few = chance.lognormal(0, 2, PARTNERS)
    keen = few / few.mean() if how in ("few", "bursts") else chance.gamma(1, 1, PARTNERS)
    often = everywhere * keen[:, None]
    if how == "bursts":
        busy = np.where(chance.random((PARTNERS, QUARTERS)) < 0.25, 3.5, 1 / 6)
        return often * np.repeat(busy, WEEKS // QUARTERS, axis=1), everywhere
    if how == "growing":
        own = 1 + chance.uniform(-0.9, 0.9, PARTNERS)[:, None] * np.linspace(-1, 1, WEEKS)
        return often * own, own
    if how == "campaigns":
        joins = chance.random(PARTNERS)[:, None]
        own = 1 - joins + joins * np.where(np.arange(WEEKS) % 26 < 4, 3.0, 0.7)
        return often * own, own
    return often, everywhere
