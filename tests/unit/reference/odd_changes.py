"""The same workspace told another way, or with somebody more in it."""

from dataclasses import replace

import numpy as np

from indicators.cadence import Activities
from indicators.inputs import FIRST_DAY, NO_DAY, EntryTable, EventTable, Ints, PartnerTable, day_number
from jobs.steps.taken import alone
from tests.unit.reference.odd_tables import OddTables, odd_events


def _chosen(events: EventTable, rows: Ints) -> EventTable:
    columns = (events.entry, events.milestone, events.day, events.source, events.told)
    return EventTable(*(column[rows] for column in columns), events.histories)


def _done(activities: Activities, rows: Ints) -> Activities:
    return Activities(activities.partner[rows], tuple(activities.kind[i] for i in rows), activities.day[rows])


def twice(world: OddTables) -> OddTables:
    """Every event is told again."""
    return replace(world, events=_chosen(world.events, np.tile(np.arange(len(world.events)), 2)))


def without_strays(world: OddTables) -> OddTables:
    """Without the events that are told to be left out for their day."""
    day = world.events.day
    return replace(
        world, events=_chosen(world.events, np.flatnonzero((day >= FIRST_DAY) & (day <= day_number(world.as_of))))
    )


def of_one(world: OddTables, at: int) -> OddTables:
    """One partner and its entries, with the others' beside them as rivals, as a run reads them between two of all."""
    mine = np.flatnonzero(world.activities.partner == at)
    done = Activities(
        np.zeros(len(mine), np.int64), tuple(world.activities.kind[i] for i in mine), world.activities.day[mine]
    )
    events, entries, partners = alone(world.tables, world.partners.ids[at])
    return replace(world, events=events, entries=entries, partners=partners, activities=done)


def shuffled(world: OddTables, seed: int) -> OddTables:
    """The same events, overrides and activities in another order."""
    chance = np.random.default_rng(seed)
    of = chance.permutation(len(world.events))
    events = world.events
    overrides = [world.partners.overrides[i] for i in chance.permutation(len(world.partners.overrides))]
    done = _done(world.activities, chance.permutation(len(world.activities.day)))
    told = _chosen(events, of)
    return replace(world, events=told, partners=replace(world.partners, overrides=tuple(overrides)), activities=done)


def with_a_stranger(world: OddTables, seed: int) -> OddTables:
    """The same with one more partner of a type of its own, the last of all, and entries for targets of its own."""
    chance = np.random.default_rng(seed)
    n, more, now = len(world.entries), int(chance.integers(1, 40)), day_number(world.as_of)
    e, p, added = world.entries, world.partners, odd_events(chance, more, now)
    partners = PartnerTable.of(
        [*p.ids, "q"],
        [*p.types, "zzz"],
        [*p.type.tolist(), len(p.types)],
        willingness=[*p.willingness.tolist(), 1],
        submitted_day=[*p.submitted_day.tolist(), NO_DAY],
        joined_day=[*p.joined_day.tolist(), NO_DAY],
        ended_day=[*p.ended_day.tolist(), NO_DAY],
        overrides=p.overrides,
    )
    entries = EntryTable.of(
        [*e.ids, *(f"f{i:04}" for i in range(more))],
        [*e.partner.tolist(), *[len(p)] * more],
        last_activity_day=[*e.last_activity_day.tolist(), *[NO_DAY] * more],
        target=[*e.target.tolist(), *(2 * n + 2 + np.arange(more)).tolist()],
        unplaced=[*e.unplaced.tolist(), *[False] * more],
        taken=e.taken,
    )
    old = world.events
    events = EventTable(
        np.r_[old.entry, added.entry + n], np.r_[old.milestone, added.milestone], np.r_[old.day, added.day], np.r_[old.source, added.source],
        np.r_[old.told, added.told % max(2 * len(old.histories), 1)], old.histories,
    )  # fmt: skip
    return replace(world, events=events, entries=entries, partners=partners)
