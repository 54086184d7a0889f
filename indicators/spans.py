"""Spans of days, [start, end), many groups of them at once: which layer is on top when."""

from dataclasses import dataclass

import numpy as np

from indicators.inputs import Flags, Ints

FAR = 1 << 20
"""Later than any day."""
_DAY_BITS = 21


@dataclass(frozen=True, eq=False, slots=True)
class Spans:
    """Columns of one length. `mark` tells spans of one layer apart, from 0 on."""

    group: Ints
    start: Ints
    end: Ints
    layer: Ints
    mark: Ints

    def __len__(self) -> int:
        return len(self.group)

    def only(self, rows: Flags | Ints) -> "Spans":
        """The chosen rows."""
        return Spans(self.group[rows], self.start[rows], self.end[rows], self.layer[rows], self.mark[rows])


def joined(*parts: Spans) -> Spans:
    """All of them, in their order."""
    return Spans(*(np.concatenate([getattr(p, name) for p in parts]) for name in Spans.__slots__))


def topmost(spans: Spans, layers: int) -> Spans:
    """What is seen of each group from above: layer 0 hides layer 1, and so on. In the order of groups and days, none overlapping.

    Days lie between 0 and `FAR`. Spans of one layer may overlap, but then their marks have to be 0. What touches and has one layer and one
    mark is one span.
    """
    spans = spans.only(spans.start < spans.end)
    n = len(spans)
    key = np.concatenate([spans.group, spans.group]) << _DAY_BITS | np.concatenate([spans.start, spans.end])
    order = np.argsort(key)
    key = key[order]
    last = np.flatnonzero(np.r_[key[1:] != key[:-1], np.ones(min(n, 1), np.bool_)])
    key, group, day = key[last], key[last] >> _DAY_BITS, key[last] & (2**_DAY_BITS - 1)
    layer, mark = np.full(len(key), layers, np.int64), np.zeros(len(key), np.int64)
    for at in reversed(range(layers)):
        mine = (spans.layer == at).astype(np.int64)
        covers, marks = (_running(change, order)[last] for change in (mine, mine * spans.mark))
        layer, mark = np.where(covers > 0, at, layer), np.where(covers > 0, marks, mark)
    seen = layer < layers
    goes_on = np.zeros(len(key), np.bool_)  # as the part before it
    goes_on[1:] = (group[1:] == group[:-1]) & (layer[1:] == layer[:-1]) & (mark[1:] == mark[:-1])
    begins = np.flatnonzero(seen & ~goes_on)
    ends = np.flatnonzero(seen & ~np.r_[goes_on[1:], np.zeros(min(len(key), 1), np.bool_)])
    return Spans(group[begins], day[begins], day[ends + 1], layer[begins], mark[begins])


def _running(change: Ints, order: Ints) -> Ints:
    """What has begun and not ended, after each of the days in order."""
    return np.cumsum(np.concatenate([change, -change])[order])


def matches(group: Ints, of: Ints) -> tuple[Ints, Ints]:
    """Every pair of a row of `group` and a row of `of` (in order) that are equal: the places of both."""
    low, high = np.searchsorted(of, group, side="left"), np.searchsorted(of, group, side="right")
    return ranges(low, high)


def ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Of each row every whole number from `low` to the one before `high`: the place of the row, and the number."""
    counts = np.maximum(high - low, 0)
    row = np.repeat(np.arange(len(counts)), counts)
    return row, low[row] + np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
