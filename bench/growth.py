"""How a first load grows: ten and a hundred times the rows, by Salesforce's Bulk API 2.0 and by HubSpot's lists. `python -m bench.growth`.

Numbers of rows may be given as arguments. A million need 2 GB for the servers, and some minutes.
"""

import sys
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from bench import bulk, hubspot
from bench.apart import apart, empty_database, serving
from bench.static_hubspot import serve

SIZES = (10_000, 100_000, 1_000_000)


def growth(sizes: tuple[int, ...] = SIZES) -> Iterator[tuple[str, int, float, float]]:
    """(what, rows, seconds from the first request to the last commit, peak of memory in MiB)."""
    with empty_database() as db:
        for rows in sizes:
            with bulk.sandbox(rows) as url:
                seconds, peak, read = apart(bulk.pull, url, db)
                yield "Salesforce, Bulk 2", read, seconds, peak
        for rows in sizes:
            with serving(serve, rows) as url:
                seconds, _, peak, read = apart(hubspot.pull, url, db, hubspot.NO_LIMIT)
                yield "HubSpot, lists", read, seconds, peak


def main() -> None:
    shown = Table("first load", "rows", "seconds", "rows/s", "MiB at most", title="Growth", box=box.SIMPLE_HEAD)
    for column in shown.columns[1:]:
        column.justify = "right"
    for what, rows, seconds, peak in growth(tuple(map(int, sys.argv[1:])) or SIZES):
        shown.add_row(what, f"{rows:,}", f"{seconds:.1f}", f"{rows / seconds:,.0f}", f"{peak:.0f}")
    Console().print(shown)


if __name__ == "__main__":
    main()
