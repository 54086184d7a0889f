"""CRM to mirror: every object that the workspace mirrors, several of each connection side by side."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from jobs.pausing import paused
from jobs.progress import Progress
from jobs.runs import ended_as
from jobs.steps.lanes import Lane, Outcome, side_by_side
from jobs.wiring import Workspace
from models.vocabulary import RunStatus
from sync.errors import LoginRefused, Underway
from sync.mirror.place import LandCounts
from sync.mirror.pull import pull_object


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of each object, in the order in which they came to their end."""

    outcomes: tuple[Outcome[LandCounts], ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """By `connection.Object`, of those that came to their end."""
        return {o.label: asdict(o.result) for o in sorted(self.outcomes, key=lambda o: o.label) if o.result is not None}

    def document(self) -> dict[str, dict[str, Any]]:
        """By `connection.Object`, as it is kept with the step: counts, `status` and `cause`."""
        return {o.label: _document(o) for o in sorted(self.outcomes, key=lambda o: o.label)}

    def waiting(self) -> dict[str, str]:
        """By `connection.Object`, why it is not read to its end: the CRM still works at it, and the next run goes on."""
        found = sorted((o for o in self.outcomes if isinstance(o.error, Underway)), key=lambda o: o.label)
        return {o.label: str(o.error) for o in found}

    def require(self) -> None:
        """Raises what the first object that failed met, a refused login before all else: it needs a person.

        One that the CRM still works at has not failed.
        """
        errors = [o.error for o in self.outcomes if o.error is not None and not isinstance(o.error, Underway)]
        if errors:
            raise next((e for e in errors if isinstance(e, LoginRefused)), errors[0])


def pull(
    workspace: Workspace,
    run_id: str,
    *,
    only_connection: str | None,
    full: bool,
    progress: Progress,
    turn: float | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Pulled:
    """Pulls all objects, or those of one connection. Where one fails, the others still come to their end.

    `turn` is how many seconds one object may take: then it ends with the page at hand, and the next run goes on. Interrupted, by ctrl-C for one, it ends when each object under way has stored the page at hand.
    """
    with workspace.connect() as conn:
        resting = paused(conn, workspace.name)
    specs = {c: named for c, named in workspace.specs().items() if only_connection in (None, c) and c not in resting}

    def act(connection: str, name: str, lane: Lane) -> LandCounts:
        began = monotonic()

        def moved(counts: LandCounts, expected: int | None) -> None:
            lane.moved()
            task.update(counts.read, expected)
            if turn is not None and monotonic() - began >= turn:
                of = f" of {expected:,}" if expected is not None else ""
                raise Underway(
                    f"{name} is still being read: {counts.read:,}{of} records in this run, which has others to see to.",
                    remedy="The next run goes on from there.",
                )

        with progress.task(f"pull {connection}.{name}") as task:
            return pull_object(
                workspace.connect,
                workspace.connectors[connection],
                workspace.pull_of(connection, run_id),
                specs[connection][name],
                full=full,
                progress=moved,
            )

    return Pulled(tuple(side_by_side(specs, workspace.settings.at_once(), act)))


def _document(outcome: Outcome[LandCounts]) -> dict[str, Any]:
    if outcome.error is None and outcome.result is not None:
        return {**asdict(outcome.result), "status": RunStatus.SUCCEEDED, "cause": None}
    error = outcome.error
    assert error is not None
    return {
        "status": ended_as(error),
        "cause": str(error) if outcome.begun else f"Not read, like the rest of its connection: {error}",
    }
