"""Which estimates wait before they turn back."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import BY_NAME, CATALOGUE
from sync.writeback.calm import Last, turns_back, waits

NOW = datetime(2026, 5, 20, 9, tzinfo=UTC)
CHANCE, DAY, LEAD = BY_NAME["deal_probability"], BY_NAME["expected_deal_on"], BY_NAME["lead_time_days"]


@pytest.mark.parametrize(
    ("field", "before", "held", "new", "back"),
    [
        (CHANCE, 56, 61, 56, True),
        (CHANCE, 56, 61, 55, True),
        (CHANCE, 56, 61, 66, False),  # onwards
        (CHANCE, 28, 56, 28, False),  # by more than wavering
        (CHANCE, None, 56, 51, False),  # it was empty before
        (LEAD, 53, 46, 53, True),
        (DAY, "2026-06-10", "2026-06-16", "2026-06-13", True),
        (DAY, "2026-06-13", "2026-06-10", "2026-06-01", False),
        (DAY, None, "2026-06-10", None, True),
        (DAY, "2026-06-10", None, "2026-06-10", True),
        (DAY, "2026-06-10", None, "2026-08-01", True),  # emptied a moment ago, and filled again
        (DAY, "2026-06-10", "2026-06-16", None, False),  # its chance is gone
    ],
)
def test_a_turn_back_by_little_is_told_from_going_on(field: Any, before: Any, held: Any, new: Any, back: bool) -> None:
    assert turns_back(field, before, held, new) is back


def test_it_waits_until_the_value_has_stood_for_its_days() -> None:
    for days, rests in ((0, True), (13, True), (14, False), (40, False)):
        last = Last(56, NOW - timedelta(days=days))
        assert waits(CHANCE, last, 61, 56, NOW) is rests, days


def test_what_says_how_many_there_are_never_waits() -> None:
    exact = [f for f in CATALOGUE if not f.calm]
    assert {"tier", "deals_90d", "stalled", "milestone", "next_step"} <= {f.name for f in exact}
    assert not any(waits(f, Last(3, NOW), 4, 3, NOW) for f in exact)


@given(st.lists(st.integers(0, 20), min_size=2, max_size=60))
def test_whatever_is_computed_day_by_day_a_field_never_goes_to_and_fro_within_its_days(computed: list[int]) -> None:
    """Of values in a band of less than three steps: a turn is at least so many days after the value that it leaves."""
    step = int(CHANCE.step)
    written: list[tuple[int, int]] = []
    for day, value in enumerate(computed):
        new = 40 + value // 8 * step
        if not written:
            written.append((day, new))
            continue
        at, held = written[-1]
        before = written[-2][1] if len(written) > 1 else None
        last = Last(before, NOW + timedelta(days=at))
        if new != held and not waits(CHANCE, last, held, new, NOW + timedelta(days=day)):
            written.append((day, new))
    for (_, first), (at, second), (then, third) in zip(written, written[1:], written[2:], strict=False):
        turned = (third - second) * (second - first) < 0
        assert not turned or then - at >= CHANCE.calm


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(-40, 40), st.integers(-40, 40))
def test_days_turn_back_as_numbers_do(day: date, first: int, second: int) -> None:
    held, new = day + timedelta(first), day + timedelta(first + second)
    expected = first * second < 0 and abs(second) < 21
    assert turns_back(DAY, day.isoformat(), held.isoformat(), new.isoformat()) is expected
