"""The real command, in a process that kills itself with SIGKILL at a moment that DIE_AT names, when it comes for the DIE_AFTER-th time.

Run as `python -m tests.acceptance.dying ARGUMENTS`.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import psycopg

from jobs.cli import main
from jobs.steps.lanes import Lane
from sync.mirror import pull
from sync.salesforce import bulk_jobs

MOMENTS: dict[str, tuple[Any, str, bool]] = {
    "before the rows of a page": (pull, "land", False),
    "within a COPY": (psycopg.Copy, "write", True),
    "between the rows and the cursor": (pull, "keep_cursor", False),
    "between the cursor and the commit": (pull, "keep_cursor", True),
    "behind the commit": (Lane, "moved", False),
}
OF_BULK: dict[str, tuple[Any, str, bool]] = {
    "while a bulk job is waited for": (bulk_jobs, "state", True),
    "between a file's rows and its cursor": (pull, "land_file", True),
}


def arm(moment: str, count: int) -> None:
    """Puts the end before or behind a function of ours."""
    owner, name, behind = (MOMENTS | OF_BULK)[moment]
    real: Callable[..., Any] = getattr(owner, name)
    left = [count]

    def deadly(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs) if behind else None
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found if behind else real(*args, **kwargs)

    setattr(owner, name, deadly)


if __name__ == "__main__":
    arm(os.environ["DIE_AT"], int(os.environ["DIE_AFTER"]))
    main(sys.argv[1:])
