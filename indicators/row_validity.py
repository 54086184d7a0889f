"""When rows of an attack list do not count, since their target is taken: a customer already, or on its way through somebody else (METHODS 3i).

    existing_customer   from the day on which the target bought: it is among the company's customers, or another entry for it was won
    open_deal           while the company itself has an open deal with the target
    open_elsewhere      while another partner holds the target

Who holds a target: of the partners with an open entry for it the one that agreed first (the source of a deal, METHODS 1), before
any agreed the one that listed it first; those of one day hold it together. An entry is open until it is lost or won, and holds nothing
once it has stood still for the horizon: such silence is no loss, but no claim either. What became of a row's own deal never
counts against the row: success does not shrink a list.
"""

from dataclasses import dataclass, replace

import numpy as np

from indicators.inputs import (
    DEAL,
    EXCLUSION_CODE,
    EXCLUSIONS,
    LISTED,
    NO_DAY,
    EntryTable,
    Flags,
    Ints,
    PartnerTable,
    Taken,
)
from indicators.paths import PathTable, canonical_paths
from indicators.spans import FAR, Spans, joined, matches, topmost
from indicators.target_holders import Attempts, holders

_EVER = NO_DAY  # a customer since nobody knows when
CUSTOMER, OWN_DEAL, ELSEWHERE = (EXCLUSION_CODE[why] for why in ("existing_customer", "open_deal", "open_elsewhere"))
_BY_RANK = np.array([CUSTOMER, OWN_DEAL, ELSEWHERE], np.int64)  # the first reason that holds is the one that is told
_RANK = np.full(len(EXCLUSIONS), -1, np.int64)
_RANK[_BY_RANK] = np.arange(len(_BY_RANK))


@dataclass(frozen=True, eq=False, slots=True)
class Spells:
    """Columns of one length: `entry` does not count from day `start` to the day before `end`, for the reason `why`. Of one entry none overlap."""

    entry: Ints
    start: Ints
    end: Ints
    why: Ints


def spells(paths: PathTable, entries: EntryTable, *, valid_days: int = 180, horizon: int = 180) -> Spells:
    """The spells of all entries whose target anybody else, another entry, or another attempt of theirs speaks of. One company is one target
    number.
    """
    asked = _asked(paths, entries)
    attempts = _attempts(paths, entries, asked)
    if entries.taken.rivals is not None:
        attempts = _beside(attempts, _rivals(entries.taken, paths.as_of))
    attempts = attempts.only(np.argsort(attempts.target, kind="stable"))  # what is looked up together lies together
    rows = np.flatnonzero(attempts.entry >= 0)
    listed = attempts.reached[rows, LISTED].astype(np.int64)
    shown = listed, np.minimum(listed + valid_days, attempts.until[rows])
    found = joined(
        _won(attempts, rows), _bought(attempts, rows, entries.taken), _elsewhere(attempts, rows, shown, horizon)
    )
    start, end = np.maximum(found.start, shown[0][found.group]), np.minimum(found.end, shown[1][found.group])
    told = topmost(replace(found, start=start, end=end), len(_BY_RANK))
    entry, why = attempts.entry[rows][told.group], _BY_RANK[told.layer]
    order = np.lexsort((why, told.end, told.start, entry))
    return Spells(entry[order], told.start[order], told.end[order], why[order])


def _asked(paths: PathTable, entries: EntryTable) -> Flags:
    """Entries whose target more than one attempt speaks of, be it another one of theirs, or the company itself."""
    taken = entries.taken
    others = [entries.target[paths.entry], taken.target]
    if taken.rivals is not None:
        others.append(taken.rivals.target)
    said = np.concatenate(others)
    if not said.size:
        return np.zeros(0, np.bool_)
    times = np.bincount(said, minlength=int(entries.target.max(initial=0)) + 1)
    return np.asarray(times[entries.target] > 1, np.bool_)


