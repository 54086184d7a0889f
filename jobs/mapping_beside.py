"""A part of a preview in a process beside ours, where the machine has a processor for it: reading records is plain Python work.

It sees the very same moment of the database, by the snapshot of our transaction. Where it comes to no end, its part is derived here.
"""

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from psycopg import Connection
from sqlalchemy import text

from jobs.database import engine
from jobs.mapping_lenient import Lenient
from jobs.mapping_part import Part, derive_part
from sync.mapping.grammar import load_mapping
from sync.mapping.matching import Decision
from sync.mapping.share import Share
from sync.mirror.read import Mirror

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time, of how many


@dataclass(frozen=True, slots=True)
class Task:
    """What to derive. `url` is the database's address, `snapshot` the moment, `schemas` the schema of each connection."""

    url: str
    snapshot: str
    workspace: str
    schemas: dict[str, str]
    rules: str
    as_of: date
    decisions: Sequence[Decision]
    share: Share


class Beside:
    """The process at work."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def part(self) -> Part | None:
        """What it made, once it has; None where it came to no end."""
        sent, _ = self._process.communicate()
        return cast("Part", pickle.loads(sent)) if self._process.returncode == 0 else None  # noqa: S301 - from our own process


def processors() -> float:
    """How many processors this process may use."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        most, period = _QUOTA.read_text("ascii").split()
    except (OSError, ValueError):
        return mine
    return mine if most == "max" else min(mine, int(most) / int(period))


@contextmanager
def beside(task: Task) -> Iterator[Beside]:
    """Begins with the work; what is not done at the end of the context is given up."""
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        assert process.stdin is not None
        with suppress(OSError):  # it has ended already, which is seen where its part is asked for
            process.stdin.write(pickle.dumps(task))
            process.stdin.close()
        process.stdin = None
        yield Beside(process)
    finally:
        process.kill()
        process.wait()


def work(task: Task) -> Part:
    """The part, read in a transaction of the task's moment."""
    opened = engine(task.url, application_name="sakigake preview")
    with opened.connect() as conn:
        raw = cast("Connection[Any]", conn.connection.driver_connection)
        conn.execute(text("set transaction isolation level repeatable read, read only"))
        raw.execute(f"set transaction snapshot '{task.snapshot}'")  # as PostgreSQL named it
        rules = load_mapping(task.rules)
        reader = Lenient(raw, task.workspace, Mirror(raw, task.workspace, task.schemas.__getitem__), rules, None)
        return derive_part(raw, task.workspace, rules, reader, task.as_of, task.decisions, task.share)


def main() -> None:
    """A task comes in, its part goes out."""
    gc.disable()  # what is made here is kept, until all of it ends
    task = cast("Task", pickle.load(sys.stdin.buffer))  # noqa: S301 - from our own process
    pickle.dump(work(task), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main()
