"""Calculated fields, read again on a schedule: their values change without any stamp moving.

Only Id and the calculated fields are read, of live records, by id; many by a bulk job. Where it stands is kept in the cursor as
{"began", "after"} or {"began", "job"}; "bulk": false bars jobs for this time.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog

from sync.records import Cursor, LiveRecord, Page
from sync.salesforce import soql
from sync.salesforce.bulk import Circle, follow
from sync.salesforce.bulk_file import Asked, BulkFile
from sync.salesforce.bulk_jobs import BulkSettings, JobFailed, JobGone, JobRefused
from sync.salesforce.client import Client
from sync.salesforce.describe import Facts
from sync.salesforce.rows import key, values_of, whole_number
from sync.salesforce.runs import Truncated, pages_of
from sync.salesforce.stamps import literal, moment
from sync.salesforce.wide import completed, portions

Place = dict[str, Any]
_AT_ONCE = 2000  # records of a page, as REST sends them

log = structlog.get_logger()


def due(cursor: Cursor, facts: Facts, now: datetime, every: timedelta) -> bool:
    """Whether calculated fields are to be read: some are wanted, and the last time was long ago or is not over."""
    if not facts.calculated:
        return False
    last = cursor.get("refreshed")
    return "refresh" in cursor or last is None or now - moment(last) >= every


def refresh(client: Client, object_name: str, facts: Facts, cursor: Cursor, bulk: BulkSettings) -> Iterator[Page]:
    """The pages of it. The last one notes when it began."""
    one = _Refresh(client, object_name, facts, bulk)
    begun: Place = cursor.get("refresh") or {"began": literal(client.now()), "after": None}
    anew: Place = {"began": begun["began"], "after": None}
    rest = {k: v for k, v in cursor.items() if k != "refresh"}

    def page(rows: tuple[LiveRecord, ...], at: Place | None) -> Page:
        return Page(
            (), {**rest, "refreshed": begun["began"]} if at is None else {**rest, "refresh": at}, refreshed=rows
        )

    place: Place | None = begun
    while place is not None:
        try:
            for rows, behind in one.by_bulk(place) if "job" in place else one.by_rest(place):
                place = behind
                yield page(rows, behind)
        except JobRefused as e:
            log.info("bulk_refused", object=object_name, code=e.code)
            place = {**anew, "bulk": False}
        except JobGone:
            place = anew
        except (Truncated, Circle):
            yield page((), anew)
            raise
        except JobFailed:
            yield page((), {**anew, "bulk": False})
            raise


class _Refresh:
    """One reading of the calculated fields: rows, and the place behind them; None behind the last."""

    def __init__(self, client: Client, object_name: str, facts: Facts, bulk: BulkSettings) -> None:
        self.client, self.object, self.facts, self.bulk = client, object_name, facts, bulk
        self.about = f"query of calculated fields of {object_name}"

    def by_rest(self, at: Place) -> Iterator[tuple[tuple[LiveRecord, ...], Place | None]]:
        portion, *others = portions(self.facts, self.facts.calculated)
        names = (self.facts.stamp, *portion) if others else portion
        query = soql.some(self.object, self.facts, names, after=at["after"])
        first = self.client.query(query, self.about, deleted=True)
        may = not others and at["after"] is None and at.get("bulk", True)
        if may and self.bulk.suits(first["totalSize"]):
            yield (), {"began": at["began"], "job": None}
            return
        for rows, _, last in pages_of(self.client, first, self.about):
            whole = completed(self.client, self.object, self.facts, self.facts.calculated, rows, self.about)
            found = tuple(
                LiveRecord(key(row["Id"], self.object), values_of(row, self.facts, self.facts.calculated))
                for row in whole
            )
            yield found, None if last else {**at, "after": key(rows[-1]["Id"], self.object)}

    def by_bulk(self, at: Place) -> Iterator[tuple[tuple[LiveRecord, ...], Place | None]]:
        columns = ("Id", *self.facts.calculated)
        asked = Asked(self.object, self.about, columns, self.facts)
        query = soql.some(self.object, self.facts, self.facts.calculated, ordered=False)
        for file, job in follow(self.client, self.bulk, asked, query, at["job"]):
            if file is not None:
                rows = self._rows(file)
                while found := tuple(islice(rows, _AT_ONCE)):
                    yield found, at  # read again from here on, unless the whole page was stored
            at = {**at, "job": job}
            yield (), at if job is not None else None

    def _rows(self, file: BulkFile) -> Iterator[LiveRecord]:
        names = file.columns
        identity = names.index("Id")
        for row in file.cells():
            values = {n: _value(n in self.facts.whole, v) for n, v in zip(names, row, strict=True) if n != "Id"}
            yield LiveRecord(key(row[identity], self.object), values)


def _value(whole: bool, text: str) -> str | None:
    return (whole_number(text) if whole else text) or None
