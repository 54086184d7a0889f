"""Values on HubSpot's wire: all text or null. Reads stamps, writes our results, and reads them back as they were."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from models.catalogue import CatalogueField, Kind
from sync.errors import BadReply
from sync.writes import Value

NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.PERCENT})
_EXACT, _FLOAT = Decimal(10) ** 18, Decimal(10) ** 300  # beyond these, a JSON number is not what was written
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: Any) -> datetime | None:
    """An instant as HubSpot writes it (ISO 8601 with or without milliseconds, or epoch milliseconds), aware UTC; None where it is none."""
    if isinstance(text, str) and text[-1:] == "Z":  # nearly always: read for every record
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError:
            return None
    if isinstance(text, bool) or text in (None, ""):
        return None
    if isinstance(text, int) or (isinstance(text, str) and text.lstrip("-").isdigit()):
        try:
            return _EPOCH + timedelta(milliseconds=int(text))
        except OverflowError:
            return None
    if not isinstance(text, str):
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def milliseconds(when: datetime) -> str:
    """An instant as search filters take it."""
    return str((when - _EPOCH) // timedelta(milliseconds=1))


def version_of(row: Mapping[str, Any], stamp: str) -> datetime:
    """The record's own stamp; BadReply where it carries none, since then no version could win."""
    properties = row.get("properties") or {}
    found = moment(properties.get(stamp)) or moment(row.get("updatedAt")) or moment(row.get("createdAt"))
    if found is None:
        raise BadReply(
            f"HubSpot sent the record {row.get('id')} without a stamp.",
            remedy="Nothing of that page was taken. Tell us, with the object's name.",
        )
    return found


def encode(field: CatalogueField, value: Any) -> Value:
    """A result as HubSpot keeps it. None, and an empty text, clear the property."""
    if value is None or value == "":
        return None
    if field.kind in NUMBERS:
        return _plain(field.rounded(Decimal(str(value))))
    if field.kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise TypeError(f"{field.name} is a flag, got {type(value).__name__}")
        return "true" if value else "false"
    if field.kind is Kind.DATE:
        if isinstance(value, datetime):
            raise TypeError(f"{field.name} is a date, got a datetime; say in which time zone's day it lies")
        return value.isoformat() if isinstance(value, date) else date.fromisoformat(value).isoformat()
    return str(value)


def decode(field: CatalogueField, value: Value) -> Any:
    """A live value as results are kept. A person may have typed anything: what does not fit the kind comes back as it stands."""
    if value is None or value == "":
        return None
    if field.kind in NUMBERS:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return value
        if not number.is_finite():
            return value
        if abs(number) < _EXACT and number == number.to_integral_value():
            return int(number)
        return float(number) if abs(number) < _FLOAT else value
    if field.kind is Kind.FLAG:
        return {"true": True, "false": False}.get(str(value).lower(), value)
    if field.kind is Kind.DATE:
        told = str(value)
        try:
            return date.fromisoformat(told).isoformat()
        except ValueError:
            when = moment(told)  # written as epoch milliseconds, or as a datetime at midnight UTC
            return value if when is None else when.date().isoformat()
    return value


def _plain(number: Decimal | None) -> str | None:
    """Digits without exponent, trailing zeros or a negative zero, so that one number has one text."""
    if number is None:
        return None
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
