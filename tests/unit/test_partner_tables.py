"""Pages on partners that a manager reads."""

import io

from rich.console import Console

from jobs.tables.partners import actual


def page(landing, timing, *, zeros=False, elapsed=0.5, as_of="2026-10-15", chance=0.3):
    row = {
        "type": "all",
        "milestone": "deal",
        "planned": 20.0,
        "planned_to_date": 10.0,
        "actual": 8,
        "gap": -2.0,
        "effect": 0.5,
    }
    ahead = (
        {}
        if landing is None
        else {"landing_low": 13, "landing_high": 20, "landing_in_flight": 5.5, "landing_new": landing - 13.5}
    )
    gap = {"gap": -2.0, "volume": -2.5, "conversion": {}, "timing": timing, "zeros": zeros}
    month = {
        "month": "2026-10",
        "elapsed": elapsed,
        "rows": [{**row, "landing": landing, "chance_of_target": None if landing is None else chance, **ahead}],
        "gap": {"all": gap},
    }
    out = Console(file=io.StringIO(), width=200, force_terminal=False)
    actual(out, as_of, [month], None, "en")
    return out.file.getvalue()


def test_the_month_s_landing_and_timing_stand_below_the_gap():
    said = page(16.5, -1.5)
    assert (
        "would end at 16.5 of 20 deals: 8 have come, 5.5 are expected of entries under way, 3.0 of new ones. The chance of the plan is 30 %"
        in " ".join(said.split())
    )
    assert "13 to 20" in said
    assert "1.5 deals fewer than planned are under way" in said
    assert "no more than a hint" not in said


def test_without_a_forecast_nothing_is_said_of_the_landing_and_zeros_are_told():
    said = page(None, None, zeros=True)
    assert "would end" not in said
    assert "Timing" not in said
    assert "no more than a hint" in said


def test_while_a_month_lasts_its_plan_is_neither_lost_nor_won_before_it_is():
    for chance, said in ((0.0, "The chance of the plan is < 1 %"), (1.0, "The chance of the plan is > 99 %")):
        assert said in " ".join(page(16.5, 0.0, chance=chance).split())


def test_of_a_month_that_is_over_nothing_is_foretold():
    said = page(8.0, 0.0, elapsed=1.0, as_of="2026-10-31", chance=0.0)
    assert "would end" not in said
    assert "Timing" not in said
    assert "missed" in said
