"""Attack lists that came as files, and the entries that are kept here because no CRM object takes them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class ListImport(Base):
    """One file that was taken in: whose list, what was understood of it, and how many rows became what.

    The partner is named by a record, since that outlives a change of how records are matched.
    """

    __tablename__ = "list_import"
    workspace: Mapped[Workspace]
    import_id: Mapped[Key]
    connection: Mapped[str]
    object: Mapped[str]
    record_id: Mapped[str]
    file_hash: Mapped[str]
    submitted_on: Mapped[date]
    willingness: Mapped[str | None]
    imported_at: Mapped[datetime]
    known_at: Mapped[datetime]  # by the CRM's clock, as for every other fact
    who: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)  # counts and columns; no values of rows
    __table_args__ = (Index("list_import_partner_index", "workspace", "connection", "object", "record_id"),)


class ListEntry(Base):
    """A target of an imported list that is kept here. `entry_id` follows from partner and target, so that a list may come again."""

    __tablename__ = "list_entry"
    workspace: Mapped[Workspace]
    entry_id: Mapped[Key]
    connection: Mapped[str]
    object: Mapped[str]
    record_id: Mapped[str]
    import_id: Mapped[str]
    row: Mapped[int] = mapped_column(BigInteger)
    target: Mapped[dict[str, Any]] = mapped_column(JSONB)
    listed_on: Mapped[date]
    known_at: Mapped[datetime]
    __table_args__ = (Index("list_entry_partner_index", "workspace", "connection", "object", "record_id"),)
