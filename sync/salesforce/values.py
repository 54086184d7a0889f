"""Our fields in Salesforce: their API names, and values there and back."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from models.catalogue import CatalogueField, Kind
from sync.writes import Value

LONGEST_NAME = 40  # of a custom field, without __c
LONGEST_TEXT = 255
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")


def api_name(field: CatalogueField, prefix: str) -> str:
    """Such as Sakigake_Tier__c; ValueError where Salesforce would not take it."""
    name = "_".join(word[:1].upper() + word[1:] for word in f"{prefix}_{field.name}".split("_"))
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ValueError(
            f"{name}__c is no API name for Salesforce: at most {LONGEST_NAME} letters, digits and single underscores, "
            "beginning with a letter; choose another prefix"
        )
    return f"{name}__c"


def encode(field: CatalogueField, value: Any) -> Value:
    """A result as a JSON value for Salesforce, rounded as the catalogue says. A checkbox is never empty: None is false."""
    if field.kind is Kind.FLAG:
        return bool(value)
    if value is None or value == "":
        return None
    match field.kind:
        case Kind.INTEGER:
            return int(_rounded(field, value))
        case Kind.NUMBER | Kind.PERCENT:
            return float(_rounded(field, value))
        case Kind.DATE:
            return _day(value)
        case Kind.TEXT:
            return _cut(str(value)) or None
        case Kind.CHOICE:
            return str(value)


def decode(field: CatalogueField, value: Value) -> Any:
    """A live value as results are kept: None, bool, int, float, or text (dates as YYYY-MM-DD)."""
    if field.kind is Kind.FLAG:
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if value is None or value == "":
        return None
    match field.kind:
        case Kind.INTEGER:
            return int(_rounded(field, value))
        case Kind.NUMBER | Kind.PERCENT:
            return float(_rounded(field, value))
        case Kind.DATE:
            return str(value)[:10]
        case _:
            return str(value)


def _rounded(field: CatalogueField, value: Any) -> Decimal:
    try:
        rounded = field.rounded(Decimal(str(value)))
    except InvalidOperation as e:
        raise ValueError(f"{field.name} must be a number that fits {field.digits} decimals") from e
    if rounded is None or not rounded.is_finite():
        raise ValueError(f"{field.name} must be a finite number")
    return rounded


def _day(value: Any) -> str:
    if isinstance(value, datetime):
        raise TypeError("a moment is no day; convert it in the workspace's time zone first")
    return value.isoformat() if isinstance(value, date) else date.fromisoformat(str(value)).isoformat()


def _cut(text: str) -> str:
    """The text as Salesforce keeps it: without blanks at its ends, at most 255 characters as Salesforce counts them."""
    text = text.strip()
    # its strings are UTF-16: a character beyond the basic plane counts as two
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 <= LONGEST_TEXT:
        return text
    return (
        text.encode("utf-16-le", "surrogatepass")[: 2 * (LONGEST_TEXT - 1)].decode("utf-16-le", "ignore").rstrip() + "…"
    )
