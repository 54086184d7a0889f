"""What the entries of one partner are likely to do, for draws of the partner's rates.

Of an entry that has stood at a milestone for so many days the chance goes by the rate of its next step, and by those of the steps after it as a
factor. The first is worked out for rates from 0 to 1 in steps of a hundredth; between them it is a straight line.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indicators.forecast import WayTables
from indicators.happenings import FEW, POWERS, Happenings
from indicators.inputs import Floats, Ints
from indicators.open_entries import OpenEntries

_NODES = 101


class ChancesByRate:
    """Chances of a partner's entries, and their powers, at each rate from 0 to 1, if later steps were always taken.

    `reaches` holds for each milestone the columns [days, m] of its table that are asked for; `powers` is how many powers are summed.
    """

    def __init__(self, way: WayTables, reaches: Sequence[Floats], powers: int = POWERS) -> None:
        nodes = np.linspace(0.0, 1.0, _NODES)[None, :]
        self.days = way.converters.shape[1]
        self.width, self.powers = reaches[0].shape[1], powers
        self.shares, self.reaches, self.cells = [], reaches, []
        for k, reach in enumerate(reaches):
            both = nodes * way.converters[k][:, None] + (1 - nodes) * way.others[k][:, None]
            share = np.divide(np.broadcast_to(nodes, both.shape), both, out=np.zeros_like(both), where=both > 0)
            self.shares.append(share)
            chance = np.minimum(share[:, None, :] * reach[:, :, None], 1.0)
            raised = [chance]
            for _ in range(1, powers):
                raised.append(raised[-1] * chance)
            self.cells.append(np.concatenate(raised, axis=1))

    def of(self, open_now: OpenEntries, members: Ints) -> Iterator["OfPartner"]:
        """For each of the partners `members`, in order.

        Each partner's own ages are summed in their order, so that no other partner matters to it.
        """
        mine = np.flatnonzero(np.isin(open_now.partner, members) & (open_now.age < self.days - 1))
        key = (open_now.partner[mine] * len(self.cells) + open_now.milestone[mine]) * self.days + open_now.age[mine]
        cells, counts = np.unique(key, return_counts=True)
        bounds = np.searchsorted(
            cells, np.arange(len(self.cells) + 1) * self.days + members[:, None] * len(self.cells) * self.days
        )
        ages = cells % self.days
        for row in bounds:
            spans = [slice(begin, end) for begin, end in itertools.pairwise(row.tolist())]
            yield OfPartner(self, [ages[span] for span in spans], [counts[span] for span in spans])


@dataclass(frozen=True, eq=False, slots=True)
class OfPartner:
    """One partner's entries by milestone: the days they have stood there, and how many have stood as long."""

    by_rate: ChancesByRate
    ages: list[Ints]
    counts: list[Ints]

    def __len__(self) -> int:
        return sum(int(counts.sum()) for counts in self.counts)

    def sums(self, p: Floats) -> Floats:
        """[powers, m, draws] sums of the chances and of their powers, for drawn rates `p` [draws, steps up to the milestone asked for]."""
        by_rate = self.by_rate
        found = np.zeros((by_rate.powers, by_rate.width, len(p)))  # draws lie side by side, which is quicker by half
        for k, (ages, counts) in enumerate(zip(self.ages, self.counts, strict=True)):
            if not len(ages):
                continue
            table = (by_rate.cells[k][ages] * counts[:, None, None]).sum(axis=0)
            values, rest = _at(table, p, k)
            factor = rest
            for power in range(by_rate.powers):
                found[power] += factor * values[power * by_rate.width : (power + 1) * by_rate.width]
                factor = factor * rest
        return found

    def each(self, p: Floats) -> Floats:
        """[entries, m, draws] the chance of each, for drawn rates `p`."""
        by_rate, found = self.by_rate, []
        for k, (ages, counts) in enumerate(zip(self.ages, self.counts, strict=True)):
            if len(ages):
                shares, rest = _at(by_rate.shares[k][ages], p, k)
                shares *= rest
                each = np.minimum(shares[:, None] * by_rate.reaches[k][ages][:, :, None], 1.0)
                found.append(each if counts.max() == 1 else np.repeat(each, counts, axis=0))
        return np.concatenate(found) if found else np.zeros((0, by_rate.width, len(p)))


def _at(table: Floats, p: Floats, k: int) -> tuple[Floats, Floats]:
    """`table` [.., nodes] at the rates of step k [.., draws], and the factor of the steps after it [draws]."""
    at = p[:, k] * (_NODES - 1)
    left = np.minimum(at.astype(np.int64), _NODES - 2)
    slope = at - left
    values, after = table.take(left, axis=-1), table.take(left + 1, axis=-1)
    after -= values
    after *= slope
    values += after
    return values, p[:, k + 1 :].prod(axis=1)


class Gathered:
    """What many partners' entries are likely to do together; every chance is kept as long as they are few."""

    def __init__(self, draws: int) -> None:
        self._sums, self._each, self._count = np.zeros((POWERS, draws)), [np.zeros((0, draws))], 0

    def add(self, mine: OfPartner, p: Floats) -> None:
        """The entries of one more partner, for its drawn rates; of the first column asked for."""
        self._count += len(mine)
        self._sums += mine.sums(p)[:, 0]
        if self._count <= FEW:
            self._each.append(mine.each(p)[:, 0])

    @property
    def happenings(self) -> Happenings:
        """All of them."""
        return Happenings(self._sums, np.concatenate(self._each) if self._count <= FEW else None)
