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


@dataclass(frozen=True)
class FarAlong:
    """`visited` and `won` [entries]: whether it ever had a visit, and whether a deal came of it."""

    question: dict[str, Any]
    visited: np.ndarray
    won: np.ndarray


def far_along(seed: int, *, keen: bool = False, effect: float = 0.0) -> FarAlong:
    """Entries are visited at random days within 60 days of an agreement, as long as they are not known to be over.

    keen    some partners visit far more than others
    effect  deals that each visit brings about besides, three weeks later, at the same partner; 0: visits do nothing
    """
    chance = np.random.default_rng(seed)
    listed = chance.poisson(chance.gamma(2, 0.25, PARTNERS)[:, None], (PARTNERS, WEEKS))
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
    often = 0.15 * (chance.gamma(1, 1, PARTNERS)[partner] if keen else 1)
    entry = np.repeat(np.arange(n), chance.poisson(often * days / 7))
    visit = reached[entry, 2] + np.floor(chance.random(len(entry)) * days[entry]).astype(int)
    entry, visit = entry[visit < end], visit[visit < end]
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
