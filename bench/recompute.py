"""Recomputing everything, against sorting the same events once: whatever the arithmetic does, it has to order them.

Memory is the process's peak over what it held before; growth is the time per entry at ten times the size over that at one.
"""

import resource
import time
from collections.abc import Iterator

import numpy as np

from bench.measure import Row
from indicators.inputs import DEAL, LISTED, EntryTable, EventTable, PartnerTable
from indicators.summary import summarise

PARTNERS, AS_OF = 100, 20_500
SMALL, LARGE = 100_000, 1_000_000
SECONDS_FOR_A_MILLION = 10.0


def inputs(n: int) -> tuple[EventTable, EntryTable, PartnerTable]:
    """`n` entries with about three events each, in no order."""
    chance = np.random.default_rng(7)
    depth = chance.choice(5, n, p=[0.3, 0.2, 0.15, 0.1, 0.25]) + 1
    entry = np.repeat(np.arange(n), depth)
    milestone = np.concatenate([np.arange(d) for d in depth])
    day = np.repeat(chance.integers(AS_OF - 900, AS_OF, n), depth) + 9 * milestone
    order = chance.permutation(len(entry))
    partner = np.sort(chance.integers(0, PARTNERS, n))
    return (
        EventTable.of(entry[order], np.clip(milestone, LISTED, DEAL)[order], day[order]),
        EntryTable.of([str(i) for i in range(n)], partner),
        PartnerTable.of([f"{i:03}" for i in range(PARTNERS)], ["a", "b"], np.arange(PARTNERS) % 2),
    )


def measure() -> Iterator[Row]:
    taken: dict[int, float] = {}
    for n in (SMALL, LARGE):
        events, entries, partners = inputs(n)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        summarise(events, entries, partners, AS_OF)
        taken[n] = time.perf_counter() - began
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"recompute {n:,} entries, {len(events):,} events: {taken[n]:.2f} s, {peak:,.0f} MiB more")
    yield Row(
        "recompute 1,000,000 entries", LARGE / taken[LARGE], "entries/s", f"{SECONDS_FOR_A_MILLION:.0f} s for all",
        SECONDS_FOR_A_MILLION / taken[LARGE], 1.0,
    )  # fmt: skip
    linear = (taken[SMALL] / SMALL) / (taken[LARGE] / LARGE)
    yield Row(
        "recompute, growth from 100,000 to 1,000,000", LARGE / taken[LARGE], "entries/s", "linear growth", linear, 0.7
    )
