"""Links of the audit chain as values: canonical form, hash, and the check that needs no database. Pure.

hash = SHA-256 of the canonical JSON of {workspace, seq, at, kind, who, subject, document, previous}: keys sorted, no blanks, ASCII.
A changed link no longer has its hash; one that was left out, put in or moved no longer holds the hash of the one before it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

BEGINNING = "0" * 64
"""`previous` of the first link."""
_TEXTS = ("workspace", "kind", "who", "subject", "document", "previous", "hash")


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the trail. `document` is canonical JSON text, kept as it was hashed; `at` is aware."""

    workspace: str
    seq: int
    at: datetime
    kind: str
    who: str
    subject: str
    document: str
    previous: str
    hash: str

    def says(self) -> dict[str, Any]:
        """The document as values."""
        found: dict[str, Any] = json.loads(self.document)
        return found

    def line(self) -> str:
        """The link as one line of an export."""
        return canonical({**asdict(self), "at": _instant(self.at)})


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that does not hold, and in what way."""

    seq: int
    says: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found: how many links hold from the beginning, the last of them, and the first that does not hold."""

    links: int
    head: Link | None
    broken: Broken | None


def canonical(document: Mapping[str, Any]) -> str:
    """The one JSON text of these values: keys sorted, no blanks, ASCII. TypeError where a value is none of JSON's."""
    return json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)


def follow(
    before: Link | None, *, workspace: str, at: datetime, kind: str, who: str, subject: str, document: str
) -> Link:
    """The link after `before` (None: the first one), with its hash."""
    link = Link(
        workspace, 1 if before is None else before.seq + 1, at.astimezone(UTC), kind, who, subject, document,
        BEGINNING if before is None else before.hash, "",
    )  # fmt: skip
    return Link(**{**asdict(link), "hash": digest(link)})


def digest(link: Link) -> str:
    """The hash that the link must have."""
    said = {**asdict(link), "at": _instant(link.at)}
    del said["hash"]
    return hashlib.sha256(canonical(said).encode("ascii")).hexdigest()


def verify(links: Iterable[Link]) -> Verified:
    """Checks links in their order, one at a time; stops at the first that does not hold."""
    before: Link | None = None
    count = 0
    for link in links:
        expected = 1 if before is None else before.seq + 1
        broken = None
        if link.seq != expected:
            broken = Broken(expected, f"link {expected} is missing: the next one is {link.seq}")
        elif before is not None and link.workspace != before.workspace:
            broken = Broken(link.seq, f"link {link.seq} belongs to another workspace")
        elif link.previous != (BEGINNING if before is None else before.hash):
            where = "is not the first of its chain" if before is None else f"does not follow from link {before.seq}"
            broken = Broken(
                link.seq, f"link {link.seq} ({link.kind}) {where}: links were taken out, put in or replaced"
            )
        elif digest(link) != link.hash:
            broken = Broken(link.seq, f"link {link.seq} ({link.kind}) does not say what was hashed: it was changed")
        if broken is not None:
            return Verified(count, before, broken)
        before = link
        count += 1
    return Verified(count, before, None)


def read_line(line: str) -> Link:
    """A link from a line of an export; ValueError tells what is wrong with it."""
    try:
        found = json.loads(line)
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict) or set(found) != {*_TEXTS, "seq", "at"}:
        raise ValueError(f"is no link; a link has {', '.join(sorted((*_TEXTS, 'seq', 'at')))}")
    if not isinstance(found["seq"], int) or not all(isinstance(found[name], str) for name in (*_TEXTS, "at")):
        raise ValueError("is no link; seq is a number, all else is text")
    try:
        at = datetime.fromisoformat(found["at"])
        if at.tzinfo is not None:
            at.astimezone(UTC)  # the year 1 of Tokyo is none of UTC
    except (ValueError, OverflowError):
        raise ValueError("names no time in `at`") from None
    if at.tzinfo is None:
        raise ValueError("names a time without a zone in `at`")
    return Link(**{**found, "at": at})


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
