"""A first load from HubSpot, from request to commit: against downloading, decoding and COPYing the same pages and nothing else, from a
server that has every page ready made; and, with HubSpot's limits on, against the pace that they allow.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import urllib3
from psycopg import sql

from bench.apart import apart, empty_database, peak, serving
from bench.measure import Row, median_rates
from bench.static_hubspot import CALLS, OBJECTS, PAGE, PROPERTIES, serve
from jobs.database import engine
from jobs.wiring import connect_with
from sync.hubspot import AccessToken, HubspotConnector
from sync.mirror.pull import Pull, pull_object
from sync.records import ReadSpec

ROWS = int(os.environ.get("SAKIGAKE_BENCH_HUBSPOT_ROWS", "100000"))
ROUNDS, NO_LIMIT = 3, 1_000_000
LIMIT, WINDOWS = 190, 3  # calls in ten seconds, and how many such windows are measured
SPEC = ReadSpec("deals", (), every=True)  # mirrored whole, and no rule reads it
TABLE = sql.Identifier("hub", "deals")


def measure() -> Iterator[Row]:
    with empty_database() as db:
        with serving(serve, ROWS) as url:
            yield from _unlimited(url, db)
        with serving(serve, LIMIT * WINDOWS * PAGE) as url:
            yield from _limited(url, db)


def _unlimited(url: str, db: str) -> Iterator[Row]:
    pulls: list[float] = []
    limits: list[float] = []
    peaks: list[float] = []
    for _ in range(ROUNDS):
        seconds, _, most, read = apart(pull, url, db, NO_LIMIT)
        if read != ROWS:
            raise AssertionError(f"{read} of {ROWS} records came")
        pulls.append(seconds)
        peaks.append(most)
        limits.append(apart(_limit, url, db))
    rate, ratio = median_rates(ROWS, limits, pulls)
    yield Row(f"HubSpot without limits, {ROWS:,} records", rate, "rows/s", "download, decode, COPY alone", ratio, 0.6)
    print(f"HubSpot, {ROWS:,} records: {statistics.median(peaks):.0f} MiB at most")


def _limited(url: str, db: str) -> Iterator[Row]:
    """The pace: how long as many calls took as the limit allows in ten seconds, from each call on."""
    seconds, busy, _, read = apart(pull, url, db, LIMIT)
    at = json.loads(urllib3.request("GET", url + CALLS).data)["at"]
    spans = [later - sooner for sooner, later in zip(at, at[LIMIT:], strict=False)]
    pace = 10.0 / statistics.mean(spans)
    yield Row("HubSpot within its limits", read / seconds, "rows/s", f"{LIMIT} calls in ten seconds", pace, 0.95)
    share = busy / seconds
    yield Row("processor time of that", 100 * share, "% of a core", "15 % of a core", 0.15 / share, 1.0)


def pull(url: str, db: str, limit: int) -> tuple[float, float, float, int]:
    """(seconds from the first request to the last commit, our processor time in it, peak of memory in MiB, records read)."""
    opened = engine(db)
    connector = HubspotConnector("hub", AccessToken("token"), url=url, ten_second_limit=limit)
    connect = connect_with(opened)
    with connect() as conn:
        conn.execute("drop schema if exists hub cascade")
        conn.execute("delete from sakigake.mirror_object")
        conn.execute("checkpoint")
    began, used = time.perf_counter(), time.process_time()
    counts = pull_object(connect, connector, Pull("bench", "hub", "hub", "run", connector.crm_now), SPEC)
    taken, busy = time.perf_counter() - began, time.process_time() - used
    if counts.inserted != counts.read:
        raise AssertionError(f"{counts.inserted} of {counts.read} records were stored")
    connector.close()
    opened.dispose()
    return taken, busy, peak(), counts.read


def _limit(url: str, db: str) -> float:
    """Seconds to download all pages, to decode them, and to COPY what they hold, a transaction a thousand records, as `pull` does."""
    opened = engine(db)
    pool = urllib3.PoolManager()
    names = sorted(PROPERTIES)
    columns = sql.SQL(", ").join(sql.Identifier(c) for c in ("id", *names, "_version", "_first_seen_at", "_changed_at"))
    statement = sql.SQL("copy {} ({}) from stdin").format(TABLE, columns)
    with connect_with(opened)() as conn:
        conn.execute(sql.SQL("truncate {}").format(TABLE))
        conn.execute("checkpoint")
        began = time.perf_counter()
        after: str | None = "1"
        while after is not None:
            rows = []
            while after is not None and len(rows) < 1000:
                query = urlencode({"limit": PAGE, "properties": ",".join(names), "after": after})
                page = json.loads(pool.request("GET", f"{url}{OBJECTS}?{query}").data)
                rows += page["results"]
                after = page.get("paging", {}).get("next", {}).get("after")
            with conn.transaction(), conn.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    values, stamp = row["properties"], row["updatedAt"]
                    copy.write_row((row["id"], *(values[n] for n in names), stamp, stamp, stamp))
        taken = time.perf_counter() - began
    opened.dispose()
    return taken
