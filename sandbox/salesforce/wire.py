"""A call of the data API and its reply, free of HTTP's machinery, so that composite can make calls of its own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.errors import ApiError


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    version: str  # "v62.0"
    path: str  # below the version, without slashes at its ends
    params: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    base_url: str
    request_id: str

    def document(self) -> dict[str, Any]:
        """The JSON object of the body."""
        try:
            parsed = json.loads(self.body) if self.body else {}
        except ValueError:
            message = "Unexpected character or end of input; expected a JSON object at [line:1, column:1]"
            raise ApiError(400, "JSON_PARSER_ERROR", message) from None
        if not isinstance(parsed, dict):
            message = "The HTTP entity body is required to be a JSON object at [line:1, column:1]"
            raise ApiError(400, "JSON_PARSER_ERROR", message)
        return parsed


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is written as JSON unless `raw` is given; a reply with neither is empty."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    media: str = "application/json;charset=UTF-8"


Handler = Callable[..., Reply]
Route = tuple[str, str, Handler]  # method, pattern below the version, handler(call, *groups)
NO_CONTENT = Reply(204)


def required(call: Call, name: str) -> str:
    value = call.params.get(name)
    if not value:
        raise ApiError(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    return value
