"""Forecasts, goals and targets from our tables to fields, documents and pages; of any day, and as it was known at any time."""

import csv
import io
import json
import re
from dataclasses import fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from sqlalchemy import Engine

from jobs import doctor
from jobs.cli.common import out
from jobs.steps import more
from jobs.steps.compute import compute
from jobs.steps.entry_values import columns_of_entries, unplaced_records
from jobs.steps.inputs import Given, read_inputs
from sync.events import read
from tests.acceptance.documents import documented
from tests.numbers_world import (
    AS_OF,
    NAME,
    NOW,
    Facts,
    computed,
    settled,
    steady_facts,
    with_short_history,
    workspace_on,
)
from tests.said import said

VERDICTS = {"already_covered", "feasible", "infeasible_capacity", "infeasible_time", "not_enough_data"}


@pytest.fixture
def place(engine: Engine, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A folder with a configuration, and a database; commands run in this process find both."""
    return settled(engine, tmp_path, database_url, monkeypatch)


def document(capsys: pytest.CaptureFixture[str], *given: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(capsys, *given, "--json"), parse_constant=pytest.fail)
    return found


def kept(engine: Engine, field: str) -> dict[str, Any]:
    with engine.connect() as conn:
        rows = conn.exec_driver_sql("select subject_id, value from sakigake.field_result where field = %s", (field,))
        return {r[0]: r[1] for r in rows}


def test_every_partner_and_entry_gets_its_forecast_as_fields(place, capsys):
    """Values are those that `indicators --partner` shows; dates are days to come; parts of the month's target sum to it."""
    facts = steady_facts()
    computed(place, facts)
    expected = kept(place, "expected_deals_90d")
    assert len(expected) == 8
    shown = document(capsys, "indicators", "--partner", "Partner 003")["partner"]
    assert expected[shown["id"]] == round(shown["forecast"]["90"]["expected"], 1)
    assert kept(place, "expected_deals_30d")[shown["id"]] <= expected[shown["id"]]
    assert sum(kept(place, "deals_target_month").values()) == 40
    chance, day = kept(place, "deal_probability"), kept(place, "expected_deal_on")
    assert len(chance) == len(day) == len(facts.entries)
    assert set(chance.values()) >= {0, 100}
    for entry, value in day.items():
        if value is not None:
            assert date.fromisoformat(value) > AS_OF
            assert 5 <= chance[entry] < 100


def test_each_entry_under_way_has_its_chances_and_days_if_it_happens(steady, capsys, monkeypatch):
    """What `indicators --partner` tells of an entry is what its fields say; chances rise with time, and 80 % are later than half."""
    monkeypatch.setattr(out, "width", 180)
    shown = document(capsys, "indicators", "--partner", "Partner 003")["partner"]
    assert len(shown["entries"]) == shown["under_way"] > 5
    chance, day = kept(steady, "deal_probability"), kept(steady, "expected_deal_on")
    for row in shown["entries"]:
        within = [row["deal_within"][days] for days in ("30", "60", "90")]
        assert within == sorted(within)
        assert within[-1] <= row["deal_eventually"] + 1e-9
        assert round(100 * row["deal_eventually"]) == pytest.approx(chance[row["entry"]], abs=1)
        assert row["half_by"] == day[row["entry"]]
        assert row["half_by"] is None or row["half_by"] <= row["most_by"]
        assert row["record"].startswith("salesforce.AttackListEntry__c/")
    expected = sum(row["deal_within"]["30"] for row in shown["entries"])
    assert expected == pytest.approx(shown["forecast"]["30"]["in_flight"], abs=1e-3)
    page = said(capsys, "indicators", "--partner", "Partner 003")
    assert "進行中エントリーの商談化確率" in page
    assert "半数の到達日" in page
    old = [row for row in shown["entries"] if row["state"] == "beyond_support"]
    assert f"ほかに{len(old)}件は長く止まっており" in page
    assert {row["deal_eventually"] for row in old} == {0}
    assert old[0]["record"] not in page


def test_the_months_goal_does_not_move_while_it_is_worked_on(steady):
    before = kept(steady, "deals_target_month")
    late = Facts()
    partner = next(iter(before))
    for i in range(30):
        entry = late.entry(5000 + i, partner)
        late.event(entry, partner, "listed", AS_OF - timedelta(days=3))
        late.event(entry, partner, "deal", AS_OF - timedelta(days=1))
    computed(steady, late, "run-2")
    assert kept(steady, "deals_target_month") == before
    assert kept(steady, "deals_90d")[partner] >= 30


@pytest.mark.parametrize("past", [False, True])
def test_columns_and_values_are_the_same_facts(place, past):
    """Entries are read as columns, of now and of a past day; as values, of a preview, they give the same tables."""
    facts = steady_facts(entries=60)
    computed(place, facts)
    entry, partner = facts.entries[5][1], facts.entries[5][2]
    now = NOW + timedelta(days=9)
    with place.begin() as conn:
        conn.exec_driver_sql(
            """insert into sakigake.activity (workspace, activity_id, partner_id, entry_id, kind, occurred_on, connection, object,
            record_id, rule, known_at) values ('main', 'a', %s, %s, 'touch', '2026-10-20', 'salesforce', 'Task', 't', 'r', '2026-10-20'),
            ('main', 'b', %s, %s, 'touch', '2026-11-20', 'salesforce', 'Task', 't2', 'r', '2026-11-20'),
            ('main', 'c', %s, null, 'dinner', '2026-10-20', 'salesforce', 'Task', 't3', 'r', '2026-10-20'),
            ('main', 'd', 'nobody', null, 'dinner', '2026-10-20', 'salesforce', 'Task', 't4', 'r', '2026-10-20')""",
            (partner, entry, partner, entry, partner),
        )
        conn.exec_driver_sql(
            "update sakigake.entry set target = '{\"domain\": \"same.example\"}' where record_id < 'a00000010'"
        )
        conn.exec_driver_sql(
            """insert into sakigake.unplaced_entry values ('main', 'salesforce', 'AttackListEntry__c', 'a00000007', 'Status__c', 'x'),
            ('main', 'salesforce', 'AttackListEntry__c', 'other', 'Status__c', 'x')"""
        )
        conn.exec_driver_sql(
            """insert into sakigake.entry_source (workspace, connection, object, record_id, entry_id, partner_id, matched_by, target)
            values ('main', 'salesforce', 'AttackListEntry__c', 'other', %s, %s, 'domain', '{}')""",
            (facts.entries[9][1], facts.entries[9][2]),
        )
        # since then one entry has moved to another partner, one is gone, one is new, and so it is with the activity
        then = """insert into sakigake.past_fact (workspace, kind, fact_id, known_until, known_at, said)
            select workspace, '{0}', {0}_id, '2026-11-05', known_at, to_jsonb(n) - 'workspace' - 'known_at' - 'removed_at'
            from sakigake.{0} n where {1}"""
        if past:
            conn.exec_driver_sql(then.format("entry", "record_id in ('a00000003', 'a00000004')"))
            conn.exec_driver_sql(then.format("activity", "activity_id = 'a'"))
            conn.exec_driver_sql(
                """update sakigake.entry set known_at = '2026-11-05', partner_id = %s, target_number = 7,
                target = '{"domain": "new.example"}' where record_id = 'a00000003'""",
                (facts.partners[0][1],),
            )
            conn.exec_driver_sql("update sakigake.entry set removed_at = '2026-11-05' where record_id = 'a00000004'")
            conn.exec_driver_sql("update sakigake.entry set known_at = '2026-11-05' where record_id = 'a00000008'")
            conn.exec_driver_sql("update sakigake.activity set removed_at = '2026-11-05' where activity_id = 'a'")
        moment = NOW if past else None
        unplaced = unplaced_records(conn.connection.driver_connection, NAME)
        values = columns_of_entries(
            read.entries(conn, NAME, moment), read.activities(conn, NAME, AS_OF, moment), unplaced
        )
        facts_as_values = Given(
            read.partners(conn, NAME, moment), values, read.visible_events(conn, NAME, AS_OF, NOW)
        )  # fmt: skip
        one, two = (read_inputs(conn, NAME, AS_OF, NOW, given, past=past) for given in (None, facts_as_values))
        seen = more.activities_of(conn, NAME, two[2], AS_OF, moment)
        told = more.as_columns(read.activities(conn, NAME, AS_OF, moment), two[2])
        afterwards = read_inputs(conn, NAME, AS_OF, now, past=past)
    for mine, theirs in zip(one, two, strict=True):
        for column in fields(mine):
            if column.name not in ("target", "taken"):
                np.testing.assert_array_equal(getattr(mine, column.name), getattr(theirs, column.name), column.name)
    assert [seen.partner.tolist(), seen.kind, seen.day.tolist()] == [
        told.partner.tolist(),
        told.kind,
        told.day.tolist(),
    ]
    assert seen.kind == ("dinner", "touch")
    same = [np.unique(t.target, return_inverse=True)[1] for t in (one[1], two[1])]
    assert len(np.unique(one[1].target)) == len(np.unique(two[1].target)) == 51
    assert [(same[0] == n).sum() for n in same[0]] == [(same[1] == n).sum() for n in same[1]]
    assert (one[1].last_activity_day != -1).sum() == 1
    assert one[1].unplaced.sum() == 2
    assert len(one[1]) == (59 if past else 60)
    if past:
        assert len(afterwards[1]) == 59
        assert (afterwards[1].last_activity_day != -1).sum() == 0
        assert list(afterwards[1].ids) != list(one[1].ids)


def test_without_a_target_the_goal_is_empty_and_says_why(place):
    found = computed(place, steady_facts(entries=60), targets={})
    assert found["deals_wanted"] is None
    assert set(kept(place, "deals_target_month").values()) == {None}
    with place.connect() as conn:
        why = conn.exec_driver_sql(
            "select distinct inputs ->> 'why' from sakigake.field_result where field = 'deals_target_month'"
        )
        assert "targets" in why.scalar_one()


def test_equal_facts_give_equal_bytes_and_changed_settings_are_computed_anew(place):
    first = computed(place, steady_facts())
    again = computed(place, run="run-2")
    assert again["values_changed"] == 0
    assert json.dumps({**first, "values_changed": 0}) == json.dumps(again)
    with workspace_on(place, Path.cwd()) as workspace:
        assert "skipped" in compute(workspace, "run-3", AS_OF, again["input"], None)
    with workspace_on(place, Path.cwd(), calendar={"closures": ["2026-10-01..2026-10-20"]}) as workspace:
        assert "skipped" not in compute(workspace, "run-4", AS_OF, again["input"], None)


def test_what_is_stored_carries_its_axes(place):
    computed(place, steady_facts(entries=100))
    with place.connect() as conn:
        row = conn.exec_driver_sql(
            "select as_of, known_at, mapping_hash, code_version, indicators from sakigake.computation"
        ).one()
    assert (row.as_of, row.known_at) == (AS_OF, NOW)
    assert row.mapping_hash
    assert row.code_version
    assert row.indicators["n"]["entries"] == 100
    assert row.indicators["forecast"]["status"]


def test_indicators_of_the_newest_day_are_the_same_stored_and_worked_out(steady, capsys):
    stored = document(capsys, "indicators")
    assert set(stored) == documented("indicators")
    asked = document(capsys, "indicators", "--as-of", str(AS_OF))
    for key in stored.keys() - {"run"}:
        assert asked[key] == stored[key], key
    assert asked["run"] is None


def test_the_past_is_told_by_what_was_known_then(place, capsys):
    """A deal of July that was typed in in September is no deal of July for who asks what was known in July."""
    facts = steady_facts()
    partner = facts.partners[0][1]
    for i in range(20):
        entry = facts.entry(7000 + i, partner)
        facts.event(entry, partner, "listed", date(2026, 6, 1))
        facts.event(entry, partner, "deal", date(2026, 7, 10), NOW - timedelta(days=40))
    computed(place, facts)
    revised = document(capsys, "indicators", "--as-of", "2026-07-31", "--known-at", "now")
    then = document(capsys, "indicators", "--as-of", "2026-07-31")
    assert then == document(capsys, "indicators", "--known-at", "2026-07-31")
    assert revised["reached"]["deal"] - then["reached"]["deal"] >= 20
    assert then["known_at"] == "2026-07-31T14:59:59.999999+00:00"
    for written in ("2026-10-31T09:00:00+09:00", "2026-10-31T09:00:00"):
        assert document(capsys, "indicators", "--known-at", written)["known_at"] == "2026-10-31T00:00:00+00:00"


def test_late_data_is_told_and_what_is_provisional(place, capsys):
    """Events of the facts are known two days after they occurred; of those read from a CRM's own history nothing can be told."""
    facts = steady_facts()
    partner = facts.partners[0][1]
    for i in range(300):
        facts.event(
            facts.entry(7000 + i, partner), partner, "listed", AS_OF - timedelta(days=60), NOW - timedelta(days=30)
        )
    computed(place, facts)
    late = document(capsys, "indicators")["reporting_delay"]
    assert late["n"] > 300
    assert (late["median"], late["p90"]) == (2, 30)
    assert late["provisional_from"] == str(AS_OF - timedelta(days=29))
    assert document(capsys, "indicators", "--as-of", str(AS_OF))["reporting_delay"] == late
    assert "Provisional: what happened since" in said(capsys, "indicators", "--language", "en")
    with place.begin() as conn:
        conn.exec_driver_sql("update sakigake.event set reconstructed = true")
    unknown = document(capsys, "indicators", "--as-of", str(AS_OF))["reporting_delay"]
    assert unknown == {"n": 0, "median": None, "p90": None, "provisional_from": None}


def test_assumptions_of_the_configuration_hold(steady, capsys):
    plain = document(capsys, "indicators", "--as-of", str(AS_OF))
    path = Path("sakigake.yaml")
    path.write_text(
        path.read_text("utf-8").replace(
            "    targets:\n",
            "    assumptions: {window: 60, tiers: {default: {a_up: 900, a_down: 800, b_up: 700, b_down: 600}}}\n    targets:\n",
            1,
        ),
        "utf-8",
    )
    other = document(capsys, "indicators", "--as-of", str(AS_OF))
    assert other["conversion"]["all"]["listed>deal"]["n"] < plain["conversion"]["all"]["listed>deal"]["n"]
    assert plain["tiers"]["A"] + plain["tiers"]["B"] > other["tiers"]["A"] + other["tiers"]["B"]


def test_attempts_begun_before_the_history_are_left_out_of_rates_and_counted(steady, capsys):
    plain = document(capsys, "indicators")
    assert "before_history" not in plain["issues"]
    began = AS_OF - timedelta(days=200)
    path = Path("sakigake.yaml")
    path.write_text(
        path.read_text("utf-8").replace(
            "    targets:\n", f"    assumptions: {{history_from: {began}}}\n    targets:\n", 1
        ),
        "utf-8",
    )
    computed(steady, run="run-2")
    for found in (document(capsys, "indicators"), document(capsys, "indicators", "--as-of", str(AS_OF))):
        left_out = found["issues"]["before_history"]
        assert 0 < left_out < found["n"]["attempts"]
        assert found["conversion"]["all"]["listed>deal"]["n"] == found["n"]["attempts"] - left_out
        assert found["reached"] == plain["reached"], "what was reached is counted as ever"
    assert "began before the history" in " ".join(said(capsys, "indicators", "--language", "en").split())


def test_a_history_that_begins_late_is_found_and_told_and_a_day_of_the_settings_overrides_it(place, capsys):
    since = AS_OF - timedelta(days=200)
    stored = computed(place, with_short_history(steady_facts(), since))
    (late,) = stored["late_histories"]
    assert late["history"] == "salesforce.AttackListEntry__c"
    assert since <= date.fromisoformat(late["start"]) <= since + timedelta(days=20)
    assert late["further_before"] > late["before"] / 2 > late["further_since"] == 0
    assert stored["issues"]["before_history"] == late["before"]
    whole = stored["conversion"]["all"]["listed>deal"]
    assert whole["n"] == stored["n"]["attempts"] - late["before"]
    again = document(capsys, "indicators", "--as-of", str(AS_OF))
    assert {key: again[key] for key in stored if key != "values_changed" and key in again} == {
        key: stored[key] for key in stored if key in again
    }
    shown = " ".join(said(capsys, "indicators", "--language", "en").split())
    assert f"salesforce.AttackListEntry__c tells of everything from {late['start']} on" in shown
    assert f"変更履歴がすべてそろうのは{late['start']}以降" in "".join(
        said(capsys, "indicators", "--language", "ja").split()
    )
    (finding,) = doctor.histories(place, NAME)
    assert finding.subject == "salesforce.AttackListEntry__c"
    assert late["start"] in finding.says
    assert "assumptions.history_from" in finding.advice
    everybody = computed(place, run="run-2", assumptions={"history_from": "2000-01-01"})
    assert everybody["late_histories"] == []
    assert "before_history" not in everybody["issues"]
    assert everybody["conversion"]["all"]["listed>deal"]["n"] > whole["n"]
    assert list(doctor.histories(place, NAME)) == []


def test_targets_tell_all_that_a_month_asks_for(steady, capsys):
    found = document(capsys, "targets", "--deals", "6", "--month", "2026-12")
    assert set(found) == documented("targets")
    assert found["verdict"] in VERDICTS
    assert sum(p["target"] for p in found["partners"]) == 6
    assert found["weeks"][0]["from"] == "2026-11-01"
    assert found["weeks"][-1]["to"] == "2026-12-31"
    for milestone, total in found["totals"].items():
        assert sum(week["goals"][milestone]["all"] for week in found["weeks"]) == total["goal"]
        for week in found["weeks"]:
            goals = week["goals"][milestone]
            assert goals["all"] == goals["legacy"] + goals["growth1"]
    assert [row["milestone"] for row in found["static"]] == ["listed", "requested", "agreed", "executed", "deal"]
    assert found["next_month"]["month"] == "2027-01"
    assert found["says"].endswith(".")
    assert found["says_ja"].endswith("。")


def test_a_mix_of_new_entries_is_followed_and_told_as_an_assumption(steady, capsys):
    path = Path("sakigake.yaml")
    text = path.read_text("utf-8")
    asked = ("targets", "--deals", "30", "--month", "2026-12")
    usual = document(capsys, *asked)
    assert usual["mix_said"] is None
    path.write_text(text.replace("    targets:\n", "    targets:\n      mix: {legacy: 3, growth1: 1}\n", 1), "utf-8")
    found = document(capsys, *asked)
    assert found["mix_said"] == {"growth1": 0.25, "legacy": 0.75}
    assert found["a_week"]["legacy"]["now"] == usual["a_week"]["legacy"]["now"]
    assert found["static"] != usual["static"]
    assert "Assumed by targets.mix: new entries are growth1 25.0 %, legacy 75.0 %." in " ".join(
        said(capsys, *asked, "--language", "en").split()
    )
    assert "targets.mixによる仮定" in said(capsys, *asked, "--language", "ja")
    for setting in ("mix", "capacity"):
        path.write_text(text.replace("    targets:\n", f"    targets:\n      {setting}: {{legasy: 3}}\n", 1), "utf-8")
        refused = " ".join(said(capsys, *asked, code=2).split())
        assert f"targets.{setting} names 'legasy', expected partner types of the mapping:" in refused


def test_a_target_is_asked_of_a_type_or_a_partner_alone(steady, capsys):
    legacy = document(capsys, "targets", "--deals", "3", "--month", "2026-12", "--type", "legacy")
    assert {p["type"] for p in legacy["partners"]} == {"legacy"}
    assert set(legacy["a_week"]) == {"legacy"}
    one = document(capsys, "targets", "--deals", "2", "--month", "2026-12", "--partner", "partner 003")
    assert [p["name"] for p in one["partners"]] == ["Partner 003"]
    assert one["scope"]["partner"] == one["partners"][0]["id"]
    assert one["scope"]["name"] == "Partner 003"
    page = said(capsys, "targets", "--deals", "2", "--month", "2026-12", "--partner", "partner 003")
    assert "Partner 003" in page.splitlines()[0], "and not its id"
    assert one["partners"][0]["target"] == 2


def test_without_a_number_a_type_or_a_partner_is_asked_its_share_of_everybody_s_target(steady, capsys):
    """Nobody asks one partner for what all are to bring."""
    month = ("targets", "--month", "2026-12")
    every = document(capsys, *month)
    assert (every["deals"], every["deals_by"], every["deals_of_all"]) == (40, "settings", None)
    shares = {p["name"]: p["target"] for p in every["partners"]}
    one = document(capsys, *month, "--partner", "Partner 003")
    assert (one["deals"], one["deals_by"], one["deals_of_all"]) == (shares["Partner 003"], "share", 40)
    kinds = [document(capsys, *month, "--type", kind)["deals"] for kind in ("legacy", "growth1")]
    assert sum(kinds) == 40
    assert document(capsys, *month, "--type", "legacy", "--deals", "7")["deals_by"] == "asked"
    page = " ".join(said(capsys, *month, "--type", "legacy", "--language", "en").split())
    assert f"{kinds[0]} of the 40 deals that sakigake.yaml asks of all partners fall to legacy" in page


def test_one_type_s_forecast_and_tiers_are_its_own_and_types_sum_to_all(steady, capsys):
    every = document(capsys, "indicators")
    kinds = list(every["partners"])
    alone = [document(capsys, "indicators", "--type", kind) for kind in kinds]
    assert [set(one["conversion"]) for one in alone] == [{kind} for kind in kinds]
    for days, whole in every["forecast"]["ahead"].items():
        for part in ("expected", "in_flight", "new"):
            parts = [one["forecast"]["ahead"][days][part] for one in alone]
            assert sum(parts) == pytest.approx(whole[part], abs=1e-5)
            assert all(0 < part < whole["expected"] for part in parts)
        for one in alone:
            ahead = one["forecast"]["ahead"][days]
            assert 0 <= ahead["low"] <= ahead["expected"] <= ahead["high"] <= whole["high"]
    for part in ("under_way", "listed_a_week"):
        assert sum(one["forecast"][part] for one in alone) == pytest.approx(every["forecast"][part], abs=1e-5)
    for tier, n in every["tiers"].items():
        assert sum(one["tiers"][tier] for one in alone) == n
    assert f"Deals to expect from partners of type {kinds[0]}" in said(
        capsys, "indicators", "--type", kinds[0], "--language", "en"
    )
    rows = csv.DictReader(io.StringIO(said(capsys, "indicators", "--type", kinds[0], "--csv")))
    assert {r["type"] for r in rows} == {kinds[0]}


def test_the_target_of_the_configuration_is_the_default(steady, capsys):
    found = document(capsys, "targets")
    assert (found["deals"], found["month"], found["month_by"]) == (40, "2026-11", "next")
    assert found["weeks"]
    assert "2026-11 was taken, since under a week is left of the month of 2026-10-31" in said(
        capsys, "targets", "--language", "en"
    )
    early = document(capsys, "targets", "--as-of", "2026-10-24")
    assert (early["month"], early["month_by"]) == ("2026-10", "as_of")
    path = Path("sakigake.yaml")
    path.write_text(
        path.read_text("utf-8").replace("deals: 40 ", "months: {2026-12: 50}\n      capacity: {legacy: 0} "), "utf-8"
    )
    assert document(capsys, "targets", "--month", "2026-12")["deals"] == 50
    assert document(capsys, "targets", "--month", "2026-12")["a_week"]["legacy"]["capacity"] == 0
    assert "--deals N" in said(capsys, "targets", code=2)


def test_tables_and_long_tables_for_spreadsheets(place, capsys):
    facts = steady_facts()
    facts.partner(99, "legacy", "=SUM(A1)")
    computed(place, facts)
    page = said(capsys, "targets", "--deals", "6", "--month", "2026-12", "--language", "en")
    for heading in (
        "What it takes",
        "To be reached in the week up to",
        "Deals by partner",
        "Whom to work on for 2027-01",
    ):
        assert heading in page
    assert "Deals to expect" in said(capsys, "indicators", "--language", "en")
    assert "Own conversion of Partner 003" in said(capsys, "indicators", "--partner", "Partner 003", "--language", "en")
    rows = list(csv.DictReader(io.StringIO(said(capsys, "targets", "--deals", "6", "--month", "2026-12", "--csv"))))
    weekly = [r for r in rows if r["table"] == "weekly" and r["milestone"] == "deal" and r["type"] == "all"]
    assert len(weekly) >= 9
    plan = document(capsys, "targets", "--deals", "6", "--month", "2026-12")
    paces = {(r["type"], r["measure"]): float(r["value"]) for r in rows if r["table"] == "a_week"}
    assert paces == {(kind, name): n for kind, pace in plan["a_week"].items() for name, n in pace.items()}
    goals = {r["milestone"]: int(r["value"]) for r in rows if (r["table"], r["measure"]) == ("totals", "goal")}
    assert goals == {milestone: total["goal"] for milestone, total in plan["totals"].items()}
    latest = {r["milestone"]: r["value"] for r in rows if r["measure"] == "latest_week"}
    assert latest == {m: t["latest_week"]["to"] for m, t in plan["totals"].items() if t["latest_week"]}
    assert {r["partner"] for r in rows if r["table"] == "partners"} >= {"Partner 003", "'=SUM(A1)"}
    rows = list(csv.DictReader(io.StringIO(said(capsys, "indicators", "--csv"))))
    told = {
        "conversion",
        "within",
        "lead_time",
        "drift",
        "partner_rates",
        "forecast",
        "tiers",
        "partners",
        "reporting_delay",
    }
    assert {r["table"] for r in rows} == told
    found = document(capsys, "indicators")
    assert {r["measure"]: int(r["value"]) for r in rows if r["table"] == "tiers"} == found["tiers"]
    assert {r["type"]: int(r["value"]) for r in rows if r["table"] == "partners"} == found["partners"]


def test_a_spreadsheet_has_each_entry_of_a_partner_as_its_page_has(place, capsys):
    facts = steady_facts()
    facts.entries = [(*entry[:6], json.dumps({"name": "=SUM(A1)"}), None) for entry in facts.entries]
    computed(place, facts)
    asked = ("indicators", "--partner", facts.entries[0][2])
    found = document(capsys, *asked)["partner"]
    rows = list(csv.DictReader(io.StringIO(said(capsys, *asked, "--csv"))))
    listed: dict[tuple[str, str], dict[str, Any]] = {}
    for row in (row for row in rows if row["table"] == "entries"):
        assert (row["type"], row["partner"]) == (found["type"], found["name"])
        listed.setdefault((row["record"], row["milestone"]), {})[f"{row['measure']} {row['to']}".strip()] = row["value"]
    assert list(listed) == [(entry["record"], entry["milestone"]) for entry in found["entries"]]
    assert len(listed) == found["under_way"] > 5
    for entry, told in zip(found["entries"], listed.values(), strict=True):
        within = {f"deal_within {days} days": chance for days, chance in entry["deal_within"].items()}
        names = "target", "state", "waited_days", "deal_eventually", "half_by", "most_by"
        expected = within | {name: entry[name] for name in names}
        assert told == {k: "" if v is None else str(v) for k, v in expected.items()} | {"target": "'=SUM(A1)"}
    of_it = {
        (r["table"], r["measure"]): r["value"] for r in rows if r["partner"] and not r["milestone"] and not r["to"]
    }
    assert of_it["tiers", "tier"] == found["tier"]
    assert of_it["forecast", "under_way"] == str(found["under_way"])
    assert not any(row["record"] for row in rows if row["table"] != "entries")


def test_a_manager_sees_the_three_numbers_of_a_step_under_their_three_names(steady, capsys, monkeypatch):
    monkeypatch.setattr(out, "width", 120)  # headings in one line
    step = document(capsys, "indicators")["conversion"]["all"]["listed>requested"]
    page = " ".join(said(capsys, "indicators", "--language", "en").split())
    for heading in ("Conversion and lead time, within 180 days", "within 30 days", "within 60 days", "ratio of counts"):
        assert heading in page
    assert "not a probability, it can exceed 100 %" in page
    assert f"{step['flow_to']:,} / {step['flow_from']:,}" in page
    within = step["within"][0]
    assert f"{100 * within['rate']:.1f} % ({100 * within['low']:.0f} to {100 * within['high']:.0f})" in page
    rows = list(csv.DictReader(io.StringIO(said(capsys, "indicators", "--csv"))))
    where = {"table": "within", "type": "all", "milestone": "listed>requested", "to": "30 days", "measure": "rate"}
    (found,) = [r["value"] for r in rows if where.items() <= r.items()]
    assert float(found) == within["rate"]


def set_back() -> Facts:
    """Forty entries; three of them fell back from `agreed`, one of these a second time."""
    facts = steady_facts(entries=0, partners=4)
    owners = [row[1] for row in facts.partners]
    for i in range(40):
        owner = owners[i % 4]
        entry = facts.entry(i, owner)
        told = [("listed", 200), ("requested", 190 - i % 9), ("agreed", 170)]
        told += [("requested", 160), ("agreed", 150), ("requested", 140)][: 1 if i < 2 else 3 if i == 2 else 0]
        for milestone, ago in told:
            facts.event(entry, owner, milestone, AS_OF - timedelta(days=ago))
    return facts


@pytest.mark.parametrize("width", [80, 120])
def test_a_manager_reads_how_often_entries_stepped_back_and_how_sure_a_lead_time_is(place, capsys, monkeypatch, width):
    """Whatever the width of the page, in both languages, and the same numbers for machines."""
    monkeypatch.setattr(out, "width", width)
    computed(place, set_back())
    told = document(capsys, "indicators")
    counted = {kind: (row["listed>deal"]["regressed"], row["listed>deal"]["regressions"]) for kind, row in told["conversion"].items()}  # fmt: skip
    assert counted == {"growth1": (1, 1), "legacy": (2, 3), "all": (3, 4)}
    assert [told["conversion"]["all"][step]["regressed"] for step in ("agreed>executed", "executed>deal")] == [3, 0]
    lead = told["lead_time"]["all"]["listed>requested"]
    assert (lead["median"], lead["p80"]) == (13, 15)  # of those that go on by day 16, the last on which ten are watched
    assert lead["median_low"] <= 13 <= lead["median_high"] < lead["p80_high"]
    for language, heading, days in (("en", "times", "{0} days ({1} to {2})"), ("ja", "回数", "{0}日 ({1}〜{2})")):
        page = said(capsys, "indicators", "--language", language)
        table = page[page.index(heading) :]
        rows = [line.split() for line in table.splitlines() if "40 / 40" in line]
        assert [row[-2:] for row in rows] == [["3", "4"], ["3", "4"]], table
        assert days.format(lead["median"], lead["median_low"], lead["median_high"]) in page
        assert days.format(lead["p80"], lead["p80_low"], lead["p80_high"]) in page
    rows = list(csv.DictReader(io.StringIO(said(capsys, "indicators", "--csv"))))
    where = {"table": "conversion", "type": "legacy", "milestone": "listed>deal"}
    found = {r["measure"]: r["value"] for r in rows if where.items() <= r.items()}
    assert (found["regressed"], found["regressions"]) == ("2", "3")
    with place.connect() as conn:
        shown = conn.exec_driver_sql("select type, regressed, regressions from sakigake.bi_funnel where step_no = 5")
        assert {row[0]: tuple(row[1:]) for row in shown} == counted


def test_a_moment_after_all_that_is_known_knows_no_more(steady, capsys):
    found = document(capsys, "indicators", "--known-at", str(AS_OF))
    assert found["known_at"] == document(capsys, "indicators")["known_at"]


def test_a_day_after_the_moment_of_knowledge_says_what_is_missing(steady, capsys):
    axes = ("--as-of", "2026-09-30", "--known-at", "2026-09-10")
    english = "Knownonlyinpart:whathappenedinthe20daysafter2026-09-10wasnotknown"
    for command, language, text in (
        (("indicators",), "en", english),
        (("indicators", "--rank"), "ja", "一部未判明：2026-09-10より後の20日間"),
        (("targets", "--deals", "3"), "en", english),
        (("leading",), "ja", "一部未判明：2026-09-10より後の20日間"),
        (("stalled",), "en", english),
        (("activation",), "ja", "一部未判明：2026-09-10より後の20日間"),
        (("actual",), "en", english),
    ):
        assert text in "".join(said(capsys, *command, *axes, "--language", language).split()), command
    assert "Known only in part" not in said(capsys, "stalled", "--as-of", "2026-09-30", "--language", "en")


PAGES = (
    ("indicators",), ("indicators", "--partner", "Partner 003"), ("indicators", "--rank"), ("targets", "--month", "2026-12"), ("stalled",),
    ("activation",), ("actual",),
)  # fmt: skip


def test_every_page_fits_80_columns_in_both_languages_and_breaks_no_heading_within_a_word(place, capsys, monkeypatch):
    facts = steady_facts()
    facts.entries = [(*row[:6], '{"name": "株式会社ハーバー惣菜ダイニング"}', None) for row in facts.entries]
    computed(place, facts)
    monkeypatch.setattr(out, "width", 80)
    for command in PAGES:
        for language in ("ja", "en"):
            page = said(capsys, *command, "--language", language)
            assert [line for line in page.splitlines() if cell_len(line.rstrip()) > 80] == [], command
            assert not re.search(r"マイルスト[^ー]", page), command
    weeks = said(capsys, "targets", "--month", "2026-12", "--language", "ja")
    assert weeks.count("11/") + weeks.count("12/") >= 6, "and as many weeks as there is room for"


REFUSED: list[tuple[tuple[str, ...], int, str]] = [
    (("indicators", "--as-of", "yesterday"), 2, "--as-of is 'yesterday', expected a day such as"),
    (("indicators", "--as-of", "2031-01-01"), 2, "expected a day from 2000-01-01 to 2026-10-31"),
    (("indicators", "--as-of", "1999-12-31"), 2, "expected a day from 2000-01-01"),
    (("indicators", "--known-at", "soon"), 2, "--known-at is 'soon'"),
    *((command, 2, "--known-at is 2206-01-01, which lies in the future; expected a moment up to")
      for name in ("indicators", "targets", "leading", "stalled", "activation", "actual") for command in [(name, "--known-at", "2206-01-01")]),
    (("indicators", "--partner", "nobody"), 1, "There is no partner 'nobody'"),
    (("explain", "salesforce.Account/001", "--as-of", "1999-12-31"), 2, "The day looked at is 1999-12-31, expected one from 2000-01-01 on"),
    (("explain", "salesforce.Account/001", "--known-at", "1999-12-31"), 2, "The day looked at is 1999-12-31, expected one from 2000-01-01 on"),
    (("indicators", "--partner", "Partner"), 1, "8 partners are called 'Partner'"),
    (("indicators", "--type", "gold"), 1, "the types are"),
    (("indicators", "--json", "--csv"), 2, "choose one"),
    (("targets", "--month", "2026-13"), 2, "--month is '2026-13', expected a month such as"),
    (("targets", "--month", "2031-01"), 2, "over 12 months after"),
    (("targets", "--deals", "-3"), 2, "--deals"),
    (("targets", "--deals", "3", "--type", "gold"), 1, "There is no partner type 'gold'"),
    *(((*command, "--partner", "Partner 003", "--type", kind), 2, f"Partner Partner 003 is of type growth1, not {kind}; leave --type out.")
      for command in (("indicators",), ("indicators", "--rank"), ("targets", "--deals", "3"), ("leading",), ("stalled",)) for kind in ("legacy", "gold")),
    (("targets", "--partner", "Partner 003"), 2, "not enough data to say which part of the 40 deals of 2026-11 is theirs; say --deals N."),
    (("actual", "--type", "legacy"), 1, "The target has no numbers of partner type 'legacy'; it has those of all."),
    (("actual", "--type", "gold"), 1, "There is no partner type 'gold'"),
    (("actual", "--by", "sato"), 2, "give it with --deals N"),
    (("actual", "--month", "2026-12", "--deals", "5", "--type", "legacy"), 2, "all partners together; leave --type out"),
    (("actual", "--month", "2026-12", "--deals", "5", "--csv"), 2, "leave --csv out"),
    (("actual", "--month", "2026-12", "--deals", "0.5"), 2, "--deals is 0.5, expected a number of deals from 1"),
]  # fmt: skip


def test_questions_that_cannot_be_answered_get_one_sentence(place, capsys):
    computed(place, steady_facts(entries=30))
    for given, code, sentence in REFUSED:
        assert sentence in said(capsys, *given, code=code), given


def test_nothing_computed_yet_says_what_to_do(place, capsys):
    assert "say: sakigake run" in said(capsys, "targets", "--deals", "3", code=1)
    assert "say: sakigake run" in said(capsys, "indicators", code=1)


def test_a_month_set_by_the_static_table_is_the_table_that_targets_show(steady, capsys):
    for deals in (1, 7, 333):
        given = ("--deals", str(deals), "--month", "2026-12")
        shown = {row["milestone"]: row["goal"] for row in document(capsys, "targets", *given)["static"]}
        assert document(capsys, "actual", *given)["numbers"] == shown


def test_targets_speak_the_language_asked_for(steady, capsys):
    given = ("targets", "--deals", "6", "--month", "2026-12")
    found = document(capsys, *given)
    japanese, english = ("".join(said(capsys, *given, "--language", x).split()) for x in ("ja", "en"))
    assert "".join(found["says_ja"].split()) in japanese
    assert "バイネーム依頼" in japanese
    assert "".join(found["says"].split()) in english
    assert "Dealsoftheweeksbefore2026-12arenopartofits6." in english


def test_a_moment_before_anything_was_known_is_an_empty_world(place, capsys):
    computed(place, steady_facts(entries=50))
    found = document(capsys, "indicators", "--known-at", "2001-01-01")
    assert found["n"]["events"] == 0
    assert found["reconstructed"] is True
    assert document(capsys, "indicators")["reconstructed"] is False
    assert "Reconstructed: this lies before the first run" in said(
        capsys, "indicators", "--known-at", "2001-01-01", "--language", "en"
    )
    assert found["forecast"]["status"] == "not_enough_data"
    assert datetime.fromisoformat(found["known_at"]).year == 2001
    assert found["workspace"] == NAME
