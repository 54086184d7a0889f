"""A process beside ours, where the machine has a processor for it. It imports from its start on, and is asked once it is known for what.

Functions come in pickled on standard input, with what they are called with; pickled answers go out on standard output. Whatever it has not begun
with when its answer is wanted is worked out here instead, and so is what it comes to no end with. This module imports nothing that takes
time, so that a process can be begun before all the rest is imported here.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from itertools import count
from pathlib import Path
from queue import PriorityQueue
from threading import Thread
from typing import Any, Generic, ParamSpec, Self, TypeVar

from jobs.uncollected import uncollected

P = ParamSpec("P")
T = TypeVar("T")

PREVIEW = ("jobs.preview.beside",)  # does a part of a preview
NUMBERS = (
    "indicators.calibration",
    "indicators.month_goals",
    "indicators.leading.questions",
    "indicators.landings",
)
"""Checks the forecast, sets the month's goals, says whether anything leads, and where the month would end."""
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time, of how many


def processors() -> float:
    """How many processors this process may use."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        most, period = _QUOTA.read_text("ascii").split()
    except (OSError, ValueError):
        return mine
    return mine if most == "max" else min(mine, int(most) / int(period))


class Answer(Generic[T]):
    """What a function gives: from a process that has begun with it, otherwise worked out by whoever wants it first."""

    def __init__(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> None:
        self.work = partial(function, *args, **named)
        self.there: Future[T] = Future()
        self._here = cache(self.work)

    def elsewhere(self) -> T | None:
        """Waits for the process that works at it. None where none does, and then none will, or where it came to no end."""
        if self.there.cancel() or self.there.exception() is not None:
            return None
        return self.there.result()

    def get(self) -> T:
        """The answer."""
        found = self.elsewhere()
        return self._here() if found is None else found


_NEXT, _IN_TURN, _LAST = range(3)
_Turn = tuple[int, int, Answer[Any] | None]
"""When it is its turn, and what; None is the end."""


class Beside:
    """One process, which has imported the modules when it is asked; what it has not done at the end of the context is given up.

    `at_once`: what it is asked for is its own from then on, however long it still imports: for work that is worth the wait.
    """

    def __init__(self, *modules: str, at_once: bool = False) -> None:
        self._modules, self._at_once = modules, at_once
        self._asked: PriorityQueue[_Turn] = PriorityQueue()
        self._turns = count()
        self._begun: tuple[subprocess.Popen[bytes], Thread] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._begun is None:
            return
        process, thread = self._begun
        process.kill()
        process.wait()
        self._put(None, _LAST)
        thread.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be written is tried once more
                    pipe.close()

    def begin(self) -> bool:
        """Begins the process, also before anybody knows for what, unless it has begun; whether there is one."""
        if self._begun is None and processors() >= 2:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-c", f"from jobs.beside import serve; serve(*{self._modules!r})"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                )
            except OSError:  # no more processes are allowed
                return False
            thread = Thread(target=_hand_over, args=(process, self._asked, self._at_once), daemon=True)
            thread.start()
            self._begun = process, thread
        return self._begun is not None

    def ask(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> Answer[T]:
        """Has the process work on it, once there is one and it is done with what it was asked before."""
        return self._queued(Answer(function, *args, **named), _IN_TURN)

    def ask_next(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> Answer[T]:
        """The same, before all that it was asked and has not begun with."""
        return self._queued(Answer(function, *args, **named), _NEXT)

    def _queued(self, answer: Answer[T], rank: int) -> Answer[T]:
        if self._at_once and self._begun is not None:
            answer.there.set_running_or_notify_cancel()
        self._put(answer, rank)
        return answer

    def _put(self, answer: Answer[Any] | None, rank: int) -> None:
        self._asked.put((rank, next(self._turns), answer))


def _hand_over(process: "subprocess.Popen[bytes]", asked: "PriorityQueue[_Turn]", at_once: bool) -> None:
    """One after another goes to the process, from when it is ready (or at once); once it has ended, nothing is worked out by it."""
    assert process.stdin is not None
    assert process.stdout is not None
    alive = at_once or bool(process.stdout.read(1))
    ready = not at_once
    while (answer := asked.get()[2]) is not None:
        if not answer.there.running() and not answer.there.set_running_or_notify_cancel():
            continue
        try:
            if not alive:
                raise ChildProcessError("the process beside has ended")
            # in one piece: after each of many this thread would wait for those that work here
            process.stdin.write(pickle.dumps(answer.work, pickle.HIGHEST_PROTOCOL))
            process.stdin.flush()
            ready = ready or bool(process.stdout.read(1))
            done, found = pickle.load(process.stdout)  # noqa: S301 - from our own process
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits has to hear of it
            alive = False
            answer.there.set_exception(error)
            continue
        if done:
            answer.there.set_result(found)
        else:
            answer.there.set_exception(ChildProcessError("the process beside could not work it out"))


def serve(*modules: str) -> None:
    """The whole life of such a process."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is no answer
    with uncollected():
        for module in modules:
            import_module(module)
        out.write(b"\n")
        out.flush()
        while True:
            try:
                work = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process that started this one wrote it
            except EOFError:
                os._exit(0)  # taking apart all that was imported would cost a tenth of a second
            try:
                told = True, work()
            except Exception:  # noqa: BLE001 - the process that asked works it out itself, and meets the same
                told = False, None
            out.write(pickle.dumps(told, pickle.HIGHEST_PROTOCOL))
            out.flush()
