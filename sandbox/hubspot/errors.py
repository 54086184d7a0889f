"""What HubSpot answers when it refuses: one envelope, in which nearly every field is optional."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class HubspotError(Exception):
    """A refusal with its status and the fields of its body; the correlation id is added where the reply is made."""

    def __init__(self, status: int, message: str, category: str | None = None, /, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.extra = extra

    def body(self, correlation_id: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
        } | self.extra
        if self.category is not None:
            found["category"] = self.category
        return found

    def row(self, context: Mapping[str, list[str]]) -> dict[str, Any]:
        """The same refusal as one entry of a 207's errors."""
        entry: dict[str, Any] = {
            "status": "error",
            "category": self.category or "VALIDATION_ERROR",
            "message": self.message,
        }
        if "subCategory" in self.extra:
            entry["subCategory"] = self.extra["subCategory"]
        return entry | {"context": dict(self.extra.get("context", {})) | dict(context)}


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """One property value that was not accepted."""

    name: str
    code: str
    message: str

    @property
    def refuses_whole_batch(self) -> bool:
        """A wrong property name and a read-only property fail every row of a batch; a wrong value only its own."""
        return self.code in ("PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE")


def invalid_values(problems: Iterable[ValueProblem]) -> HubspotError:
    """400, with the problems both in the message (as JSON) and in `errors`."""
    found = list(problems)
    told = [{"isValid": False, "message": p.message, "error": p.code, "name": p.name} for p in found]
    return HubspotError(
        400,
        f"Property values were not valid: {json.dumps(told, ensure_ascii=False, separators=(',', ':'))}",
        "VALIDATION_ERROR",
        errors=[{"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}} for p in found],
    )


def bad_request(message: str, **extra: Any) -> HubspotError:
    return HubspotError(400, message, "VALIDATION_ERROR", **extra)


def not_found(message: str, **context: list[str]) -> HubspotError:
    return HubspotError(404, message, "OBJECT_NOT_FOUND", **({"context": context} if context else {}))


def missing_fields(names: Iterable[str]) -> HubspotError:
    return bad_request(
        f"Invalid input JSON on line 1, column 1. Some required fields were not set: [{', '.join(sorted(names))}]"
    )


def require(body: Mapping[str, Any], *names: str) -> None:
    """400 unless every named field is set."""
    missing = [name for name in names if body.get(name) is None]
    if missing:
        raise missing_fields(missing)