def _attempts(paths: PathTable, entries: EntryTable, asked: Flags) -> Attempts:
    rows = np.flatnonzero(asked[paths.entry] & (paths.reached[:, LISTED] != NO_DAY))
    entry, reached = paths.entry[rows], paths.reached[rows]
    until = np.full(len(rows), FAR, np.int64)
    again = np.flatnonzero(entry[1:] == entry[:-1])
    until[again] = reached[again + 1, LISTED]
    won, lost = paths.won[rows].astype(np.int64), paths.lost[rows].astype(np.int64)
    return Attempts(entries.target[entry].astype(np.int64), entry, paths.partner[rows], until, reached, won, lost)


def _rivals(taken: Taken, as_of: int) -> Attempts:
    assert taken.rivals is not None
    assert taken.rival_events is not None
    rivals = replace(taken.rivals, partner=taken.rivals.partner - taken.rivals.partner.min(initial=0))
    n = int(rivals.partner.max(initial=-1)) + 1
    nobody = PartnerTable.of([str(i) for i in range(n)], ["all"], np.zeros(n, np.int64))
    paths = canonical_paths(taken.rival_events, rivals, nobody, as_of)
    return _attempts(paths, rivals, np.ones(len(rivals), np.bool_))


def _beside(attempts: Attempts, others: Attempts) -> Attempts:
    """Both, of which the others are not asked about, and are of partners of their own."""
    apart = int(attempts.partner.max(initial=-1)) + 1
    others = replace(others, entry=np.full(len(others), -1, np.int64), partner=others.partner + apart)
    return Attempts(*(np.concatenate([getattr(of, name) for of in (attempts, others)]) for name in Attempts.__slots__))


def _won(attempts: Attempts, rows: Ints) -> Spans:
    """Rows of a target that was won by another attempt: the earliest of them, or the next where that is the row's own."""
    wins = np.flatnonzero(attempts.won != NO_DAY)
    wins = wins[np.lexsort((attempts.won[wins], attempts.target[wins]))]
    of, target = attempts.target[wins], attempts.target[rows]
    first = np.searchsorted(of, target)
    in_reach = np.flatnonzero(first < len(wins))
    at = first[in_reach]
    at += wins[at] == rows[in_reach]
    theirs = at < len(wins)
    row, at = in_reach[theirs], at[theirs]
    same = of[at] == target[row]
    row, at = row[same], at[same]
    return _spans(row, attempts.won[wins[at]], np.full(len(row), FAR), CUSTOMER)


def _bought(attempts: Attempts, rows: Ints, taken: Taken) -> Spans:
    """What the company says of a customer or a deal of its own. What became of the row's own deal is no reason while that stands."""
    order = np.argsort(taken.target, kind="stable")
    row, at = matches(attempts.target[rows], taken.target[order])
    at, mine = order[at], rows[row]
    deal, lost = attempts.reached[mine, DEAL], attempts.lost[mine]
    start, end = taken.start[at], np.where(taken.end[at] == NO_DAY, FAR, taken.end[at])
    spent = np.where(lost == NO_DAY, FAR, lost)  # from then on it is no success of its own
    through_it = (deal != NO_DAY) & ((start == _EVER) | (start >= deal))
    return _spans(row, np.where(through_it, np.maximum(start, spent), start), end, taken.why[at])


def _elsewhere(attempts: Attempts, rows: Ints, shown: tuple[Ints, Ints], horizon: int) -> Spans:
    """While another partner holds the target and the row's own does not by the same claim; never once it was won."""
    found = holders(attempts, horizon)
    row, at = found.during(attempts.target[rows], *shown)
    mine, held = rows[row], found.held.only(at)
    won = attempts.won[mine]
    start = np.maximum(held.start, found.own(held.mark, attempts.partner[mine]))
    return _spans(row, start, np.where(won == NO_DAY, held.end, np.minimum(held.end, won)), ELSEWHERE)


def _spans(row: Ints, start: Ints, end: Ints, why: Ints | int) -> Spans:
    rank = np.broadcast_to(_RANK[why], row.shape)
    return Spans(row, start, end, rank, np.zeros(len(row), np.int64))
