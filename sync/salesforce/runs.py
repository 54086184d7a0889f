"""One query followed to its end, checked while it goes: nothing repeated, nothing cut off, no loop."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sync.errors import BadReply
from sync.salesforce.client import Client


class Truncated(BadReply):
    """The pages held another number of rows than the first one promised."""


class Rows(NamedTuple):
    """One page: its rows, how many are still due by the first page's promise, and whether it is the last."""

    rows: list[dict[str, Any]]
    left: int
    last: bool


def pages_of(client: Client, first: dict[str, Any], about: str) -> Iterator[Rows]:
    """Each page, the first one given. The last page is yielded only if all rows came; Truncated otherwise.

    Rows are told apart by their ids: one without is a BadReply. A row repeated within a page is taken once; one that comes again with the next page means that paging goes wrong.
    Memory holds one page, the ids of the page before, and the addresses met.
    """
    page = first
    seen: set[str] = set()
    before: set[str] = set()
    read = 0
    while True:
        rows = page["records"]
        unique = {_id(row, about): row for row in rows}
        if before & unique.keys():
            raise BadReply(
                f"The {about} served the same record twice.", remedy="Try again; reading goes on from the page before."
            )
        read += len(rows)
        next_url = None if page["done"] else str(page["nextRecordsUrl"])
        if next_url is None and read != first["totalSize"]:
            raise Truncated(
                f"The {about} promised {first['totalSize']} rows and sent {read}.",
                remedy="Try again; these pages will be read anew.",
            )
        if next_url in seen or (next_url is not None and not rows):
            raise BadReply(f"The {about} runs in a circle.", remedy="Try again; reading goes on from the page before.")
        yield Rows(list(unique.values()), max(0, first["totalSize"] - read), next_url is None)
        if next_url is None:
            return
        seen.add(next_url)
        before = set(unique)
        page = client.more(next_url, about)


def _id(row: Any, about: str) -> str:
    found = row.get("Id") if isinstance(row, Mapping) else None
    if not isinstance(found, str) or not found:
        raise BadReply(
            f"The {about} sent a row without an Id.",
            remedy="Try again later; if it stays, a proxy or a middleware changes the replies. Nothing of that page was taken.",
        )
    return found
