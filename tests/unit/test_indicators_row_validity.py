"""Rows whose target is taken do not count: by stories, and by a second, slow way of counting day by day."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.counts import excluded_on, list_rows, rows_on
from indicators.inputs import (
    EXCLUSION_CODE,
    EXCLUSIONS,
    NO_DAY,
    EntryTable,
    EventTable,
    PartnerTable,
    Taken,
)
from indicators.paths import canonical_paths
from indicators.row_validity import spells
from tests.unit.reference.row_spells import plain_spells
from tests.unit.reference.worlds import DAY0, events_of

CUSTOMER, OWN_DEAL = EXCLUSION_CODE["existing_customer"], EXCLUSION_CODE["open_deal"]
STEPS = ("listed", "requested", "agreed", "executed", "deal")


def found(stories, partner, day, *, target=None, bought=(), as_of=400):
    """Per partner on the day: rows that count, then those that do not, by reason."""
    target = [0] * len(stories) if target is None else target
    companies = [
        (t, start if start == NO_DAY else DAY0 + start, end if end == NO_DAY else DAY0 + end, why)
        for t, start, end, why in bought
    ]
    entries = EntryTable.of([str(i) for i in range(len(stories))], partner, target=target, taken=Taken.of(companies))
    n = max(partner) + 1
    partners = PartnerTable.of([f"p{i}" for i in range(n)], ["legacy"], [0] * n)
    rows = list_rows(canonical_paths(events_of(stories), entries, partners, DAY0 + as_of), entries, n)
    off = excluded_on(rows, n, DAY0 + day)
    counted = rows_on(rows, np.arange(n), np.full(n, DAY0 + day))
    return [(int(counted[p]), *(name for name in EXCLUSIONS[1:] for _ in range(int(off[name][p])))) for p in range(n)]


def test_who_listed_a_target_first_holds_it_until_another_agrees():
    """The first to agree is the source of a deal, so that before anybody agreed the list's day decides."""
    stories = [[("listed", 10)], [("listed", 30), ("agreed", 40)]]
    assert found(stories, [0, 1], 20) == [(1,), (0,)]
    assert found(stories, [0, 1], 35) == [(1,), (0, "open_elsewhere")]
    assert found(stories, [0, 1], 40) == [(0, "open_elsewhere"), (1,)]


def test_of_two_that_agreed_the_first_holds_it():
    stories = [[("listed", 10), ("agreed", 50)], [("listed", 30), ("agreed", 40)]]
    assert found(stories, [0, 1], 60) == [(0, "open_elsewhere"), (1,)]


def test_both_hold_what_they_listed_on_one_day():
    assert found([[("listed", 10)], [("listed", 10)]], [0, 1], 20) == [(1,), (1,)]


def test_what_is_lost_elsewhere_is_free_again():
    stories = [[("listed", 10)], [("listed", 5), ("lost", 60)]]
    assert found(stories, [0, 1], 59)[0] == (0, "open_elsewhere")
    assert found(stories, [0, 1], 60)[0] == (1,)


def test_the_partners_own_loss_leaves_the_target_to_the_other():
    stories = [[("listed", 5), ("lost", 60)], [("listed", 10)]]
    assert found(stories, [0, 1], 59) == [(1,), (0, "open_elsewhere")]
    assert found(stories, [0, 1], 60) == [(0, "open_elsewhere"), (1,)]


def test_an_entry_that_stood_still_for_the_horizon_holds_nothing():
    stories = [[("listed", 150)], [("listed", 10)]]
    assert found(stories, [0, 1], 189)[0] == (0, "open_elsewhere")
    assert found(stories, [0, 1], 190)[0] == (1,)
    revived = [[("listed", 150)], [("listed", 10), ("requested", 195)]]
    assert found(revived, [0, 1], 200)[0] == (1,)  # its claim begins anew, after the other's


def test_a_target_won_through_one_partner_is_a_customer_for_the_others():
    stories = [[("listed", 10)], [("listed", 20), ("deal", 50), ("won", 70)]]
    assert found(stories, [0, 1], 69) == [(0, "open_elsewhere"), (1,)]
    assert found(stories, [0, 1], 70) == [(0, "existing_customer"), (1,)]


