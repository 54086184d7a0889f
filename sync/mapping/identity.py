"""Marks of identity: deterministic ids, corporate numbers, domains, and which records share them."""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from models.vocabulary import RecordRef

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "sakigake.invalid")
_NAMESPACE = NAMESPACE.bytes
_NO_DIGIT = re.compile(r"[^0-9]")
_PLAIN = re.compile(r"(?:https?://)?([a-z0-9.-]+)(?:/[a-z0-9._/-]*)?")
_HOST = re.compile(r"[^\s.]+(\.[^\s.]+)+")
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

# Web addresses of these say where a company writes or is hosted, not which company it is
SHARED_DOMAINS = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "outlook.jp",
        "hotmail.com",
        "hotmail.co.jp",
        "live.jp",
        "yahoo.com",
        "yahoo.co.jp",
        "icloud.com",
        "me.com",
        "docomo.ne.jp",
        "ezweb.ne.jp",
        "au.com",
        "softbank.ne.jp",
        "i.softbank.jp",
        "nifty.com",
        "biglobe.ne.jp",
        "ocn.ne.jp",
        "so-net.ne.jp",
        "facebook.com",
        "instagram.com",
        "twitter.com",
        "x.com",
        "linkedin.com",
        "note.com",
        "ameblo.jp",
        "line.me",
        "lin.ee",
        "youtube.com",
        "linktr.ee",
        "google.com",
        "sites.google.com",
        "tabelog.com",
        "hotpepper.jp",
        "gnavi.co.jp",
        "retty.me",
        "peraichi.com",
        "jimdofree.com",
        "wixsite.com",
        "github.io",
        "studio.site",
        "thebase.in",
        "base.shop",
        "stores.jp",
    ]
)


def stable_id(*parts: str) -> str:
    """The UUID (version 5) of these parts in our namespace. Parts hold no NUL, as nothing does that PostgreSQL stores.

    Written out rather than by `uuid.uuid5`, which takes six times as long; a large workspace has millions of events.
    """
    digits = hashlib.sha1(_NAMESPACE + "\0".join(parts).encode(), usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"


def record_id(kind: str, ref: RecordRef, *more: str) -> str:
    """The id of what this record is: an entry, an activity, a partner."""
    return stable_id(kind, ref.connection, ref.object, ref.id, *more)


def corporate_number(text: str) -> str | None:
    """The 13 digits of a 法人番号 whose check digit is right, or None. Full-width digits, hyphens and a leading T are read.

    Check digit (National Tax Agency): 9 - (sum of the twelve digits, from the right times 1, 2, 1, 2 ...) mod 9.
    """
    if not text:
        return None
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    digits = _NO_DIGIT.sub("", plain)
    if len(digits) != 13:
        return None
    total = sum(int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits[1:])))
    return digits if int(digits[0]) == 9 - total % 9 else None


def domain(text: str) -> str | None:
    """The domain of a web address, bare and lower-case, without `www.`; None where it names no company's own domain."""
    if not text:
        return None
    address = (text if text.isascii() else unicodedata.normalize("NFKC", text)).strip().lower()
    plain = _PLAIN.fullmatch(address)  # as nearly all are written; the library takes ten times as long
    try:
        host = plain[1] if plain else urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return None
    host = host.rstrip(".").removeprefix("www.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    named = _HOST.fullmatch(host) and not host.replace(".", "").isdigit()
    return host if named and host not in SHARED_DOMAINS else None


class Groups:
    """Disjoint sets of records (union-find); the result does not depend on the order of joining."""

    def __init__(self, members: Iterable[RecordRef]) -> None:
        self._parent = {member: member for member in members}

    def find(self, member: RecordRef) -> RecordRef:
        root = member
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[member] != root:
            self._parent[member], member = root, self._parent[member]
        return root

    def join(self, first: RecordRef, second: RecordRef) -> None:
        """The smaller root leads, so that a group is named by its smallest member."""
        one, other = sorted((self.find(first), self.find(second)))
        self._parent[other] = one

    def all(self) -> dict[RecordRef, list[RecordRef]]:
        """Smallest member -> members in order."""
        groups: dict[RecordRef, list[RecordRef]] = {}
        for member in sorted(self._parent):
            groups.setdefault(self.find(member), []).append(member)
        return groups
