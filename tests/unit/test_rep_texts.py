"""What a rep reads in the CRM: one short sentence in the workspace's language, with dates and not ages, the same until something happens."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.assumptions import DEFAULTS
from indicators.inputs import (
    AGREED,
    DEAL,
    EXCLUSION_CODE,
    EXECUTED,
    LISTED,
    NO_DAY,
    REQUESTED,
    EntryTable,
    EventTable,
    PartnerTable,
    Taken,
    TierOverride,
    day_number,
)
from indicators.next_steps import Advice, Waiting, advise, told
from indicators.paths import canonical_paths
from indicators.tier_reason import LONGEST, reason, what_would_change
from indicators.tiers import PartnerTier, assign_tiers
from models.vocabulary import Tier

START = date(2026, 1, 1)
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
ENGLISH_WORD = re.compile(r"[A-Za-z]{2,}")
AGE = re.compile(
    r"\bago\b|\bfor \d+ days|\b\d+ days? (old|since|overdue)|\d+日(前|間|経過|超過)|(今日|本日|昨日|\btoday\b|\byesterday\b)"
)
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")

LISTS = st.lists(st.tuples(st.integers(0, 330), st.integers(1, 25)), max_size=4)
TAKEN = ("existing_customer", "open_deal")
REASONS = st.sampled_from([None, "duplicate", *TAKEN])


def day(on: date) -> int:
    return day_number(on)


def tier_of(
    lists, excluded, as_of: date, *, kind: int, willingness: int, override: TierOverride | None = None
) -> PartnerTier:
    days = [day(START + timedelta(d)) for d, n in lists for _ in range(n)]
    why = [excluded[i % len(excluded)] if excluded else None for i in range(len(days))]
    target = [0 if reason == "duplicate" else i for i, reason in enumerate(why)]
    taken = Taken.of([(i, NO_DAY, NO_DAY, EXCLUSION_CODE[reason]) for i, reason in enumerate(why) if reason in TAKEN])
    entries = EntryTable.of([str(i) for i in range(len(days))], [0] * len(days), target=target, taken=taken)
    partners = PartnerTable.of(
        ["p"], ["legacy", "growth1"], [kind], willingness=[willingness], overrides=[override] if override else []
    )
    paths = canonical_paths(EventTable.of(range(len(days)), [LISTED] * len(days), days), entries, partners, day(as_of))
    return assign_tiers(paths, entries, partners).partners[0]


def check(text: str, language: str) -> None:
    assert 0 < len(text) <= LONGEST
    assert "\n" not in text
    assert text == text.strip()
    assert not AGE.search(text), f"an age would make the field change every day: {text}"
    if language == "en":
        assert not JAPANESE.search(text)
    else:
        assert JAPANESE.search(text)
        assert not ENGLISH_WORD.search(text), text


WORLD = {
    "lists": LISTS,
    "excluded": st.lists(REASONS, max_size=3),
    "kind": st.integers(0, 1),
    "willingness": st.integers(0, 2),
}


@given(**WORLD, after=st.integers(0, 500), language=st.sampled_from(["ja", "en"]))
@settings(max_examples=80)
def test_why_and_what_would_change_fit_their_field_and_its_language(
    lists, excluded, kind, willingness, after, language
):
    tier = tier_of(lists, excluded, START + timedelta(after), kind=kind, willingness=willingness)
    check(reason(tier, language), language)
    assert reason(tier, language).startswith(tier.tier.value)
    change = what_would_change(tier, language)
    if change:
        check(change, language)


@given(**WORLD, language=st.sampled_from(["ja", "en"]))
@settings(max_examples=12, deadline=None)
def test_over_sixty_quiet_days_a_reason_changes_only_with_the_list_s_end_or_at_a_month_s(
    lists, excluded, kind, willingness, language
):
    first = START + timedelta(331)
    ends = {d + DEFAULTS.list_valid for d, _ in lists}
    before = ""
    for n in range(60):
        today = first + timedelta(n)
        said = reason(tier_of(lists, excluded, today, kind=kind, willingness=willingness), language)
        if before and said != before:
            over = any(today - START in (timedelta(e), timedelta(e + 1)) for e in ends)
            month_end = (today + timedelta(1)).day == 1 or today.day == 1
            assert over or month_end, f"{today}: {before!r} became {said!r}"
        before = said


def test_a_reason_given_by_hand_is_cut_and_not_refused():
    override = TierOverride(0, Tier.A, day(START), day(START + timedelta(90)), "長い理由" * 100)
    tier = tier_of([], [], START + timedelta(3), kind=0, willingness=0, override=override)
    for language in ("ja", "en"):
        said = reason(tier, language)
        assert len(said) == LONGEST
        assert "2026-04-01" in said


NUMBERS = st.integers(1, 99_999)


@given(
    tier=st.sampled_from(list(Tier)),
    waiting=st.lists(
        st.tuples(st.sampled_from([LISTED, REQUESTED, AGREED, EXECUTED]), NUMBERS, st.booleans()),
        unique_by=lambda w: w[0],
    ),
    since=st.integers(0, 300),
    language=st.sampled_from(["ja", "en"]),
)
def test_the_next_step_is_one_sentence_that_says_since_when_and_not_for_how_long(tier, waiting, since, language):
    rows = [Waiting(m, n, n if late else 0, day(START + timedelta(since))) for m, n, late in sorted(waiting)]
    advice = advise(tier, rows)
    said = told(advice, language)
    check(said, language)
    if advice.what == "move_stalled":
        assert (START + timedelta(since)).isoformat() in said
    else:
        assert not ISO_DAY.search(said)
    assert advice.milestone is None or LISTED < advice.milestone <= DEAL


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_advice_has_words_of_its_own(language):
    every = [
        Advice("ask_for_list"),
        Advice("no_push"),
        *(Advice(what, m, 2, day(START)) for what in ("move_on", "move_stalled") for m in range(REQUESTED, DEAL + 1)),
    ]
    assert len({told(a, language) for a in every}) == len(every)
