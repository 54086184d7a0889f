"""Everything new of one object since a cursor: the first load, then windows of change.

A cursor says where reading stands:
    {"phase": "load", "began", "after", "read",             records by id; `began` is when the first query was sent, `read` how many came
     "from", "base", "left"}                                this query began behind `from`, `base` came before it, `left` are still due
    {"phase": "history", "began", "after", "from", "left"}  then the history of the wanted fields, by its moment
    {"phase": "changes", "until", "log_until"}              then windows of change, each from `until` less an overlap
    {"phase": "changes", ..., "window": {...}}              inside a window of more than one page
and always `facts`, so that a cycle without changes needs no description.
"""

from collections.abc import Iterator
from typing import Any

from sync.connector import Cursor, Page, ReadSpec
from sync.salesforce import soql
from sync.salesforce.changes import LAG, window
from sync.salesforce.client import Client
from sync.salesforce.describe import Facts
from sync.salesforce.rows import history_row, key, record
from sync.salesforce.runs import Truncated, pages_of
from sync.salesforce.stamps import literal, moment


class Reading:
    """The pages of one object for one spec."""

    def __init__(self, client: Client, spec: ReadSpec, facts: Facts) -> None:
        self.client = client
        self.spec = spec
        self.facts = facts
        self.fields = tuple(dict.fromkeys(spec.fields))

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        at = cursor or self._cursor("load", began=literal(self.client.now(newer_than=1.0)), after=None)
        if at["phase"] == "load":
            for page in self._load(at):
                at = page.cursor
                yield page
        if at["phase"] == "history":
            for page in self._history(at):
                at = page.cursor
                yield page
            return
        if cursor is not None and cursor["phase"] == "changes":
            yield from window(self.client, self.spec, self.facts, cursor)

    def _load(self, at: Cursor) -> Iterator[Page]:
        name, about = self.spec.object, f"query of {self.spec.object}"
        after: str | None = at["after"]
        first = self.client.query(soql.load(name, self.facts, self.fields, after), about, deleted=True)
        base = at.get("read", 0)
        if first["totalSize"] < at.get("left", 0):
            # fewer rows are left than there should be: either some were purged meanwhile, or pages before lacked rows
            after, base = at["from"], at["base"]
            first = self.client.query(soql.load(name, self.facts, self.fields, after), about, deleted=True)
        start, expected = after, base + first["totalSize"]
        try:
            for rows, left, last in pages_of(self.client, first, about):
                records = tuple(record(row, self.facts, self.fields, name) for row in rows)
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
        first = self._history_behind(start)
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
        cursor = self._cursor("changes", until=literal(until), log_until=literal(until))
        return Page(**{"records": (), **content}, cursor=cursor, loaded=True, covered_until=until)

    def _cursor(self, phase: str, **rest: Any) -> Cursor:
        return {"v": 1, "phase": phase, "facts": self.facts.cursor(), **rest}