def test_a_second_row_of_a_target_that_was_won_does_not_count():
    stories = [[("listed", 10), ("deal", 50), ("won", 70)], [("listed", 90)]]
    assert found(stories, [0, 0], 100) == [(0, "existing_customer", "duplicate")]


def test_a_row_of_a_customer_that_is_listed_again_does_not_count_although_nobody_else_asks():
    stories = [[("listed", 10), ("deal", 50), ("won", 70), ("lost", 80), ("listed", 90)]]
    assert found(stories, [0], 60) == [(1,)]
    assert found(stories, [0], 100) == [(0, "existing_customer")]


@pytest.mark.parametrize("since", [NO_DAY, 50, 70])
def test_success_does_not_shrink_a_list(since):
    """What the company says of a customer that this row's deal made is the row's own success."""
    bought = [(0, since, NO_DAY, CUSTOMER), (0, since, NO_DAY, OWN_DEAL)]
    assert found([[("listed", 10), ("deal", 50), ("won", 60)]], [0], 100, bought=bought) == [(1,)]


def test_a_customer_of_before_the_deal_stays_one():
    stories = [[("listed", 10), ("deal", 50)]]
    assert found(stories, [0], 100, bought=[(0, 49, NO_DAY, CUSTOMER)]) == [(0, "existing_customer")]


def test_a_customer_counts_from_its_day_to_its_end():
    stories, bought = [[("listed", 10)]], [(0, 50, 80, CUSTOMER), (0, 60, NO_DAY, OWN_DEAL)]
    told = [found(stories, [0], day, bought=bought)[0] for day in (49, 50, 79, 80)]
    assert told == [(1,), (0, "existing_customer"), (0, "existing_customer"), (0, "open_deal")]


def test_a_name_of_its_own_is_nobody_elses():
    assert found([[("listed", 10)], [("listed", 5)]], [0, 1], 20, target=[0, 1]) == [(1,), (1,)]


story = st.lists(st.integers(0, 250), min_size=1, max_size=5, unique=True).map(sorted)
entry = st.tuples(story, st.sampled_from([None, "lost", "won"]), st.integers(1, 120), st.integers(0, 3))
worlds = st.lists(entry, min_size=2, max_size=7)
customers = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 90), st.sampled_from([CUSTOMER, OWN_DEAL])), max_size=2
)


def told(world):
    stories = []
    for days, ending, after, _ in world:
        end = [] if ending is None else [(ending, days[-1] + after)]
        if ending == "won" and len(days) < len(STEPS):
            end = []
        stories.append([*zip(STEPS, days, strict=False), *end])
    return stories


@given(worlds, customers, st.integers(0, 380))
def test_day_by_day_it_is_the_same(world, bought, day):
    """The definition, asked of one day: who holds the target, and whether it bought."""
    stories = told(world)
    partner = [p for *_, p in world]
    companies = [(0, start, start + lasts, why) for start, lasts, why in bought]
    n = max(partner) + 1

    def claim(story):
        """What holds the target on the day: (0, agreed) or (1, listed), None where nothing does."""
        key = last = None
        for name, on in story:
            if name in {"lost", "won"}:
                if on <= day:
                    return None
                continue
            if on > day:
                break
            agreed = STEPS.index(name) >= STEPS.index("agreed")
            lapsed = last is not None and on > last + 180
            if key is None or lapsed or (agreed and key[0] == 1):
                key = (0 if agreed else 1, on)
            last = on
        return key if last is not None and day < last + 180 else None

    held = {}
    for p, one in zip(partner, stories, strict=True):
        if (key := claim(one)) is not None:
            held[p] = min(held.get(p, key), key)
    expected = []
    for p in range(n):
        mine = [
            (on, i)
            for i, one in enumerate(stories)
            if partner[i] == p and (on := dict(one)["listed"]) <= day < on + 180
        ]
        why = []
        if mine:
            newest = max(mine)[1]
            deal = dict(stories[newest]).get("deal", 10**6)
            lost = dict(stories[newest]).get("lost", 10**6)
            sold = any(dict(one).get("won", 10**6) <= day for i, one in enumerate(stories) if i != newest)
            codes = {
                code for _, start, end, code in companies if (max(start, lost) if start >= deal else start) <= day < end
            }
            others = [key for q, key in held.items() if q != p]
            if sold or CUSTOMER in codes:
                why.append("existing_customer")
            elif OWN_DEAL in codes:
                why.append("open_deal")
            elif others and min(others) < held.get(p, (2, 0)) and day < dict(stories[newest]).get("won", 10**6):
                why.append("open_elsewhere")
        counted = int(bool(mine)) - len(why)
        expected.append((counted, *sorted(why + ["duplicate"] * (len(mine) - 1), key=EXCLUSIONS.index)))
    assert found(stories, partner, day, bought=companies) == expected


