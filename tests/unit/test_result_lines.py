"""Rows of results as lines for COPY."""

import json
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.steps.entry_rows import SAID, entry_rows
from jobs.steps.result_lines import entry_blocks, subject_lines
from sync.events.ids import Ids

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
values = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9, width=32), texts)
more = st.one_of(values, st.lists(values, max_size=3), st.dictionaries(texts, values, max_size=2))
inputs = st.one_of(st.fixed_dictionaries({"why": texts}), st.dictionaries(texts, more, max_size=3))


@given(st.dictionaries(texts, st.tuples(values, inputs), min_size=1, max_size=8))
def test_a_line_reads_back_as_the_rows_it_was_made_of(fields: dict[str, tuple[Any, dict[str, Any]]]) -> None:
    rows = [("partner", "p", name, value, said) for name, (value, said) in fields.items()]
    (line,) = subject_lines(rows, ends=("main\t", "\trun-1"))
    assert line.count("\n") == 1
    workspace, subject, subject_id, value, beside, run = line.rstrip("\n").split("\t")
    assert (workspace, subject, subject_id, run) == ("main", "partner", "p", "run-1")
    back = [json.loads(cell.replace("\\\\", "\\")) for cell in (value, beside)]
    assert json.dumps(back) == json.dumps([{name: fields[name][at] for name in sorted(fields)} for at in (0, 1)])


def test_subjects_come_in_the_order_of_their_index() -> None:
    """Kinds, then ids: rows go into it much quicker then."""
    rows = [(subject, of, "tier", of, {}) for subject, of in (("partner", "b"), ("entry", "z"), ("partner", "a"))]
    assert [line.split("\t")[:2] for line in subject_lines(rows)] == [
        ["entry", "z"],
        ["partner", "a"],
        ["partner", "b"],
    ]


@pytest.mark.parametrize("none", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_no_result(none: float) -> None:
    for value, said in ((none, {}), (1.0, {"share": none}), (1.0, {"n": 2, "of": {"each": [1.0, none]}})):
        with pytest.raises(ValueError, match="JSON"):
            list(subject_lines([("partner", "p", "tier", value, said)]))


@given(
    st.lists(
        st.tuples(st.integers(-1, 6), st.sampled_from([9000, 9001, -1]), st.booleans(), st.integers(0, 31)), max_size=12
    ),
    st.sampled_from([("", ""), ("main\t", "\trun-1")]),
)
def test_entries_written_many_together_are_the_lines_of_their_rows(told, ends):
    """In the same order, with `ends` around them, and of each entry only the groups that are asked for."""
    said = np.zeros(len(told), SAID)
    for name, column in zip(("milestone", "since", "stalled"), range(3), strict=True):
        said[name] = [row[column] for row in told]
    said["status"], said["due"], said["day"], said["forecast"] = said["stalled"], said["since"], said["since"], 1
    asked = np.array([[row[3] >> bit & 1 for bit in range(5)] for row in told], bool).reshape(-1, 5)
    ids = Ids.of([str(UUID(int=7 * n)) for n in range(len(told))])
    rows = entry_rows(ids, said, "ja", 180, asked)
    written = b"".join(entry_blocks(ids, said, "ja", 180, asked, ends=ends)).decode()
    assert written == "".join(subject_lines(rows, ends=ends))
