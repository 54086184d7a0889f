"""Who is watched on a step of the funnel, for how long, and how it ended."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from indicators.bootstrap import DrawnCurves
from indicators.incidence import CENSORED, CONVERTED, ENDED
from indicators.inputs import DEAL, LISTED, MILESTONES, NO_DAY, Codes, Days, Flags, Ints
from indicators.paths import PathTable

ALL = "all"
Step = tuple[int, int]
STEPS: tuple[Step, ...] = tuple((k, k + 1) for k in range(LISTED, DEAL))
OVERALL: Step = (LISTED, DEAL)


def step_name(step: Step) -> str:
    """`listed>requested` .. `executed>deal`, and `listed>deal` for the whole way."""
    return f"{MILESTONES[step[0]].value}>{MILESTONES[step[1]].value}"


@dataclass(frozen=True, eq=False, slots=True)
class Subjects:
    """Attempts that came to the step's first milestone, one row each.

    duration   days until conversion, loss or the as-of day
    ending     0 still open, 1 converted, 2 lost
    start      the day they came to the first milestone
    partner, type   positions in PartnerTable.ids and .types
    dated      both ends of the step are recorded, not inferred: such rows serve the lead time
    """

    duration: Days
    ending: Codes
    start: Days
    partner: Days
    type: Days
    dated: Flags

    def __len__(self) -> int:
        return len(self.duration)

    def only(self, rows: Flags) -> "Subjects":
        """The rows where the flag is set."""
        places = np.flatnonzero(rows)
        return Subjects(*(getattr(self, f.name).take(places) for f in fields(self)))


def known_to_reach(paths: PathTable, milestone: int) -> Flags:
    """[attempts]: whether it came to the milestone on a day of which the history tells everything.

    All that did are there, whenever they began: whoever came before that day is watched from no known day on.
    """
    day = paths.reached[:, milestone]
    return np.asarray((day != NO_DAY) & (day >= paths.known_from), np.bool_)


def subjects_of(paths: PathTable, step: Step, *, partner_type: int | None = None) -> Subjects:
    """The subjects of a step at the paths' as-of day, of one partner type or (None) of all."""
    begin, end = step
    came = known_to_reach(paths, begin)
    if partner_type is not None:
        came &= paths.type == partner_type
    rows = np.flatnonzero(came)
    start, done, lost = (column.take(rows) for column in (paths.reached[:, begin], paths.reached[:, end], paths.lost))
    converted, ended = done != NO_DAY, lost != NO_DAY
    until = np.where(converted, done, np.where(ended, lost, paths.as_of))
    ending = np.where(converted, CONVERTED, np.where(ended, ENDED, CENSORED))
    unknown = paths.inferred[:, begin].take(rows) | paths.inferred[:, end].take(rows)
    return Subjects(
        (until - start).astype(np.int32),
        ending.astype(np.int8),
        start,
        paths.partner.take(rows).astype(np.int32),
        paths.type.take(rows).astype(np.int32),
        ~unknown,
    )


def within_window(subjects: Subjects, as_of: int, window: int | None, at_least: int) -> tuple[Subjects, int | None]:
    """Subjects that started in the last `window` days, and the window in days; it grows until it holds `at_least` of them, or all."""
    if window is None:
        return subjects, None
    age = as_of - subjects.start
    window = grown_window(age, window, at_least)
    return subjects.only(age < window), window


def grown_window(age: NDArray[np.integer], window: int, at_least: int) -> int:
    """The window in days, or the least larger one within which so many of the ages [n] lie, or all."""
    if int((age < window).sum()) >= at_least or not len(age):
        return window
    wanted = min(at_least, len(age)) - 1
    return max(window, int(np.partition(age, wanted)[wanted]) + 1)


class Funnel:
    """The paths as conversion, lead time and pace ask for them; what is asked twice is worked out once."""

    def __init__(self, paths: PathTable) -> None:
        self.paths = paths
        self._everyone: dict[Step, Subjects] = {}
        self._recent: dict[tuple[Step, int | None, int | None, int], tuple[Subjects, int | None]] = {}
        self.drawn: dict[tuple[Step, int | None, str, int], DrawnCurves] = {}  # bootstraps, see `drawn_curves`
        self._kinds = int(paths.type.max()) + 1 if len(paths) else 0
        whole = bool((paths.known_from == NO_DAY).all())
        self._known = (
            paths.reached if whole else np.where(paths.reached >= paths.known_from[:, None], paths.reached, NO_DAY)
        )
        self._skips = self._count_skips()
        self._back = np.flatnonzero((paths.regressions > 0) & ~paths.excluded)

    @classmethod
    def of(cls, paths: "PathTable | Funnel") -> "Funnel":
        """The funnel of paths; a funnel is its own."""
        return paths if isinstance(paths, Funnel) else cls(paths)

    def subjects(
        self, step: Step, partner_type: int | None, window: int | None, at_least: int
    ) -> tuple[Subjects, int | None]:
        """Subjects of a step in the window (see `within_window`), of one type or (None) of all, and the window used."""
        key = (step, partner_type, window, at_least)
        if key not in self._recent:
            if step not in self._everyone:
                self._everyone[step] = subjects_of(self.paths, step)
            rows = self._everyone[step]
            if partner_type is not None:
                rows = rows.only(rows.type == partner_type)
            self._recent[key] = within_window(rows, self.paths.as_of, window, at_least)
        return self._recent[key]

    def came(self, milestone: int, partner_type: int | None, window: int | None) -> int:
        """How many attempts came to the milestone in the last `window` days (None: ever)."""
        day = self._known[:, milestone]
        recent = day != NO_DAY if window is None else (day != NO_DAY) & (day > self.paths.as_of - window)
        return int((recent if partner_type is None else recent & (self.paths.type == partner_type)).sum())

    def set_back(self, milestone: int, partner_type: int | None, window: int | None) -> tuple[int, int]:
        """Of the attempts that came to the milestone in the last `window` days (None: ever): how many stepped back to a milestone visited
        before, anywhere on their way, and how often in all.
        """
        day = self.paths.reached[self._back, milestone]
        counts = (day != NO_DAY) & (True if window is None else day > self.paths.as_of - window)
        if partner_type is not None:
            counts &= self.paths.type[self._back] == partner_type
        steps = self.paths.regressions[self._back][counts]
        return len(steps), int(steps.sum())

    def skip_rates(self, partner_type: int | None = None) -> tuple[float, ...]:
        """For each milestone, listed to deal: the share of attempts that went beyond it without its being recorded (s_1 = s_5 = 0)."""
        beyond, unrecorded = self._skips
        if partner_type is None:
            ours = beyond.sum(axis=1), unrecorded.sum(axis=1)
        elif partner_type < self._kinds:
            ours = beyond[:, partner_type], unrecorded[:, partner_type]
        else:
            return (0.0,) * (DEAL + 1)
        return tuple(int(u) / int(b) if b else 0.0 for b, u in zip(*ours, strict=True))

    def _count_skips(self) -> tuple[Ints, Ints]:
        beyond, unrecorded = (np.zeros((DEAL + 1, self._kinds), np.int64) for _ in range(2))
        paths = self.paths
        for k in range(LISTED + 1, DEAL):
            rows = (paths.reached[:, k + 1] != NO_DAY) & ~paths.excluded
            beyond[k] = np.bincount(paths.type[rows], minlength=self._kinds)
            unrecorded[k] = np.bincount(paths.type[rows & paths.inferred[:, k]], minlength=self._kinds)
        return beyond, unrecorded
