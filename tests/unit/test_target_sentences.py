"""The verdict on a target in words: true of what stands beside it, in both languages."""

import re

import pytest

from jobs.tables.targets import _note
from jobs.target_sentences import alone, sentences

STEPS = ("listed>requested", "requested>agreed", "agreed>executed", "executed>deal")


def little(immature, rates, month="2026-11"):
    static = [{"milestone": step.split(">")[0], "rate": rate} for step, rate in zip(STEPS, rates, strict=True)]
    about = {
        "verdict": "not_enough_data", "immature_steps": list(immature), "static": [*static, {"milestone": "deal", "rate": None}],
        "month": month, "as_of": "2026-10-31", "deals": 40, "achieved": 3,
    }  # fmt: skip
    return about | sentences(about)


def test_a_step_that_nobody_took_is_not_called_too_young():
    said = little(STEPS[1:], (0.4, 0.5, None, None))
    assert (
        "nobody has yet gone agreed → executed, executed → deal; requested → agreed has not been watched"
        in said["says"]
    )
    assert "cannot tell how many are needed" in said["says"]
    assert "アクション合意→アクション実施、アクション実施→商談に進んだ例がまだない" in said["says_ja"]
    assert "バイネーム依頼→アクション合意の観察期間が不足" in said["says_ja"]
    assert "まだ出せません" in said["says_ja"]


def test_where_every_step_was_taken_the_table_is_a_rough_guide():
    said = little(STEPS[3:], (0.4, 0.5, 0.6, 0.7))
    assert "nobody" not in said["says"]
    assert (
        said["says_ja"]
        == "計画にはデータが足りません（アクション実施→商談の観察期間が不足）。下の表は現時点の転換率による目安です。"
    )


def test_a_month_that_is_over_is_told_as_such():
    about = {
        "verdict": "infeasible_time",
        "month": "2026-01",
        "as_of": "2026-10-31",
        "deals": 40,
        "achieved": 39,
        "earliest_month": None,
        "in_flight": 0.0,
        "assumptions": {"sure": 0.5},
    }
    said = sentences(about)
    assert said["says"] == "2026-01 is over: 39 deals have come of the 40 wanted, 1 is lacking."
    assert said["says_ja"] == "2026-01は終了しました。目標40件に対し実績39件で、1件不足です。"
    told = sentences({**about, "month": "2026-10"})
    assert "come too late for 2026-10" in told["says"]
    assert "as many with a chance of 50 % at the pace" in told["says"]
    assert "50%の確率で届く月がありません" in told["says_ja"]


def test_a_month_that_is_over_needs_no_conversions_to_be_told():
    said = little(STEPS, (None,) * 4, "2026-09")
    assert said["says"] == "2026-09 is over: 3 deals have come of the 40 wanted, 37 are lacking."
    assert said["says_ja"] == "2026-09は終了しました。目標40件に対し実績3件で、37件不足です。"


@pytest.mark.parametrize("rates", [(None,) * 4, (0.4, 0.5, 0.6, 0.7)])
def test_a_picture_speaks_of_no_table_below_it(rates):
    said = little(STEPS[2:], rates)
    assert "below" in said["says"]
    assert "下の表" in said["says_ja"]
    assert alone(said, "en").startswith("Not enough data for a plan: ")
    assert alone(said, "ja").startswith("計画にはデータが足りません（")
    assert alone(said, "ja").endswith("）。")
    assert alone(said, "en").endswith((" executed → deal.", " watched long enough."))
    over = little(STEPS, rates, "2026-09")
    assert alone({**over, "verdict": "infeasible_time"}, "en") == over["says"]


def test_no_deals_ask_for_nothing():
    said = sentences({"verdict": "already_covered", "achieved": 0, "deals": 0, "month": "2026-11"})
    assert said["says"] == "No deal is asked for in 2026-11, so nothing is needed for it."


def test_no_conversion_above_one_is_asked_for():
    at = {"chance": 0.01, "shortfall": 8.0, "rate": 0.24, "needed_rate": 2.02}
    about = {
        "verdict": "infeasible_capacity",
        "deals": 25,
        "month": "2026-11",
        "a_week": {"legacy": {"plan": 21.0}},
        "at_capacity": at,
    }
    said = sentences(about)
    assert "202 %" not in said["says"]
    assert "202%" not in said["says_ja"]
    assert said["says"].endswith("Even if every entry listed became a deal, it would not be enough in time.")
    enough = sentences(
        {**about, "assumptions": None, "at_capacity": {**at, "shortfall": 0.0, "chance": 0.75, "needed_rate": 0.1}}
    )
    assert enough["says"].endswith("come in 2026-11 on average, but with a chance of 75 %, not of 80 %.")
    assert "転換率" not in enough["says_ja"]
    assert "instead of 24 %" in sentences({**about, "at_capacity": {**at, "needed_rate": 0.9}})["says"]


@pytest.mark.parametrize(("chance", "told"), [(0.9991, "99%超の確率で"), (0.938, "94%の確率で"), (1.0, "100%の確率で")])
def test_a_japanese_sentence_has_no_english_in_it(chance, told):
    said = sentences(
        {"verdict": "already_covered", "achieved": 1, "deals": 5, "month": "2026-10", "chance_without_new": chance}
    )
    assert told in said["says_ja"]
    assert not re.search(r"[A-Za-z]| %", said["says_ja"])


@pytest.mark.parametrize(
    ("name", "plan", "verdict", "note"),
    [
        ("mean", {"entries": 50, "chance": 0.52, "over_capacity": False}, "feasible", "a coin toss"),
        ("mean", {"entries": 50, "chance": 0.36, "over_capacity": False}, "feasible", ""),
        ("safe", {"entries": 80, "chance": 0.8, "over_capacity": False}, "feasible", "the plan"),
        ("safe", {"entries": 80, "chance": 0.8, "over_capacity": False}, "infeasible_time", ""),
        ("safe", {"entries": 80, "chance": 0.8, "over_capacity": True}, "infeasible_time", "more than can be listed"),
        ("safe", {"entries": 0, "chance": 0.9, "over_capacity": False}, "already_covered", "nothing new is needed"),
        ("mean", {"entries": None, "chance": 0.0, "over_capacity": True}, "infeasible_time", "no number of new entries is enough"),
    ],
)  # fmt: skip
def test_a_number_of_new_entries_is_called_what_it_is(name, plan, verdict, note):
    """Nothing that comes too late is the plan, and a chance of 36 % is no coin toss."""
    assert _note(name, plan, verdict) == note


def test_the_plan_on_average_is_told_with_its_own_chance():
    plans = {"safe": {"entries": 80, "chance": 0.8}, "mean": {"entries": 50, "chance": 0.36}}
    said = sentences(
        {"verdict": "feasible", "month": "2026-11", "deals": 5, "plans": plans, "a_week": {"a": {"plan": 9}}}
    )
    assert said["says"].endswith("(50 would do on average, with a chance of 36 %).")
    assert said["says_ja"].endswith("（平均で足りる50件では36%）。")
