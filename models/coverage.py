"""What the mapping did not name: values that map to nothing, and the entries that stand in such a stage."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Workspace


class UnmappedValue(Base):
    """A value that no rule names, by the field that holds it. Times are by the CRM's clock; `records` is as counted last.

    kind `unmapped`: the mapping has to name it. kind `new`: it came up in a field that rules compare, after this version of the mapping
    was first used. Those that were there then are `known`, and nobody is told of them.
    """

    __tablename__ = "unmapped_value"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    field: Mapped[Key]
    value: Mapped[Key]
    kind: Mapped[str]
    records: Mapped[int] = mapped_column(BigInteger)
    rules: Mapped[list[str]] = mapped_column(JSONB)  # those that read the field
    mapping_hash: Mapped[str]
    first_seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    run_id: Mapped[str]  # the run that saw it first


class UnplacedEntry(Base):
    """An entry that stands in a stage which the mapping does not name: what became of it is not known, so it is not called stalled."""

    __tablename__ = "unplaced_entry"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    field: Mapped[str]
    value: Mapped[str]