@given(worlds, customers)
def test_a_part_of_the_partners_is_told_the_same_with_its_rivals(world, bought):
    """Rivals given beside the table say what they say within it."""
    stories, partner = told(world), np.array([p for *_, p in world])
    companies = [(0, DAY0 + start, DAY0 + start + lasts, why) for start, lasts, why in bought]
    events = events_of(stories)
    everybody = PartnerTable.of(["a", "b", "c", "d"], ["legacy"], [0] * 4)

    def table(chosen, owner, taken):
        return EntryTable.of([str(i) for i in chosen], owner, target=[0] * len(chosen), taken=taken)

    def events_for(chosen):
        place = {int(e): at for at, e in enumerate(chosen)}
        kept = np.isin(events.entry, chosen)
        return EventTable.of([place[int(e)] for e in events.entry[kept]], events.milestone[kept], events.day[kept])

    whole = table(range(len(stories)), partner, Taken.of(companies))
    all_of = spells(canonical_paths(events, whole, everybody, DAY0 + 400), whole)
    for p in set(partner.tolist()):
        mine, others = np.flatnonzero(partner == p), np.flatnonzero(partner != p)
        alone = PartnerTable.of(["p"], ["legacy"], [0])
        taken = Taken.of(companies, rivals=table(others, partner[others], None), rival_events=events_for(others))
        part = table(mine, [0] * len(mine), taken)
        some = spells(canonical_paths(events_for(mine), part, alone, DAY0 + 400), part)
        chosen = np.isin(all_of.entry, mine)
        np.testing.assert_array_equal(mine[some.entry], all_of.entry[chosen])
        for column in ("start", "end", "why"):
            np.testing.assert_array_equal(getattr(some, column), getattr(all_of, column)[chosen])


lives = st.lists(
    st.tuples(st.sampled_from(["listed", "agreed", "deal", "won", "lost"]), st.integers(0, 400)), min_size=1, max_size=5
)
wide = st.lists(st.tuples(lives, st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=9)
companies_of = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([NO_DAY, DAY0 + 90, DAY0 + 200]), st.sampled_from([NO_DAY, DAY0 + 150]),
              st.sampled_from([CUSTOMER, OWN_DEAL])),
    max_size=3,
)  # fmt: skip


@given(wide, wide, companies_of, st.sampled_from([30, 180]))
def test_many_targets_at_once_are_told_as_one_after_the_other(world, rivals, companies, horizon):
    """Entries listed again, lost and found, several targets, rivals beside the table: against the plain way, span for span."""

    def columns(of):
        ids, owner, target = [str(i) for i in range(len(of))], [p for _, p, _ in of], [t for *_, t in of]
        return ids, owner, target, events_of([sorted(life, key=lambda e: e[1]) for life, *_ in of])

    their_ids, their_owner, their_target, their_events = columns(rivals)
    theirs = EntryTable.of(their_ids, np.array(their_owner) + 2, target=their_target)
    ids, owner, target, events = columns(world)
    taken = Taken.of(companies, rivals=theirs, rival_events=their_events)
    entries = EntryTable.of(ids, owner, target=target, taken=taken)
    paths = canonical_paths(events, entries, PartnerTable.of(["a", "b", "c", "d"], ["legacy"], [0] * 4), DAY0 + 450)
    found = spells(paths, entries, horizon=horizon)
    columns_found = zip(*(getattr(found, name).tolist() for name in ("entry", "start", "end", "why")), strict=True)
    assert list(columns_found) == plain_spells(paths, entries, horizon=horizon)
