"""Runs of the cycle, what each step did, and how far each object has been read."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class Run(Base):
    """One start of the cycle, or of some of its steps."""

    __tablename__ = "run"
    workspace: Mapped[Workspace]
    run_id: Mapped[Key]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    status: Mapped[str]
    mapping_hash: Mapped[str | None]
    as_of: Mapped[date | None]
    cause: Mapped[str | None]
    __table_args__ = (Index("run_latest_index", "workspace", "started_at"),)  # `status` reads the newest runs


class RunStep(Base):
    """What one step of a run did; `connection` is empty for steps that belong to no connection."""

    __tablename__ = "run_step"
    workspace: Mapped[Workspace]
    run_id: Mapped[Key]
    step: Mapped[Key]
    connection: Mapped[Key] = mapped_column(server_default=text("''"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    status: Mapped[str]
    cause: Mapped[str | None]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace", "run_id"], ["sakigake.run.workspace", "sakigake.run.run_id"], ondelete="CASCADE"
        ),
    )


class MirrorObject(Base):
    """One CRM object in the mirror: its table, its description as last seen, and how far it has been read.

    `cursor` moves in the transaction that stores the page it stands for, never alone.
    """

    __tablename__ = "mirror_object"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    table_name: Mapped[str]
    description: Mapped[dict[str, Any]] = mapped_column(JSONB)
    fields: Mapped[list[str]] = mapped_column(JSONB)  # those that are mirrored
    cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    loaded: Mapped[bool] = mapped_column(server_default=text("false"))  # the first load has come to its end
    covered_until: Mapped[datetime | None]  # what the CRM has vouched for
    last_run_id: Mapped[str | None]
    last_changed_run_id: Mapped[str | None]  # the newest run that changed a row here
    updated_at: Mapped[datetime]
    # by field: since when the CRM shows it no more, and how it was described; its column keeps what was read last
    stale: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    filling: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))  # columns being filled
    gone_since: Mapped[datetime | None]  # the CRM shows the whole object no more


class Landing(Base):
    """A page that changed rows of the mirror: a row's `_changed_at` is the `landed_at` of the page that brought its values.

    Append-only, one row a page rather than a mark on every record.
    """

    __tablename__ = "landing"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    run_id: Mapped[Key]
    page: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # of this object in this run, from 1
    landed_at: Mapped[datetime]
    records: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("landing_moment_index", "workspace", "connection", "object", "landed_at"),)  # `explain`


class Drift(Base):
    """A way in which a CRM's description of a mirrored field came to differ from what it was. Times are by the CRM's clock.

    Rows stay; `resolved_at` is set where the difference is over, or never needed anybody. `field` is empty where it is the object itself.
    """

    __tablename__ = "drift"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    field: Mapped[Key] = mapped_column(server_default=text("''"))
    kind: Mapped[Key]
    value: Mapped[Key] = mapped_column(server_default=text("''"))  # of the options of a picklist, the one it is about
    first_seen_at: Mapped[datetime] = mapped_column(primary_key=True)
    was: Mapped[str | None]
    now: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    depends: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'::jsonb")
    )  # rules, milestones, fields


class Parked(Base):
    """A value or record that could not be stored or mapped, with its cause: nothing is dropped in silence."""

    __tablename__ = "parked"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    field: Mapped[Key] = mapped_column(server_default=text("''"))
    step: Mapped[Key]
    cause: Mapped[str]
    raw: Mapped[str | None]  # what the CRM sent, escaped so that it can be stored
    run_id: Mapped[str]
    parked_at: Mapped[datetime]


class ApiCalls(Base):
    """Calls a run made of a connection's CRM, by kind of work."""

    __tablename__ = "api_calls"
    workspace: Mapped[Workspace]
    run_id: Mapped[Key]
    connection: Mapped[Key]
    calls: Mapped[int] = mapped_column(BigInteger)
    quota_limit: Mapped[int | None] = mapped_column(BigInteger)
    quota_used: Mapped[int | None] = mapped_column(BigInteger)


class Reconciliation(Base):
    """What a sweep of one object found: the mirror compared with the CRM by ids and versions, after its repair. Times are by our clock."""

    __tablename__ = "reconciliation"
    workspace: Mapped[Workspace]
    run_id: Mapped[Key]
    connection: Mapped[Key]
    object: Mapped[Key]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    here: Mapped[int] = mapped_column(BigInteger)  # live records when the sweep was over
    there: Mapped[int] = mapped_column(BigInteger)
    counted: Mapped[int | None] = mapped_column(BigInteger)  # by the CRM's own count
    missing: Mapped[int] = mapped_column(BigInteger)
    extra: Mapped[int] = mapped_column(BigInteger)
    stale: Mapped[int] = mapped_column(BigInteger)
    recent: Mapped[int] = mapped_column(
        BigInteger
    )  # of the missing and stale: changed since the last pull, which is no loss
    repaired: Mapped[int] = mapped_column(BigInteger)
    links: Mapped[int] = mapped_column(BigInteger)
    refreshed: Mapped[int] = mapped_column(BigInteger)
    proven: Mapped[bool]
    cause: Mapped[str | None]
    __table_args__ = (
        # `status` reads the newest of each object
        Index("reconciliation_latest_index", "workspace", "connection", "object", "finished_at"),
    )
