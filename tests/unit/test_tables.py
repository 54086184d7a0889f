"""Tables on narrow pages: what people copy stays in one piece."""

import io
import re
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.markup import escape

from jobs.asked import partner_place
from jobs.cli.common import Uncut
from jobs.speech import Speech
from jobs.tables.mirror import objects
from jobs.tables.shape import add_up, items, moment, table
from jobs.tables.steps import lead_times, subjects

IDS = ("salesforce.AttackListEntry__c/a015g0000000001AAA", "lists.row/0fbf57b0-38bf-568d-953d-bef296e37242", "plan-20261126T021001-85b69a")  # fmt: skip


def printed(shown, width):
    out = Uncut(file=io.StringIO(), width=width, highlight=False)
    out.print(shown)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [200, 120, 80, 40])
def test_ids_of_records_and_plans_are_never_broken_or_cut(width):
    shown = table("Events", "occurred", "known", "rule", "source", "by", "told by")
    shown.add_row("2026-10-01", "2026-10-31 (from the CRM's history)", "entries[0].milestones.listed", IDS[0], "ListedOn__c", ", ".join(IDS[:2]))  # fmt: skip
    shown.add_row("2026-10-01", "2026-10-31", "x" * 60, IDS[1], "y" * 30, f"{IDS[2]}: since nobody knows")
    said = printed(shown, width)
    assert [said.count(i) for i in IDS] == [2, 2, 1]


@given(st.lists(st.text("abc -", max_size=30), min_size=3, max_size=3), st.integers(20, 150))
def test_other_columns_give_way_before_the_page_does(texts, width):
    shown = table("T", "a", "record", "why")
    shown.add_row(texts[0], IDS[0], texts[2])
    lines = printed(shown, max(width, 90)).splitlines()
    assert max(map(len, lines)) <= max(width, 90)
    assert any(IDS[0] in line for line in lines)


NUMBERS = ("1,234,567", "100.0 %", "12 days (9 to 15)", "-0.5")


@pytest.mark.parametrize("language", ["en", "ja"])
@given(width=st.integers(20, 150), name=st.text("abc ", min_size=1, max_size=60))
def test_a_number_is_whole_or_the_page_is_wider(language, width, name):
    """A digit that is cut makes another number. Headings and long names fold instead, and nothing of them is lost."""
    say = Speech(language)
    headings = ("rate", "95 % interval", "in business days", "n")
    shown = table("T", say("type"), say("step"), *map(say, headings), right=tuple(map(say, headings)))
    shown.add_row("growth1", say.step("listed>requested"), *NUMBERS)
    shown.add_row(name, "", *NUMBERS)
    said = printed(shown, width)
    assert [said.count(number) for number in NUMBERS] == [2, 2, 2, 2]
    assert "growth1" in said
    for text in (*map(say, headings), name):
        assert not Counter(text) - Counter("".join(said.split()) + " " * 99)


def test_a_lead_time_of_which_too_many_days_are_unknown_is_grey():
    lead = {"median": 12, "p80": 20, "median_low": 9, "median_high": 15, "p80_low": 18, "p80_high": 30, "business_median": 8, "business_p80": 14, "conversions": 40}  # fmt: skip
    conversion = {"legacy": {"listed>requested": {}, "requested>agreed": {}}}
    rows = {"legacy": {"listed>requested": {**lead, "status": "ok"}, "requested>agreed": {**lead, "status": "skips"}}}
    out = Uncut(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", highlight=False)
    lead_times(out, conversion, rows)
    plain, grey, *_ = (line for line in out.file.getvalue().splitlines() if "12 days (9 to 15)" in line)
    assert ("\x1b[2m" in plain, "\x1b[2m" in grey) == (False, True)
    assert "20 days (18 to 30)" in plain
    assert "Days unknown too often for a lead time: legacy: requested → agreed." in re.sub(
        r"\x1b\[\d+m", "", out.file.getvalue()
    )


def test_what_is_not_counted_yet_is_said_to_be_so():
    row = dict.fromkeys(("here", "there", "missing", "extra", "proven_at", "proof_age_seconds", "cause", "status"))
    row |= {"object": "Account", "lag_seconds": 4, "covered_until": "x", "loaded": True, "parked": 0}
    out = Uncut(file=io.StringIO(), width=120)
    objects(out, [{**row, "connection": "salesforce"}, {**row, "connection": "lists", "object": "row"}])
    said = out.file.getvalue()
    assert "-: not counted yet." in said
    assert "ours alone" in said
    out = Uncut(file=io.StringIO(), width=120)
    objects(out, [{**row, "connection": "salesforce", "here": 1, "there": 1}])
    assert "not counted" not in out.file.getvalue()


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6))
@example([0.65])
def test_parts_are_printed_so_that_they_sum_to_the_whole_as_printed(parts):
    found = add_up(sum(parts), parts)
    assert round(sum(found), 1) == pytest.approx(round(sum(parts), 1), abs=1e-9)
    assert all(abs(a - b) < 0.1 + 1e-9 for a, b in zip(found, parts, strict=True))


