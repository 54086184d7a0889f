"""What leads, asked of a process of its own."""

import numpy as np
import pytest

from indicators.inputs import NO_DAY
from indicators.leading.questions import does_it_lead
from indicators.leading.series import Occurrences
from jobs.steps import leading_process
from jobs.steps.leading_process import beside

MONDAY = 20003


@pytest.fixture(scope="module")
def question():
    chance = np.random.default_rng(1)

    def some(n):
        return Occurrences.of(chance.integers(0, 6, n), MONDAY + chance.integers(0, 700, n))

    return {
        "deals": some(300), "milestones": {"listed": some(900)}, "activities": {"touch": some(400)}, "types": ["a", "b"],
        "partner_type": np.arange(6) % 2, "joined": np.full(6, NO_DAY), "as_of": MONDAY + 700, "replicates": 199,
    }  # fmt: skip


def test_another_process_gives_the_same_answers_to_the_last_bit(question, monkeypatch):
    monkeypatch.setattr(leading_process.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(leading_process, "does_it_lead", lambda **_: pytest.fail("it was answered here"))
    with beside() as asked:
        assert asked(question).findings == does_it_lead(**question).findings


@pytest.mark.parametrize("command", ["no-such-program-anywhere", "false"])
def test_the_question_is_answered_here_where_no_other_process_can(question, command, monkeypatch):
    monkeypatch.setattr(leading_process.sys, "executable", command)
    with beside() as asked:
        assert asked(question).findings == does_it_lead(**question).findings


def test_nothing_is_left_running_where_the_question_is_never_asked(monkeypatch):
    started = []
    start = leading_process._started
    monkeypatch.setattr(leading_process, "_started", lambda: started.append(start()) or started[-1])
    monkeypatch.setattr(leading_process.os, "cpu_count", lambda: 2)
    with pytest.raises(KeyError), beside():
        raise KeyError
    assert started[0].poll() is not None
