"""Entries under way: who still waits for a deal, where, and since when; and the funnel as it stood on an earlier day."""

from dataclasses import dataclass, replace

import numpy as np

from indicators.inputs import DEAL, LISTED, LOST, NO_DAY, WON, Flags, Ints
from indicators.paths import PathTable


@dataclass(frozen=True, eq=False, slots=True)
class OpenEntries:
    """One row an attempt that is neither lost nor a deal yet.

    row                 in the paths
    entry, partner, type   positions in EntryTable.ids, PartnerTable.ids, PartnerTable.types
    milestone           where it stands, `listed` .. `executed`
    age                 days since it came there
    """

    row: Ints
    entry: Ints
    partner: Ints
    type: Ints
    milestone: Ints
    age: Ints

    def __len__(self) -> int:
        return len(self.row)

    def only(self, rows: Flags | Ints) -> "OpenEntries":
        """These rows of them."""
        return OpenEntries(
            self.row[rows], self.entry[rows], self.partner[rows], self.type[rows], self.milestone[rows], self.age[rows]
        )


def open_entries(paths: PathTable) -> OpenEntries:
    """What is under way on the paths' as-of day. An attempt that was a deal once is none of them, whatever came after."""
    waits = (
        (paths.lost == NO_DAY) & (paths.reached[:, DEAL] == NO_DAY) & (paths.current >= LISTED) & (paths.current < DEAL)
    )
    row = np.flatnonzero(waits)
    return OpenEntries(
        row=row,
        entry=paths.entry[row],
        partner=paths.partner[row],
        type=paths.type[row],
        milestone=paths.current[row].astype(np.int64),
        age=(paths.as_of - paths.since[row]).astype(np.int64),
    )


def every_nth(paths: PathTable, n: int) -> PathTable:
    """The attempts of every n-th entry; all of them for 1 or less. `last` is left as it is."""
    return paths if n <= 1 else _only(paths, paths.entry % n == 0)


def _only(paths: PathTable, rows: Flags) -> PathTable:
    columns = ("entry", "partner", "type", "attempt", "reached", "inferred", "won", "lost", "current", "since")
    kept = {name: getattr(paths, name)[rows] for name in (*columns, "regressions", "excluded", "known_from")}
    return replace(paths, **kept)


def rewound(paths: PathTable, as_of: int) -> PathTable:
    """The paths as what is known today tells of an earlier day: what had not been reached by then is taken back.

    Where entries stepped back since, or losses were taken back, their state on that day is told as if that had not been; `last` is
    left as it is. It serves to check forecasts, not to show the past: for that the events are read as of that day.
    """
    began = (paths.reached[:, LISTED] != NO_DAY) & (paths.reached[:, LISTED] <= as_of)
    reached = np.where(paths.reached[began] <= as_of, paths.reached[began], NO_DAY)
    lost = np.where(paths.lost[began] <= as_of, paths.lost[began], NO_DAY)
    won = np.where(paths.won[began] <= as_of, paths.won[began], NO_DAY)
    furthest = (reached != NO_DAY).sum(axis=1) - 1
    current = np.where(lost != NO_DAY, LOST, np.where(won != NO_DAY, WON, furthest))
    came = np.where(won != NO_DAY, won, reached[np.arange(len(reached)), furthest])
    since = np.where(lost != NO_DAY, lost, came)
    return replace(
        paths,
        entry=paths.entry[began],
        partner=paths.partner[began],
        type=paths.type[began],
        attempt=paths.attempt[began],
        reached=reached,
        inferred=paths.inferred[began] & (reached != NO_DAY),
        won=won,
        lost=lost,
        current=current.astype(np.int8),
        since=since.astype(np.int32),
        regressions=paths.regressions[began],
        excluded=paths.excluded[began],
        known_from=paths.known_from[began],
        as_of=as_of,
    )
