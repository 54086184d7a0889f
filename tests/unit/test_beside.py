"""A process beside ours: what it works out is what we would, and whatever it does not work out is worked out here."""

import math
import os
import time
from contextlib import suppress
from dataclasses import asdict

import numpy as np
import pytest

from indicators.calibration import calibration
from indicators.conversion import conversions
from indicators.inputs import NO_DAY
from indicators.landings import coming
from indicators.leading.questions import Question, by_backtest, by_panel
from indicators.leading.series import Occurrences
from indicators.month import Month
from indicators.month_goals import month_goals
from indicators.outlook import outlook
from indicators.paths import canonical_paths
from indicators.subjects import Funnel
from jobs import beside
from jobs.beside import NUMBERS, Beside
from tests.unit.test_indicators_forecast import AS_OF, LEAN, world

MONDAY = 20003


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 2)


def question():
    chance = np.random.default_rng(1)

    def some(n):
        return Occurrences.of(chance.integers(0, 6, n), MONDAY + chance.integers(0, 700, n))

    return Question(
        deals=some(300), milestones={"listed": some(900)}, activities={"touch": some(400)}, types=["a", "b"],
        partner_type=np.arange(6) % 2, joined=np.full(6, NO_DAY), as_of=MONDAY + 700, replicates=199,
    )  # fmt: skip


def test_another_process_gives_the_same_to_the_last_bit():
    events, entries, partners = world()
    paths = canonical_paths(events, entries, partners, AS_OF)
    ahead = outlook(Funnel(paths), partners, conversions(paths, partners.types, LEAN), LEAN)
    month, following = Month(AS_OF + 1, AS_OF + 30), Month(AS_OF + 31, AS_OF + 60)
    with Beside(*NUMBERS, at_once=True) as aside:
        assert aside.begin()
        tests, skills = aside.ask(by_panel, question()), aside.ask(by_backtest, question())
        checked = aside.ask(calibration, paths, partners, LEAN)
        goals = aside.ask(month_goals, paths, partners, 20, month, following, assumptions=LEAN)
        comes = aside.ask(coming, ahead, month.end)
        assert tests.elsewhere() == by_panel(question())
        assert skills.elsewhere() == by_backtest(question())
        assert checked.elsewhere() == calibration(paths, partners, LEAN)
        there, here = goals.elsewhere(), month_goals(paths, partners, 20, month, following, assumptions=LEAN)
        assert str(asdict(there[0])) == str(asdict(here[0]))
        assert str(asdict(there[1])) == str(asdict(here[1]))
        there, here = comes.elsewhere(), coming(ahead, month.end)
        assert there.poisson.tobytes() == here.poisson.tobytes()
        assert there.count(4, [0]).chance(3) == here.count(4, [0]).chance(3)


def test_what_it_has_not_begun_with_is_worked_out_here():
    with Beside(*NUMBERS) as aside:
        asked = aside.ask(math.sqrt, 4.0)
        assert asked.get() == 2.0
        assert asked.elsewhere() is None
        assert aside.begin()
        assert aside.ask(math.sqrt, 9.0).elsewhere() is None, "it still imports"


def test_what_is_worth_the_wait_is_its_own_though_it_still_imports():
    with Beside(*NUMBERS, at_once=True) as aside:
        aside.begin()
        assert aside.ask(math.sqrt, 9.0).elsewhere() == 3.0


def test_one_after_another_and_what_fails_there_fails_here():
    with Beside(at_once=True) as aside:
        aside.begin()
        wrong, right = aside.ask(math.sqrt, -1.0), aside.ask(math.sqrt, 16.0)
        noise = aside.ask(os.write, 1, b"this is no answer")
        last = aside.ask(math.sqrt, 25.0)
        while not last.there.done():
            time.sleep(0.001)
        with pytest.raises(ValueError, match=r"math domain|nonnegative"):
            wrong.get()
        assert (right.elsewhere(), noise.elsewhere(), last.elsewhere()) == (4.0, 17, 5.0)


@pytest.mark.parametrize("program", ["no-such-program-anywhere", "false"])
def test_where_the_process_cannot_be_had_or_ends_at_once_all_is_worked_out_here(monkeypatch, program):
    monkeypatch.setattr(beside.sys, "executable", program)
    for at_once in (False, True):
        with Beside(at_once=at_once) as aside:
            assert aside.begin() is (program == "false")
            asked = [aside.ask(math.sqrt, float(n * n)) for n in range(3)]
            assert [one.get() for one in asked] == [0.0, 1.0, 2.0]


def test_on_one_processor_there_is_no_process(monkeypatch):
    monkeypatch.setattr(beside, "processors", lambda: 1.5)
    with Beside() as aside:
        assert not aside.begin()
        assert aside.ask(math.sqrt, 4.0).get() == 2.0


def test_nothing_is_left_running_and_what_was_under_way_is_given_up(monkeypatch):
    started = []
    start = beside.subprocess.Popen
    monkeypatch.setattr(beside.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[-1])
    with suppress(KeyError), Beside(at_once=True) as aside:
        aside.begin()
        aside.begin()
        asked = [aside.ask(time.sleep, 600), aside.ask(math.sqrt, 4.0)]
        raise KeyError
    assert [process.poll() is not None for process in started] == [True]
    assert [one.elsewhere() for one in asked] == [None, None]
    assert asked[1].get() == 2.0


def test_what_is_asked_for_next_comes_before_what_it_has_not_begun_with():
    with Beside("time") as aside:
        later = [aside.ask(time.monotonic) for _ in range(3)]
        first = aside.ask_next(time.monotonic)
        assert aside.begin()
        moments = [answer.there.result(timeout=60) for answer in (first, *later)]
    assert moments == sorted(moments)
