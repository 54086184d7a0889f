"""How far chance carries the panel statistic where busy weeks of x and of y fall together: as far as its quarters lie apart (T1).

Turning x round spreads its busy weeks over the whole window. Where visits and deals both come in bursts, at few partners or while
much is under way, chance carries the statistic further than the turns tell, though neither follows the other. So the spread is also
measured on the data as they lie: what each partner's each quarter adds to the statistic, squared and summed, whatever happens inside a
quarter (the cluster-robust variance of Liang and Zeger 1986). As in Romano and Tirlea (2022), who studentise permutations of
dependent series, the statistic is set against a spread that holds under dependence; here against the larger of the two.
"""

from collections.abc import Sequence

import numpy as np

from indicators.inputs import Flags, Floats

QUARTER = 13
_CUTOFF = 1e-9


def weeks_before(told: Floats, active: Flags, blocks: Sequence[tuple[int, int]]) -> Floats:
    """[blocks, partners, weeks]: the sum of what x told in the weeks of a block before each, over and above the partner's mean."""
    mean = (told * active).sum(axis=1, keepdims=True) / np.maximum(active.sum(axis=1, keepdims=True), 1)
    longest = max(high for _, high in blocks)
    partners, n = told.shape
    total = np.zeros((partners, longest + 1 + n))
    np.cumsum((told - mean) * active, axis=1, out=total[:, longest + 1 :])

    def up_to(lag: int) -> Floats:
        at = longest + 1 - lag
        return total[:, at : at + n]

    return np.stack([up_to(low) - up_to(high + 1) for low, high in blocks])


def spread_over_quarters(rest: Floats, before: Floats, squares: Floats) -> Floats:
    """[blocks]: the root of the summed squares of what every partner's every quarter, counted from the last week back, adds to the statistic.

    Less what it would add if each x were followed by as many y everywhere: an effect is no chance.

    rest      [partners, weeks] what is left of y beyond what was expected, by its weight, on the usable cells
    before    what `weeks_before` gives of x
    squares   `by_quarter` of the squares of that on the usable cells, by the same weights
    """
    added = by_quarter(before * rest)
    total = squares.sum(axis=(1, 2))
    effect = np.divide(added.sum(axis=(1, 2)), total, out=np.zeros(len(before)), where=total > _CUTOFF)
    apart = added - effect[:, None, None] * squares
    return np.asarray(np.sqrt(np.einsum("bpq,bpq->b", apart, apart)), np.float64)


def by_quarter(f: Floats) -> Floats:
    """[blocks, partners, quarters]: sums over 13 weeks each; the first quarter may be shorter."""
    weeks = f.shape[2]
    first = weeks % QUARTER or QUARTER
    return np.asarray(np.add.reduceat(f, [*range(min(1, weeks)), *range(first, weeks, QUARTER)], axis=2), np.float64)
