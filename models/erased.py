"""What people set above the machine's own doings: records that were erased for good, and connections that rest."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from models.base import Base, Key, Workspace


class Erased(Base):
    """The tombstone of one record: only a hash of its name, by which it is known again when it comes."""

    __tablename__ = "erased"
    workspace: Mapped[Workspace]
    record_hash: Mapped[Key]
    connection: Mapped[str]
    object: Mapped[str]
    erased_at: Mapped[datetime]
    who: Mapped[str]
    reason: Mapped[str]


class Paused(Base):
    """A connection that is neither read nor written until somebody resumes it."""

    __tablename__ = "paused"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    paused_at: Mapped[datetime]
    who: Mapped[str]
    reason: Mapped[str]
