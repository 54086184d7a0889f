"""What can go wrong at the border to a CRM, sorted by what to do next.

    SyncError
    ├── Retry                 the same request may succeed later: waits and tries again
    │   ├── Unreachable       no connection, time-out, 5xx, HTML where JSON was due
    │   ├── RateLimited       too fast; carries how long to wait, where the CRM said
    │   └── RecordLocked      somebody else holds the record for a moment
    ├── Reauthenticate        the token has expired: one new login, one more try
    ├── Underway              the CRM still works at what was asked for: the next run asks again, nothing is lost
    ├── SkipRecord            this record cannot be read or written; the others can
    └── Stop                  a person has to act; nothing more is sent on this connection
        ├── LoginRefused      wrong or revoked credentials
        ├── PermissionMissing the integration user may not do this
        ├── FieldMissing      a field or property is not there, or not visible to us
        ├── ObjectMissing     an object is not there, or not visible to us
        ├── QuotaExhausted    the day's calls are used up
        └── BadReply          the CRM answered what its documentation does not allow (truncation, loops, broken counts)

A message names what was met, what was expected and what to do. It holds ids and status codes, never values of records or secrets.
"""


class SyncError(Exception):
    """Root of the family. `remedy` is what a person should do, as a sentence of its own."""

    def __init__(self, message: str, *, remedy: str = "", status: int | None = None, code: str | None = None) -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy
        self.status = status
        self.code = code


class Retry(SyncError):
    """The same request may succeed later. `after` is how many seconds to wait, where the CRM said so."""

    def __init__(
        self,
        message: str,
        *,
        after: float | None = None,
        remedy: str = "",
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, status=status, code=code)
        self.after = after


class Unreachable(Retry):
    """No connection, a time-out, a 5xx, or HTML where JSON was due."""


class RateLimited(Retry):
    """The CRM asked us to slow down."""


class RecordLocked(Retry):
    """Somebody else holds the record for a moment."""


class Reauthenticate(SyncError):
    """The token has expired."""


class Underway(SyncError):
    """The CRM still prepares what was asked for, and may for long; where it stands is kept, and the next run goes on with it."""


class SkipRecord(SyncError):
    """One record cannot be read or written; the others can."""


class Stop(SyncError):
    """A person has to act."""


class LoginRefused(Stop):
    """Wrong, expired or revoked credentials."""


class PermissionMissing(Stop):
    """The integration user may not do this."""


class FieldMissing(Stop):
    """A field or property is not there, or not visible to us."""


class ObjectMissing(Stop):
    """An object is not there, or not visible to us."""


class QuotaExhausted(Stop):
    """The day's calls are used up."""


class BadReply(Stop):
    """The CRM answered what its documentation does not allow: truncated pages, loops, broken counts."""
