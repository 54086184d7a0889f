"""Records that rows of imported lists become in a CRM: the journal of their making, and of their being taken away again."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class Creation(Base):
    """One record to be made, by the plan that says so. `status` is that of a change; rows stay, as the journal of write-back does.

    `as_made` has a hash of each value the record held just after it was made: what differs later was touched by somebody else.
    """

    __tablename__ = "creation"
    workspace: Mapped[Workspace]
    plan_id: Mapped[Key]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    row_id: Mapped[str]  # of lists.row, or first-... of a record that others name; also the value of the unique field
    connection: Mapped[str]
    object: Mapped[str]
    key_field: Mapped[str]  # API name of the unique field
    partner: Mapped[str]  # the partner's record that it is tied to, as connection.Object/ID
    values: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # associations, and with a `key` what has to be made before it and whose id goes into `field`
    links: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    status: Mapped[str]
    cause: Mapped[str | None]
    record_id: Mapped[str | None]
    request_id: Mapped[str | None]
    run_id: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    as_made: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    removal: Mapped[str | None]  # sent, removed, or kept because of `removal_cause`
    removal_cause: Mapped[str | None]
    removed_by: Mapped[str | None]  # the run that took it away, or tried
    __table_args__ = (
        Index("creation_row_index", "workspace", "row_id"),
        Index("creation_open_index", "workspace", postgresql_where=text("status = 'sent' or removal = 'sent'")),
    )
