"""/query, /queryAll and the pages that follow."""

import re
import secrets
import time
from dataclasses import dataclass

from sandbox.salesforce import ids
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.org import Org
from sandbox.salesforce.render import rows
from sandbox.salesforce.soql.run import Result, run
from sandbox.salesforce.wire import Call, Reply, Route, required

PAGE = 2000
SMALLEST_PAGE = 200
LONG_TEXT_PAGE = 1000
LIFETIME_S = 2 * 86400.0


@dataclass(frozen=True, slots=True)
class _Cursor:
    result: Result
    page: int
    opened: float  # monotonic


class Queries:
    """Cursors live for two real days; how many are open is not limited."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._cursors: dict[str, _Cursor] = {}

    def routes(self) -> list[Route]:
        return [
            ("GET", "query", self.query),
            ("GET", "queryAll", self.query_all),
            ("GET", r"query(?:All)?/([\w-]+)", self.more),
            ("GET", "tooling/query", self.tooling),
            ("GET", r"tooling/query/([\w-]+)", self.more),
        ]

    def query(self, call: Call) -> Reply:
        return self._first(call, run(required(call, "q"), self._org))

    def query_all(self, call: Call) -> Reply:
        return self._first(call, run(required(call, "q"), self._org, all_rows=True))

    def tooling(self, call: Call) -> Reply:
        result = run(required(call, "q"), self._org, tooling=True)
        heavy = {c.label for c in result.columns} & {"Metadata", "FullName"}
        if heavy and result.total > 1:
            message = (
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more"
                f" than one row for retrieval. Result size: {result.total}"
            )
            raise ApiError(400, "MALFORMED_QUERY", message)
        return self._first(call, result)

    def _first(self, call: Call, result: Result) -> Reply:
        if result.summary is not None:
            row = {"attributes": {"type": "AggregateResult"}, **result.summary}
            return Reply(body={"totalSize": 1, "done": True, "records": [row]})
        page = _page_size(call.headers.get("sforce-query-options", ""))
        cursor = _Cursor(result, min(page, LONG_TEXT_PAGE) if result.long_text else page, time.monotonic())
        name = ""
        if result.total > cursor.page and result.rows:
            now = time.monotonic()
            self._cursors = {k: c for k, c in self._cursors.items() if now - c.opened < LIFETIME_S}
            name = ids.with_suffix(
                "0r8xx" + "".join(secrets.choice("0123456789ABCDEFGHIJabcdefghij") for _ in range(10))
            )
            self._cursors[name] = cursor
        return self._page(call, cursor, name, 0)

    def more(self, call: Call, locator: str) -> Reply:
        match = re.fullmatch(r"(0r8\w{15})-(\d+)", locator)
        cursor = self._cursors.get(match[1]) if match else None
        if match is None or cursor is None or time.monotonic() - cursor.opened > LIFETIME_S:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        offset = int(match[2])
        if offset > cursor.result.total:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, cursor, match[1], offset)

    def _page(self, call: Call, cursor: _Cursor, name: str, offset: int) -> Reply:
        result = cursor.result
        end = offset + cursor.page
        done = end >= len(result.rows)
        body: dict[str, object] = {"totalSize": result.total, "done": done}
        if not done:
            kind = "tooling/query" if result.object.tooling else "query"
            body["nextRecordsUrl"] = f"/services/data/{call.version}/{kind}/{name}-{end}"
        render = rows(result.columns, self._org, call.version, tooling=result.object.tooling)
        body["records"] = [render(r) for r in result.rows[offset:end]]
        return Reply(body=body)


def _page_size(options: str) -> int:
    match = re.search(r"batchSize\s*=\s*(\d+)", options, re.IGNORECASE)
    return min(max(int(match[1]), SMALLEST_PAGE), PAGE) if match else PAGE
