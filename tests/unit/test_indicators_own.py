"""One partner told by a pool says, byte for byte, what it says among all; and what others do moves none of its fields, but for targets that both list."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import Assumptions
from indicators.business_days import WEEKDAYS
from indicators.cadence import Activities
from indicators.histories import starts_of
from indicators.inputs import EntryTable, EventTable, Flags, PartnerTable, Taken
from indicators.own import Own, own
from indicators.paths import canonical_paths
from indicators.pool import Pool
from indicators.subjects import Funnel
from indicators.summary import summarise
from jobs.steps import more, pools
from jobs.steps.entry_rows import entry_rows, said_of
from jobs.steps.prospect_rows import expected_rows
from jobs.steps.results import partner_rows, tier_rows

AS_OF, PARTNERS, TYPES = 20_400, 6, ("growth1", "legacy")
LEAN = Assumptions(replicates=20, draws=60, checks=2)
World = tuple[EventTable, EntryTable, PartnerTable]


def world(seed: int, entries: int) -> World:
    """Entries that go as far as they go, some back again, some lost, some told twice; targets that stand on several lists.

    In every second world the history tells of the last 150 days alone.
    """
    chance = np.random.default_rng(seed)
    depth = chance.integers(0, 7, entries)
    entry = np.repeat(np.arange(entries), depth + 1)
    rank = np.concatenate([np.arange(d + 1) for d in depth]) if entries else np.zeros(0, np.int64)
    milestone = np.where(chance.random(len(entry)) < 0.06, 6, np.minimum(rank, 4))
    day = np.repeat(chance.integers(AS_OF - 500, AS_OF + 1, entries), depth + 1) + rank * chance.integers(
        0, 25, len(entry)
    )
    owner = chance.integers(0, PARTNERS, entries)
    return (
        EventTable.of(
            entry,
            milestone,
            day,
            source=chance.integers(0, 2, len(entry)),
            told=((day < AS_OF - 150) & (seed % 2 > 0)).astype(np.int64),
            histories=("crm.Entry",),
        ),
        EntryTable.of(
            [f"{i:08x}-0000-4000-8000-000000000000" for i in range(entries)],
            owner,
            last_activity_day=np.where(chance.random(entries) < 0.3, AS_OF - chance.integers(0, 200, entries), -1),
            target=chance.integers(0, max(entries, 1), entries),
            unplaced=chance.random(entries) < 0.05,
        ),
        PartnerTable.of(
            [f"p{i}" for i in range(PARTNERS)],
            TYPES,
            chance.integers(0, len(TYPES), PARTNERS),
            willingness=chance.integers(0, 3, PARTNERS),
            joined_day=AS_OF - chance.integers(0, 600, PARTNERS),
        ),
    )


def part(whole: World, chosen: list[int]) -> World:
    """The same of some partners alone, as they are read from the tables: with what others have for the same targets."""
    events, entries, partners = whole
    kept = np.isin(entries.partner, chosen)
    rivals = ~kept & np.isin(entries.target, entries.target[kept])
    taken = Taken.of(
        rivals=EntryTable.of(
            [i for i, k in zip(entries.ids, rivals, strict=True) if k],
            entries.partner[rivals] + len(chosen),
            target=entries.target[rivals],
        ),
        rival_events=events_among(events, rivals),
    )
    return (
        events_among(events, kept),
        EntryTable.of(
            [i for i, k in zip(entries.ids, kept, strict=True) if k],
            np.searchsorted(chosen, entries.partner[kept]),
            last_activity_day=entries.last_activity_day[kept],
            target=entries.target[kept],
            unplaced=entries.unplaced[kept],
            taken=taken,
        ),
        PartnerTable.of(
            [partners.ids[i] for i in chosen],
            TYPES,
            partners.type[chosen],
            willingness=partners.willingness[chosen],
            joined_day=partners.joined_day[chosen],
        ),
    )


def events_among(events: EventTable, kept: Flags) -> EventTable:
    place, mine = np.cumsum(kept) - 1, kept[events.entry]
    return EventTable.of(
        place[events.entry[mine]],
        events.milestone[mine],
        events.day[mine],
        source=events.source[mine],
        told=events.told[mine],
        histories=events.histories,
    )


def told(pool: Pool, of: World) -> Own:
    events, entries, partners = of
    began = starts_of(events, len(entries), pool.late)
    paths = canonical_paths(events, entries, partners, AS_OF, history_start=began)
    return own(pool, Funnel(paths), entries, partners, LEAN)


def rows(found: Own, of: World) -> dict[str, list[str]]:
    """All that is said, by subject; of partners their tier history too."""
    nothing = Activities(np.zeros(0, np.int64), (), np.zeros(0, np.int64))
    said: dict[str, list[str]] = {}
    for row in chain(
        partner_rows(found, "en"),
        expected_rows(found, "en"),
        more.partner_rows(found, of[1], nothing, WEEKDAYS, "en"),
        entry_rows(of[1].ids, said_of(found, of[1]), "en", LEAN.horizon),
    ):
        said.setdefault(row[1], []).append(repr(row))
    for row in tier_rows(found, of[2]):
        said.setdefault(row[0], []).append(repr(row))
    expected, rates = found.expected, found.outlook.rates
    for i, partner_id in enumerate(of[2].ids):
        columns = (rates.rate, rates.low, rates.high, expected.in_flight, expected.new, expected.low, expected.high)
        said[partner_id].append(repr([column[i].tolist() for column in columns]))  # not rounded
    for i, entry_id in enumerate(of[1].ids):
        said.setdefault(entry_id, []).append(repr(found.forecast.within[i].tolist()))
    return said


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(0, 160),
    st.lists(st.integers(0, PARTNERS - 1), min_size=1, max_size=PARTNERS, unique=True),
)
def test_some_partners_alone_say_what_they_say_among_all(seed: int, entries: int, chosen: list[int]) -> None:
    whole = world(seed, entries)
    pool = summarise(*whole, AS_OF, assumptions=LEAN).pool
    of_all = rows(told(pool, whole), whole)
    some = part(whole, sorted(chosen))
    alone = rows(told(pool, some), some)
    assert set(alone) >= {f"p{i}" for i in chosen}
    assert alone == {subject: of_all[subject] for subject in alone}


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 120), st.integers(0, 2**31))
def test_what_one_partner_does_moves_no_field_of_another_that_lists_none_of_its_targets(
    seed: int, entries: int, then: int
) -> None:
    before = world(seed, entries)
    events, table, partners = before
    pool = summarise(*before, AS_OF, assumptions=LEAN).pool
    mine = table.partner[events.entry] == 0
    moved = np.random.default_rng(then).integers(AS_OF - 100, AS_OF + 1, len(events))
    after = replace(events, day=np.where(mine, moved, events.day).astype(np.int32))
    one, two = (rows(told(pool, w), w) for w in (before, (after, table, partners)))
    shared = np.isin(table.target, table.target[table.partner == 0])
    theirs = {i for i, p in zip(table.ids, table.partner, strict=True) if p}
    theirs |= {partners.ids[p] for p in range(1, PARTNERS) if not shared[table.partner == p].any()}
    assert {k: v for k, v in one.items() if k in theirs} == {k: v for k, v in two.items() if k in theirs}


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 160))
def test_a_pool_reads_back_from_text_to_the_last_bit(seed: int, entries: int) -> None:
    whole = world(seed, entries)
    pool = summarise(*whole, AS_OF, assumptions=LEAN).pool
    back = pools.of_text(pools.as_text(pool))
    assert pools.as_text(back) == pools.as_text(pool)
    assert rows(told(back, whole), whole) == rows(told(pool, whole), whole)


def test_a_pool_of_another_day_or_of_other_types_is_refused() -> None:
    events, entries, partners = world(1, 20)
    pool = summarise(events, entries, partners, AS_OF, assumptions=LEAN).pool
    paths = canonical_paths(events, entries, partners, AS_OF - 1)
    with pytest.raises(ValueError, match="give both the same"):
        own(pool, Funnel(paths), entries, partners, LEAN)
