"""What is said of a wait, and why: a limit that data tell, one by default, a chance that sank, or what an earlier month-end said."""

import numpy as np
import pytest

from indicators.assumptions import Assumptions
from indicators.inputs import EntryTable, PartnerTable
from indicators.summary import summarise
from jobs.steps.entry_rows import SAID, entry_rows, said_of
from tests.unit.reference.worlds import DAY0, events_of

LEAN = Assumptions(replicates=20, draws=50)
AS_OF = DAY0 + 400


def said(stories, language="en"):
    """Of each entry what the field `stalled` is, and what is said beside it."""
    entries = EntryTable.of([str(i) for i in range(len(stories))], [0] * len(stories))
    partners = PartnerTable.of(["p"], ["legacy"], [0])
    told = summarise(events_of(stories), entries, partners, AS_OF, assumptions=LEAN).own
    found = entry_rows(entries.ids, said_of(told, entries), language, 180)
    return [(value, inputs) for _, _, name, value, inputs in found if name == "stalled"]


def waiting(days):
    return [("listed", 400 - days)]


PAST = [[("listed", 200), ("requested", 202 + i % 20)] for i in range(40)]


@pytest.mark.parametrize(("language", "word"), [("en", "by default"), ("ja", "既定")])
def test_where_nobody_has_gone_on_no_chance_is_told_and_the_limit_is_called_a_default(language, word):
    """A chance of 0 would be a claim, and so would be that 80 % had moved on."""
    found = said([waiting(5), waiting(40), waiting(70), waiting(200)], language)
    assert [(value, inputs["status"]) for value, inputs in found] == [
        (False, "moving"), (False, "warn"), (True, "stalled"), (True, "beyond"),
    ]  # fmt: skip
    assert all(word in inputs["why"] and "80" not in inputs["why"] for _, inputs in found)
    assert [(inputs["chance"], inputs["chance_at_entry"]) for _, inputs in found[2:]] == [(None, None)] * 2
    assert found[2][1]["due"] == str(np.datetime64(AS_OF - 40, "D")), "thirty days after it came"


def test_where_data_tell_it_the_chance_is_a_number_and_the_limit_is_theirs():
    value, inputs = said([*PAST, waiting(70)])[-1]
    assert (value, inputs["status"]) == (True, "stalled")
    assert inputs["chance"] is not None
    assert inputs["chance_at_entry"] > 0.9
    assert "80 % had moved on by" in inputs["why"]


@pytest.mark.parametrize(
    ("chance", "at_entry", "words"),
    [
        (12, 50, "its chance has sunk below a quarter"),
        (30, 50, "as an earlier month-end's limit had it"),
        (-1, -1, "as an earlier month-end's limit had it"),
    ],
)
def test_what_was_stalled_before_is_not_said_to_have_lost_its_chance(chance, at_entry, words):
    row = np.zeros(1, SAID)
    for name, n in {"since": 20000, "status": 2, "stalled": 1, "due": -1, "next": 1, "chance": chance, "at_entry": at_entry}.items():  # fmt: skip
        row[name] = n
    (inputs,) = (beside for _, _, name, _, beside in entry_rows(["e"], row, "en", 180) if name == "stalled")
    assert words in inputs["why"]
