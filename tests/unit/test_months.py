"""Which month is planned where nobody names one."""

from datetime import date

import pytest

from jobs.months import month_to_plan


@pytest.mark.parametrize(
    ("day", "month"),
    [
        ("2026-10-01", "2026-10"),
        ("2026-10-24", "2026-10"),  # seven days are left
        ("2026-10-25", "2026-11"),
        ("2026-10-31", "2026-11"),
        ("2024-02-22", "2024-02"),
        ("2025-02-22", "2025-03"),
        ("2026-12-31", "2027-01"),
    ],
)
def test_a_month_with_under_a_week_left_gives_way_to_the_next(day, month):
    assert f"{month_to_plan(date.fromisoformat(day), {}, 20):%Y-%m}" == month


def test_a_month_that_alone_has_a_target_is_planned_to_its_end():
    day = date(2026, 10, 31)
    assert month_to_plan(day, {"2026-10": 9}, None) == date(2026, 10, 1)
    assert month_to_plan(day, {"2026-10": 9, "2026-11": 9}, None) == date(2026, 11, 1)
    assert month_to_plan(day, {"2026-10": 9}, 5) == date(2026, 11, 1)
