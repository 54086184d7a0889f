"""Counts per partner: milestones of late, and what stands on the attack list."""

from dataclasses import dataclass

import numpy as np

from indicators.inputs import DEAL, EXCLUSION_CODE, EXCLUSIONS, LISTED, NO_DAY, Days, EntryTable, Ints
from indicators.paths import PathTable
from indicators.row_validity import Spells, spells

_SPAN = 1 << 20  # wider than any day number, so that partner and day make one sortable key


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

    Each row stands from `start` to the day before `end`: until it is out of date, or the company is listed anew.
    Within that it does not count from `off_start` to the day before `off_end`, for the reason `off_why`; of one row no two such spells overlap.
    """

    partner: Ints
    start: Ints
    end: Ints
    off_partner: Ints
    off_start: Ints
    off_end: Ints
    off_why: Ints
    n_partners: int


def list_rows(
    paths: PathTable, entries: EntryTable, n_partners: int, *, valid_days: int = 180, horizon: int = 180
) -> ListRows:
    """Attack-list rows, each valid for `valid_days` from the day it was listed; one company counts once, however often listed.

    A company that a partner lists by two entries is a duplicate: its newest row counts. Targets that are taken do not count (`row_validity`).
    """
    rows = np.flatnonzero(paths.reached[:, LISTED] != NO_DAY)
    entry, partner, start = paths.entry[rows], paths.partner[rows], paths.reached[rows, LISTED].astype(np.int64)
    target = entries.target[entry]
    order = np.lexsort((entry, start, target, partner))
    entry, partner, start, target = (c[order] for c in (entry, partner, start, target))
    same = np.r_[(partner[1:] == partner[:-1]) & (target[1:] == target[:-1]), False][: len(rows)]
    following = np.r_[start[1:], 0][: len(rows)]
    full = start + valid_days
    end = np.where(same, np.minimum(full, following), full)
    double = same & (end < full) & (np.r_[entry[1:], -1][: len(rows)] != entry)
    row, low, high, why = _spells_of_rows(
        entry, start, end, spells(paths, entries, valid_days=valid_days, horizon=horizon)
    )
    return ListRows(
        partner=partner,
        start=start,
        end=end,
        off_partner=np.concatenate([partner[row], partner[double]]),
        off_start=np.concatenate([low, end[double]]),
        off_end=np.concatenate([high, full[double]]),
        off_why=np.concatenate([why, np.full(int(double.sum()), EXCLUSION_CODE["duplicate"])]),
        n_partners=n_partners,
    )


def _spells_of_rows(entry: Ints, start: Ints, end: Ints, found: Spells) -> tuple[Ints, Ints, Ints, Ints]:
    """Row, first day, day after the last, and reason of each spell, cut to the row that stood then."""
    order = np.lexsort((start, entry))
    place = np.searchsorted((entry * _SPAN + start)[order], found.entry * _SPAN + found.start, side="right") - 1
    row = order[place]
    high = np.minimum(found.end, end[row])
    kept = found.start < high
    return row[kept], found.start[kept], high[kept], found.why[kept]


def rows_on(rows: ListRows, partner: Ints, day: Ints) -> Ints:
    """How many rows count on the list of `partner` [m] on `day` [m]."""
    inside = rows.off_why != EXCLUSION_CODE["duplicate"]
    off = _standing(rows.off_partner[inside], rows.off_start[inside], rows.off_end[inside], partner, day)
    return _standing(rows.partner, rows.start, rows.end, partner, day) - off


def excluded_on(rows: ListRows, n_partners: int, day: int) -> dict[str, Ints]:
    """Rows on the list that do not count, by reason: a column [n_partners] each."""
    partner, days = np.arange(n_partners), np.full(n_partners, day)
    found = {}
    for code, reason in enumerate(EXCLUSIONS):
        if code > 0:
            mine = rows.off_why == code
            found[reason] = _standing(rows.off_partner[mine], rows.off_start[mine], rows.off_end[mine], partner, days)
    return found


def _standing(of: Ints, start: Ints, end: Ints, partner: Ints, day: Ints) -> Ints:
    """How many of the spans of `partner` [m] hold `day` [m]."""
    key = partner * _SPAN + day
    came, went = np.sort(of * _SPAN + start), np.sort(of * _SPAN + end)
    return np.searchsorted(came, key, side="right") - np.searchsorted(went, key, side="right")


def newest_listing(rows: ListRows, partner: Ints, day: Ints) -> Days:
    """The newest day up to `day` [m] on which a row was put on the list of `partner` [m]; NO_DAY where none was."""
    if len(rows.start) == 0:
        return np.full(len(partner), NO_DAY, np.int32)
    came = np.sort(rows.partner * _SPAN + rows.start)
    place = np.searchsorted(came, partner * _SPAN + day, side="right") - 1
    found = came[np.maximum(place, 0)]
    mine = (place >= 0) & (found // _SPAN == partner)
    return np.where(mine, found % _SPAN, NO_DAY).astype(np.int32)
