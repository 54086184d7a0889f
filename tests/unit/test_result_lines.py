"""Rows of results as lines for COPY."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.steps.keep_results import lines_of

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
values = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9, width=32), texts)
inputs = st.one_of(st.fixed_dictionaries({"why": texts}), st.dictionaries(texts, values, max_size=3))


@given(st.lists(st.tuples(values, inputs), max_size=8))
def test_a_line_reads_back_as_the_row_it_was_made_of(rows: list[tuple[Any, dict[str, Any]]]) -> None:
    line = lines_of()
    for value, said in rows:
        made = line(("partner", "p", "tier", value, said))
        assert made.count("\n") == 1
        cells = made.rstrip("\n").split("\t")
        assert cells[:3] == ["partner", "p", "tier"]
        back = [json.loads(cell.replace("\\\\", "\\")) for cell in cells[3:]]
        assert json.dumps(back) == json.dumps([value, said])
