"""Who is watched on a step of the funnel, for how long, and how it ended."""

from dataclasses import dataclass

import numpy as np

from indicators.incidence import CENSORED, CONVERTED, ENDED
from indicators.inputs import DEAL, LISTED, MILESTONES, NO_DAY, Flags, Ints
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
    partner    position in PartnerTable.ids
    dated      both ends of the step are recorded, not inferred: such rows serve the lead time
    """

    duration: Ints
    ending: Ints
    start: Ints
    partner: Ints
    dated: Flags

    def __len__(self) -> int:
        return len(self.duration)

    def only(self, rows: Flags) -> "Subjects":
        """The rows where the flag is set."""
        return Subjects(self.duration[rows], self.ending[rows], self.start[rows], self.partner[rows], self.dated[rows])


def subjects_of(paths: PathTable, step: Step, *, partner_type: int | None = None) -> Subjects:
    """The subjects of a step at the paths' as-of day, of one partner type or (None) of all; attempts left out of rates are left out."""
    begin, end = step
    rows = (paths.reached[:, begin] != NO_DAY) & ~paths.excluded
    if partner_type is not None:
        rows &= paths.type == partner_type
    start = paths.reached[rows, begin].astype(np.int64)
    done = paths.reached[rows, end].astype(np.int64)
    lost = paths.lost[rows].astype(np.int64)
    ending = np.where(done != NO_DAY, CONVERTED, np.where(lost != NO_DAY, ENDED, CENSORED))
    until = np.choose(ending, [np.full(len(start), paths.as_of), done, lost])
    unknown = paths.inferred[rows, begin] | paths.inferred[rows, end]
    return Subjects(until - start, ending, start, paths.partner[rows].astype(np.int64), ~unknown)


def within_window(subjects: Subjects, as_of: int, window: int | None, at_least: int) -> tuple[Subjects, int | None]:
    """Subjects that started in the last `window` days, and the window in days; it grows until it holds `at_least` of them, or all."""
    if window is None:
        return subjects, None
    age = as_of - subjects.start
    if int((age < window).sum()) < at_least and len(subjects):
        wanted = min(at_least, len(subjects)) - 1
        window = max(window, int(np.partition(age, wanted)[wanted]) + 1)
    return subjects.only(age < window), window
