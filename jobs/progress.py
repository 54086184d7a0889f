"""Progress bars for a person at a terminal, and silence for everybody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

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

    def __enter__(self) -> "_Silent":
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

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.update(self._task, completed=self._done or 1, total=self._done or 1)


class Bars:
    """Bars on standard error, so that standard output stays for results."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    def task(self, name: str) -> _Bar:
        return _Bar(self._bars, self._bars.add_task(name, total=None))


@contextmanager
def bars(*, wanted: bool) -> Iterator[Progress]:
    """Bars where they are wanted and standard error is a terminal or a plain log line each otherwise."""
    console = Console(stderr=True)
    if not wanted:
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
