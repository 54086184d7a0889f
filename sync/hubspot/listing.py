"""The list calls: every record by id, live or archived. A keyset by nature: `after` is the last id plus one, so nothing shifts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.errors import BadReply
from sync.hubspot.reading import PAGE, Reading, fit
from sync.hubspot.transport import Transport

LIST_PAGE = 100
HISTORY_PAGE = 50  # HubSpot's limit where histories are asked for


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of a few calls, and where to go on; `after` is None behind the last."""

    rows: list[Mapping[str, Any]]
    after: str | None


def list_objects(
    reading: Reading, after: str | None, *, archived: bool = False, history: Sequence[str] = ()
) -> Iterator[Listed]:
    """About a thousand records at a time, by id."""
    fields, _ = fit(reading.asked)
    query = [("limit", str(HISTORY_PAGE if history else LIST_PAGE)), ("properties", ",".join(fields))]
    if history:
        query.append(("propertiesWithHistory", ",".join(history)))
    query.append(("archived", "true" if archived else "false"))
    path = reading.transport.paths.objects(reading.spec.object)
    rows: list[Mapping[str, Any]] = []
    for page in walk(reading.transport, path, query, after):
        rows += page.rows
        if len(rows) >= PAGE or page.after is None:
            yield Listed(rows, page.after)
            rows = []


def walk(
    transport: Transport, path: str, query: Sequence[tuple[str, str]], after: str | None, *, kind: str = "read"
) -> Iterator[Listed]:
    """Page after page of any list. BadReply where the list comes round: once more is asked, since a reply may be sent twice."""
    seen = {after}
    while True:
        asked = [*query, ("after", after)] if after is not None else list(query)
        for attempt in (1, 2):
            reply = transport.read("GET", path, kind=kind, query=asked)
            rows = reply.results("id")
            following = ((reply.body.get("paging") or {}).get("next") or {}).get("after")
            following = None if following is None else str(following)
            if following is None or following not in seen:
                break
            if attempt == 2:
                raise BadReply(
                    f"HubSpot's list {path} comes round in a circle: after {after} it leads to {following} again.",
                    remedy="What came before is stored; the next run goes on from there.",
                )
        yield Listed(rows, following)
        if following is None:
            return
        seen.add(following)
        after = following
