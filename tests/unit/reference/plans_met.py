"""Of plans that were told a chance on past days, how many were met: measured the same way by the tests and by `python -m bench.recovery`."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from indicators.inputs import DEAL, MILESTONES
from indicators.landings import coming, landings
from indicators.month import Month
from indicators.plan_actual import reached_between
from tests.unit.reference.recovery import outlook_at
from tests.unit.reference.worlds import World

BINS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)
SIZES = (0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)  # of what is expected: plans from sure to hopeless
OVER = (5, 15, 25)  # days of the month that are over


@dataclass(frozen=True)
class Told:
    """A row a plan: the milestone, the chance told, whether it was met; and a row a landing: whether the 80 % interval held the count."""

    milestone: np.ndarray
    chance: np.ndarray
    met: np.ndarray
    inside: np.ndarray

    def bins(self) -> list[tuple[int, float, float]]:
        """(plans, mean chance, share met) by chance."""
        chosen = [(self.chance >= low) & (self.chance < high) for low, high in itertools.pairwise(BINS)]
        return [(int(m.sum()), float(self.chance[m].mean()), float(self.met[m].mean())) for m in chosen if m.any()]

    def by_milestone(self) -> list[tuple[str, float, float]]:
        """(milestone, mean chance, share met)."""
        rows = [(MILESTONES[k].value, self.milestone == k) for k in range(DEAL + 1)]
        return [(name, float(self.chance[m].mean()), float(self.met[m].mean())) for name, m in rows]


def plans_told(world: World, origins: int = 4, apart: int = 120) -> Told:
    """Months that were partly over on past days, for each type and all: plans of several sizes against what the whole history tells."""
    known, kinds = world.paths(), len(world.partners.types)
    milestone, chance, met, inside = [], [], [], []
    for back, over in itertools.product(range(origins), OVER):
        as_of = world.as_of - 60 - apart * back
        month = Month(as_of - over + 1, as_of - over + 30)
        ahead = outlook_at(world, as_of)
        actual, came = (
            np.stack([reached_between(paths, month.start, month.end, at) for at in range(kinds)], axis=1)
            for paths in (ahead.paths, known)
        )
        soon = coming(ahead, month.end)
        free = landings(soon, actual, [[None] * 5] * kinds, [None] * 5)
        ends = [*came.T, came.sum(axis=1)]
        inside += [low <= n <= high for one, end in zip(free, ends, strict=True) for low, n, high in zip(one.low, end, one.high, strict=True)]  # fmt: skip
        for size in SIZES:
            plans = [[float(max(1, math.ceil(n * size))) for n in one.reached] for one in free]
            for one, plan, end in zip(landings(soon, actual, plans[:-1], plans[-1]), plans, ends, strict=True):
                milestone += range(DEAL + 1)
                chance += one.chance
                met += [n >= wanted for n, wanted in zip(end, plan, strict=True)]
    return Told(np.array(milestone), np.array(chance, float), np.array(met, bool), np.array(inside, bool))


def together(told: list[Told]) -> Told:
    """Of several worlds."""
    names = ("milestone", "chance", "met", "inside")
    return Told(*(np.concatenate([getattr(one, name) for one in told]) for name in names))
