"""Work on several objects side by side: nobody waits for the slow, nobody falls with those that fail."""

import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.progress import Stopped
from jobs.steps.lanes import side_by_side
from sync.errors import BadReply, LoginRefused, QuotaExhausted, Unreachable

WAIT = 60.0  # seconds; only a failing test waits so long


def labels(outcomes):
    return [o.label for o in outcomes]


@given(
    st.dictionaries(st.sampled_from("ab"), st.tuples(st.integers(0, 7), st.integers(1, 4)), min_size=1),
    st.sets(st.integers(0, 6)),
)
def test_every_object_comes_to_its_end_and_never_more_at_once_than_allowed(shape, failing):
    wanted = {c: [f"o{n}" for n in range(count)] for c, (count, _) in shape.items()}
    under_way, most, lock = dict.fromkeys(wanted, 0), dict.fromkeys(wanted, 0), threading.Lock()

    def act(connection, name, _lane):
        with lock:
            under_way[connection] += 1
            most[connection] = max(most[connection], under_way[connection])
        with lock:
            under_way[connection] -= 1
        if int(name[1:]) in failing:
            raise BadReply(name)
        return name

    outcomes = side_by_side(wanted, {c: lanes for c, (_, lanes) in shape.items()}, act)
    assert sorted(labels(outcomes)) == sorted(f"{c}.{n}" for c, names in wanted.items() for n in names)
    assert all((o.error is not None) == (int(o.object[1:]) in failing) for o in outcomes)
    assert all(o.result == o.object for o in outcomes if o.error is None)
    assert all(most[c] <= lanes for c, (_, lanes) in shape.items())


def test_as_many_as_allowed_really_go_at_once_and_connections_beside_each_other():
    """Each waits for the others to have begun: with one lane less nobody would come to the end."""
    together = threading.Barrier(5, timeout=WAIT)
    side_by_side({"a": "123", "b": "12"}, {"a": 3, "b": 2}, lambda *_: together.wait())


def test_one_slow_object_keeps_its_own_lane_only():
    others = threading.Semaphore(0)

    def act(_connection, name, _lane):
        if name == "slow":
            for _ in range(9):
                assert others.acquire(timeout=WAIT)
        else:
            others.release()

    outcomes = side_by_side({"a": ["slow", *"123456789"]}, {"a": 2}, act)
    assert [o.error for o in outcomes] == [None] * 10
    assert labels(outcomes)[-1] == "a.slow"


@pytest.mark.parametrize("error", [LoginRefused("no"), QuotaExhausted("none left")], ids=["login", "quota"])
def test_what_would_meet_every_object_alike_ends_its_connection_and_no_other(error):
    def act(connection, name, _lane):
        if (connection, name) == ("a", "2"):
            raise error

    outcomes = side_by_side({"a": "1234", "b": "1234"}, {"a": 1, "b": 1}, act)
    assert {o.label: (o.begun, o.error) for o in outcomes if o.connection == "a"} == {
        "a.1": (True, None),
        "a.2": (True, error),
        "a.3": (False, error),
        "a.4": (False, error),
    }
    assert [o.error for o in outcomes if o.connection == "b"] == [None] * 4


def test_a_crm_that_answers_nobody_is_left_after_each_lane_has_tried():
    tried = []

    def act(_connection, name, _lane):
        tried.append(name)
        raise Unreachable("nobody there")

    outcomes = side_by_side({"a": "123456789"}, {"a": 3}, act)
    assert 3 <= len(tried) <= 5, "what had begun meanwhile comes to its end"
    assert {o.begun for o in outcomes} == {True, False}
    assert all(isinstance(o.error, Unreachable) for o in outcomes)


def test_a_crm_that_answers_others_is_not_given_up_for_those_it_does_not_answer():
    """Of each two that fail in a row, one with an answer stands between."""

    def act(_connection, name, lane):
        if name.startswith("silent"):
            raise Unreachable("nobody there")
        lane.moved()

    names = [f"{kind} {n}" for n in range(4) for kind in ("silent", "open", "open")]
    outcomes = side_by_side({"a": names}, {"a": 1}, act)
    assert all(o.begun for o in outcomes)
    assert [o.object for o in outcomes if o.error] == [n for n in names if n.startswith("silent")]


def test_interrupted_nothing_more_is_begun_and_what_is_under_way_stops_at_its_next_page():
    begun, ended = [], []
    both = threading.Barrier(2, timeout=WAIT)

    def act(_connection, name, lane):
        begun.append(name)
        both.wait()
        if name == "1":
            threading.Event().wait(0.1)  # until the main thread has nothing left to do but to wait
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        try:
            for _ in range(10_000):
                lane.moved()
                threading.Event().wait(0.001)
        except Stopped:
            ended.append(name)
            raise

    with pytest.raises(KeyboardInterrupt):
        side_by_side({"a": "123456"}, {"a": 2}, act)
    assert len(begun) <= 2
    assert sorted(ended) == sorted(begun)
