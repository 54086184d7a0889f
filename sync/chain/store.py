"""The chain in PostgreSQL: links are added one after the other, in the transaction of what they tell of.

A link is there if, and only if, what it tells of is. Writers of one workspace take turns by an advisory lock that ends with the
transaction. Use it under `read committed`, PostgreSQL's default: the lock lets us see the link that the writer before us committed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from models.audit import AuditKind
from sync.chain.links import Link, canonical, follow

_COLUMNS = "workspace, seq, at, kind, who, subject, document, previous, hash"
_BATCH = 2000


def record(
    conn: Connection[Any],
    workspace: str,
    kind: AuditKind | str,
    who: str,
    subject: str,
    document: Mapping[str, Any],
    *,
    personal: Mapping[str, str | None] | None = None,
    now: datetime | None = None,
) -> Link:
    """Adds one link to the workspace's chain, in the caller's transaction (or one of its own), and returns it.

    `who` is a login name, or `sakigake` where a rule decided; `subject` what it is about (a plan's id, a mapping's hash, a record).
    `document` holds JSON values: ids, counts, hashes and reasons. Values about persons go into `personal`: of them only keyed hashes
    are kept, by which a value can be recognised and not read. ValueError where `kind` is none of `AuditKind`.
    """
    said = dict(document)
    with conn.transaction():
        if personal:
            key = _key(conn, workspace)
            said["personal"] = {name: None if v is None else keyed_hash(key, v) for name, v in personal.items()}
        text = canonical(said)
        conn.execute("select pg_advisory_xact_lock(hashtextextended('sakigake audit ' || %s, 0))", (workspace,))
        link = follow(
            head(conn, workspace),
            workspace=workspace,
            at=now or datetime.now(UTC),
            kind=AuditKind(kind).value,
            who=_plain(who),
            subject=_plain(subject),
            document=text,
        )
        conn.execute(
            f"insert into sakigake.audit_link ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
            (
                link.workspace, link.seq, link.at, link.kind, link.who, link.subject, link.document, link.previous,
                link.hash,
            ),
        )  # fmt: skip
    return link


def head(conn: Connection[Any], workspace: str) -> Link | None:
    """The newest link, or None where there is none."""
    row = conn.execute(
        f"select {_COLUMNS} from sakigake.audit_link where workspace = %s order by seq desc limit 1",  # noqa: S608
        (workspace,),
    ).fetchone()
    return Link(*row) if row else None


def newest(conn: Connection[Any], workspace: str, count: int) -> list[Link]:
    """The last `count` links, in their order."""
    rows = conn.execute(
        f"select {_COLUMNS} from sakigake.audit_link where workspace = %s order by seq desc limit %s",  # noqa: S608
        (workspace, count),
    )
    return [Link(*row) for row in rows][::-1]


def links(conn: Connection[Any], workspace: str) -> Iterator[Link]:
    """All links in their order, streamed: memory does not grow with the chain."""
    with conn.transaction(), conn.cursor(name="audit_links") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            f"select {_COLUMNS} from sakigake.audit_link where workspace = %s order by seq",  # noqa: S608
            (workspace,),
        )
        for row in cursor:
            yield Link(*row)


def keyed_hash(key: bytes, value: str) -> str:
    """HMAC-SHA-256 of the value: equal values can be told by who has the key, and nobody can try values out without it."""
    return "hmac-sha256:" + hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _key(conn: Connection[Any], workspace: str) -> bytes:
    conn.execute(
        "insert into sakigake.audit_key (workspace, key) values (%s, %s) on conflict do nothing",
        (workspace, secrets.token_bytes(32)),
    )
    row = conn.execute("select key from sakigake.audit_key where workspace = %s", (workspace,)).fetchone()
    assert row is not None
    return bytes(row[0])


def _plain(text: str) -> str:
    """PostgreSQL's text holds no NUL, and UTF-8 no lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
