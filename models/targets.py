"""Which companies buy already."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class CustomerMark(Base):
    """A company is a customer (or has an open deal of our own) by a record and one of its marks, from `known_at` to `known_until`.

    Append-only but for its end. `since` is the day that the record states (`stated`), or the moment as a day; without either it was so when
    customers were first asked for. `until` is the other moment as a day. What a record states no more ends before it began.
    """

    __tablename__ = "customer_mark"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    stands: Mapped[Key]  # customer, open_deal
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # of a target that has this mark as its strongest
    known_at: Mapped[datetime] = mapped_column(primary_key=True)
    since: Mapped[date | None]
    known_until: Mapped[datetime | None]
    until: Mapped[date | None]
    stated: Mapped[date | None]
    __table_args__ = (Index("customer_mark_number_index", "workspace", "number"),)
