"""Counts per partner: milestones of late, and what stands on the attack list."""

from dataclasses import dataclass

import numpy as np

from indicators.inputs import DEAL, EXCLUSIONS, LISTED, NO_DAY, Days, EntryTable, Ints
from indicators.paths import PathTable


@dataclass(frozen=True, eq=False, slots=True)
class PartnerCounts:
    """One row a partner.

    reached   [n, 5]  attempts that came to `listed` .. `deal` in the trailing window, inferred ones included
    entries   [n]     entry rows in all
    """

    reached: Ints
    entries: Ints


def partner_counts(paths: PathTable, entries: EntryTable, n_partners: int, *, days: int = 90) -> PartnerCounts:
    """Counts over the `days` days up to and including the as-of day; each attempt counts once a milestone."""
    reached = np.zeros((n_partners, DEAL + 1), np.int64)
    for k in range(LISTED, DEAL + 1):
        recent = (paths.reached[:, k] != NO_DAY) & (paths.reached[:, k] > paths.as_of - days)
        reached[:, k] = np.bincount(paths.partner[recent], minlength=n_partners)
    return PartnerCounts(reached, np.bincount(entries.partner, minlength=n_partners))


@dataclass(frozen=True, eq=False, slots=True)
class ListRows:
    """The rows of every partner's attack list, one an attempt that was listed.

    Each row counts from `start` to the day before `end`: until it is out of date, or listed anew.
    `exclusion` says why it does not count at all (0 = it counts).
    """

    partner: Ints
    start: Ints
    end: Ints
    exclusion: Ints
    n_partners: int


def list_rows(paths: PathTable, entries: EntryTable, n_partners: int, *, valid_days: int = 180) -> ListRows:
    """Attack-list rows, each valid for `valid_days` from the day it was listed; one company counts once, however often listed."""
    rows = np.flatnonzero(paths.reached[:, LISTED] != NO_DAY)
    partner, start = paths.partner[rows], paths.reached[rows, LISTED].astype(np.int64)
    target = entries.target[paths.entry[rows]]
    exclusion = entries.exclusion[paths.entry[rows]].astype(np.int64)
    order = np.lexsort((start, exclusion, target, partner))
    partner, start, target, exclusion = (c[order] for c in (partner, start, target, exclusion))
    anew = (partner[1:] == partner[:-1]) & (target[1:] == target[:-1]) & (exclusion[1:] == exclusion[:-1])
    same = np.r_[anew, False][: len(rows)]
    following = np.r_[start[1:], 0][: len(rows)]
    end = np.where(same, np.minimum(start + valid_days, following), start + valid_days)
    return ListRows(partner, start, end, exclusion, n_partners)


def rows_on(rows: ListRows, partner: Ints, day: Ints, *, exclusion: int = 0) -> Ints:
    """How many rows with that exclusion (0 = counting ones) stand on the list of `partner` [m] on `day` [m]."""
    chosen = rows.exclusion == exclusion
    span = 1 << 20  # wider than any day number, so that partner and day make one sortable key
    came = np.sort(rows.partner[chosen] * span + rows.start[chosen])
    went = np.sort(rows.partner[chosen] * span + rows.end[chosen])
    key = partner * span + day
    return np.searchsorted(came, key, side="right") - np.searchsorted(went, key, side="right")


def excluded_on(rows: ListRows, n_partners: int, day: int) -> dict[str, Ints]:
    """Rows on the list that do not count, by reason: a column [n_partners] each."""
    partner = np.arange(n_partners)
    days = np.full(n_partners, day)
    return {reason: rows_on(rows, partner, days, exclusion=code) for code, reason in enumerate(EXCLUSIONS) if code > 0}


def newest_listing(rows: ListRows, partner: Ints, day: Ints) -> Days:
    """The newest day up to `day` [m] on which a row was put on the list of `partner` [m]; NO_DAY where none was."""
    if len(rows.start) == 0:
        return np.full(len(partner), NO_DAY, np.int32)
    span = 1 << 20
    came = np.sort(rows.partner * span + rows.start)
    place = np.searchsorted(came, partner * span + day, side="right") - 1
    found = came[np.maximum(place, 0)]
    mine = (place >= 0) & (found // span == partner)
    return np.where(mine, found % span, NO_DAY).astype(np.int32)
