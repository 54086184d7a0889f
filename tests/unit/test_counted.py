"""A number and the word beside it agree: in sentences of ours, and in the texts that a page speaks."""

import re
from pathlib import Path

import pytest

from jobs.speech import Speech
from models.counted import agreeing, counted

ROOMS = ("jobs", "sync", "audit", "models", "indicators")
ROOT = Path(__file__).parents[2]
PLURALS = "records|entries|values|rows|partners|targets|changes|fields|events|days|weeks|deals|files|activities|things|links|heads"
# a number of things that may be one, and their plural written out
BESIDE = re.compile(r"\{(?:number\(|len\(|sum\()[^{}]*\}(?:\[/\])? (?:" + PLURALS + r")\b")


@pytest.mark.parametrize(
    ("n", "words", "said"),
    [
        (1, ("record",), "1 record"),
        (0, ("record",), "0 records"),
        (1204, ("entry",), "1,204 entries"),
        (2, ("day",), "2 days"),
        (1, ("entry stands", "entries stand"), "1 entry stands"),
        (3, ("entry stands", "entries stand"), "3 entries stand"),
    ],
)
def test_one_thing_is_one_and_others_are_many(n, words, said):
    assert counted(n, *words) == said
    assert said.endswith(agreeing(n, *words))


def test_a_page_says_it_of_numbers_as_they_are_shown():
    text = "{n} {n:event is dated before 2000 and is|events are dated before 2000 and are} left out"
    assert Speech()(text, n="1") == "1 event is dated before 2000 and is left out"
    assert Speech()(text, n=1) == "1 event is dated before 2000 and is left out"
    assert Speech()(text, n="1,204") == "1,204 events are dated before 2000 and are left out"
    assert Speech("ja")(text, n="1") == "1件は2000年より前の日付のため除外しました"
    assert Speech().days(1) == "1 day"


def test_no_sentence_writes_a_plural_out_beside_a_number_that_may_be_one():
    found = [
        f"{path.relative_to(ROOT)}: {met}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for met in BESIDE.findall(path.read_text("utf-8"))
    ]
    assert found == []
