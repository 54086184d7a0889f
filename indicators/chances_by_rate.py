"""What the entries of partners are likely to do, for draws of the partners' rates.

Of an entry that has stood at a milestone for so many days the chance goes by the rate of its next step, and by those of the steps after it as a
factor (`forecast`). Where many chances are summed, the first is worked out for rates from 0 to 1 in steps of a hundredth; between them the sum is
a straight line.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indicators.forecast import WayTables
from indicators.happenings import FEW, POWERS, Happenings
from indicators.inputs import Floats, Ints
from indicators.open_entries import OpenEntries

F = TypeVar("F", np.float32, np.float64)
_NODES = 101
_SEVERAL = 255  # entries drawn at once: a count that one byte holds
_NEVER = 1e-30  # a rate that is none


class ChancesByRate:
    """Chances of entries, and their powers, at each rate from 0 to 1, if later steps were always taken.

    `reaches` holds for each milestone the columns [days, m] of its table that are asked for; `powers` is how many powers are summed.
    """

    def __init__(self, way: WayTables, reaches: Sequence[Floats], powers: int = POWERS) -> None:
        self.days = way.converters.shape[1]
        self.width, self.powers = reaches[0].shape[1], powers
        self.way, self.reaches = way, reaches
        self.possible = np.array([reach.any(axis=1) for reach in reaches])

    @cached_property
    def cells(self) -> list[Floats]:
        """For each milestone [ages with any chance, powers * m, nodes] the powers of the chance at each rate."""
        nodes, found = np.linspace(0.0, 1.0, _NODES), []
        for k, reach in enumerate(self.reaches):
            ages = np.flatnonzero(self.possible[k])
            both = _both(self.way, k, ages, nodes)
            share = np.divide(np.broadcast_to(nodes, both.shape), both, out=np.zeros_like(both), where=both > 0)
            chance = np.minimum(share[:, None, :] * reach[ages][:, :, None], 1.0)
            raised = [chance]
            for _ in range(1, self.powers):
                raised.append(raised[-1] * chance)
            found.append(np.concatenate(raised, axis=1))
        return found

    def of(self, open_now: OpenEntries, members: Ints) -> Iterator["OfPartner"]:
        """For each of the partners `members`, in order.

        Each partner's own ages are summed in their order, so that no other partner matters to it. Entries without any chance are left out.
        """
        mine = np.flatnonzero(np.isin(open_now.partner, members) & (open_now.age < self.days - 1))
        mine = mine[self.possible[open_now.milestone[mine], open_now.age[mine]]]
        key = (open_now.partner[mine] * len(self.reaches) + open_now.milestone[mine]) * self.days + open_now.age[mine]
        cells, counts = np.unique(key, return_counts=True)
        bounds = np.searchsorted(
            cells, np.arange(len(self.reaches) + 1) * self.days + members[:, None] * len(self.reaches) * self.days
        )
        ages = cells % self.days
        for row in bounds:
            spans = [slice(begin, end) for begin, end in itertools.pairwise(row.tolist())]
            yield OfPartner(self, [ages[span] for span in spans], [counts[span] for span in spans])

    def sums(self, partners: Sequence["OfPartner"], p: Floats) -> Floats:
        """[partners, powers, m, draws] sums of the chances of each partner's entries, and of their powers.

        `p` [partners, steps up to the milestone asked for, draws] are the drawn rates.
        """
        draws = p.shape[2]
        found = np.zeros((len(partners), self.powers, self.width, draws))
        for k in range(len(self.reaches)):
            there = [i for i, one in enumerate(partners) if len(one.ages[k])]
            if not there:
                continue
            values = _between(self._tables(k, [partners[i] for i in there]), p[there, k]).reshape(
                len(there), self.powers, self.width, draws
            )
            rest = p[there, k + 1 : len(self.reaches)].prod(axis=1)[:, None]
            factor = rest
            for power in range(self.powers):
                values[:, power] *= factor
                factor = factor * rest
            found[there] += values
        return found

    def _tables(self, k: int, partners: Sequence["OfPartner"]) -> Floats:
        """[partners, powers * m, nodes] sums over each partner's entries at milestone k, of which each has some, at each rate."""
        ages = [one.ages[k] for one in partners]
        place = np.cumsum(self.possible[k]) - 1
        told = self.cells[k][place[np.concatenate(ages)]]
        told *= np.concatenate([one.counts[k] for one in partners])[:, None, None]
        return np.asarray(np.add.reduceat(told, np.cumsum([0, *map(len, ages[:-1])]), axis=0), np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class OfPartner:
    """One partner's entries by milestone: the days they have stood there, and how many have stood as long."""

    by_rate: ChancesByRate
    ages: list[Ints]
    counts: list[Ints]

    def __len__(self) -> int:
        return sum(int(counts.sum()) for counts in self.counts)

    def each(self, p: Floats) -> Floats:
        """[entries, m, draws] the chance of each, for drawn rates `p` [steps, draws]."""
        by_rate, found = self.by_rate, [np.zeros((0, self.by_rate.width, p.shape[1]))]
        for k, ages in self._one_by_one():
            through = p[k : len(by_rate.reaches)].prod(axis=0)
            both = _both(by_rate.way, k, ages, p[k])
            share = np.divide(np.broadcast_to(through, both.shape), both, out=np.zeros_like(both), where=both > 0)
            found.append(np.minimum(share[:, None] * by_rate.reaches[k][ages][:, :, None], 1.0))
        return np.concatenate(found)

    def drawn(self, rng: np.random.Generator, p: Floats) -> Ints:
        """[m, draws] of how many the chance comes true. What does so in one column does so in all whose chance is no smaller."""
        by_rate, found = self.by_rate, np.zeros((self.by_rate.width, p.shape[1]), np.int64)
        for k, every in self._one_by_one():
            through = p[k : len(by_rate.reaches)].prod(axis=0)
            inverse = np.where(through > _NEVER, 1.0 / np.maximum(through, _NEVER), np.inf).astype(np.float32)
            for first in range(0, len(every), _SEVERAL):
                ages = every[first : first + _SEVERAL]
                # a number below the chance is one that is so much below what the table tells; seven digits of it are enough to draw by
                below = _both(by_rate.way, k, ages, p[k].astype(np.float32))
                below *= rng.random(below.shape, np.float32)
                with np.errstate(
                    invalid="ignore"
                ):  # nothing is there any more, and nothing goes on: no chance, and no number
                    below *= inverse
                for column, reach in enumerate(by_rate.reaches[k][ages].T.astype(np.float32)):
                    came = below < reach[:, None]
                    found[column] += came.view(np.uint8).sum(axis=0, dtype=np.uint8)
        return found

    def _one_by_one(self) -> Iterator[tuple[int, Ints]]:
        """The milestones at which entries stand, and the days of each entry."""
        for k, (ages, counts) in enumerate(zip(self.ages, self.counts, strict=True)):
            if len(ages):
                yield k, np.repeat(ages, counts)


def _both(way: WayTables, k: int, ages: Ints | slice, p: NDArray[F]) -> NDArray[F]:
    """[ages, rates] of entries that came to milestone k, the share still there after so many days, if so many go on."""
    going, staying = way.converters[k][ages], way.others[k][ages]
    both = np.multiply.outer((going - staying).astype(p.dtype), p)
    both += staying.astype(p.dtype)[:, None]
    return np.asarray(both, p.dtype)


def _between(tables: Floats, p: Floats) -> Floats:
    """Of each partner the `tables` [partners, rows, nodes] at its rates `p` [partners, draws]: [partners, rows, draws]."""
    at = p * (_NODES - 1)
    left = np.minimum(at.astype(np.int64), _NODES - 2)
    at -= left
    place = left[:, None] + np.arange(0, tables.size, _NODES).reshape(*tables.shape[:2], 1)
    values = tables.take(place)
    place += 1
    after = tables.take(place)
    after -= values
    after *= at[:, None]
    values += after
    return values


class Gathered:
    """What many partners' entries are likely to do together; every chance is kept as long as they are few."""

    def __init__(self, draws: int) -> None:
        self._sums, self._each, self._count = np.zeros((POWERS, draws)), [np.zeros((0, draws))], 0

    def add(self, by_rate: ChancesByRate, partners: Sequence[OfPartner], p: Floats) -> None:
        """The entries of more partners, for their drawn rates [partners, steps, draws]; of the first column asked for."""
        self._sums += by_rate.sums(partners, p)[:, :, 0].sum(axis=0)
        for one, rates in zip(partners, p, strict=True):
            self._count += len(one)
            if self._count > FEW:
                break
            self._each.append(one.each(rates)[:, 0])

    @property
    def happenings(self) -> Happenings:
        """All of them."""
        return Happenings(self._sums, np.concatenate(self._each) if self._count <= FEW else None)
