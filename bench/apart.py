"""Work in a process of its own, so that nothing of the measuring is counted with what is measured."""

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from jobs.database import database, upgrade

T = TypeVar("T")
_SPAWN = multiprocessing.get_context("spawn")


def apart(work: Callable[..., T], *given: Any) -> T:
    """What `work` returns, from a fresh process."""
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as pool:
        return pool.submit(work, *given).result(timeout=900)


@contextmanager
def serving(work: Callable[..., None], *given: Any) -> Iterator[str]:
    """A server in a process of its own, ended with the context: `work(*given, ready)` calls `ready.put` with its address."""
    ready: Any = _SPAWN.Queue()
    process = _SPAWN.Process(target=work, args=(*given, ready), daemon=True)
    process.start()
    try:
        yield ready.get(timeout=300)
    finally:
        process.terminate()
        process.join(30)


@contextmanager
def empty_database() -> Iterator[str]:
    """A PostgreSQL of our own, with our tables and nothing in them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # as root the server runs under another account
        with database(Path(folder) / "home", None) as db:
            upgrade(db)
            yield db


def peak() -> float:
    """The most memory this process has had, in MiB. getrusage would count what its parent had before it started us."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def spent(postmaster: int) -> float:
    """Seconds of processor time so far, of this process and those it started, and of the PostgreSQL server of that process id.

    On a shared machine it says what wall time does not. Without /proc only this process is counted.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = [int(n) for n in stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1:15]]
        except OSError:  # it ended meanwhile
            continue
        if int(stat.parent.name) == postmaster:
            ticks += sum(fields[10:14])  # and of children that have ended
        elif fields[0] in (postmaster, os.getpid()):
            ticks += sum(fields[10:12])
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system + ticks / os.sysconf("SC_CLK_TCK")


def postmaster(url: str) -> int:
    """The process id of the PostgreSQL server behind an address."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as conn:
        row = conn.execute("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int").fetchone()
    return int(row[0]) if row else 0
