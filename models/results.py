"""What was computed, planned and written."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class Computation(Base):
    """One recomputation: the axes it stands on, the code and mapping that made it, and the indicators per type and step."""

    __tablename__ = "computation"
    workspace: Mapped[Workspace]
    run_id: Mapped[Key]
    as_of: Mapped[date]
    known_at: Mapped[datetime]
    pooled_known_at: Mapped[datetime | None]  # what all partners together say was worked out by what was known then
    mapping_hash: Mapped[str]
    code_version: Mapped[str]
    settings_hash: Mapped[str | None]  # what was assumed, in `settings_said`
    seed: Mapped[str | None]  # of every draw, together with the day and the name of what is drawn
    input_watermark: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB
    )  # by object: until when its CRM vouched for what was read
    indicators: Mapped[dict[str, Any]] = mapped_column(JSONB)
    computed_at: Mapped[datetime]
    __table_args__ = (Index("computation_latest_index", "workspace", "computed_at"),)


class SettingsSaid(Base):
    """What a workspace's settings said of assumptions, calendar, targets and team, once for each of their versions that was computed with."""

    __tablename__ = "settings_said"
    workspace: Mapped[Workspace]
    settings_hash: Mapped[Key]
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)
    first_used_at: Mapped[datetime]


class SubjectResult(Base):
    """The newest values of all catalogue fields of one partner or entry, with what `explain` tells of them. The view `field_result` has a row a field.

    A row is rewritten only when a value or reason in it changes.
    """

    __tablename__ = "subject_result"
    workspace: Mapped[Workspace]
    subject: Mapped[Key]  # partner or entry
    subject_id: Mapped[Key]
    value: Mapped[dict[str, Any]] = mapped_column(JSONB)  # by field
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)  # by field
    run_id: Mapped[str]  # that last changed any of them
    runs: Mapped[dict[str, str]] = mapped_column(
        JSONB, server_default=text("'{}'")
    )  # by field, of those that an earlier run changed last


class Result(Base):
    """What versions up to 0020 kept in the place of `SubjectResult`, a row a field. Empty; the next release drops it."""

    __tablename__ = "result"
    workspace: Mapped[Workspace]
    subject: Mapped[Key]  # partner or entry
    subject_id: Mapped[Key]
    field: Mapped[Key]
    value: Mapped[Any] = mapped_column(JSONB)
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    run_id: Mapped[str]


class PoolRow(Base):
    """What all partners together say, as of the newest computation of everything: partners that change are told anew by it."""

    __tablename__ = "pool"
    workspace: Mapped[Workspace]
    run_id: Mapped[str]
    as_of: Mapped[date]
    known_at: Mapped[datetime]
    basis: Mapped[dict[str, Any]] = mapped_column(JSONB)  # all that results depend on, but for the facts
    document: Mapped[str]


class SaidEntries(Base):
    """What the newest results say of a partner's entries, in rows of one width: words are made anew where a row is another one."""

    __tablename__ = "said_entries"
    workspace: Mapped[Workspace]
    partner_id: Mapped[Key]
    basis: Mapped[str]  # of the words that the rows are told in
    ids: Mapped[bytes]
    said: Mapped[bytes]


class TouchedPartner(Base):
    """A partner whose facts changed since the newest results; `*` stands for all."""

    __tablename__ = "touched_partner"
    workspace: Mapped[Workspace]
    partner_id: Mapped[Key]


class ResultLog(Base):
    """Append-only: what each catalogue field said until something else stood in its place, when it came to say it, and why.

    With what stands (`SubjectResult`), the newest row up to a moment is what was known then. Of what is no more there is a last row, `gone`.
    """

    __tablename__ = "result_log"
    workspace: Mapped[Workspace]
    subject: Mapped[Key]
    subject_id: Mapped[Key]
    field: Mapped[Key]
    run_id: Mapped[Key]
    as_of: Mapped[date]
    known_at: Mapped[datetime]
    gone: Mapped[bool] = mapped_column(server_default=text("false"))  # the partner or entry, or its value, is no more
    value: Mapped[Any] = mapped_column(JSONB)
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)


class TierChange(Base):
    """A partner moved to another tier: old, new, when and why."""

    __tablename__ = "tier_change"
    workspace: Mapped[Workspace]
    partner_id: Mapped[Key]
    since: Mapped[date] = mapped_column(primary_key=True)
    tier: Mapped[str]
    previous: Mapped[str | None]
    rule: Mapped[str]
    run_id: Mapped[str]


class Plan(Base):
    """The changes a write-back would make, and what became of them."""

    __tablename__ = "plan"
    workspace: Mapped[Workspace]
    plan_id: Mapped[Key]
    run_id: Mapped[str]
    created_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(server_default=text("'write'"))  # PlanKind
    undoes: Mapped[str | None]  # of an undo: the run whose writes it takes back
    expires_at: Mapped[datetime | None]  # what a person decides on later would be too old
    status: Mapped[str]
    held_because: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    mapping_hash: Mapped[str]
    changes: Mapped[int] = mapped_column(BigInteger)
    skipped: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))  # reason -> count
    decided_by: Mapped[str | None]
    decided_because: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    __table_args__ = (Index("plan_latest_index", "workspace", "created_at"),)


class Change(Base):
    """One field of one record, old and new: the journal of write-back. Written before anything is sent."""

    __tablename__ = "change"
    workspace: Mapped[Workspace]
    plan_id: Mapped[Key]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    connection: Mapped[str]
    object: Mapped[str]
    record_id: Mapped[str]
    field: Mapped[str]  # the catalogue's name
    api_name: Mapped[str]
    old: Mapped[Any] = mapped_column(JSONB)
    new: Mapped[Any] = mapped_column(JSONB)
    why: Mapped[str]
    edited: Mapped[bool] = mapped_column(server_default=text("false"))  # `old` is what a person wrote over our value
    status: Mapped[str]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    cause: Mapped[str | None]
    run_id: Mapped[str | None]  # the run that sent it
    request_id: Mapped[str | None]  # the CRM's own name of the request, where it gives one
    job_id: Mapped[str | None]  # the bulk job it was sent with
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    uncertain_at: Mapped[
        datetime | None
    ]  # by the CRM's clock: not answered, and not found done; it may still take effect
    redirected_from: Mapped[str | None]  # the record it was meant for, which was merged into this one since
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace", "plan_id"], ["sakigake.plan.workspace", "sakigake.plan.plan_id"], ondelete="CASCADE"
        ),
        Index(
            "change_record_index", "workspace", "connection", "object", "record_id"
        ),  # `explain` asks what we wrote here
        # restart looks for what was sent and never answered; there are few, and it must find them at once
        Index("change_unsettled_index", "workspace", "plan_id", postgresql_where=text("status in ('planned', 'sent')")),
        # `undo` asks what a run wrote
        Index("change_run_index", "workspace", "run_id", postgresql_where=text("run_id is not null")),
        Index("change_uncertain_index", "workspace", "uncertain_at", postgresql_where=text("uncertain_at is not null")),
    )


class Written(Base):
    """The newest value that a CRM confirmed for one field of one record: what the next plan compares with first."""

    __tablename__ = "written"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    field: Mapped[Key]
    value: Mapped[Any] = mapped_column(JSONB)
    plan_id: Mapped[str]
    confirmed_at: Mapped[datetime]
    crm_at: Mapped[
        datetime | None
    ]  # the CRM's clock just before: a version from then on may hold another person's value
    before: Mapped[Any | None] = mapped_column(JSONB)  # what the field held before this value; null where unknown
    changed_at: Mapped[datetime | None]  # the CRM's clock when this value took the place of `before`
