"""Which partner is the best, as far as can be told: chances of rank from what each partner's rate may be (METHODS 3d).

A list by estimated rate puts partners first that a few entries favoured. So every rate is drawn from its Beta distribution, partners are
put in order anew with each draw, and how often one comes first is its chance of being first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from indicators.bootstrap import generator
from indicators.inputs import Floats

DRAWS = 4000
_AT_MOST = (
    8_000_000  # partners x draws: beyond two thousand partners there are fewer draws, and memory stays where it is
)
_FEWEST = 200
TOP = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class Ranking:
    """Columns [partners], of the partners that were compared.

    best      chance of having the highest rate of all; they sum to 1
    top       chance of being among the best fifth, `places` partners (rounded up); they sum to `places`
    expected  the rank to expect, 1 for the best
    """

    best: Floats
    top: Floats
    expected: Floats
    places: int
    draws: int


def ranking(a: Floats, b: Floats, ids: Sequence[str], *, seed: str, draws: int = DRAWS) -> Ranking:
    """Of partners whose rate is the product of Beta(a, b) over the last axis [partners, steps]. The same seed gives the same bytes.

    A partner's own draws depend on its id alone, so that neither the order of partners nor who else is compared changes them. Where two
    are alike in a draw they share the rank. ValueError where shapes differ or nobody is given.
    """
    if a.shape != b.shape or len(a) != len(ids) or not len(ids):
        raise ValueError(f"a is {a.shape}, b is {b.shape}, of partners {len(ids)}; expected one partner a row of each")
    n = len(ids)
    draws = min(draws, max(_FEWEST, _AT_MOST // n))
    rates = np.empty((n, draws))
    for i, name in enumerate(ids):
        rates[i] = generator(seed, name).beta(a[i], b[i], (draws, a.shape[1])).prod(axis=1)
    first, last = (rankdata(-rates, method, axis=0) for method in ("min", "max"))
    alike = last - first + 1
    places = -(-n // round(1 / TOP))

    def among(most: int) -> Floats:
        return np.asarray((np.clip(most + 1 - first, 0, alike) / alike).mean(axis=1), np.float64)

    return Ranking(among(1), among(places), np.asarray(((first + last) / 2).mean(axis=1), np.float64), places, draws)
