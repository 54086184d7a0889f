"""Tables on narrow pages: what people copy stays in one piece."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.cli.common import Uncut
from jobs.tables.mirror import objects
from jobs.tables.shape import table

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
