"""Cells that PostgreSQL would take for numbers, dates or times are seen in a CSV file, however it is cut into blocks, and nothing else is."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.described import FieldType
from sync.mirror.cells import OddCell, in_shape
from sync.mirror.shapes import SHAPES

KINDS = (None, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME, FieldType.INTEGER, None)
USUAL = {
    FieldType.NUMBER: ("", "0", "12", "-1.50", "1.5E-3", "+7", " 8 ", "12.", ".5", "9" * 60),
    FieldType.INTEGER: ("", "0", "-12", "12.0", "3.00", "+7", " 8 "),
    FieldType.DATE: ("", "2026-05-01", "1700-01-01", "2026-05-01T07:25:37.000Z", "9999-12-31"),
    FieldType.DATETIME: ("", "2026-05-01T07:25:37.000Z", "2026-05-01T07:25:37.000+0000", "2026-05-01 07:25", "2026-05-01"),
}  # fmt: skip
DAYS = (
    "now",
    "Today",
    "epoch",
    "-Infinity",
    "991231",
    "20260102",
    "01/02/2026",
    "J2451187",
    "05-01-02",
    "allballs",
    "2026.123",
    "Jan 8 2026",
)
ODD = {
    FieldType.NUMBER: ("0x1F", "-0b1", "0o17", "1_000", "NaN", " inf ", "1,000", "\t5"),
    FieldType.INTEGER: ("0x1F", "1_000", "1e3", ".0", "-.0", "12.0 ", "NaN"),
    FieldType.DATE: DAYS,
    FieldType.DATETIME: (*DAYS, "  05-01-02T07:25:37.000Z", "2026-05-01 BC"),
}  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(["now", "0x1F", "991231", 'a "b", c', "two\nlines", "\r\n", "株式会社", '","', ",", '"', ""]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
ROW = st.tuples(*(TEXT if k is None else st.sampled_from(USUAL[k]) for k in KINDS))
HOW = {"size": st.integers(1, 80), "quoted": st.booleans(), "end": st.sampled_from(["\n", "\r\n"])}


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def written(rows, end: str, *, quoted: bool) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(rows)
    return out.getvalue().encode("utf-8")


@given(rows=st.lists(ROW, min_size=1, max_size=6), **HOW)
def test_a_file_of_usual_cells_passes_byte_by_byte(rows, size, quoted, end):
    text = written(rows, end, quoted=quoted)
    assert b"".join(in_shape(cut(text, size), KINDS)) == text
    assert b"".join(in_shape(cut(text.removesuffix(b"\n"), size), KINDS)) == text.removesuffix(b"\n")


@given(
    rows=st.lists(ROW.map(list), min_size=1, max_size=6),
    odd=st.sampled_from([(at, word) for at, k in enumerate(KINDS) if k is not None for word in ODD[k]]),
    last=st.booleans(),
    **HOW,
)
def test_an_odd_cell_is_met_wherever_it_stands(rows, odd, last, size, quoted, end):
    column, word = odd
    rows[-1 if last else 0][column] = word
    text = written(rows, end, quoted=quoted)
    for whole in (text, text.removesuffix(b"\n")):
        with pytest.raises(OddCell):
            list(in_shape(cut(whole, size), KINDS))


@given(
    kind=st.sampled_from([FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME]),
    cell=st.text("0123456789.+-eEx_/:TZ jan\t", max_size=30),
)
@example(FieldType.NUMBER, "1" * 41)
@example(FieldType.DATETIME, "2026-05-01T07:25:37.000z")
def test_what_passes_is_what_a_page_would_take_or_what_postgresql_itself_refuses(kind, cell):
    """Letters of numbers in a wrong order are left to PostgreSQL; all else has to be of the shape that values of a page have."""
    text = written([[cell]], "\n", quoted=True)
    of_a_page = re.fullmatch(f" *(?:{SHAPES[kind]}) *", cell) is not None
    if kind is FieldType.NUMBER and not cell.strip("0123456789.+-eE "):
        of_a_page = True
    try:
        list(in_shape([text], [kind]))
    except OddCell:
        assert not of_a_page
    else:
        assert of_a_page or not cell


@pytest.mark.parametrize("body", [b'"1","2"\n"3"\n', b'"1"\n"2","3","4"\n', b'"1","2"\n"3","4', b"1\n2,3\n"])
def test_rows_of_unequal_length_and_quotes_without_an_end_need_care(body):
    with pytest.raises(OddCell):
        list(in_shape([body], [FieldType.NUMBER, None]))
