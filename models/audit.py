"""The audit trail: a chain of links per workspace, each holding the hash of the one before it. Rows are only ever added."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Workspace


class AuditKind(StrEnum):
    """What a person, or a rule that a person set, decided."""

    ACTIVATION = "activation"  # a version of the mapping came into force
    DECISION = "decision"  # two records are, or are not, one company
    OVERRIDE = "override"  # a person's word in place of a computed one
    PLAN = "plan"  # what a write-back would change
    APPROVAL = "approval"  # a plan may be delivered
    UNDO = "undo"
    IMPORT = "import"  # a list from a file
    ERASURE = "erasure"
    RESEAL = "reseal"  # a backup was restored, so that newer links are lost


class AuditLink(Base):
    """One link. `document` is the canonical JSON text that was hashed; a trigger refuses every update and delete."""

    __tablename__ = "audit_link"
    workspace: Mapped[Workspace]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    who: Mapped[str]
    subject: Mapped[str]
    document: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]


class AuditKey(Base):
    """The key by which personal values are hashed before they go into the chain: without it nobody can try phone numbers out."""

    __tablename__ = "audit_key"
    workspace: Mapped[Workspace]
    key: Mapped[bytes] = mapped_column(LargeBinary)
