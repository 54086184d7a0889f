"""Partners, their attack-list entries, and the append-only log of what happened to them."""

from datetime import date, datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace

BEGINNING = "1970-01-01 00:00:00+00"
"""Since when something is known that was there at the first load: before that nobody asked, so it holds for every earlier day too."""
Known = Annotated[datetime, mapped_column(server_default=text(f"'{BEGINNING}'"))]


class MappingVersion(Base):
    """A mapping by its content hash, kept whole, so that any result can be read with the rules it was made by."""

    __tablename__ = "mapping_version"
    workspace: Mapped[Workspace]
    mapping_hash: Mapped[Key]
    content: Mapped[str]
    first_used_at: Mapped[datetime]


class MappingActivation(Base):
    """A version of the mapping came into force: who said so, why, what it changed, and the preview it was approved on. Never updated."""

    __tablename__ = "mapping_activation"
    workspace: Mapped[Workspace]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    mapping_hash: Mapped[str]
    previous_hash: Mapped[str | None]
    activated_at: Mapped[datetime]
    who: Mapped[str]
    reason: Mapped[str]
    diff: Mapped[str]  # of the two files, as text
    preview: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # as `sakigake mapping diff --json` prints it


class PartnerRow(Base):
    """A partner as the mapping now sees it."""

    __tablename__ = "partner"
    workspace: Mapped[Workspace]
    partner_id: Mapped[Key]
    name: Mapped[str]
    type: Mapped[str]
    willingness: Mapped[str]
    submitted_on: Mapped[date | None]
    joined_on: Mapped[date | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    known_at: Mapped[Known]
    removed_at: Mapped[datetime | None]


class PartnerSource(Base):
    """A CRM record that is this partner, and by which mark it was recognised."""

    __tablename__ = "partner_source"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    partner_id: Mapped[str]
    matched_by: Mapped[str]
    known_at: Mapped[Known]
    __table_args__ = (
        Index("partner_source_partner_index", "workspace", "partner_id"),
    )  # write-back finds a partner's records


class Decision(Base):
    """A person's word on two records: one company (`same`) or not (`different`); or on an earlier decision, which it undoes. Append-only.

    `decided_left` and `decided_right` are written `connection.Object/ID`; `shown` is what spoke for and against when they decided.
    """

    __tablename__ = "decision"
    workspace: Mapped[Workspace]
    decision_id: Mapped[Key]
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))  # two decisions of one instant have an order
    subject: Mapped[str]  # partner or entry
    verdict: Mapped[str]  # same, different, or undo
    decided_left: Mapped[str]
    decided_right: Mapped[str]
    undoes: Mapped[str | None]
    who: Mapped[str]
    reason: Mapped[str]
    decided_at: Mapped[datetime]
    shown: Mapped[dict[str, Any]] = mapped_column(JSONB)
    __table_args__ = (
        # a decision is undone once, whoever is quicker
        Index("decision_undoes_key", "workspace", "undoes", unique=True, postgresql_where=text("undoes is not null")),
    )


class EntryRow(Base):
    """An attack-list entry as the mapping now sees it."""

    __tablename__ = "entry"
    workspace: Mapped[Workspace]
    entry_id: Mapped[Key]
    partner_id: Mapped[str]
    connection: Mapped[str]
    object: Mapped[str]
    record_id: Mapped[str]
    target: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # the same for the same target company, from `target`; null where a version that kept none stored it, until the next mapping of all
    target_number: Mapped[int | None] = mapped_column(BigInteger)
    known_at: Mapped[Known]
    removed_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "entry_partner_index", "workspace", "partner_id"
        ),  # a partner's entries, on recompute and on the audit page
        Index("entry_record_index", "workspace", "connection", "object", "record_id"),  # `explain` starts from a record
        # who else is after the same company
        Index("entry_target_index", "workspace", "target_number", postgresql_where=text("target_number is not null")),
    )


class EntrySource(Base):
    """A CRM record that is this entry, and by which mark it was recognised. An entry that stands in two CRMs has two."""

    __tablename__ = "entry_source"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    entry_id: Mapped[str]
    partner_id: Mapped[str]
    matched_by: Mapped[str]
    target: Mapped[dict[str, Any]] = mapped_column(JSONB)  # what this record alone says of it
    known_at: Mapped[Known]
    __table_args__ = (
        Index("entry_source_entry_index", "workspace", "entry_id"),  # write-back and `explain` find an entry's records
        Index("entry_source_partner_index", "workspace", "partner_id"),  # one partner is mapped again
    )


class PastFact(Base):
    """What a row of partner, partner_source, entry, entry_source or activity said, from `known_at` until it said something else.

    Together with the rows of now it shows everything as it was known at any moment. Never updated, never deleted.
    """

    __tablename__ = "past_fact"
    workspace: Mapped[Workspace]
    kind: Mapped[Key]  # the table
    fact_id: Mapped[Key]  # its id there; of a source its record
    known_until: Mapped[datetime] = mapped_column(primary_key=True)
    known_at: Mapped[datetime]
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)


class EventRow(Base):
    """Append-only: an entry reached a milestone (`assert`), or it turned out otherwise (`retract`). Never updated, never deleted."""

    __tablename__ = "event"
    workspace: Mapped[Workspace]
    event_id: Mapped[Key]
    fact_id: Mapped[str]  # the same fact through its assertions, retractions and assertions anew
    entry_id: Mapped[str]
    partner_id: Mapped[str]
    milestone: Mapped[str]
    occurred_on: Mapped[date]
    known_at: Mapped[datetime]
    op: Mapped[str]
    supersedes: Mapped[str | None]
    evidence: Mapped[str]
    reconstructed: Mapped[bool] = mapped_column(
        server_default=text("false")
    )  # known_at was read from the CRM's own history
    connection: Mapped[str]
    object: Mapped[str]
    record_id: Mapped[str]
    source_change_id: Mapped[str]
    reason: Mapped[str | None]  # why it was lost, where the mapping names a field for it
    rule: Mapped[str]
    mapping_hash: Mapped[str]
    run_id: Mapped[str]
    __table_args__ = (
        Index(
            "event_entry_index", "workspace", "entry_id", "milestone", "occurred_on"
        ),  # `explain`, and one entry's recompute
        Index("event_partner_index", "workspace", "partner_id"),  # one partner is mapped again
        # how often a fact was taken back
        Index("event_fact_index", "workspace", "fact_id", postgresql_where=text("supersedes is not null")),
        Index("event_known_index", "workspace", "known_at"),  # "as it was known"
        Index("event_supersedes_index", "workspace", "supersedes", postgresql_where=text("supersedes is not null")),
    )


class ActivityRow(Base):
    """A logged activity as the mapping now sees it."""

    __tablename__ = "activity"
    workspace: Mapped[Workspace]
    activity_id: Mapped[Key]
    partner_id: Mapped[str]
    entry_id: Mapped[str | None]
    kind: Mapped[str]
    occurred_on: Mapped[date]
    connection: Mapped[str]
    object: Mapped[str]
    record_id: Mapped[str]
    rule: Mapped[str]
    known_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    __table_args__ = (
        Index("activity_partner_index", "workspace", "partner_id", "occurred_on"),  # cadence and stall checks
        Index("activity_entry_index", "workspace", "entry_id"),  # what was done last about one partner's entries
        Index(
            "activity_record_index", "workspace", "connection", "object", "record_id"
        ),  # a changed record's old owner
    )
