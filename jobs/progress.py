"""Progress bars for a person at a terminal, and silence for everybody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress


class Task(Protocol):
    def update(self, done: int, total: int | None) -> None: ...


class Progress(Protocol):
    """Shows how far each piece of work has come. Safe to use from several threads."""

    def task(self, name: str) -> "AbstractTask": ...


class AbstractTask(Protocol):
    def __enter__(self) -> Task: ...
    def __exit__(self, *_: object) -> None: ...


class _Silent:
    def update(self, done: int, total: int | None) -> None:
        """Nobody is looking."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class NoProgress:
    """For logs, pipes and tests."""

    def task(self, name: str) -> _Silent:
        _ = name
        return _Silent()


class _Bar:
    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars = bars
        self._task = task
        self._done = 0

    def update(self, done: int, total: int | None) -> None:
        self._done = done
        self._bars.update(self._task, completed=done, total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[:1] == (None,):
            self._bars.update(self._task, completed=self._done or 1, total=self._done or 1)
        else:
            self._bars.stop_task(self._task)  # what failed is not shown as done


class Bars:
    """Bars on standard error, so that standard output stays for results."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    def task(self, name: str) -> _Bar:
        return _Bar(self._bars, self._bars.add_task(name, total=None))


@contextmanager
def bars(*, wanted: bool) -> Iterator[Progress]:
    """Bars where they are wanted and a person looks: in a file or a pipe they would stand between the log's lines."""
    console = Console(stderr=True)
    if not (wanted and console.is_terminal):
        yield NoProgress()
        return
    with RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as shown:
        yield Bars(shown)


class Stopped(Exception):
    """The run was asked to stop, and did so after storing what it had in hand."""

    def __init__(self) -> None:
        super().__init__("asked to stop; the next run goes on from here")


class _Checking:
    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def update(self, done: int, total: int | None) -> None:
        _ = (done, total)
        if self._stop.is_set():
            raise Stopped

    def __enter__(self) -> Self:
        self.update(0, None)
        return self

    def __exit__(self, *_: object) -> None: ...


class Stoppable:
    """Shows nothing, and ends the run at the next page or batch once `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def task(self, name: str) -> _Checking:
        _ = name
        return _Checking(self._stop)
