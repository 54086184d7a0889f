"""What leads, asked of a process of its own."""

from contextlib import suppress

import numpy as np
import pytest

from indicators.inputs import NO_DAY
from indicators.leading.questions import does_it_lead
from indicators.leading.series import Occurrences
from jobs import beside
from jobs.beside import VERDICTS, Beside

MONDAY = 20003


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 2)


@pytest.fixture(scope="module")
def question():
    chance = np.random.default_rng(1)

    def some(n):
        return Occurrences.of(chance.integers(0, 6, n), MONDAY + chance.integers(0, 700, n))

    return {
        "deals": some(300), "milestones": {"listed": some(900)}, "activities": {"touch": some(400)}, "types": ["a", "b"],
        "partner_type": np.arange(6) % 2, "joined": np.full(6, NO_DAY), "as_of": MONDAY + 700, "replicates": 199,
    }  # fmt: skip


def test_another_process_gives_the_same_answers_to_the_last_bit(question):
    with Beside(VERDICTS) as aside:
        aside.begin()
        assert aside.ask(question).get().findings == does_it_lead(**question).findings


def test_where_no_process_can_be_had_nobody_is_asked(question, monkeypatch):
    monkeypatch.setattr(beside.sys, "executable", "no-such-program-anywhere")
    with Beside(VERDICTS) as aside:
        aside.begin()
        assert aside.ask(question) is None


def test_a_process_that_comes_to_no_end_has_no_answer(question, monkeypatch):
    monkeypatch.setattr(beside.sys, "executable", "false")
    with Beside(VERDICTS) as aside:
        assert aside.ask(question).get() is None


def test_on_one_processor_nobody_is_asked(question, monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 1.5)
    with Beside(VERDICTS) as aside:
        aside.begin()
        assert aside.ask(question) is None


def test_nothing_is_left_running_where_the_question_is_never_asked(monkeypatch):
    started = []
    start = beside.subprocess.Popen
    monkeypatch.setattr(beside.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[-1])
    with suppress(KeyError), Beside(VERDICTS) as aside:
        aside.begin()
        aside.begin()
        raise KeyError
    assert [process.poll() is not None for process in started] == [True]
