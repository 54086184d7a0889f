"""Wide objects: portions of fields, and rows that are joined of one version only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import Stop, Unreachable
from sync.salesforce import wide
from sync.salesforce.describe import Facts
from sync.salesforce.wide import completed, narrower, portions

FIELDS = tuple("ABCDEFG")
FACTS = Facts("SystemModstamp", has_deleted=True, has_master=False, delete_log=True, portions=3)
NAMES = st.lists(st.integers(1, 60), max_size=40).map(lambda sizes: [f"F{n}" + "x" * s for n, s in enumerate(sizes)])


@given(NAMES, st.integers(1, 50), st.integers(20, 400))
def test_portions_hold_each_field_once_and_no_more_than_a_query_takes(names, least, room):
    usual, wide.LONGEST = wide.LONGEST, room
    try:
        found = portions(Facts("SystemModstamp", True, False, True, portions=least), ["Id", *names, *names])
    finally:
        wide.LONGEST = usual
    assert [n for one in found for n in one] == [n for n in names if n != "Id"]
    assert len(found) >= min(least, len(names), 1)
    assert all(len(one) <= 1 or sum(len(n) + 2 for n in one) <= room for one in found)


def test_a_query_that_asks_too_much_is_split_again_until_each_field_stands_alone():
    error = Stop("no", code="QUERY_TOO_COMPLICATED")
    assert narrower(FACTS, error, FIELDS) == 6
    assert narrower(FACTS, Stop("no", code="INVALID_FIELD"), FIELDS) is None
    assert narrower(Facts("SystemModstamp", True, False, True, portions=7), error, FIELDS) is None


@dataclass
class Moving:
    """Records that may change, and be purged, before any composite call. Every version is kept whole."""

    script: list[list[int]]  # before each call, the records that change; a negative one is purged
    now: dict[str, dict[str, Any]] = field(default_factory=dict)
    were: list[dict[str, Any]] = field(default_factory=list)
    clock: int = 0
    calls: int = 0

    def put(self, number: int) -> None:
        self.clock += 1
        stamp = f"2026-01-01T00:{self.clock // 60:02d}:{self.clock % 60:02d}.000+0000"
        row = {
            "Id": record_id(number),
            "SystemModstamp": stamp,
            "IsDeleted": False,
            **dict.fromkeys(FIELDS, self.clock),
        }
        self.now[row["Id"]] = row
        self.were.append(row)

    def query_path(self, soql: str, *, deleted: bool) -> str:
        assert deleted
        return soql

    def composite(self, queries: dict[str, str], _about: str) -> dict[str, Any]:
        assert len(queries) <= 5
        for number in self.script[self.calls] if self.calls < len(self.script) else []:
            if number < 0:
                self.now.pop(record_id(-number), None)
            elif record_id(number) in self.now:
                self.put(number)
        self.calls += 1
        return {name: self.answer(soql) for name, soql in queries.items()}

    def answer(self, soql: str) -> dict[str, Any]:
        names = re.match(r"SELECT (.*) FROM", soql)[1].split(", ")
        ids = re.findall(r"'(\w{18})'", soql)
        rows = [{n: self.now[i][n] for n in names} for i in ids if i in self.now]
        return {"totalSize": len(rows), "done": True, "records": rows}


def record_id(number: int) -> str:
    return f"001000000000{number:03d}AAA"


def first_page(crm: Moving) -> Iterator[dict[str, Any]]:
    for row in crm.now.values():
        yield {n: row[n] for n in ("Id", "SystemModstamp", "IsDeleted", *portions(FACTS, FIELDS)[0])}


STEPS = st.lists(st.lists(st.integers(-9, 9).filter(bool), max_size=4), max_size=12)


@given(STEPS, st.integers(1, 4))
def test_a_row_is_always_one_version_of_its_record_and_what_is_there_comes(script, ids_in_a_query):
    usual, wide.IDS = wide.IDS, ids_in_a_query
    crm = Moving(script)
    for number in range(1, 10):
        crm.put(number)
    try:
        rows = completed(crm, "Account", FACTS, FIELDS, list(first_page(crm)), "query of Account")
    except Unreachable:
        assert any(script), "only what changes is given up"
        return
    finally:
        wide.IDS = usual
    assert all(row in crm.were for row in rows)
    assert {r["Id"] for r in rows} >= crm.now.keys()
    assert [r["Id"] for r in rows] == sorted({r["Id"] for r in rows})


def test_a_record_that_always_changes_is_named_by_its_object_and_left_for_the_next_run():
    crm = Moving([[1]] * 50)
    crm.put(1)
    with pytest.raises(Unreachable, match="1 record of Account changed each time"):
        completed(crm, "Account", FACTS, FIELDS, list(first_page(crm)), "query of Account")
    assert crm.calls <= 2 * wide.TRIES


def test_an_object_that_fits_one_query_costs_nothing_more():
    crm = Moving([])
    crm.put(1)
    narrow = Facts("SystemModstamp", True, False, True)
    assert completed(crm, "Account", narrow, FIELDS, list(crm.now.values()), "query") == list(crm.now.values())
    assert crm.calls == 0
