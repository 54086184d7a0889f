"""The audit trail as a hash chain: `record` adds a link in the caller's transaction, `verify` checks links wherever they come from."""

from models.audit import AuditKind
from sync.chain.links import Broken, Link, verify
from sync.chain.store import head, links, newest, record

__all__ = ["AuditKind", "Broken", "Link", "head", "links", "newest", "record", "verify"]
