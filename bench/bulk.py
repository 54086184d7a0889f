"""A first load by Bulk API 2.0, from request to commit, against downloading and COPYing the same results and nothing else.

Sandbox, pull and limit each run in a process of their own, so that none takes the other's time or memory for its own. Rows are
SAKIGAKE_BENCH_BULK_ROWS; a million need 1.5 GB for the sandbox.
"""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql

from bench.apart import apart, empty_database, peak, serving
from bench.measure import Row, median_rates
from jobs.database import engine
from jobs.wiring import connect_with
from sandbox.server import serve
from sandbox.settings import SandboxSettings
from sync.mirror.pull import Pull, pull_object
from sync.mirror.schema import LANDING
from sync.records import ReadSpec
from sync.salesforce import ClientCredentials, SalesforceConnector

ROWS = int(os.environ.get("SAKIGAKE_BENCH_BULK_ROWS", "1000000"))
ROUNDS, PAGE, MEMORY = 3, 50_000, 300.0  # MiB
SPEC = ReadSpec(
    "AttackListEntry__c",
    ("Name", "Partner__c", "TargetName__c", "TargetWebsite__c", "TargetPhone__c", "TargetPrefecture__c",
     "Status__c", "ListedOn__c", "CreatedDate"),
)  # fmt: skip
TABLE = sql.Identifier("bulk", "attacklistentry__c")
COLUMNS = ("id", "_version", "_deleted", *(f.lower() for f in SPEC.fields))


def measure() -> Iterator[Row]:
    with sandbox(ROWS) as url, empty_database() as db:
        yield from _rounds(url, db)


@contextmanager
def sandbox(rows: int) -> Iterator[str]:
    """A sandbox whose object has so many rows."""
    settings = SandboxSettings(partners=20, months=6, entries=200, rows={SPEC.object: rows})
    with serving(_serve, settings) as url:
        yield url


def _rounds(url: str, db: str) -> Iterator[Row]:
    pulls: list[float] = []
    limits: list[float] = []
    peaks: list[float] = []
    for _ in range(ROUNDS):
        seconds, most, read = apart(pull, url, db)
        if read < ROWS:
            raise AssertionError(f"{read} of {ROWS} rows were stored")
        pulls.append(seconds)
        peaks.append(most)
        limits.append(apart(_limit, url, db, read))
    rate, ratio = median_rates(ROWS, limits, pulls)
    yield Row(f"Salesforce by Bulk 2, {ROWS:,} rows", rate, "rows/s", "download and COPY alone", ratio, 0.7)
    most = statistics.median(peaks)
    yield Row(f"memory of that, {ROWS:,} rows", most, "MiB", f"{MEMORY:.0f} MiB", MEMORY / most, 1.0)


def _serve(settings: SandboxSettings, ready: Any) -> None:
    serve(settings, ready=ready.put)


def _connector(url: str) -> SalesforceConnector:
    settings = SandboxSettings()
    auth = ClientCredentials(settings.salesforce_client_id, settings.salesforce_client_secret)
    return SalesforceConnector("bulk", url, auth, bulk_threshold=1000, bulk_page=PAGE)


def pull(url: str, db: str) -> tuple[float, float, int]:
    """(seconds from the first request to the last commit, peak of memory in MiB, records read)."""
    opened, connector = engine(db), _connector(url)
    connect = connect_with(opened)
    with connect() as conn:
        conn.execute("drop schema if exists bulk cascade")
        conn.execute("delete from sakigake.mirror_object")
        conn.execute("checkpoint")
    began = time.perf_counter()
    counts = pull_object(connect, connector, Pull("bench", "bulk", "bulk", "run", connector.crm_now), SPEC)
    taken = time.perf_counter() - began
    if counts.inserted != counts.read:
        raise AssertionError(f"{counts.inserted} of {counts.read} rows were stored")
    connector.close()
    opened.dispose()
    return taken, peak(), counts.read


def _limit(url: str, db: str, rows: int) -> float:
    """Seconds to download the results of a job that is done, and to COPY them as they are."""
    opened, connector = engine(db), _connector(url)
    client = connector._client  # noqa: SLF001  (the limit is this client without everything that we do)
    query = f"SELECT Id, SystemModstamp, IsDeleted, {', '.join(SPEC.fields)} FROM {SPEC.object}"
    made = client.post("jobs/query", {"operation": "queryAll", "query": query}, "limit")
    path = f"jobs/query/{made['id']}"
    while client.get(path, "limit")["state"] != "JobComplete":
        time.sleep(0.05)
    names = sql.SQL(", ").join(sql.Identifier(c) for c in COLUMNS)
    copy_in = sql.SQL("copy {} ({}) from stdin with (format csv, header, force_null ({}))").format(TABLE, names, names)
    with connect_with(opened)() as conn:
        conn.execute(sql.SQL("truncate {}").format(TABLE))
        conn.execute("select set_config(%s, now()::text, false)", (LANDING,))
        conn.execute("checkpoint")
        stored, locator = 0, ""
        began = time.perf_counter()
        while locator != "null":
            params = {"maxRecords": str(PAGE)} | ({"locator": locator} if locator else {})
            reply = client.stream(f"/services/data/v{client.version()}/{path}/results", params, "limit")
            locator = reply.headers["Sforce-Locator"]
            with conn.transaction(), conn.cursor() as cursor:
                with cursor.copy(copy_in) as copy:
                    for block in reply.iter_content(1 << 17):
                        copy.write(block)
                stored += cursor.rowcount
        taken = time.perf_counter() - began
    if stored != rows:
        raise AssertionError(f"{stored} of {rows} rows were stored")
    client.change("DELETE", path, None, "limit")
    connector.close()
    opened.dispose()
    return taken
