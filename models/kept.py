"""What is kept beside the newest results: tiers set by hand, deals of all channels, targets, snapshots and reports."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class TierOverrideRow(Base):
    """A person's word on a partner's tier, from `starts_on` up to and including `ends_on`; ended early where `ended_at` says so."""

    __tablename__ = "tier_override"
    workspace: Mapped[Workspace]
    override_id: Mapped[Key]
    partner_id: Mapped[str]
    tier: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    known_at: Mapped[datetime]  # the CRMs' clock of the newest computation then: `set_at` is ours
    ended_on: Mapped[date | None]
    ended_by: Mapped[str | None]
    ended_because: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    end_known_at: Mapped[datetime | None]
    __table_args__ = (Index("tier_override_partner_index", "workspace", "partner_id"),)


class DealRow(Base):
    """A deal of any channel as the mapping now sees it: the denominator of the partner-sourced share."""

    __tablename__ = "deal_any_channel"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    occurred_on: Mapped[date]
    partner_sourced: Mapped[bool]
    known_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    won: Mapped[bool | None]  # None: its rule does not say what makes a deal won
    won_known_at: Mapped[datetime | None]  # when that was last found to be another than before


class TargetRow(Base):
    """How many are to reach a milestone in a month, by partner type (`all`: not split). The newest `set_at` of a month holds."""

    __tablename__ = "target"
    workspace: Mapped[Workspace]
    month: Mapped[date] = mapped_column(primary_key=True)  # its first day
    set_at: Mapped[datetime] = mapped_column(primary_key=True)
    type: Mapped[Key]
    milestone: Mapped[Key]
    planned: Mapped[Decimal]
    conversion: Mapped[Decimal | None]  # planned share of this milestone that goes on to the next one
    known_at: Mapped[datetime]  # the CRMs' clock of the newest computation then: `set_at` is ours
    basis: Mapped[str]  # what it was worked out with: static, or the plan of `sakigake targets`
    set_by: Mapped[str]


class PartnerDay(Base):
    """What all fields of a partner said on one day: trends, and "what did it say on 1 October", without computing anew."""

    __tablename__ = "partner_day"
    workspace: Mapped[Workspace]
    day: Mapped[date] = mapped_column(primary_key=True)
    partner_id: Mapped[Key]
    type: Mapped[str]
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB)  # catalogue name -> value
    inputs: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # catalogue name -> what stands beside the value
    run_id: Mapped[str]  # with its axes in `computation`
    __table_args__ = (Index("partner_day_partner_index", "workspace", "partner_id", "day"),)  # one partner's trend


class Report(Base):
    """Indicators that are not one partner's or entry's, such as activation or what leads, with the axes they stand on."""

    __tablename__ = "report"
    workspace: Mapped[Workspace]
    kind: Mapped[Key]
    run_id: Mapped[Key]
    as_of: Mapped[date]
    known_at: Mapped[datetime]
    mapping_hash: Mapped[str]
    code_version: Mapped[str]
    n: Mapped[dict[str, Any]] = mapped_column(JSONB)  # sample sizes
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    computed_at: Mapped[datetime]
    __table_args__ = (Index("report_latest_index", "workspace", "kind", "computed_at"),)
