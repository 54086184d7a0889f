"""Recomputing everything, from columns in memory to results, at three sizes; each in a process of its own.

Growth is the time per entry at one size over that at ten times as much: below 1 would be worse than linear. Memory is the process's peak,
inputs included. Times are processor time; on a machine of one's own wall time is a little less, since partners are drawn on several threads.

Alone: `python -m bench.recompute`.
"""

import hashlib
import itertools
import sys
import time
from collections.abc import Iterator

import numpy as np

from bench.apart import apart, peak
from bench.measure import Row, show
from indicators.inputs import DEAL, LISTED, EntryTable, EventTable, PartnerTable
from indicators.month import Month
from indicators.month_goals import month_goals
from indicators.summary import summarise

PARTNERS, AS_OF = 100, 20_500
SIZES = (10_000, 100_000, 1_000_000)
TO_A_TARGET = 2  # entries, in the world in which partners compete for targets
MOST_MEMORY = 2048.0  # MiB
SECONDS_FOR_A_MILLION = 10.0


def inputs(n: int, *, share: int = 1) -> tuple[EventTable, EntryTable, PartnerTable]:
    """`n` entries with about three events each, at paces of their own, in no order; `share` of them, anybody's, have one target."""
    chance = np.random.default_rng(7)
    depth = chance.choice(5, n, p=[0.24, 0.2, 0.15, 0.12, 0.29]) + 1
    entry = np.repeat(np.arange(n), depth)
    milestone = np.concatenate([np.arange(d) for d in depth])
    day = (
        np.repeat(chance.integers(AS_OF - 900, AS_OF, n), depth)
        + np.repeat(chance.integers(2, 66, n), depth) * milestone
    )
    order = chance.permutation(len(entry))
    partner = np.sort(chance.integers(0, PARTNERS, n))
    target = None if share == 1 else chance.permutation(n) // share
    return (
        EventTable.of(entry[order], np.clip(milestone, LISTED, DEAL)[order], day[order]),
        EntryTable.of([str(i) for i in range(n)], partner, target=target),
        PartnerTable.of([f"{i:03}" for i in range(PARTNERS)], ["a", "b"], np.arange(PARTNERS) % 2),
    )


def recompute(n: int, share: int = 1) -> tuple[float, float, int]:
    """Seconds for everything of a workspace of `n` entries, the process's peak in MiB, and how many events there are."""
    events, entries, partners = inputs(n, share=share)
    began = time.process_time()
    results = summarise(events, entries, partners, AS_OF)
    month_goals(results.paths, partners, 40, Month(AS_OF - 20, AS_OF + 10), Month(AS_OF + 11, AS_OF + 40))
    return time.process_time() - began, peak(), len(events)


def digest(n: int) -> str:
    """Of all results, written out: equal inputs in another order give it again."""
    events, entries, partners = inputs(n, share=TO_A_TARGET)
    order = np.random.default_rng(1).permutation(len(events))
    told = []
    for rows in (slice(None), order):
        again = EventTable.of(events.entry[rows], events.milestone[rows], events.day[rows])
        made = summarise(again, entries, partners, AS_OF)
        ahead = made.prospects
        said = (made.partners, made.tier_changes, made.lead_times, ahead.drifts, ahead.calibration)
        arrays = (
            ahead.entries.eventual,
            ahead.entries.p50,
            ahead.partners.in_flight,
            ahead.partners.low,
            ahead.outlook.rates.rate,
        )
        told.append(hashlib.sha256(repr(said).encode() + b"".join(a.tobytes() for a in arrays)).hexdigest())
    return told[0] if told[0] == told[1] else ""


def measure() -> Iterator[Row]:
    taken: dict[int, float] = {}
    most = 0.0
    for n in SIZES:
        taken[n], most, events = apart(recompute, n)
        print(f"recompute {n:,} entries, {events:,} events: {taken[n]:.2f} s, {most:,.0f} MiB at most")
    large = SIZES[-1]
    competing, most_of_them, events = apart(recompute, large, TO_A_TARGET)
    print(
        f"recompute {large:,} entries, two to a target, {events:,} events: {competing:.2f} s, {most_of_them:,.0f} MiB at most"
    )
    most = max(most, most_of_them)
    for what, seconds in (("3,000,000 events", taken[large]), ("two to a target", competing)):
        yield Row(
            f"recompute 1,000,000 entries, {what}", large / seconds, "entries/s", f"{SECONDS_FOR_A_MILLION:.0f} s for all",
            SECONDS_FOR_A_MILLION / seconds, 1.0,
        )  # fmt: skip
    yield Row("recompute 1,000,000 entries, memory", most, "MiB", f"{MOST_MEMORY:,.0f} MiB", MOST_MEMORY / most, 1.0)
    for one, ten in itertools.pairwise(SIZES):
        linear = (taken[one] / one) / (taken[ten] / ten)
        yield Row(
            f"recompute, growth from {one:,} to {ten:,}", ten / taken[ten], "entries/s", "linear growth", linear, 0.7
        )
    same = apart(digest, SIZES[0]) == apart(digest, SIZES[0]) != ""
    yield Row("recompute, the same bytes again in another process and order", float(same), "yes", "1", float(same), 1.0)


if __name__ == "__main__":
    sys.exit(0 if show(measure(), "Recomputing everything") else 1)
