"""Partners x weeks, and counts on them: what is left of a series once a partner effect and a week effect are taken out of it.

Under the null of the test (panel_scores) the expected count of a partner in a week is a partner effect times a week effect: week effects
take up every season and campaign that all share, partner effects take up how good a partner is.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from indicators.inputs import Flags, Floats, Ints
from indicators.leading.circles import circle
from indicators.leading.quarters import by_quarter, weeks_before

WIDTH = 4  # weeks in a block
BLOCKS = ((1, 4), (5, 8), (9, 12))
LONGEST_LAG = BLOCKS[-1][1]
_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """Partners x weeks, each partner from its first active week on: what all tests of the same partners share.

    active   [partners, weeks]
    usable   the same without the first `LONGEST_LAG` weeks of each, before which x is not known
    beginning   the partners that have usable weeks, by their first active one, the earliest first
    """

    start: Ints
    active: Flags
    usable: Flags
    beginning: dict[int, Ints]
    _cells: Floats
    _share: Floats
    _solved: Floats

    @classmethod
    def of(cls, start: Ints, weeks: int) -> "Panel":
        """`start` [partners]: the first active week of each."""
        week = np.arange(weeks)
        active, usable = week >= start[:, None], week >= start[:, None] + LONGEST_LAG
        cells = usable.astype(np.float64)
        share = over(np.ones(len(start)), cells.sum(axis=1))
        # the normal equations of week effects once partner effects are taken out; they leave one level open, which is put at 0,
        # since every window lasts to the last week
        system = np.diag(np.maximum(cells.sum(axis=0), 1.0)) - cells.T @ (cells * share[:, None])
        there = usable.any(axis=0).astype(np.float64)
        system += np.outer(there, there)
        beginning = {int(first): np.flatnonzero(start == first) for first in np.unique(start[usable.any(axis=1)])}
        return cls(start, active, usable, beginning, cells, share, np.asarray(np.linalg.inv(system), np.float64))

    def demeaned(self, f: Floats) -> Floats:
        """What is left of each f [..., partners, weeks] without its partner means and week means (both at once, least squares) on the usable
        cells; 0 elsewhere.
        """
        left = f * self._cells
        partner = left.sum(axis=-1) * self._share
        week = (left.sum(axis=-2) - partner @ self._cells) @ self._solved
        partner -= (week @ self._cells.T) * self._share
        left -= partner[..., None]
        left -= week[..., None, :]
        left *= self._cells
        return left


class Counted:
    """One series [partners, weeks] on a panel. What tests ask of it is worked out once: deals are in every one of them, on either side.

    `told`: what it says that is put to the test where it may come first, where that is not the counts themselves.
    """

    def __init__(self, panel: Panel, counts: Ints, told: Floats | None = None) -> None:
        self.panel, self.counts = panel, counts * panel.active
        self.told: Floats = self.counts.astype(np.float64) if told is None else told * panel.active

    @cached_property
    def expected(self) -> Floats:
        """[partners, weeks] under the null."""
        return null_mean(self.counts, self.panel.usable)

    @cached_property
    def weight(self) -> Floats:
        """[partners] how much one more of it says at each, 1 at a partner with as many as the average.

        Where few come by themselves one more says most: the score of an effect that adds to a Poisson mean is what is left over that mean. The
        mean of all stands beside the partner's own, so that nobody's few decide.
        """
        usable = self.panel.usable
        weeks, n = usable.sum(axis=1), (self.counts * usable).sum(axis=1)
        of_all = float(n.sum()) / max(int(weeks.sum()), 1)
        return 2 * of_all / (over(n, weeks) + of_all) if of_all > 0 else np.ones(len(weeks))

    @cached_property
    def rest(self) -> Floats:
        """[partners, weeks] what is left of it beyond what was expected, by its weight, without partner means and week means."""
        left = np.where(self.panel.usable, self.counts - self.expected, 0.0)
        return self.panel.demeaned(left * self.weight[:, None])

    @cached_property
    def left(self) -> dict[int, NDArray[np.complex128]]:
        """By first active week, the spectra [partners, frequencies] of what is left of it."""
        return self._spectra(self.rest)

    @cached_property
    def turned(self) -> dict[int, NDArray[np.complex128]]:
        """The same of what it told, turned round."""
        return {first: np.conj(spectra) for first, spectra in self._spectra(self.told).items()}

    def _spectra(self, f: Floats) -> dict[int, NDArray[np.complex128]]:
        return {
            first: np.fft.rfft(f[rows, first:], n=circle(f.shape[1] - first), axis=-1)
            for first, rows in self.panel.beginning.items()
        }

    @cached_property
    def before(self) -> Floats:
        """[blocks, partners, weeks] what it told in the weeks of a block before, over and above its partner's mean."""
        return weeks_before(self.told, self.panel.active, BLOCKS)

    @cached_property
    def squares(self) -> Floats:
        """[blocks, partners, quarters] of `before`, on the usable cells."""
        return by_quarter(self.before**2 * self.panel.usable)

    @cached_property
    def earlier(self) -> Floats:
        """[lags, partners, weeks] what it told so many weeks before, 0 to 12; a view."""
        padded = np.pad(self.told, ((0, 0), (LONGEST_LAG, 0)))
        return sliding_window_view(padded, self.told.shape[1], axis=1)[:, ::-1].transpose(1, 0, 2)

    @cached_property
    def varies(self) -> Floats:
        """[lags, partners, weeks] the squares of that without its means."""
        apart = self.panel.demeaned(self.earlier)
        apart *= apart
        return apart

    @cached_property
    def tells(self) -> Floats:
        """[blocks, partners] how much its blocks of lags tell of an effect."""
        apart = self.panel.demeaned(self.before)
        return np.asarray(np.einsum("bpw,bpw->bp", apart, apart), np.float64)

    @cached_property
    def variance(self) -> Floats:
        """[partners] of the weekly counts of each within its window."""
        return self._variance(self.counts)

    @cached_property
    def told_variance(self) -> Floats:
        """[partners] the same of what it told."""
        return self._variance(self.told)

    def _variance(self, f: Ints | Floats) -> Floats:
        weeks = self.panel.active.sum(axis=1)
        left = (f - over(f.sum(axis=1), weeks)[:, None]) * self.panel.active
        return over(np.einsum("pw,pw->p", left, left), weeks)


def null_mean(y: Ints, usable: Flags) -> Floats:
    """Partner effect x week effect with y's sums over partners and over weeks, on the usable cells, by iterative proportional fitting.

    Where every partner is active throughout this is row sum x column sum / sum (Deming and Stephan 1940).
    """
    cells = usable.astype(np.float64)
    rows, columns = (y * cells).sum(axis=1), (y * cells).sum(axis=0)
    week = np.ones(y.shape[1])
    partner = np.zeros(len(y))
    for _ in range(1000):
        partner = over(rows, cells @ week)
        fitted = over(columns, partner @ cells)
        moved = float(np.abs(fitted - week).max(initial=0.0))
        week = fitted
        if moved < _TOLERANCE * max(1.0, float(week.max(initial=0.0))):
            break
    return np.asarray(cells * partner[:, None] * week[None, :], np.float64)


def lagged(x: Floats, lag: int) -> Floats:
    """The x of `lag` weeks before, 0 where there is none."""
    moved = np.zeros_like(x)
    moved[:, lag:] = x[:, : x.shape[1] - lag] if lag < x.shape[1] else 0
    return moved


def over(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a, dtype=np.float64), where=b > 0)
