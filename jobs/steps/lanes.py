"""One piece of work an object: every connection beside the others, and a few objects of each side by side.

An object that is slow keeps one lane, and one that fails frees its own; the rest go on. Only what would meet every object of the
connection alike ends it: a refused login, the day's calls used up, or a CRM that answers nobody.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from jobs.progress import Stopped
from sync.errors import LoginRefused, QuotaExhausted, Retry, SyncError

T = TypeVar("T")
HOPELESS = (LoginRefused, QuotaExhausted)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of one object: a result or an error. `begun` is false where it was left out because of another's error."""

    connection: str
    object: str
    result: T | None = None
    error: BaseException | None = None
    begun: bool = True

    @property
    def label(self) -> str:
        return f"{self.connection}.{self.object}"


class Lane:
    """What the work on one object knows of the others of its connection, and may tell them."""

    def __init__(self, shared: "_Shared", interrupted: threading.Event) -> None:
        self._shared = shared
        self._interrupted = interrupted

    def moved(self) -> None:
        """The CRM has answered, and what it said is stored. Stopped where the whole is to end now."""
        self._shared.answered()
        if self._interrupted.is_set():
            raise Stopped


Act = Callable[[str, str, Lane], T]
"""The work on one object: called with the names of its connection and of itself."""


def side_by_side(wanted: Mapping[str, Iterable[str]], at_once: Mapping[str, int], act: Act[T]) -> list[Outcome[T]]:
    """What became of each object, in the order in which they came to their end; returns when all have.

    `at_once` is how many objects of a connection are worked on at the same time. Interrupted, by ctrl-C for one, it begins nothing more,
    and ends when each lane has stored the page at hand.
    """
    interrupted = threading.Event()
    outcomes: list[Outcome[T]] = []  # appending is atomic

    def work(connection: str, name: str, shared: _Shared) -> None:
        if interrupted.is_set():
            return
        if (cause := shared.hopeless) is not None:
            outcomes.append(Outcome(connection, name, error=cause, begun=False))
            return
        try:
            outcomes.append(Outcome(connection, name, act(connection, name, Lane(shared, interrupted))))
        except BaseException as e:  # noqa: BLE001 - raised by who asked (`require`): left to the thread, nobody would hear of it
            shared.failed(e)
            outcomes.append(Outcome(connection, name, error=e))

    with ExitStack() as stack:
        futures = []
        try:
            for connection, names in wanted.items():
                lanes = at_once[connection]
                pool = stack.enter_context(ThreadPoolExecutor(lanes, thread_name_prefix=f"lane-{connection}"))
                shared = _Shared(max(lanes, 2))
                futures += [pool.submit(work, connection, name, shared) for name in names]
            wait(futures)
        except BaseException:
            interrupted.set()  # leaving the block waits for the threads
            raise
    return outcomes


@dataclass(slots=True)
class _Shared:
    """What one connection's lanes have met."""

    enough: int  # failures in a row after which nobody is thought to be there
    hopeless: SyncError | None = None
    _unanswered: int = 0  # objects that failed without an answer since the CRM last gave one to anybody
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self) -> None:
        with self._lock:
            self._unanswered = 0

    def failed(self, error: BaseException) -> None:
        with self._lock:
            self._unanswered += isinstance(error, Retry)
            if isinstance(error, HOPELESS) or (isinstance(error, Retry) and self._unanswered >= self.enough):
                self.hopeless = self.hopeless or error