def test_what_are_no_parts_of_it_are_rounded_alone():
    assert add_up(9.0, [1.04, 1.06]) == [1.0, 1.1]


def test_a_moment_is_told_in_the_time_zone_in_which_it_may_be_asked_for():
    assert moment("2026-10-31T15:30:00+00:00", ZoneInfo("Asia/Tokyo")) == "2026-11-01 00:30 JST"


def test_the_page_says_which_entries_a_rate_is_told_from():
    rows = {
        "growth2": {"listed>requested": {"window_days": 365, "n": 40}, "executed>deal": {"window_days": 460, "n": 30}}
    }
    out = Uncut(file=io.StringIO(), width=200)
    subjects(out, rows, {"window": 365})
    assert (
        "in the last 365 days; where these are fewer than 30, of a longer time (growth2: executed → deal 460 days)"
        in out.file.getvalue()
    )
    out = Uncut(file=io.StringIO(), width=200)
    subjects(out, rows, {"window": None})
    assert out.file.getvalue() == ""


ORDERS = "bell\x07 \x1b[31mred\x1b[0m\x9b2J \u202eabc\u202c\tend"


def test_a_name_from_a_crm_gives_a_terminal_no_orders():
    """Neither in a title, nor in a cell, a list or a sentence: colours, bells and what turns the rest of a line round are left out."""
    shown = table(ORDERS, "a", "n", right=("n",))
    shown.add_row(ORDERS, ORDERS)
    page = "".join(printed(what, 120) for what in (shown, items([ORDERS.replace("[", "(")]), ORDERS.replace("[", "(")))
    assert page.replace("(", "[").count("bell [31mred[0m2J abc end") == 5
    assert re.search("[^\n -~─]", page) is None


@pytest.mark.parametrize("end", ["\r\n", "\r", "\v", "\x85", "\u2028"])
def test_every_end_of_a_line_within_a_name_is_one_and_columns_stay_in_line(end):
    shown = table("T", "name", "n", right=("n",))
    shown.add_row(f"one{end}two", "7")
    assert [line.rstrip() for line in printed(shown, 80).splitlines()[-3:]] == [" one   7", " two", ""]


@pytest.mark.parametrize("name", ["one\r\ntwo", "one\ttwo", "one\u2028two", " ｏｎｅ　two ", "one \x1b\u202etwo"])
def test_a_partner_is_found_by_the_name_that_pages_show(name):
    assert partner_place("One two", ["a", "b"], ["other", name]) == 1
    assert partner_place(name, ["a", "b"], ["other", "one two"]) == 1


@pytest.mark.parametrize("name", ["Word " * 40, "A" * 120, "パートナー・セールス" * 8, "[bold]x[/bold] " * 9])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_name_in_a_title_makes_no_table_wider_than_the_page(name, width):
    shown = table(f"Own conversion of {escape(name)}", "step", "n", right=("n",))
    shown.add_row("listed", "7")
    page = printed(shown, width)
    assert max(map(cell_len, page.splitlines())) <= width
    assert "".join(name.split()) in "".join(page.split())


def test_a_title_stays_in_one_line_where_the_page_has_room():
    shown = table("Deals divided by conversions", "a", "n", right=("n",))
    shown.add_row("b", "7")
    assert printed(shown, 60).splitlines()[0].rstrip() == "Deals divided by conversions"


@pytest.mark.parametrize("width", [80, 120])
def test_a_name_of_one_very_long_word_is_broken_before_the_page_is(width):
    shown = table("T", "partner", "record", "since", "n", right=("n",))
    shown.add_row("B" * 120, "-", "2026-10-01", "1,234")
    shown.add_row("x-" * 8, IDS[0][:24], "2026-10-02", "7")
    page = printed(shown, width)
    assert max(map(cell_len, page.splitlines())) <= width
    assert page.count("B") == 120
    assert all(whole in page for whole in (IDS[0][:24], "x-" * 8, "2026-10-01", "1,234"))
