"""The values of fields as JSON, to and fro: scalars, of which the same few come again in a hundred thousand fields."""

import json
from functools import lru_cache
from typing import Any

from sync.writeback.plan import Stored

KNOWN = 65_536  # different values that are remembered


@lru_cache(KNOWN, typed=True)  # 1, 1.0 and true are three
def as_json(value: Stored) -> str:
    """The value as it is journalled."""
    return json.dumps(value)


def of_json(data: str | bytes) -> Any:
    """What PostgreSQL gave, for psycopg's `set_json_loads`. Lists and objects, which could be changed, are read anew each time."""
    return json.loads(data) if data[:1] in (b"[", b"{", "[", "{") else _scalar(data)


@lru_cache(KNOWN)
def _scalar(data: str | bytes) -> Stored:
    return json.loads(data)
