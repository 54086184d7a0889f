"""What the mapping could not place, record by record: counts stay exact though only what changed is mapped again."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from models.base import Base, Key, Workspace


class MappingIssue(Base):
    """One issue of one record. `place` is a hash of kind, rule, field and value, since a value may be longer than a key."""

    __tablename__ = "mapping_issue"
    workspace: Mapped[Workspace]
    connection: Mapped[Key]
    object: Mapped[Key]
    record_id: Mapped[Key]
    place: Mapped[Key]
    kind: Mapped[str]
    rule: Mapped[str]
    field: Mapped[str]
    value: Mapped[str]
    __table_args__ = (Index("mapping_issue_kind_index", "workspace", "kind"),)  # counted by cause
