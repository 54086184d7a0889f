"""How many calls clients made, by method and path template: the judge of what a cycle costs."""

import re
from collections import Counter
from typing import Any

from sandbox.world import Crm

_VERSION = re.compile(r"v\d+(\.\d+)?|\d\d\.\d|20\d\d-\d\d")
_SALESFORCE_ID = re.compile(r"(?=[^/]*\d)[A-Za-z0-9]{15}([A-Za-z0-9]{3})?(-\d+)?")
_NUMBER = re.compile(r"\d+")


def crm_of(path: str) -> Crm:
    """Salesforce answers below /services, and below /id for identity URLs; HubSpot has many roots."""
    return "salesforce" if path.split("/", 2)[1:2] in (["services"], ["id"]) else "hubspot"


def template(path: str) -> str:
    """The path with `{version}` for API versions and `{id}` for ids and query locators."""
    return "/".join(map(_segment, path.split("/")))


def _segment(part: str) -> str:
    if _VERSION.fullmatch(part):
        return "{version}"
    if _NUMBER.fullmatch(part) or _SALESFORCE_ID.fullmatch(part):
        return "{id}"
    return part


class Calls:
    """Counts since the start or the last reset. The control API is not counted; calls that met a fault are."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Crm, str, str]] = Counter()

    def count(self, crm: Crm, method: str, path: str) -> None:
        self._counts[crm, method, template(path)] += 1

    def reset(self) -> None:
        self._counts.clear()

    def report(self) -> dict[str, Any]:
        rows = sorted(self._counts.items(), key=lambda item: (item[0][0], item[0][2], item[0][1]))
        total = {"salesforce": 0, "hubspot": 0}
        for (crm, _, _), count in rows:
            total[crm] += count
        return {
            "calls": [{"crm": c, "method": m, "path": p, "count": n} for (c, m, p), n in rows],
            "total": total,
        }
