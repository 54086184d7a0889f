"""The search call over a window of time: fixed bounds, and a keyset by id inside, so that no number of records is too many.

Search shows what changed with a delay, and not in order; the caller reads each window twice. It never returns archived records.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.counted import counted
from sync.errors import BadReply
from sync.hubspot.reading import Reading
from sync.hubspot.values import milliseconds

SEARCH_PAGE = 200
ID = "hs_object_id"


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of one search; `last` is the greatest id, `left` how many the window still holds behind them."""

    rows: list[Mapping[str, Any]]
    last: str | None
    left: int


def newest(reading: Reading, low: datetime, high: datetime) -> tuple[list[Mapping[str, Any]], int]:
    """(at most a page of the records whose stamp lies in [low, high], the newest first; how many there are in all)."""
    reply = reading.transport.read(
        "POST",
        reading.transport.paths.objects(reading.spec.object, "search"),
        body=_body(reading, _between(reading, low, high), reading.stamp, "DESCENDING"),
        search=True,
    )
    return reply.results(), int(reply.body.get("total") or 0)


def search(reading: Reading, low: datetime, high: datetime, last: str | None) -> Iterator[Found]:
    """Records whose stamp lies in [low, high] and whose id is beyond `last`, by id.

    Each call starts behind the last id seen: HubSpot pages no further than 10,000 hits, and thousands may share one stamp.
    """
    path = reading.transport.paths.objects(reading.spec.object, "search")
    while True:
        filters = _between(reading, low, high)
        if last is not None:
            filters.append({"propertyName": ID, "operator": "GT", "value": last})
        body = _body(reading, filters, ID, "ASCENDING")
        for attempt in (1, 2):
            reply = reading.transport.read("POST", path, body=body, search=True)
            rows = reply.results("id")
            if _moves_on(rows, last):
                break
            if attempt == 2:
                raise BadReply(
                    f"HubSpot's search of {reading.spec.object} does not move on: asked for ids beyond {last}, it answered with others.",
                    remedy="What came before is stored; the next run goes on from there.",
                )
        total = int(reply.body.get("total") or 0)
        if not rows and total > 0:
            raise BadReply(
                f"HubSpot's search of {reading.spec.object} counts {counted(total, 'record')} and sent none.",
                remedy="What came before is stored; the next run goes on from there.",
            )
        last = str(rows[-1]["id"]) if rows else last
        # either sign of more counts: the total may move while we read, and a page may come short
        left = max(total - len(rows), 1 if (reply.body.get("paging") or {}).get("next") and rows else 0)
        yield Found(rows, last, left)
        if left == 0:
            return


def _between(reading: Reading, low: datetime, high: datetime) -> list[dict[str, str]]:
    return [
        {"propertyName": reading.stamp, "operator": "GTE", "value": milliseconds(low)},
        {"propertyName": reading.stamp, "operator": "LTE", "value": milliseconds(high)},
    ]


def _body(reading: Reading, filters: list[dict[str, str]], order: str, direction: str) -> dict[str, Any]:
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": order, "direction": direction}],
        "properties": reading.asked,
        "limit": SEARCH_PAGE,
    }


def _moves_on(rows: list[Mapping[str, Any]], last: str | None) -> bool:
    before = int(last) if last is not None else -1
    for row in rows:
        record_id = str(row.get("id"))
        if not record_id.isdigit() or int(record_id) <= before:
            return False
        before = int(record_id)
    return True
