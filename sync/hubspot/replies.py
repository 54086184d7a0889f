"""Sorts HubSpot's error replies into the error family.

Every field of HubSpot's envelope is optional, and its messages repeat values of records: only statuses, codes, property names, scopes
and correlation ids go into ours. Source: HubSpot's error-handling guide, and replies recorded from real accounts.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from sync.errors import (
    BadReply,
    FieldMissing,
    ObjectMissing,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    Reauthenticate,
    RecordLocked,
    SkipRecord,
    SyncError,
    Unreachable,
)

LOCK_WAIT = 2.0  # seconds; HubSpot asks for at least this after 423
# limit exceeded upstream, and Cloudflare's own (520 to 527, 530)
_PASSING = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530})
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,120}")


class NotSent(Unreachable):
    """No connection came about: the request surely had no effect."""


class ReplyLost(SyncError):
    """A write went out and its reply did not come: nobody knows yet whether it was applied."""


class Refused(SkipRecord):
    """HubSpot understood the request and refused it. `fields` are the properties, `ids` the records it named."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None,
        codes: tuple[str, ...] = (),
        fields: tuple[str, ...] = (),
        ids: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.codes = codes
        self.fields = fields
        self.ids = ids


class NoEnvelope(BadReply):
    """A 4xx that is not HubSpot's own: another server answers at that address."""


class UnknownObject(ObjectMissing):
    """HubSpot knows no such object type."""


def _parsed(body: bytes) -> Any:
    """The quick parser is strict: what it refuses, a lone surrogate or a control character, Python's own may still read."""
    with suppress(ValueError):
        return orjson.loads(body)
    try:
        return json.loads(body, strict=False)
    except UnicodeDecodeError:  # a stray byte becomes a lone surrogate, which the mirror keeps reversibly
        return json.loads(body.decode("utf-8", "surrogateescape"), strict=False)


