"""Work in a process of its own, so that nothing of the measuring is counted with what is measured."""

import multiprocessing
import resource
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

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
