"""CRM to mirror: every object the mapping names, one connection beside the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from jobs.progress import Progress, Task
from jobs.wiring import Workspace
from sync.mirror.land import LandCounts
from sync.mirror.pull import pull_object


def pull(
    workspace: Workspace, run_id: str, *, only_connection: str | None, full: bool, progress: Progress
) -> dict[str, LandCounts]:
    """Counts by `connection.Object`. Where one connection fails the others still come to their end, then the error is raised."""
    wanted = {c: specs for c, specs in workspace.specs().items() if only_connection in (None, c)}
    with ThreadPoolExecutor(max_workers=max(len(wanted), 1), thread_name_prefix="pull") as pool:
        futures = [pool.submit(_connection, workspace, c, run_id, full, progress) for c in wanted]
        found: dict[str, LandCounts] = {}
        failures: list[BaseException] = []
        for future in as_completed(futures):
            error = future.exception()
            if error is not None:
                failures.append(error)
            else:
                found.update(future.result())
    if failures:
        raise failures[0]
    return dict(sorted(found.items()))


def _connection(
    workspace: Workspace, connection: str, run_id: str, full: bool, progress: Progress
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
                progress=_shown(task),
            )
    return found


def _shown(task: Task) -> Callable[[LandCounts, int | None], None]:
    return lambda counts, expected: task.update(counts.read, expected)


def as_counts(found: dict[str, LandCounts]) -> dict[str, Any]:
    """The counts as they are kept with the step."""
    return {label: asdict(counts) for label, counts in found.items()}
