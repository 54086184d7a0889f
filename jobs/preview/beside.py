"""A part of a preview in a process beside ours: the facts of a share of the partners, or the numbers of the version in force.

It sees the very same moment of the database, by the snapshot of our transaction. Where it comes to no end, its part is done here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

from psycopg import Connection
from sqlalchemy import text

from jobs.database import engine
from jobs.preview.ground import Ground
from jobs.preview.part import Part, derive_part
from jobs.settings import WorkspaceSettings
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.loading import load_mapping
from sync.mapping.matching import Decision
from sync.mapping.share import Share

if TYPE_CHECKING:
    from jobs.preview.numbers import Numbers


@dataclass(frozen=True, slots=True)
class Task:
    """What to do: to derive the facts of a share, or, without one, to tell the numbers of the facts that stand.

    `url` is the database's address, `snapshot` the moment; the rest is as in `Ground`, and the rules as text.
    """

    url: str
    snapshot: str
    workspace: str
    settings: WorkspaceSettings
    decisions: Sequence[Decision]
    as_of: date
    moment: datetime
    known_at: datetime
    rules: str
    share: Share | None

    @classmethod
    def of(cls, ground: Ground, rules: Rules, share: Share | None) -> "Task":
        """On the same ground."""
        row = ground.raw.execute("select pg_export_snapshot()").fetchone()
        return cls(
            ground.engine.url.render_as_string(hide_password=False),
            str(row[0]) if row else "",
            ground.workspace,
            ground.settings,
            ground.decisions,
            ground.as_of,
            ground.moment,
            ground.known_at,
            rules.text,
            share,
        )


def work(task: Task) -> "Part | Numbers":
    """What the task asks for, read in a transaction of its moment."""
    opened = engine(task.url, application_name="sakigake preview")
    with opened.connect() as conn:
        raw = cast("Connection[Any]", conn.connection.driver_connection)
        conn.execute(text("set transaction isolation level repeatable read, read only"))
        raw.execute("set local max_parallel_workers_per_gather = 0")
        raw.execute(f"set transaction snapshot '{task.snapshot}'")  # as PostgreSQL named it
        ground = Ground(
            opened,
            conn,
            raw,
            task.workspace,
            task.settings,
            task.decisions,
            task.as_of,
            task.moment,
            task.known_at,
        )
        rules = load_mapping(task.rules)
        if task.share is None:
            from jobs.preview.numbers import numbers
            from jobs.preview.sides import stored

            return numbers(ground, rules, stored(ground))
        return derive_part(ground, rules, ground.reader(rules, None), task.share)
