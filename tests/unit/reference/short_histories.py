"""A generator's world as a CRM shows it that keeps the history of a stage from a day on only."""

from dataclasses import dataclass, replace

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.conversion import conversions
from indicators.histories import late_histories, starts_of
from indicators.inputs import DEAL, LISTED, EventTable
from indicators.lead_time import lead_times
from indicators.paths import canonical_paths
from indicators.subjects import STEPS, step_name
from tests.unit.reference.worlds import World

ENTRY, LINKED = 0, 1
HISTORIES = ("crm.Entry", "crm.Deal")


def cut(world: World, day: int) -> World:
    """What is known of changes since `day` alone. `listed` and `deal` have date fields; the stage before then counts since the record was made.

    Of a record listed before `day` the newest stage before it is told on the day it was listed, as `sync.mapping.stages.passages` does.
    """
    events = world.events
    entry, milestone, when = events.entry, events.milestone, events.day
    dated = (milestone == LISTED) | (milestone == DEAL)
    made = np.full(len(world.entries), 2**30, np.int64)
    np.minimum.at(made, entry, when)
    unseen = ~dated & (when < day)
    newest = np.lexsort((milestone, when, entry))
    newest = newest[unseen[newest]]
    tail = newest[np.r_[entry[newest][1:] != entry[newest][:-1], True]] if len(newest) else newest
    kept = np.flatnonzero(~unseen)
    rows = np.r_[kept, tail]
    from_start = np.r_[np.zeros(len(kept), bool), np.ones(len(tail), bool)]
    told = 2 * np.where(milestone[rows] == DEAL, LINKED, ENTRY) + from_start
    return replace(
        world,
        events=EventTable.of(
            entry[rows],
            milestone[rows],
            np.where(from_start, made[entry[rows]], when[rows]),
            source=events.source[rows],
            told=told,
            histories=HISTORIES,
        ),
    )


@dataclass(frozen=True)
class Found:
    """What a world's published rates (status `ok`) and medians are off by, whether their intervals hold the truth, and how many attempts began before."""

    rates: list[float]
    medians: list[float]
    inside: list[bool]
    left_out: int


def found(world: World, *, judged: bool, assumptions: Assumptions = DEFAULTS) -> Found:
    """By what the histories show of themselves, or (not `judged`) with all that is told taken for true."""
    late = late_histories(world.events, len(world.entries), world.as_of) if judged else ()
    starts = starts_of(world.events, len(world.entries), late)
    paths = canonical_paths(world.events, world.entries, world.partners, world.as_of, history_start=starts)
    leads = {(row.type, row.step): row for row in lead_times(paths, world.partners.types, assumptions)}
    rates, medians, inside = list[float](), list[float](), list[bool]()
    for row in conversions(paths, world.partners.types, assumptions):
        step = next((k for k, step in enumerate(STEPS) if row.step == step_name(step)), None)
        if row.type not in world.truth["types"] or step is None or row.status != "ok" or row.rate is None:
            continue
        of = world.truth["types"][row.type]
        truth = of["realised_eventual_cvr"][step]
        rates.append(row.rate - truth)
        inside.append(row.interval.low <= truth <= row.interval.high)
        if (median := leads[row.type, row.step].median) is not None:
            medians.append(median - of["lead_time"][step]["median"])
    return Found(rates, medians, inside, int(paths.excluded.sum()))
