"""T1: does x lead deals within partners? A score test on the partner x week panel (METHODS 3k).

Under the null the expected count of a partner in a week is a partner effect times a week effect: week effects take up every season
and campaign that all share, partner effects take up how good a partner is. What is left is set against x of 1-4, 5-8 and 9-12 weeks
before. The null distribution comes from turning each partner's x round within its own active window, independently of the others.

For one partner the statistic at every turn is one circular cross-correlation, so that a replicate is a look-up, and the mean and
spread over all turns are exact rather than simulated. Where x and y are busy in the same weeks chance carries further than the turns
tell: see quarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indicators.bootstrap import generator
from indicators.inputs import Flags, Floats, Ints
from indicators.leading.quarters import by_quarter, spread_over_quarters, weeks_before

WIDTH = 4  # weeks in a block
BLOCKS = ((1, 4), (5, 8), (9, 12))
LONGEST_LAG = BLOCKS[-1][1]
REPLICATES = 1999  # with 499 the smallest p is .002, which Holm over more than 25 tests could never call significant
POWER = 0.84  # normal quantile of a power of 80 %
_TOLERANCE = 1e-10
_AT_ONCE = 64  # partners whose turns are drawn together: what is drawn stays near the processor
_DIGITS = 9  # far below any difference that matters; makes equal sums equal on every machine


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
        share = _over(np.ones(len(start)), cells.sum(axis=1))
        # the normal equations of week effects once partner effects are taken out; they leave one level open, which is put at 0,
        # since every window lasts to the last week
        system = np.diag(np.maximum(cells.sum(axis=0), 1.0)) - cells.T @ (cells * share[:, None])
        there = usable.any(axis=0).astype(np.float64)
        system += np.outer(there, there)
        beginning = {int(first): np.flatnonzero(start == first) for first in np.unique(start[usable.any(axis=1)])}
        return cls(start, active, usable, beginning, cells, share, np.asarray(np.linalg.inv(system), np.float64))

    def demeaned(self, f: Floats) -> Floats:
        """What is left of f without its partner means and week means (both at once, least squares) on the usable cells; 0 elsewhere."""
        left = f * self._cells
        partner = left.sum(axis=1) * self._share
        week = self._solved @ (left.sum(axis=0) - partner @ self._cells)
        partner -= (self._cells @ week) * self._share
        left -= (partner[:, None] + week) * self._cells
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
    def rest(self) -> Floats:
        """[partners, weeks] what is left of it beyond what was expected."""
        return np.where(self.panel.usable, self.counts - self.expected, 0.0)

    @cached_property
    def followed(self) -> dict[int, NDArray[np.complex128]]:
        """By first active week, the spectra [blocks, partners, frequencies] of what is left of it in the weeks of a block afterwards."""
        found, rest = {}, self.rest
        for first, rows in self.panel.beginning.items():
            length = rest.shape[1] - first
            weights = np.zeros((len(BLOCKS), len(rows), length))
            for b, (low, high) in enumerate(BLOCKS):
                for lag in range(low, high + 1):  # x of week u meets what is left in week u + lag
                    weights[b, :, : length - lag] += rest[rows, first + lag :]
            found[first] = np.fft.rfft(weights, n=_circle(length), axis=-1)
        return found

    @cached_property
    def turned(self) -> dict[int, NDArray[np.complex128]]:
        """By first active week, its own spectra [partners, frequencies], turned round."""
        return {
            first: np.conj(np.fft.rfft(self.told[rows, first:], n=_circle(self.told.shape[1] - first), axis=-1))
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
    def apart(self) -> list[Floats]:
        """By lag, what it told so many weeks before, without its means."""
        return [self.panel.demeaned(lagged(self.told, lag)) for lag in range(LONGEST_LAG + 1)]


@dataclass(frozen=True, slots=True)
class PanelTest:
    """What the panel says of one x and one y.

    z            standardised score of each block, by the larger of the spreads of its turns and over its quarters
    p            one-sided, of the largest; 1.0 where nothing could be tested
    peak_lag     weeks by which x and y fit best, 0 to 12; None where nothing could be tested
    effect       y more per one x, about (attenuated by 15-25 %), in the block of the largest z
    mde          the smallest effect per x that this much data would have shown with a power of 80 %; None where nothing can be
    pace         what the mde of one week would be, from how much x and y vary: over n weeks it falls to about pace / sqrt(n)
    usable_weeks weeks after the burn-in of 12
    partners     with both series not empty
    n_x, n_y     happenings inside the windows
    """

    z: tuple[float, ...]
    p: float
    peak_lag: int | None
    effect: float | None
    mde: float | None
    pace: float | None
    usable_weeks: int
    partners: int
    n_x: int
    n_y: int


NOT_TESTED = PanelTest((0.0,) * len(BLOCKS), 1.0, None, None, None, None, 0, 0, 0, 0)
"""Of what is no count, so that the test cannot be put to it."""


def panel_test(y: Ints, x: Ints, start: Ints, *, seed: str, replicates: int = REPLICATES) -> PanelTest:
    """Whether x [partners, weeks] leads y [partners, weeks]; `start` [partners] is the first active week of each.

    The same inputs and seed give the same result. ValueError where shapes differ.
    """
    if x.shape != y.shape or len(start) != len(y):
        raise ValueError(f"x is {x.shape}, y is {y.shape}, start is {start.shape}; expected one partner a row of each")
    panel = Panel.of(start, y.shape[1])
    return lead_on(Counted(panel, y), Counted(panel, x), seed=seed, replicates=replicates)


def lead_on(of: Counted, by: Counted, *, seed: str, replicates: int = REPLICATES) -> PanelTest:
    """`panel_test` of two series on one panel."""
    panel, y, x = of.panel, of.counts, by.counts
    usable = panel.usable
    both = (x.any(axis=1)) & (y.any(axis=1))
    found = {
        "usable_weeks": int(usable.any(axis=0).sum()),
        "partners": int(both.sum()),
        "n_x": int(x.sum()),
        "n_y": int(y.sum()),
    }
    nothing = PanelTest((0.0,) * len(BLOCKS), 1.0, None, None, None, None, **found)
    if not usable.any() or not y[usable].any() or not x.any():
        return nothing
    tables = turns(of, by)
    mean, spread, observed = np.zeros(len(BLOCKS)), np.zeros(len(BLOCKS)), np.zeros(len(BLOCKS))
    for table in tables:
        middle = table.mean(axis=2, keepdims=True)
        apart = table - middle
        mean += middle.sum(axis=(1, 2))
        spread += np.einsum("bpt,bpt->b", apart, apart) / table.shape[2]
        observed += table[:, :, 0].sum(axis=1)
    spread = np.sqrt(spread)
    alive = spread > 1e-9
    if not alive.any():
        return nothing
    drawn = _drawn(tables, generator(seed, "panel"), replicates)
    largest = np.where(alive, (drawn - mean) / np.where(alive, spread, 1.0), -np.inf).max(axis=1)
    spread = np.maximum(spread, spread_over_quarters(of.rest, by.before, by.squares))
    z = np.where(alive, (observed - mean) / np.where(alive, spread, 1.0), 0.0)
    z_max = float(z[alive].max())
    p = (1 + int((largest >= z_max - 10.0**-_DIGITS).sum())) / (1 + replicates)
    peak_lag, spreads = _fits(of, by)
    block = int(np.argmax(np.where(alive, z, -np.inf)))
    critical = float(np.quantile(largest, 0.95))
    measurable = alive & (spreads > 1e-9)
    mdes = WIDTH * (critical + POWER) * spread[measurable] / spreads[measurable]
    effect = WIDTH * (observed[block] - mean[block]) / spreads[block] if spreads[block] > 1e-9 else None
    return PanelTest(
        tuple(float(v) for v in z),
        p,
        peak_lag,
        None if effect is None else float(effect),
        float(mdes.max()) if mdes.size else None,
        _pace(y, by.told, panel.active, critical),
        **found,
    )


def null_mean(y: Ints, usable: Flags) -> Floats:
    """Partner effect x week effect with y's sums over partners and over weeks, on the usable cells, by iterative proportional fitting.

    Where every partner is active throughout this is row sum x column sum / sum (Deming and Stephan 1940).
    """
    cells = usable.astype(np.float64)
    rows, columns = (y * cells).sum(axis=1), (y * cells).sum(axis=0)
    week = np.ones(y.shape[1])
    partner = np.zeros(len(y))
    for _ in range(1000):
        partner = _over(rows, cells @ week)
        fitted = _over(columns, partner @ cells)
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


def turns(of: Counted, by: Counted) -> list[Floats]:
    """The statistic [blocks, partners, turns] at every turn of a partner's x (`by`) within its window; turn 0 is as observed.

    One array for all partners that begin in the same week and can contribute, in their order; the earliest first.
    """
    contributes = np.asarray(of.rest.any(axis=1) & by.told.any(axis=1), np.bool_)
    tables: list[Floats] = []
    for first, rows in of.panel.beginning.items():
        mine = np.flatnonzero(contributes[rows])
        if mine.size:
            product = of.followed[first][:, mine] * by.turned[first][mine]
            length, circle = of.counts.shape[1] - first, _circle(of.counts.shape[1] - first)
            table = np.fft.irfft(product, n=circle, axis=-1)
            if circle > length:  # what is moved by k, and by k less a whole turn
                table = table[..., :length] + table[..., circle - length :]
            tables.append(np.round(table, _DIGITS))
    return tables


def _circle(length: int) -> int:
    """Over how many weeks spectra are taken: a window of 127, a prime number, takes five times as long as one of twice as many and more."""
    rest = length
    for factor in (2, 3, 5, 7, 11):
        while rest and rest % factor == 0:
            rest //= factor
    return length if rest <= 1 else 1 << (2 * length - 1).bit_length()


def _drawn(tables: Sequence[Floats], rng: np.random.Generator, replicates: int) -> Floats:
    """The statistic [replicates, blocks] with each partner's x turned at random."""
    drawn = np.zeros((len(BLOCKS), replicates))
    for table in tables:
        _, partners, length = table.shape
        flat = table.reshape(len(BLOCKS), -1)
        for first in range(0, partners, _AT_ONCE):
            place = rng.integers(0, length, (min(_AT_ONCE, partners - first), replicates))
            place += length * np.arange(first, first + len(place))[:, None]
            for block, sums in enumerate(flat):
                drawn[block] += sums[place].sum(axis=0)
    return drawn.T


