"""The record of runs: what was started, what each step did, how it ended. State of runs lives in our tables, not in the scheduler."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import Connection
from sqlalchemy.exc import SQLAlchemyError

from jobs.errors import RunBusy
from models.vocabulary import RunStatus, Step
from sync.errors import QuotaExhausted, Underway

Conn = Connection[Any]
Connect = Callable[[], AbstractContextManager[Conn]]

GRACE = 1.0  # seconds a run waits for another: a server needs a moment to notice that a process which held it is gone


def utc_now() -> datetime:
    """Our own clock: for when runs start and end. What the CRM says happened is dated by the CRM's clock."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A readable id that sorts by time: `run-20261031T090000-1a2b3c`."""
    return f"{prefix}-{utc_now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def ended_as(error: BaseException) -> RunStatus:
    """How what this error stopped has ended."""
    if isinstance(error, Underway):
        return RunStatus.WAITING
    return RunStatus.QUOTA if isinstance(error, QuotaExhausted) else RunStatus.FAILED


def _taken(conn: Conn, workspace: str) -> bool:
    row = conn.execute(
        "select pg_try_advisory_lock(hashtextextended('sakigake run ' || %s, 0))", (workspace,)
    ).fetchone()
    return bool(row and row[0])


@contextmanager
def only_run(conn: Conn, workspace: str) -> Iterator[None]:
    """Holds the workspace for one run at a time. The lock is the session's: a killed process frees it, once the server has noticed."""
    until = time.monotonic() + GRACE
    while not _taken(conn, workspace):
        if time.monotonic() > until:
            raise RunBusy(
                f"Another run of workspace {workspace} is under way; wait until it ends (`sakigake status` shows it), then try again."
            )
        time.sleep(GRACE / 20)
    try:
        yield
    finally:
        if not conn.closed:  # a session that is gone holds no lock
            conn.execute("select pg_advisory_unlock(hashtextextended('sakigake run ' || %s, 0))", (workspace,))


@dataclass(slots=True)
class StepNote:
    """What a step tells of itself: counts, and the fingerprint of what it read, so that an equal next one can be left out."""

    counts: dict[str, Any] = field(default_factory=dict)
    held: bool = False
    waiting: bool = False  # it came to its end, but for what the CRM still works at
    quota: bool = False  # it came to its end, but for what the day's calls did not allow


def _ended(note: StepNote) -> RunStatus:
    if note.quota:
        return RunStatus.QUOTA
    if note.waiting:
        return RunStatus.WAITING
    return RunStatus.HELD if note.held else RunStatus.SUCCEEDED


@dataclass(frozen=True, slots=True)
class RunLog:
    """Writes one run's story. Each call commits by itself, so that a killed run shows how far it came."""

    conn: Conn
    workspace: str
    run_id: str

    def begin(self, mapping_hash: str) -> None:
        # a run that a killed process left behind can no longer be running: we hold the workspace
        self.conn.execute(
            """update sakigake.run set status = 'failed', finished_at = %s, cause = 'the process ended before the run did'
            where workspace = %s and status = 'running'""",
            (utc_now(), self.workspace),
        )
        self.conn.execute(
            """update sakigake.run_step set status = 'failed', finished_at = %s, cause = 'the process ended before the step did'
            where workspace = %s and status = 'running'""",
            (utc_now(), self.workspace),
        )
        self.conn.execute(
            "insert into sakigake.run (workspace, run_id, started_at, status, mapping_hash) values (%s, %s, %s, 'running', %s)",
            (self.workspace, self.run_id, utc_now(), mapping_hash),
        )

    @contextmanager
    def step(self, step: str, connection: str = "") -> Iterator[StepNote]:
        """Notes the step's start and end; an error is noted as its cause and goes on to the caller."""
        key = (self.workspace, self.run_id, step, connection)
        self.conn.execute(
            "insert into sakigake.run_step (workspace, run_id, step, connection, started_at, status) values (%s, %s, %s, %s, %s, 'running')",
            (*key, utc_now()),
        )
        note = StepNote()
        status, cause = RunStatus.FAILED, "interrupted"
        try:
            yield note
            status, cause = _ended(note), ""
        except Exception as e:
            status, cause = ended_as(e), str(e)
            raise
        finally:
            if not self.conn.closed:
                self.conn.execute(
                    """update sakigake.run_step set finished_at = %s, status = %s, cause = nullif(%s, ''), counts = %s
                    where workspace = %s and run_id = %s and step = %s and connection = %s""",
                    (utc_now(), status, cause, json.dumps(note.counts, default=str), *key),
                )

    def end(self, status: RunStatus, *, as_of: date | None, cause: str | None) -> None:
        self.conn.execute(
            "update sakigake.run set finished_at = %s, status = %s, as_of = %s, cause = %s where workspace = %s and run_id = %s",
            (utc_now(), status, as_of, cause, self.workspace, self.run_id),
        )

    def finish(self, connect: Connect, status: RunStatus, *, as_of: date | None = None, cause: str = "") -> None:
        """Notes the run's end, over another connection where ours went away with the server."""
        if not self.conn.closed:
            self.end(status, as_of=as_of, cause=cause or None)
            return
        with (
            suppress(psycopg.Error, SQLAlchemyError),
            connect() as another,
        ):  # where it is still away, the next run takes note
            self._lost(another, cause)

    def _lost(self, conn: Conn, cause: str) -> None:
        for table in ("run_step", "run"):
            conn.execute(
                f"update sakigake.{table} set status = 'failed', finished_at = %s, cause = %s "  # noqa: S608
                "where workspace = %s and run_id = %s and status = 'running'",
                (utc_now(), cause, self.workspace, self.run_id),
            )

    def note_calls(self, connection: str, calls: Mapping[str, int], quota: tuple[int | None, int | None]) -> None:
        """Calls this run made of one CRM, and how much of the day's quota is used."""
        self.conn.execute(
            """insert into sakigake.api_calls (workspace, run_id, connection, calls, quota_limit, quota_used)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (workspace, run_id, connection) do update
                set calls = excluded.calls, quota_limit = excluded.quota_limit, quota_used = excluded.quota_used""",
            (self.workspace, self.run_id, connection, sum(calls.values()), *quota),
        )

    def fingerprint(self, step: Step) -> Any:
        """What the newest successful run of this step had read; None where there was none."""
        row = self.conn.execute(
            """select counts -> 'input' from sakigake.run_step where workspace = %s and step = %s and status in ('succeeded', 'held')
            order by started_at desc limit 1""",
            (self.workspace, step),
        ).fetchone()
        return row[0] if row else None
