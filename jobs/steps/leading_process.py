"""Whether anything leads, worked out in a process of its own: the arithmetic of results keeps this one's processor, and its lock, busy.

The process is started first and loads what it needs while the question is still being read from our tables. It takes the question from its
standard input, says the answers, and ends; it ends too when whoever asked is gone. Where it cannot be had, the question is answered here.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from indicators.leading.questions import Answers, does_it_lead

Question = dict[str, Any]
"""What `does_it_lead` is given, by name."""


@contextmanager
def beside() -> Iterator[Callable[[Question], Answers]]:
    """What answers one question, in a process that is ended with the context. The answers are those of `does_it_lead`, to the last bit."""
    process = _started() if (os.cpu_count() or 1) > 1 else None
    try:
        yield lambda question: _asked(process, question) or does_it_lead(**question)
    finally:
        if process is not None:
            with process:
                process.kill()


def _started() -> "subprocess.Popen[bytes] | None":
    try:
        return subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                __name__,
            ],  # -P: nothing that lies in the folder we were called in is taken for ours
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:  # no more processes are allowed
        return None


def _asked(process: "subprocess.Popen[bytes] | None", question: Question) -> Answers | None:
    """None where there is no process, or it ended without an answer."""
    if process is None:
        return None
    said, _ = process.communicate(pickle.dumps(question, pickle.HIGHEST_PROTOCOL))
    if process.returncode != 0:
        return None
    answers: Answers = pickle.loads(said)  # noqa: S301 - our own process wrote it
    return answers


def main() -> None:
    """Answers the question on standard input."""
    question: Question = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process that started this one wrote it
    pickle.dump(does_it_lead(**question), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main()
