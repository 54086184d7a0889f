"""From what a client or a person writes to what HubSpot keeps: strings or null, each checked against its property."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sandbox.hubspot.errors import ValueProblem
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.properties import Property
from sandbox.hubspot.wire import PORTAL_ID, iso, short_iso

LONGEST = 65_536
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Choices = Callable[[Property, Mapping[str, Any]], set[str] | None]


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check(
    kind: ObjectType,
    known: Mapping[str, Property],
    given: Mapping[str, Any],
    current: Mapping[str, Any],
    choices: Choices,
) -> tuple[dict[str, str | None], list[ValueProblem]]:
    """The values to store and the problems met. `choices` tells the allowed values of properties whose options live elsewhere
    (pipelines, owners).
    """
    values: dict[str, str | None] = {}
    problems: list[ValueProblem] = []
    merged = {**current, **{k: v for k, v in given.items() if isinstance(v, str)}}
    for name, value in given.items():
        prop = known.get(name)
        if prop is None:
            problems.append(ValueProblem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
        elif prop.read_only:
            problems.append(
                ValueProblem(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
            )
        else:
            try:
                values[name] = _stored(kind, prop, value, current.get(name), choices(prop, merged))
            except _Refused as refused:
                problems.append(ValueProblem(name, refused.code, refused.message))
    return values, problems


def _stored(kind: ObjectType, prop: Property, value: Any, current: Any, allowed: set[str] | None) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        raise _Refused("INVALID_VALUE", f"{type(value).__name__} is not a value; give a string, a number or a boolean")
    if prop.type == "number":
        return _number(text)
    if prop.type == "bool":
        if text.lower() not in ("true", "false"):
            raise _Refused("INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
        return text.lower()
    if prop.type == "date":
        return _date(text)
    if prop.type == "datetime":
        at = datetime_of(text)
        if at is None:
            raise _Refused(
                "INVALID_LONG", f"{text} was not a valid long. Portal {PORTAL_ID}, object type {kind.type_id}"
            )
        return iso(at) if prop.name == kind.created else short_iso(at)
    if prop.type == "enumeration":
        return _option(prop, text, current, allowed)
    if len(text) > LONGEST:
        raise _Refused(
            "PROPERTY_VALUE_TOO_LONG", f"The value is {len(text)} characters long; at most {LONGEST} are allowed"
        )
    return text


def _number(text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise _Refused("INVALID_DOUBLE", f"{text} was not a valid number.") from None
    if text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise _Refused("INVALID_DOUBLE", f"{text} was not a valid number.")
    return text


def _option(prop: Property, text: str, current: Any, allowed: set[str] | None) -> str:
    known = allowed if allowed is not None else {option["value"] for option in prop.options}
    many = prop.field_type == "checkbox"
    parts = [part for part in text.split(";") if part] if many else [text]
    if prop.external_options and allowed is None:
        return text
    for part in parts:
        if part not in known:
            raise _Refused("INVALID_OPTION", f"{part} was not one of the allowed options: [{', '.join(sorted(known))}]")
    if many and text.startswith(";"):  # a leading semicolon appends
        parts = [*dict.fromkeys([*(current or "").split(";"), *parts])]
    return ";".join(part for part in parts if part) if many else text


def _date(text: str) -> str:
    if re.fullmatch(r"-?\d{1,13}|[1-9]\d{13}", text):
        at = EPOCH + timedelta(milliseconds=int(text))
        if (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
            raise _Refused(
                "INVALID_DATE",
                f"{text} is at {at.hour}:{at.minute}:{at.second}.{at.microsecond // 1000} UTC, not midnight!",
            )
        return at.date().isoformat()
    try:
        return date.fromisoformat(text).isoformat() if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else _fail(text)
    except ValueError:
        return _fail(text)


def _fail(text: str) -> str:
    raise _Refused("INVALID_DATE", f"{text} was not a valid date.")


def datetime_of(text: str) -> datetime | None:
    """A date-time written as epoch milliseconds, as ISO with an offset, or as a date (midnight UTC); None for anything else."""
    if re.fullmatch(r"-?\d{1,13}|[1-9]\d{13}", text):
        return EPOCH + timedelta(milliseconds=int(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
