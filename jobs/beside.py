"""A process beside ours, where the machine has a processor for it. It imports from its start on, and is asked once it is known for what.

It has the `work` of a module done: a pickled task comes in on standard input, its pickled answer goes out on standard output. This module
imports nothing that takes time, so that a process can be begun before all the rest is imported here.
"""

import gc
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Self

PREVIEW = "jobs.preview.beside"  # does a part of a preview
VERDICTS = "jobs.steps.leading_process"  # says whether anything leads
# memory that arrays leave is kept for the next ones: to have it anew each time costs a tenth of the work (read by glibc)
_KEPT = {"MALLOC_TOP_PAD_": str(32 << 20)}
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time, of how many


def processors() -> float:
    """How many processors this process may use."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        most, period = _QUOTA.read_text("ascii").split()
    except (OSError, ValueError):
        return mine
    return mine if most == "max" else min(mine, int(most) / int(period))


class Answer:
    """What a process was asked for."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def get(self) -> Any:
        """The answer, once there is one; None where the process came to no end."""
        sent, _ = self._process.communicate()
        return pickle.loads(sent) if self._process.returncode == 0 else None  # noqa: S301 - from our own process


class Beside:
    """Processes that do a module's `work`; what is not done at the end of the context is given up."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._begun: list[subprocess.Popen[bytes]] = []
        self._waiting: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._begun:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def begin(self) -> None:
        """Begins one before anybody knows for what, unless one waits already."""
        if not self._waiting and (process := self._started()) is not None:
            self._waiting.append(process)

    def ask(self, task: Any) -> Answer | None:
        """Has one work on it from now on; None where no process can be had for it."""
        process = self._waiting.pop() if self._waiting else self._started()
        if process is None:
            return None
        assert process.stdin is not None
        with suppress(OSError):  # it has ended already, which is seen where its answer is asked for
            process.stdin.write(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
        with suppress(OSError):  # what could not be written is tried once more
            process.stdin.close()
        process.stdin = None
        return Answer(process)

    def _started(self) -> "subprocess.Popen[bytes] | None":
        if processors() < 2:
            return None
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", f"from jobs.beside import answer; answer({self._module!r})"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **_KEPT},
            )
        except OSError:  # no more processes are allowed
            return None
        self._begun.append(process)
        return process


def answer(module: str) -> None:
    """The whole life of such a process: one task comes in, its answer goes out."""
    gc.disable()  # what is made here is kept, until all of it ends
    work = import_module(module).work
    task = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process that started this one wrote it
    pickle.dump(work(task), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
    sys.stdout.flush()
    os._exit(0)  # taking apart all that was imported would cost a tenth of a second
