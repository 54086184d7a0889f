"""Lines are made column by column, a part at a time; here each is compared with the plain way, value by value."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.described import FieldType
from sync.mirror.lines import Columns, Escaped, lines_of, texts
from sync.mirror.shapes import odd
from sync.records import CrmRecord

COLUMNS: Columns = {
    "Name": ("name", FieldType.TEXT),
    "Amount": ("amount", FieldType.NUMBER),
    "Won": ("won", FieldType.BOOLEAN),
    "Day": ("day", FieldType.DATE),
}
NOW = datetime(2026, 10, 31, 1, 2, 3, 456_789, tzinfo=UTC)
WRITTEN = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=3, minutes=30))])

some_text = st.text(alphabet=st.sampled_from("ab1-.\t\n\r\\N\x00\ud800株 "), max_size=5)
values = st.fixed_dictionaries(
    {},
    optional={
        "Name": st.none() | some_text | st.lists(some_text, max_size=2),
        "Amount": st.none() | some_text | st.integers() | st.just("") | st.booleans(),
        "Won": st.none() | st.booleans(),
        "Day": st.none() | st.dates().map(str) | st.just(""),
    },
)
records = st.lists(
    st.builds(
        CrmRecord,
        some_text.filter(lambda t: t and not set(t) & set("\x00\ud800")),
        st.datetimes(timezones=ZONES, min_value=datetime(1900, 1, 1), max_value=datetime(9000, 1, 1)),
        values,
        deleted=st.booleans(),
        merged_into=st.none() | st.just("winner"),
    ),
    max_size=6,
)


def cells(line: bytes) -> list[str]:
    return line.decode().removesuffix("\n").split("\t")


def plainly(record: CrmRecord) -> tuple[list[str], list[Escaped]]:
    told: list[Escaped] = []
    (row,) = texts(COLUMNS, [record], told)
    return ["\\N" if cell is None else cell.translate(WRITTEN) for cell in row], told


@given(records)
@example([CrmRecord("1", datetime(2107, 1, 1, 0, 0, 0, 213, UTC), {}, deleted=False)])
def test_a_line_is_what_its_values_are_one_by_one_whatever_stands_beside_it(given: list[CrmRecord]) -> None:
    made = lines_of(COLUMNS, given)
    alone = [lines_of(COLUMNS, [r]) for r in given]
    assert made.lines == [one.lines[0] for one in alone]
    assert made.hashes == [one.hashes[0] for one in alone]
    assert made.odd == any(one.odd for one in alone)
    expected = [plainly(r) for r in given]
    # the state's first cell, the stamp, is compared as the instant it is
    assert [cells(line)[:5] for line in made.lines] == [row[:5] for row, _ in expected]
    assert [cells(line)[6:8] for line in made.lines] == [row[6:8] for row, _ in expected]
    assert [datetime.fromisoformat(cells(line)[5]) for line in made.lines] == [r.version for r in given]
    assert made.escaped == [e for _, told in expected for e in told]
    assert [h is None for h in made.hashes] == [bool(told) for _, told in expected]


def test_more_records_than_one_part_keep_their_places() -> None:
    given = [
        CrmRecord(f"r{i}", NOW + timedelta(seconds=i), {"Name": "a\x00" if i in (7, 2300) else f"n{i}"})
        for i in range(2500)
    ]
    made = lines_of(COLUMNS, given)
    assert [cells(line)[0] for line in made.lines] == [r.id for r in given]
    assert [i for i, h in enumerate(made.hashes) if h is None] == [7, 2300]
    assert [record for record, *_ in made.escaped] == ["r7", "r2300"]


@pytest.mark.parametrize(
    "other",
    [
        {"values": {"Name": "b"}},
        {"version": NOW + timedelta(microseconds=1)},
        {"deleted": True},
        {"merged_into": "winner"},
        {"columns": {**COLUMNS, "Won": ("won_", FieldType.BOOLEAN)}},
    ],
)
def test_the_hash_moves_with_values_version_state_and_columns(other: dict[str, Any]) -> None:
    def hashed(columns: Columns = COLUMNS, **more: Any) -> int | None:
        return lines_of(columns, [CrmRecord(**{"id": "r", "version": NOW, "values": {"Name": "a"}, **more})]).hashes[0]

    assert hashed() == hashed()
    assert hashed() != hashed(**other)


def test_the_hash_of_a_row_is_the_same_in_every_release() -> None:
    """A hash that came out otherwise would have every row of every mirror written anew."""
    made = lines_of(COLUMNS, [CrmRecord("r", NOW, {"Name": "株式会社", "Amount": "1.50", "Won": True, "Day": None})])
    assert made.lines == [
        "r\t株式会社\t1.50\ttrue\t\\N\t2026-10-31T01:02:03.456789Z\tf\t\\N\t8577533627385898598\n".encode()
    ]


@given(
    st.lists(st.sampled_from(["2026-10-31", "2026-10-31T07:25:37.000+0000", "12026-1-1"]), min_size=1, max_size=9),
    st.data(),
)
def test_a_text_that_is_no_day_is_seen_wherever_it_stands(days: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(days)))
    for word in ("now", "991231", "01/02/2026", "20261031", "2026.10.31"):
        assert odd(FieldType.DATE, [*days[:place], word, *days[place:]])
    if "12026-1-1" not in days:
        assert not odd(FieldType.DATE, days)
