"""Values between the store, JSON and CSV, and the checks of what a client writes.

The store holds what JSON can: text, numbers, booleans; dates as `2026-03-08`, times as Salesforce prints them.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sandbox.salesforce import ids, stamps
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import NUMBER_TYPES, Field, Schema

_FLOATS = frozenset({"double", "currency", "percent"})


def _same(value: Any) -> Any:
    return value


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _rest_stamp(value: datetime | None) -> str | None:
    return None if value is None else stamps.rest(value)


def to_json(f: Field) -> Callable[[Any], Any]:
    """How a read value of this field looks in JSON. Doubles keep their `.0`; integers have none."""
    if f.type == "datetime":
        return _rest_stamp
    return _float if f.type in _FLOATS else _same


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _bulk_stamp(value: datetime | None) -> str:
    return "" if value is None else stamps.bulk(value)


def _bulk_float(value: Any) -> str:
    return "" if value is None else repr(float(value))


def _bulk_flag(value: Any) -> str:
    return "true" if value else "false"


def _bulk_text(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return text.replace('"', '""') if '"' in text else text


def to_csv(f: Field) -> Callable[[Any], str]:
    """How a read value looks inside the quotes of a bulk file: null and empty text alike, times with a Z."""
    if f.type == "datetime":
        return _bulk_stamp
    if f.type in _FLOATS:
        return _bulk_float
    if f.type == "boolean":
        return _bulk_flag
    return _bulk_text if f.type not in ("id", "reference", "date", "int") else _text


def _parser_error(kind: str, value: Any) -> ApiError:
    shown = "VALUE_STRING" if isinstance(value, str) else "VALUE_NUMBER_FLOAT"
    return ApiError(
        400,
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {shown} value {value} or request may be missing a required field"
        " at [line:1, column:1]",
    )


def accept(f: Field, value: Any, schema: Schema) -> Any:
    """The stored form of a value that a client sent; ApiError where the field cannot hold it."""
    if value is None or (value == "" and f.type != "boolean"):
        if f.type == "boolean":
            raise ApiError(
                400, "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{f.label}: value not of required type: null", [f.name]
            )
        return None
    if f.type in NUMBER_TYPES:
        return _number(f, value)
    match f.type:
        case "boolean":
            return _boolean(value)
        case "date":
            return _date(value)
        case "datetime":
            return _datetime(value)
        case "reference":
            return _reference(f, value, schema)
        case _:
            return _string(f, value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise _parser_error("boolean", value)


def _number(f: Field, value: Any) -> float | int:
    kind = "int" if f.type == "int" else "double"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _parser_error(kind, value)
    try:
        parsed = float(value)
    except ValueError:
        raise _parser_error(kind, value) from None
    whole = 10 ** (f.digits if f.type == "int" else max(f.precision - f.scale, 0))
    if not math.isfinite(parsed) or abs(parsed) >= whole:
        raise ApiError(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{f.label}: value outside of valid range on numeric field: {value}",
            [f.name],
        )
    if f.type == "int":
        if parsed != int(parsed):
            raise _parser_error("int", value)
        return int(parsed)
    return round(parsed, f.scale)


def _date(value: Any) -> str:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(T.*)?", value) if isinstance(value, str) else None
    if match is None:
        raise _parser_error("date", value)
    try:
        return date.fromisoformat(match[1]).isoformat()
    except ValueError:
        raise _parser_error("date", value) from None


def _datetime(value: Any) -> str:
    try:
        return stamps.rest(stamps.parse(str(value)))
    except ValueError:
        raise _parser_error("datetime", value) from None


def _reference(f: Field, value: Any, schema: Schema) -> str:
    whole = ids.full(value) if isinstance(value, str) else None
    if whole is None:
        raise ApiError(400, "MALFORMED_ID", f"{f.label}: id value of incorrect type: {value}", [f.name])
    if not any(schema.objects[o].prefix == whole[:3] for o in f.refers_to if o in schema.objects):
        raise ApiError(400, "MALFORMED_ID", f"{f.label}: id value of incorrect type: {value}", [f.name])
    return whole


def _string(f: Field, value: Any) -> str:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        raise _parser_error("string", value)
    text = text.strip() if f.type != "textarea" else text  # the data API trims what a form would
    if f.restricted and f.type == "picklist" and text not in {v for v, _ in f.values}:
        raise ApiError(
            400,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{f.label}: bad value for restricted picklist field: {text}",
            [f.name],
        )
    if f.restricted and f.type == "multipicklist":
        allowed = {v for v, _ in f.values}
        if bad := next((v for v in text.split(";") if v not in allowed), None):
            message = f"{f.label}: bad value for restricted picklist field: {bad}"
            raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [f.name])
    if f.length and len(text) > f.length:
        raise ApiError(
            400, "STRING_TOO_LONG", f"{f.label}: data value too large: {text} (max length={f.length})", [f.name]
        )
    return text
