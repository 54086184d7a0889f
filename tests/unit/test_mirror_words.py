"""Words that PostgreSQL takes for dates and numbers are seen in a CSV file, however it is cut into blocks, and nothing else is."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.mirror.words import WordMet, without_words

WORDS = ("now", "Today", "TOMORROW", "yesterday", "epoch", "infinity", "-Infinity", "+inf", "NaN", " nan ", "  now")
HARMLESS = st.one_of(
    st.sampled_from(
        ["", "nowhere", "to day", "NaNa", "inform", "-5", "+81 3", "2026-05-01", "yes", "株式会社", "a now", "now b"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(
        lambda t: (
            t.strip(" +-").lower() not in {w.strip(" +-").lower() for w in WORDS} | {"inf"}
            and '"' not in t
            and "\n" not in t
            and "," not in t
        )
    ),
)


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def written(rows, **how) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **how).writerows(rows)
    return out.getvalue().encode("utf-8")


@given(st.lists(st.lists(HARMLESS, min_size=3, max_size=3), min_size=1, max_size=6), st.integers(1, 80), st.booleans())
def test_a_file_without_such_cells_passes_byte_by_byte(rows, size, quoted):
    text = written(rows, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    assert b"".join(without_words(cut(text, size))) == text


@given(
    st.lists(st.lists(HARMLESS, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(WORDS),
    st.integers(0, 2),
    st.integers(1, 80),
    st.booleans(),
    st.booleans(),
)
def test_such_a_cell_is_met_wherever_it_stands(rows, word, column, size, quoted, last):
    rows[-1 if last else 0][column] = word
    text = written(rows, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    with pytest.raises(WordMet):
        list(without_words(cut(text, size)))
    with pytest.raises(WordMet):
        list(without_words(cut(text.removesuffix(b"\n"), size)))