def envelope(body: bytes) -> dict[str, Any] | None:
    """HubSpot's JSON object, or None where something else came (HTML of a proxy, a cut reply). Values may hold control characters."""
    try:
        parsed = _parsed(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def classify(status: int, headers: Mapping[str, str], body: bytes, call: str) -> SyncError:
    """What to do about a reply outside 2xx. `call` is method and path, without ids of people or values."""
    said = envelope(body)
    code = _word((said or {}).get("category")) or _word((said or {}).get("errorType"))
    met = f"HubSpot answered {status}{f' ({code})' if code else ''} to {call}{_correlation(said)}"
    if status == 401:
        return Reauthenticate(
            f"{met}: the access token was not accepted.",
            remedy="Give a valid token: HubSpot, Settings, Integrations, your app or service key.",
            status=status,
            code=code,
        )
    if status == 429:
        return _too_many(met, headers, said or {}, code)
    if status == 423:
        return RecordLocked(f"{met}: the records are locked for a moment.", after=LOCK_WAIT, status=status, code=code)
    if status == 477:
        return Unreachable(
            f"{met}: the account is being moved between data centres.",
            after=retry_after(headers),
            status=status,
            code=code,
        )
    if status in _PASSING or status >= 500:
        return Unreachable(f"{met}.", after=retry_after(headers), status=status, code=code)
    if said is None:
        return NoEnvelope(
            f"HubSpot's address answered {status} to {call} with something that is not HubSpot's JSON.",
            remedy="Check the connection's url and any proxy between here and HubSpot.",
            status=status,
        )
    if status == 403:
        return _forbidden(met, said, code)
    return _refusal(met, status, said, code)


def _too_many(met: str, headers: Mapping[str, str], said: Mapping[str, Any], code: str | None) -> SyncError:
    policy = _word(said.get("policyName"))
    message = str(said.get("message", "")).lower()
    if policy == "DAILY" or "daily limit" in message:
        return QuotaExhausted(
            f"{met}: the account's calls of the day are used up.",
            remedy="They come back at midnight in the account's time zone; lower the schedule or raise the account's limit.",
            status=429,
            code=policy or code,
        )
    return RateLimited(f"{met}: too many calls at once.", after=retry_after(headers), status=429, code=policy or code)


def _forbidden(met: str, said: Mapping[str, Any], code: str | None) -> PermissionMissing:
    context = said.get("context")
    scopes: list[str] = []
    if isinstance(context, Mapping):
        for key in ("requiredGranularScopes", "requiredScopes", "missingScopes"):
            scopes += _words(context.get(key))
    if scopes:
        return PermissionMissing(
            f"{met}: the token lacks a scope, one of {', '.join(sorted(set(scopes)))} is needed.",
            remedy="Add it to the app or service key in HubSpot, and give the new token.",
            status=403,
            code=code,
        )
    return PermissionMissing(
        f"{met}: the token may not do this.",
        remedy="Check the app's scopes and that the user who installed it still has the permission.",
        status=403,
        code=code,
    )


def _refusal(met: str, status: int, said: Mapping[str, Any], code: str | None) -> SyncError:
    if "unable to infer object type" in str(said.get("message", "")).lower():
        return UnknownObject(f"{met}: it has no object of that name.", status=status, code=code)
    problems = problems_of(said)
    codes = tuple(dict.fromkeys(p[0] for p in problems if p[0]))
    fields = tuple(dict.fromkeys(f for p in problems for f in p[1]))
    if "PROPERTY_DOESNT_EXIST" in codes:
        absent = tuple(dict.fromkeys(f for c, named in problems if c == "PROPERTY_DOESNT_EXIST" for f in named))
        return FieldMissing(
            f"{met}: there is no property {', '.join(absent) or '(not named)'}.",
            remedy="Make ours with `sakigake provision`; a property of the mapping must exist in HubSpot under that name.",
            status=status,
            code="PROPERTY_DOESNT_EXIST",
        )
    cause = f": {', '.join(codes)}" if codes else ""
    named = f" on {', '.join(fields)}" if fields else ""
    context = said.get("context")
    ids = tuple(_words(context.get("ids"))) if isinstance(context, Mapping) else ()
    return Refused(f"{met}{cause}{named}.", status=status, code=code, codes=codes, fields=fields, ids=ids)


def problems_of(said: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """(code, property names) of each error HubSpot lists, from `errors` or, in older replies, from the list inside the message."""
    found: list[tuple[str, tuple[str, ...]]] = []
    errors = said.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, Mapping):
            context = error.get("context")
            names = _words(context.get("propertyName")) if isinstance(context, Mapping) else []
            found.append((_word(error.get("code")) or _word(error.get("subCategory")) or "", tuple(names)))
    if found:
        return found
    message = str(said.get("message", ""))
    start, end = message.find("[{"), message.rfind("]")
    if start < 0 or end < start:
        return found
    try:
        listed = json.loads(message[start : end + 1])
    except ValueError:
        return found
    for item in listed:
        if isinstance(item, Mapping):
            name = _word(item.get("name"))
            found.append((_word(item.get("error")) or "", (name,) if name else ()))
    return found


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After as seconds or as an HTTP date; None where it is absent or makes no sense."""
    told = headers.get("Retry-After")
    if told is None:
        return None
    try:
        seconds = float(told)
    except ValueError:
        then = http_date(told)
        now = http_date(headers.get("Date")) or datetime.now(UTC)
        if then is None:
            return None
        seconds = (then - now).total_seconds()
    return seconds if 0 < seconds < float("inf") else None


def http_date(text: str | None) -> datetime | None:
    """An HTTP date as aware UTC; None where it cannot be read."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _correlation(said: Mapping[str, Any] | None) -> str:
    told = _word((said or {}).get("correlationId"))
    return f" [correlation id {told}]" if told else ""


def _word(value: Any) -> str | None:
    """The value where it is a plain name; anything else could carry what belongs in no message."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _words(value: Any) -> list[str]:
    return [w for v in value if (w := _word(v))] if isinstance(value, list) else []
