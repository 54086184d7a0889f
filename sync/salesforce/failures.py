"""What an answer of Salesforce that is no success means for us: classified once, here, by status and error code.

Messages of Salesforce hold values of records and whole queries. None of that is repeated: names of fields and objects, codes and statuses are.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

import requests
import urllib3.exceptions

from sync.errors import (
    BadReply,
    FieldMissing,
    ObjectMissing,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    Reauthenticate,
    RecordLocked,
    Retry,
    Stop,
    SyncError,
    Unreachable,
)
from sync.salesforce.stamps import seconds_to_wait

_NO_COLUMN = re.compile(r"No such column '([A-Za-z0-9_.]+)' on (?:entity|sobject of type) '?([A-Za-z0-9_]+)'?")
_NO_OBJECT = re.compile(r"sObject type '([A-Za-z0-9_]+)' is not supported")
_SECURITY = re.compile(r"Unable to create/update fields: ([A-Za-z0-9_, ]+)\.")

BUSY = {"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "TXN_SECURITY_METERING_ERROR", "SERVICE_UNAVAILABLE"}
GATEWAY = {406, 420, 500, 502, 503, 504}
PERMISSION = {
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "API_DISABLED_FOR_ORG",
    "API_CURRENTLY_DISABLED",
    "FUNCTIONALITY_NOT_ENABLED",
    "FORBIDDEN",
}


class _Known(TypedDict):
    status: int
    code: str | None


class NotSent(Unreachable):
    """No connection was made: whatever was to be written was surely not."""


def classify(status: int, content: Any, headers: Mapping[str, str], now: datetime | None, about: str) -> SyncError:
    """The error for an HTTP status and body. `about` says what was asked, such as `query of Account`."""
    code, said = first_error(content)
    shown = f"(HTTP {status}{', ' + code if code else ''})"
    known: _Known = {"status": status, "code": code}
    if status == 401 or code == "INVALID_SESSION_ID":
        return Reauthenticate(f"The session has ended {shown}.", **known)
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "Concurrent" in said:
            return RateLimited(f"Too many long calls run in this organisation at once {shown}.", **known)
        return QuotaExhausted(
            f"The organisation's API calls of the last 24 hours are used up {shown}.",
            remedy="Reading goes on by itself when calls are free again; Setup > Company Information shows who uses them.",
            **known,
        )
    if status == 429:
        return RateLimited(
            f"Salesforce asked us to slow down {shown}.",
            after=seconds_to_wait(headers.get("Retry-After"), now),
            **known,
        )
    if code == "UNABLE_TO_LOCK_ROW":
        return RecordLocked(f"Somebody else holds a record of {about} {shown}.", **known)
    if code == "QUERY_TIMEOUT":
        return Retry(
            f"The {about} ran longer than Salesforce allows {shown}.",
            remedy="Nothing was read and nothing is lost; if it stays, ask Salesforce support for an index on SystemModstamp.",
            **known,
        )
    if code in BUSY or status in GATEWAY or status >= 500:
        return Unreachable(
            f"Salesforce could not answer the {about} {shown}.",
            after=seconds_to_wait(headers.get("Retry-After"), now),
            remedy="Its state is shown on status.salesforce.com; the next run goes on from here.",
            **known,
        )
    if code == "QUERY_TOO_COMPLICATED":
        return Stop(
            f"The {about} asks for more at once than Salesforce can do {shown}.",
            remedy="A single formula field is too much for it: leave it out of `fields:` and `mirror:` in sakigake.yaml, or simplify it.",
            **known,
        )
    if code == "INVALID_FIELD":
        return _field_missing(said, shown, about, status)
    if code == "INVALID_TYPE" or (code == "NOT_FOUND" and about.startswith("description")):
        named = _NO_OBJECT.search(said)
        return ObjectMissing(
            f"The object {named[1] if named else about.rpartition(' ')[2]} is not there, or not visible to the integration user {shown}.",
            remedy="Correct its API name in mapping.yaml, or grant the integration user Read on the object.",
            **known,
        )
    if code in PERMISSION or status == 403:
        fields = _SECURITY.search(said)
        what = f" on {fields[1]}" if fields else ""
        return PermissionMissing(
            f"The integration user may not do this: {about}{what} {shown}.",
            remedy="Grant it in Setup > Permission Sets; `sakigake provision` grants the rights on our own fields.",
            **known,
        )
    if status in {414, 431}:
        return BadReply(
            f"The address of the {about} was too long for Salesforce {shown}.", remedy="Ask for fewer fields.", **known
        )
    if code is None:
        return not_json(about, status)
    return Stop(
        f"Salesforce refused the {about} {shown}.",
        remedy="Look the code up in Salesforce's documentation, or report it as a fault of this product.",
        **known,
    )


def first_error(content: Any) -> tuple[str | None, str]:
    """(code, message) of an error body: a list of objects, an object, or what is no JSON at all."""
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        content = content[0]
    if isinstance(content, Mapping):
        code = content.get("errorCode") or content.get("statusCode") or content.get("error")
        return (str(code) if code else None), str(content.get("message") or "")
    return None, ""


def not_json(about: str, status: int | None = None, *, kind: str = "JSON") -> SyncError:
    """A body that is not what was due: a gateway's page, or the wrong address."""
    shown = f" (HTTP {status})" if status else ""
    return Unreachable(
        f"The {about} was answered with something that is not {kind}{shown}.",
        remedy="If it stays, check that `url` is the My Domain address of the organisation and that no proxy stands between.",
        status=status,
    )


def unreachable(error: requests.RequestException, url: str, about: str) -> Unreachable:
    """No usable answer came. The exception's own text may hold the query, so it is not repeated."""
    if isinstance(error, requests.exceptions.SSLError):
        return NotSent(
            f"No trusted connection to {url} could be made.",
            remedy="Check the address, and that this machine trusts its certificate.",
        )
    if unsent(error):
        return NotSent(
            f"{url} cannot be reached.", remedy="Check the address, the network and the proxy of this machine."
        )
    if isinstance(error, requests.Timeout) or _timed_out(error):
        return Unreachable(f"{url} took too long to answer the {about}.", remedy="It will be tried again.")
    return Unreachable(f"{url} cut the connection during the {about}.", remedy="It will be tried again.")


def unsent(error: BaseException) -> bool:
    """Whether the request surely never left: no connection was made for it."""
    if isinstance(
        error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.SSLError
    ):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _timed_out(error: BaseException) -> bool:
    return bool(error.args) and isinstance(error.args[0], urllib3.exceptions.ReadTimeoutError | TimeoutError)


def is_bad_json(error: BaseException) -> bool:
    return isinstance(error, requests.exceptions.InvalidJSONError | json.JSONDecodeError)


def _field_missing(said: str, shown: str, about: str, status: int) -> FieldMissing:
    named = _NO_COLUMN.search(said)
    what = f"The field {named[1]} of {named[2]}" if named else f"A field asked for by the {about}"
    return FieldMissing(
        f"{what} is not there, or not visible to the integration user {shown}.",
        remedy="Correct its API name in mapping.yaml, or grant the integration user Read on the field.",
        status=status,
        code="INVALID_FIELD",
    )
