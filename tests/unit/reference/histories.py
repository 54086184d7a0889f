"""Made-up histories of one partner type with known rates, for plans whose outcome can be played through."""

from dataclasses import dataclass

import numpy as np

from indicators.assumptions import Assumptions
from indicators.conversion import conversions
from indicators.inputs import DEAL, LOST, EntryTable, EventTable, PartnerTable
from indicators.month import Month
from indicators.outlook import Outlook, outlook
from indicators.paths import canonical_paths
from indicators.subjects import Funnel
from indicators.target_plan import TargetPlan
from indicators.targets import target_plan

RATES = (0.50, 0.60, 0.75, 0.55)
MEANS = (10.0, 14.0, 12.0, 18.0)
AS_OF = 20_300
MONTH = Month(AS_OF + 61, AS_OF + 90)
LEAN = Assumptions(replicates=60)


def played(rng: np.random.Generator, listed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days [n, 5] on which each milestone is reached (inf where not), and days [n] of recorded losses."""
    n = len(listed)
    day = np.full((n, DEAL + 1), np.inf)
    day[:, 0], lost, alive = listed, np.full(n, np.inf), np.ones(n, bool)
    for k, (rate, mean) in enumerate(zip(RATES, MEANS, strict=True)):
        goes = alive & (rng.random(n) < rate)
        day[goes, k + 1] = day[goes, k] + np.rint(rng.gamma(2.0, mean / 2.0, n))[goes]
        dead = alive & ~goes
        noted = dead & (rng.random(n) < 0.65)
        lost[noted] = day[noted, k] + 1 + np.rint(rng.exponential(35.0, n))[noted]
        alive = goes
    return day, lost


def tables(day: np.ndarray, lost: np.ndarray, as_of: int) -> tuple[EventTable, EntryTable, PartnerTable]:
    """One partner with these entries, as known on `as_of`."""
    entry, milestone = np.nonzero(day <= as_of)
    gone = np.flatnonzero(lost <= as_of)
    events = EventTable.of(
        np.r_[entry, gone],
        np.r_[milestone, np.full(len(gone), LOST)],
        np.r_[day[entry, milestone], lost[gone]].astype(np.int64),
    )
    ids = [str(i) for i in range(len(day))]
    return events, EntryTable.of(ids, [0] * len(ids)), PartnerTable.of(["p"], ["legacy"], [0])


def outlook_of(
    events: EventTable, entries: EntryTable, partners: PartnerTable, as_of: int, assumptions: Assumptions = LEAN
) -> Outlook:
    funnel = Funnel(canonical_paths(events, entries, partners, as_of))
    return outlook(funnel, partners, conversions(funnel, partners.types, assumptions), assumptions)


@dataclass(frozen=True)
class Outcome:
    """A plan made from 200 old entries, and the deals that came when it was carried out."""

    plan: TargetPlan
    mean_plan_deals: int
    safe_plan_deals: int


def play(seed: int, deals: int = 20, lists: int = 200) -> Outcome:
    """METHODS 3f, the measured hit rate: 200 lists of history, nothing under way, then the plan is carried out in the same world."""
    rng = np.random.default_rng(seed)
    listed = rng.integers(AS_OF - 364, AS_OF - 182, lists)
    plan = target_plan(outlook_of(*tables(*played(rng, listed), AS_OF), AS_OF), deals, MONTH)
    assert plan.mean is not None
    assert plan.safe is not None
    came = []
    for one in (plan.mean, plan.safe):
        day, _ = played(rng, rng.integers(AS_OF + 1, MONTH.end + 1, one.entries or 0))
        came.append(int(((day[:, DEAL] >= MONTH.start) & (day[:, DEAL] <= MONTH.end)).sum()))
    return Outcome(plan, *came)
