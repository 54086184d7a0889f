"""CRM to mirror: every object the mapping names, one connection beside the other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from jobs.progress import Progress, Stopped, Task
from jobs.wiring import Workspace
from sync.mirror.place import LandCounts
from sync.mirror.pull import pull_object


def pull(
    workspace: Workspace, run_id: str, *, only_connection: str | None, full: bool, progress: Progress
) -> dict[str, LandCounts]:
    """Counts by `connection.Object`. Where one connection fails the others still come to their end, then the error is raised.

    Interrupted, by ctrl-C for one, it ends when each connection has stored the page at hand.
    """
    interrupted = threading.Event()
    wanted = {c: specs for c, specs in workspace.specs().items() if only_connection in (None, c)}
    with ThreadPoolExecutor(max_workers=max(len(wanted), 1), thread_name_prefix="pull") as pool:
        futures = [pool.submit(_connection, workspace, c, run_id, full, progress, interrupted) for c in wanted]
        found: dict[str, LandCounts] = {}
        failures: list[BaseException] = []
        try:
            for future in as_completed(futures):
                error = future.exception()
                if error is not None:
                    failures.append(error)
                else:
                    found.update(future.result())
        except BaseException:
            interrupted.set()  # leaving the block waits for the threads
            raise
    if failures:
        raise failures[0]
    return dict(sorted(found.items()))


def _connection(
    workspace: Workspace, connection: str, run_id: str, full: bool, progress: Progress, interrupted: threading.Event
) -> dict[str, LandCounts]:
    found: dict[str, LandCounts] = {}
    connector = workspace.connectors[connection]
    for name, spec in workspace.specs()[connection].items():
        label = f"{connection}.{name}"
        with progress.task(f"pull {label}") as task:
            found[label] = pull_object(
                workspace.connect,
                connector,
                workspace.pull_of(connection, run_id),
                spec,
                full=full,
                progress=_shown(task, interrupted),
            )
    return found


def _shown(task: Task, interrupted: threading.Event) -> Callable[[LandCounts, int | None], None]:
    def show(counts: LandCounts, expected: int | None) -> None:
        if interrupted.is_set():
            raise Stopped
        task.update(counts.read, expected)

    return show


def as_counts(found: dict[str, LandCounts]) -> dict[str, Any]:
    """The counts as they are kept with the step."""
    return {label: asdict(counts) for label, counts in found.items()}
