"""T1: does x lead deals within partners? A score test on the partner x week panel (METHODS 3k).

Under the null the expected count of a partner in a week is a partner effect times a week effect: week effects take up every season
and campaign that all share, partner effects take up how good a partner is. What is left, weighed most where few deals come by
themselves (`Counted.weight`), is set against x of 1-4, 5-8 and 9-12 weeks before. The null distribution comes from turning each
partner's x round within its own active window, independently of the others.

For one partner the statistic at every turn is one circular cross-correlation, so that a replicate is a look-up, and the mean and
spread over all turns are exact rather than simulated. Where x and y are busy in the same weeks chance carries further than the turns
tell: see quarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.bootstrap import generator
from indicators.inputs import Floats, Ints
from indicators.leading.circles import circle
from indicators.leading.panel import BLOCKS, LONGEST_LAG, WIDTH, Counted, Panel
from indicators.leading.quarters import spread_over_quarters

REPLICATES = 1999  # with 499 the smallest p is .002, which Holm over more than 25 tests could never call significant
POWER = 0.84  # normal quantile of a power of 80 %
_AT_ONCE = 64  # partners whose turns are drawn together: what is drawn stays near the processor
_DIGITS = 9  # far below any difference that matters; makes equal sums equal on every machine


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
    mean, variance, observed = 0.0, 0.0, np.zeros(len(BLOCKS))
    for table in tables:
        every = table[0]  # of any other block the turns are the same, in another order
        middle = every.mean(axis=1, keepdims=True)
        mean += float(middle.sum())
        variance += float(((every - middle) ** 2).sum()) / every.shape[1]
        observed += table[:, :, 0].sum(axis=1)
    over_turns = variance**0.5
    if over_turns <= 1e-9:
        return nothing
    largest = (_drawn(tables, generator(seed, "panel"), replicates).max(axis=0) - mean) / over_turns
    spread = np.maximum(over_turns, spread_over_quarters(of.rest, by.before, by.squares * of.weight[:, None]))
    z = (observed - mean) / spread
    block = int(np.argmax(z))
    p = (1 + int((largest >= z[block] - 10.0**-_DIGITS).sum())) / (1 + replicates)
    peak_lag, tells = _fits(of, by), np.einsum("bp,p->b", by.tells, of.weight)
    critical = float(np.quantile(largest, 0.95))
    measurable = tells > 1e-9
    mdes = WIDTH * (critical + POWER) * spread[measurable] / tells[measurable]
    effect = WIDTH * (observed[block] - mean) / tells[block] if measurable[block] else None
    return PanelTest(
        tuple(float(v) for v in z),
        p,
        peak_lag,
        None if effect is None else float(effect),
        float(mdes.max()) if mdes.size else None,
        _pace(of, by, critical),
        **found,
    )


def turns(of: Counted, by: Counted) -> list[Floats]:
    """The statistic [blocks, partners, turns] at every turn of a partner's x (`by`) within its window; turn 0 is as observed.

    One array for all partners that begin in the same week and can contribute, in their order; the earliest first.
    """
    contributes = np.asarray(of.rest.any(axis=1) & by.told.any(axis=1), np.bool_)
    tables: list[Floats] = []
    for first, rows in of.panel.beginning.items():
        mine = np.flatnonzero(contributes[rows])
        if mine.size:
            length = of.counts.shape[1] - first
            whole = circle(length)
            met = np.fft.irfft(of.left[first][mine] * by.turned[first][mine], n=whole, axis=-1)
            if whole > length:  # what is moved by k, and by k less a whole turn
                met = met[:, :length] + met[:, whole - length :]
            met = np.concatenate([met, met[:, :LONGEST_LAG]], axis=1)
            table: Floats = np.zeros((len(BLOCKS), len(mine), length))
            for block, (low, high) in zip(table, BLOCKS, strict=True):
                # nothing is left of a window's first weeks, so that x of `lag` weeks before is x moved on by `lag`
                for lag in range(low, high + 1):
                    block += met[:, lag : lag + length]
            tables.append(np.round(table, _DIGITS))
    return tables


def _drawn(tables: Sequence[Floats], rng: np.random.Generator, replicates: int) -> Floats:
    """The statistic [blocks, replicates] with each partner's x turned at random."""
    drawn = np.zeros((len(BLOCKS), replicates))
    for table in tables:
        _, partners, length = table.shape
        flat = table.reshape(len(BLOCKS), -1)
        for first in range(0, partners, _AT_ONCE):
            place = rng.integers(0, length, (min(_AT_ONCE, partners - first), replicates))
            place += length * np.arange(first, first + len(place))[:, None]
            for block, sums in enumerate(flat):
                drawn[block] += sums.take(place).sum(axis=0)
    return drawn


def _fits(of: Counted, by: Counted) -> int | None:
    """The lag whose standardised score is largest, ties going to the shorter; None where none can be told."""
    spread = np.einsum("lpw,pw->l", by.varies, of.expected * of.weight[:, None] ** 2)
    told = np.flatnonzero(spread > 1e-9)
    if not len(told):
        return None
    scores = np.round(np.einsum("lpw,pw->l", by.earlier, of.rest)[told] / np.sqrt(spread[told]), _DIGITS)
    return int(told[np.argmax(scores)])


def _pace(of: Counted, by: Counted, critical: float) -> float | None:
    """Partners' own variances in place of what few weeks leave after demeaning: steady where the windows are short."""
    of_x = WIDTH * by.told_variance
    total = float((of.weight * of_x).sum())
    spread = float((of.weight**2 * of_x * of.variance).sum()) ** 0.5
    return WIDTH * (critical + POWER) * spread / total if total > 1e-9 else None
