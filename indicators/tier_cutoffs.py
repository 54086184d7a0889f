"""Which cut-offs of A and B would tell partners apart best by the deals to expect of them. A proposal: thresholds are a person's to set.

Of all pairs of cut-offs on the valid rows of the attack list, the one whose three groups differ most in expected deals of 90 days:
the largest sum of squares between groups, each of three partners or more (METHODS 3i).
"""

import itertools
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import TierRule
from indicators.inputs import Floats, Ints

FEWEST = 3


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """`explained` is the share of the differences in expected deals that lie between the groups; `today` that of the present rule."""

    type: str
    partners: int
    a_up: int
    b_up: int
    explained: float
    today: float


def proposed(name: str, valid: Ints, expected: Floats, rule: TierRule) -> Cutoffs | None:
    """For one type: `valid` rows and `expected` deals of each of its partners. None where no cut-offs make three such groups.

    Of equally good ones the lowest are proposed.
    """
    order = np.argsort(valid, kind="stable")
    rows, deals = valid[order], expected[order]
    n = len(rows)
    total = float(((deals - deals.mean()) ** 2).sum()) if n else 0.0
    if n < 3 * FEWEST or total <= 1e-12:
        return None
    sums = np.r_[0.0, np.cumsum(deals)]
    edges = [(int(v), int(np.searchsorted(rows, v))) for v in np.unique(rows) if v >= 1]
    best: tuple[float, int, int] | None = None
    for place, (b_up, low) in enumerate(edges):
        for a_up, high in edges[place + 1 :]:
            if min(low, high - low, n - high) >= FEWEST:
                share = round(_between(sums, (0, low, high, n)) / total, 9)
                if best is None or share > best[0]:
                    best = (share, a_up, b_up)
    if best is None:
        return None
    now = sorted((int(np.searchsorted(rows, rule.b_up)), int(np.searchsorted(rows, rule.a_up))))
    return Cutoffs(name, n, best[1], best[2], best[0], _between(sums, (0, *now, n)) / total)


def _between(sums: Floats, edges: tuple[int, ...]) -> float:
    """Sum of squares between groups of the values whose running sums these are."""
    mean = float(sums[-1]) / (len(sums) - 1)
    found = 0.0
    for first, last in itertools.pairwise(edges):
        if last > first:
            found += (last - first) * ((float(sums[last]) - float(sums[first])) / (last - first) - mean) ** 2
    return found
