"""What write-back remembers beside plans: persons' edits, refusals, which delivery the database knows of, and where our fields were made."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class PersonEdit(Base):
    """Somebody wrote over a value of ours in the CRM: what, and what the policy made of it. Rows stay."""

    __tablename__ = "person_edit"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    field: Mapped[Key]
    found_at: Mapped[datetime] = mapped_column(primary_key=True)
    ours: Mapped[Any] = mapped_column(JSONB)
    theirs: Mapped[Any] = mapped_column(JSONB)
    policy: Mapped[str]
    keep_until: Mapped[date | None]  # a day of the workspace's zone; until then theirs stays
    plan_id: Mapped[str]


class Withheld(Base):
    """A value that is not offered again while it, its record and the mapping stay as they are: refused by the CRM, or undone."""

    __tablename__ = "withheld"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    field: Mapped[Key]
    value: Mapped[Any] = mapped_column(JSONB)
    cause: Mapped[str]
    mapping_hash: Mapped[str]
    record_version: Mapped[datetime | None]  # of the record in the mirror; null where only the value counts
    plan_id: Mapped[str]
    at: Mapped[datetime]


class Epoch(Base):
    """How many deliveries this database knows of. The same number stands outside: one that is higher there tells of a restored backup."""

    __tablename__ = "epoch"
    workspace: Mapped[Workspace]
    database_id: Mapped[str]
    deliveries: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    doubted_at: Mapped[datetime | None]  # when the CRMs last held values of ours that the journal does not know
    doubt: Mapped[str | None]  # what was found then, in a sentence


class Provisioned(Base):
    """An object on which our fields were made, under which prefix: what is taken out again also when no mapping names it any more."""

    __tablename__ = "provisioned"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    prefix: Mapped[Key]
    made_at: Mapped[datetime]
