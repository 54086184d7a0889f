"""Everything new of one object since a cursor: the first load, then windows of change, and calculated fields now and then.

A cursor says where reading stands:
    {"phase": "bulk", "began", "expected", "job"}           a first load of many records, by a bulk job (`sync.salesforce.bulk`)
    {"phase": "load", "began", "after", "read",             records by id; `began` is when the first query was sent, `read` how many came
     "from", "base", "left"}                                this query began behind `from`, `base` came before it, `left` are still due
    {"phase": "history", "began", "after", "from", "left"}  then the history of the wanted fields, by its moment
    {"phase": "changes", "until", "log_until"}              then windows of change, each from `until` less an overlap
    {"phase": "changes", ..., "window": {...}}              inside a window of more than one page
    {"phase": "changes", ..., "refreshed", "refresh": {}}   when calculated fields were last read, and where that stands
"bulk": false bars bulk jobs until the phase is over, because one has failed;
and always `facts`, so that a cycle without changes needs no description.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from sync.errors import ObjectMissing, Retry
from sync.records import Cursor, Page, ReadSpec
from sync.salesforce import soql
from sync.salesforce.bulk import Circle, follow
from sync.salesforce.bulk_file import Asked, columns_of
from sync.salesforce.bulk_jobs import BulkSettings, JobFailed, JobGone, JobRefused
from sync.salesforce.changes import LAG, window
from sync.salesforce.client import Client
from sync.salesforce.describe import Facts
from sync.salesforce.refresh import due, refresh
from sync.salesforce.rows import history_row, key, record
from sync.salesforce.runs import Truncated, pages_of
from sync.salesforce.stamps import literal, moment
from sync.salesforce.wide import completed, portions

log = structlog.get_logger()


class Reading:
    """The pages of one object for one spec. Calculated fields are read again where they were last read `refresh_every` ago."""

    def __init__(
        self, client: Client, spec: ReadSpec, facts: Facts, bulk: BulkSettings, *, refresh_every: timedelta
    ) -> None:
        self.client = client
        self.spec = spec
        self.facts = facts
        self.bulk = bulk
        self.refresh_every = refresh_every
        self.fields = tuple(dict.fromkeys(spec.fields))
        self.first, *others = portions(facts, self.fields)  # of a wide object more than one, which no bulk job reads
        self.wide = bool(others)

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        at = cursor or self._cursor("load", began=literal(self.client.now(newer_than=1.0)), after=None)
        ways = {"bulk": self._by_bulk, "load": self._load, "history": self._history}
        while at["phase"] in ways:
            for page in ways[at["phase"]](at):
                at = page.cursor
                yield page
        if cursor is not None and cursor["phase"] == "changes":
            for page in window(self.client, self.spec, self.facts, cursor, self.bulk):
                at = page.cursor
                yield page
            if due(at, self.facts, self.client.now(), self.refresh_every):
                yield from refresh(self.client, self.spec.object, self.facts, at, self.bulk)

    def _by_bulk(self, at: Cursor) -> Iterator[Page]:
        name = self.spec.object
        asked = Asked(
            name, f"query of {name}", columns_of(self.facts, self.fields), self.facts, frozenset(self.facts.whole)
        )
        query = soql.everything(name, asked.columns)
        try:
            for file, place in follow(self.client, self.bulk, asked, query, at.get("job")):
                if place is not None:
                    cursor = self._cursor("bulk", began=at["began"], expected=at["expected"], job=place)
                    yield Page((), cursor, file=file, expected=at["expected"])
                elif self.spec.history:
                    cursor = self._cursor("history", began=at["began"], after=None)
                    yield Page((), cursor, file=file, expected=at["expected"])
                else:
                    yield self._loaded(at["began"], file=file, expected=at["expected"])
        except JobRefused as e:
            log.info("bulk_refused", object=name, code=e.code)
            yield Page((), self._cursor("load", began=at["began"], after=None, bulk=False))
        except JobGone:
            log.info("bulk_job_gone", object=name)
            yield Page((), self._cursor("load", began=at["began"], after=None))
        except (Truncated, Circle):
            yield Page((), self._cursor("load", began=at["began"], after=None))
            raise
        except JobFailed:
            yield Page((), self._cursor("load", began=at["began"], after=None, bulk=False))
            raise

    def _load(self, at: Cursor) -> Iterator[Page]:
        name, about = self.spec.object, f"query of {self.spec.object}"
        after: str | None = at["after"]
        may = after is None and at.get("bulk", True) and self.bulk.threshold is not None and not self.wide
        try:
            first = self.client.query(soql.load(name, self.facts, self.first, after), about, deleted=True)
        except Retry as e:
            if e.code != "QUERY_TIMEOUT" or not may:
                raise
            # too large to be put in order, let alone counted
            yield Page((), self._cursor("bulk", began=at["began"], expected=None, job=None))
            return
        base = at.get("read", 0)
        if first["totalSize"] < at.get("left", 0):
            # fewer rows are left than there should be: either some were purged meanwhile, or pages before lacked rows
            after, base = at["from"], at["base"]
            first = self.client.query(soql.load(name, self.facts, self.first, after), about, deleted=True)
        if may and after is None and self.bulk.suits(first["totalSize"]):
            yield Page((), self._cursor("bulk", began=at["began"], expected=first["totalSize"], job=None))
            return
        start, expected = after, base + first["totalSize"]
        try:
            for rows, left, last in pages_of(self.client, first, about):
                whole = completed(self.client, name, self.facts, self.fields, rows, about)
                records = tuple(record(row, self.facts, self.fields, name) for row in whole)
                if rows:
                    after = key(rows[-1]["Id"], name)
                if not last:
                    read = base + first["totalSize"] - left
                    place = {"after": after, "read": read, "from": start, "base": base, "left": left}
                    yield Page(records, self._cursor("load", began=at["began"], **place), expected=expected)
                elif self.spec.history:
                    yield Page(records, self._cursor("history", began=at["began"], after=None), expected=expected)
                else:
                    yield self._loaded(at["began"], records=records, expected=expected)
        except Truncated:
            # what is missing lies somewhere in these pages: they are read anew
            yield Page((), self._cursor("load", began=at["began"], after=start, read=base))
            raise

    def _history(self, at: Cursor) -> Iterator[Page]:
        start: list[str] | None = at["after"]
        try:
            first = self._history_behind(start)
        except ObjectMissing:
            # no field of the object is tracked: what we observe from now on is all the history there is
            log.warning("history_not_tracked", object=self.spec.object)
            self.facts = replace(self.facts, history=False)
            yield self._loaded(at["began"])
            return
        if first["totalSize"] < at.get("left", 0):  # as in `_load`
            start = at["from"]
            first = self._history_behind(start)
        object_name, parent = soql.history_of(self.spec.object)
        try:
            for rows, left, last in pages_of(self.client, first, f"query of {object_name}"):
                history = tuple(history_row(row, parent) for row in rows)
                if last:
                    yield self._loaded(at["began"], history=history)
                    return
                after = [literal(history[-1].changed_at), history[-1].change_id]
                place = {"after": after, "from": start, "left": left}
                yield Page((), self._cursor("history", began=at["began"], **place), history=history)
        except Truncated:
            yield Page((), self._cursor("history", began=at["began"], after=start))
            raise

    def _history_behind(self, after: list[str] | None) -> dict[str, Any]:
        object_name, parent = soql.history_of(self.spec.object)
        place = (moment(after[0]), after[1]) if after else None
        query = soql.history(object_name, parent, self.spec.history, None, place)
        return self.client.query(query, f"query of {object_name}", deleted=True)

    def _loaded(self, began: str, **content: Any) -> Page:
        until = moment(began) - LAG
        cursor = self._cursor("changes", until=literal(until), log_until=literal(until), refreshed=began)
        return Page(**{"records": (), **content}, cursor=cursor, loaded=True, covered_until=until)

    def _cursor(self, phase: str, **rest: Any) -> Cursor:
        return {"v": 1, "phase": phase, "facts": self.facts.cursor(), **rest}
