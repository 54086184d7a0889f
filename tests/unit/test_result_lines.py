"""Rows of results as rows for COPY."""

import json
import struct
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.steps.entry_rows import NAMED, SAID, entry_rows, patterns
from jobs.steps.result_lines import entry_blocks, subject_lines
from sync.events.ids import Ids

ENDS = ("main",), ("run-1",)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
values = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9, width=32), texts)
more = st.one_of(values, st.lists(values, max_size=3), st.dictionaries(texts, values, max_size=2))
inputs = st.one_of(st.fixed_dictionaries({"why": texts}), st.dictionaries(texts, more, max_size=3))


@given(st.dictionaries(texts, st.tuples(values, inputs), min_size=1, max_size=8))
def test_a_line_reads_back_as_the_rows_it_was_made_of(fields: dict[str, tuple[Any, dict[str, Any]]]) -> None:
    rows = [("partner", "p", name, value, said) for name, (value, said) in fields.items()]
    (line,) = subject_lines(rows, ends=ENDS)
    ((workspace, subject, subject_id, value, beside, run),) = cells(line)
    assert (workspace, subject, subject_id, run) == (b"main", b"partner", b"p", b"run-1")
    assert value[:1] == beside[:1] == b"\1"  # the version that PostgreSQL knows
    back = [json.loads(cell[1:]) for cell in (value, beside)]
    assert json.dumps(back) == json.dumps([{name: fields[name][at] for name in sorted(fields)} for at in (0, 1)])


def test_subjects_come_in_the_order_of_their_index() -> None:
    """Kinds, then ids: rows go into it much quicker then."""
    rows = [(subject, of, "tier", of, {}) for subject, of in (("partner", "b"), ("entry", "z"), ("partner", "a"))]
    assert [row[:2] for row in cells(b"".join(subject_lines(rows)))] == [
        [b"entry", b"z"],
        [b"partner", b"a"],
        [b"partner", b"b"],
    ]


@pytest.mark.parametrize("none", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_no_result(none: float) -> None:
    for value, said in ((none, {}), (1.0, {"share": none}), (1.0, {"n": 2, "of": {"each": [1.0, none]}})):
        with pytest.raises(ValueError, match="JSON"):
            list(subject_lines([("partner", "p", "tier", value, said)]))


days, percents = st.sampled_from([-1, 9000, 9001, 20000]), st.sampled_from([-1, 0, 7, 29, 100])
entries = st.fixed_dictionaries(
    {
        "milestone": st.integers(-1, 6),
        "since": days,
        "unplaced": st.integers(0, 4).map(lambda n: n == 0),
        "status": st.integers(-1, 3),
        "stalled": st.booleans(),
        "due": days,
        "next": st.integers(0, 4),
        "chance": percents,
        "at_entry": percents,
        "forecast": st.integers(0, 3),
        "probability": st.sampled_from([0, 5, 100]),
        "day": days,
    }
)


@given(
    entries,
    entries,
    st.lists(st.integers(0, 31), max_size=3),
    st.sampled_from([((), ()), ENDS]),
    st.sampled_from(["ja", "en"]),
)
def test_entries_written_many_together_are_the_lines_of_their_rows(one, other, groups, ends, language):
    """In the same order, with `ends` around them, and of each entry only the groups that are asked for; also where entries differ in one thing."""
    told = [one, *(one | {name: other[name]} for name in one), other, *(other | {name: one[name]} for name in one)]
    said = np.array([tuple(entry[name] for name in SAID.names) for entry in told], SAID)
    asked = np.ones((len(told), 5), bool)
    asked[: len(groups)] = np.array([[of >> bit & 1 for bit in range(5)] for of in groups], bool).reshape(-1, 5)
    ids = Ids.of([str(UUID(int=7 * n)) for n in range(len(told))])
    rows = entry_rows(ids, said, language, 180, asked)
    written = b"".join(entry_blocks(ids, said, language, 180, asked, ends=ends))
    assert written == b"".join(subject_lines(rows, ends=ends))


def test_no_word_looks_like_a_mark_of_what_differs():
    """Marks stand in words until days and percentages do."""
    said = np.zeros(1, SAID)
    said["status"] = said["stalled"] = said["forecast"] = 1
    every = np.ones((1, 5), bool)
    for language in ("ja", "en"):
        told = str(list(patterns(said, language, 180, every)))
        assert all(f"<{name}>" in told for name in NAMED), "each column has its mark"
        assert "<" not in str(list(entry_rows(["e"], said, language, 180)))


def cells(rows: bytes) -> list[list[bytes]]:
    """The columns of rows of COPY's binary form."""
    found, at = [], 0
    while at < len(rows):
        (columns,) = struct.unpack_from(">h", rows, at)
        at += 2
        found.append([])
        for _ in range(columns):
            (length,) = struct.unpack_from(">i", rows, at)
            found[-1].append(rows[at + 4 : at + 4 + length])
            at += 4 + length
    return found