def _fits(of: Counted, by: Counted) -> tuple[int | None, Floats]:
    """The lag whose standardised score is largest, ties going to the shorter; and what each block of lags tells of an effect."""
    best: tuple[float, int] | None = None
    blocks = np.zeros((len(BLOCKS), *by.told.shape))
    for lag, left in enumerate(by.apart):
        spread = float(np.einsum("pw,pw,pw", of.expected, left, left))
        if lag:
            blocks[(lag - 1) // WIDTH] += left
        if spread > 1e-9:
            score = round(float(np.einsum("pw,pw", of.rest, lagged(by.told, lag))) / spread**0.5, _DIGITS)
            if best is None or score > best[0]:
                best = (score, lag)
    return None if best is None else best[1], np.asarray((blocks**2).sum(axis=(1, 2)), np.float64)


def _pace(y: Ints, x: Floats, active: Flags, critical: float) -> float | None:
    """Partners' own variances in place of what few weeks leave after demeaning: steady where the windows are short."""
    of_x, of_y = WIDTH * _variance(x, active), _variance(y, active)
    total = float(of_x.sum())
    return WIDTH * (critical + POWER) * float((of_x * of_y).sum()) ** 0.5 / total if total > 1e-9 else None


def _variance(counts: Ints | Floats, active: Flags) -> Floats:
    """Of each partner's weeks within its window, [partners]."""
    weeks = active.sum(axis=1)
    mean = _over((counts * active).sum(axis=1), weeks)
    return _over((((counts - mean[:, None]) * active) ** 2).sum(axis=1), weeks)


def _over(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a, dtype=np.float64), where=b > 0)
