"""Landing rows in the mirror, against plain COPY of the same rows into the same typed table."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from psycopg import Connection, sql

from bench.apart import empty_database
from bench.measure import Row, median_rates, seconds
from jobs.database import engine
from jobs.wiring import connect_with
from models.vocabulary import Crm
from sync.connector import Connector, KnownVersions
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.mirror.pull import Connect, Pull, pull_object
from sync.mirror.schema import MirrorTable, ensure_schema, ensure_table
from sync.records import CrmRecord, Cursor, Page, ReadSpec

ROWS = 300_000  # so many that beginning and end of a load are not what is measured; `bench.growth` shows smaller ones
PAGE, ROUNDS = 2_000, 3
NOW = datetime(2026, 10, 31, tzinfo=UTC)
FIELDS = (
    FieldDescription("Name", FieldType.TEXT, "Name", "string"),
    FieldDescription("StageName", FieldType.TEXT, "Stage", "picklist"),
    FieldDescription("Amount", FieldType.NUMBER, "Amount", "currency"),
    FieldDescription("CloseDate", FieldType.DATE, "Close date", "date"),
    FieldDescription("IsWon", FieldType.BOOLEAN, "Won", "boolean"),
    FieldDescription("AccountId", FieldType.TEXT, "Account", "reference"),
    FieldDescription("CreatedDate", FieldType.DATETIME, "Created", "datetime"),
    FieldDescription("Probability", FieldType.NUMBER, "Probability", "percent"),
)
DESCRIPTION = ObjectDescription("Opportunity", "Opportunity", FIELDS)
SPEC = ReadSpec("Opportunity", (), every=True)  # mirrored, and no rule reads it
TRACKED = ReadSpec("Opportunity", ("StageName",), every=True)  # a rule reads the stage: its changes are kept
DEMANDS = {
    "first load": 0.9, "update all": 0.4, "update all, an old value kept of each": 0.2, "nothing changed": 0.7,
}  # fmt: skip


def records(version: datetime, stage: str) -> list[CrmRecord]:
    return [
        CrmRecord(
            f"006{i:015d}",
            version + timedelta(seconds=i // 10),
            {
                "Name": f"株式会社テスト {i}",
                "StageName": stage,
                "Amount": f"{i}.50",
                "CloseDate": "2026-12-01",
                "IsWon": i % 2 == 0,
                "AccountId": f"001{i % 997:015d}",
                "CreatedDate": "2026-05-01T07:25:37.000+0000",
                "Probability": "25.0",
            },
        )
        for i in range(ROWS)
    ]


def measure() -> Iterator[Row]:
    with empty_database() as url:
        opened = engine(url)
        connect = connect_with(opened)
        with connect() as conn:
            ensure_schema(conn, "bench", workspace="bench", connection="bench")
            table, _ = ensure_table(conn, "bench", DESCRIPTION, sorted(FIELDS, key=lambda f: f.name))
        yield from _rounds(connect, table)
        opened.dispose()


def _rounds(connect: Connect, table: MirrorTable) -> Iterator[Row]:
    first, second = records(NOW, "Prospecting"), records(NOW + timedelta(days=1), "Closed Won")
    third = records(NOW + timedelta(days=2), "Negotiation")
    ready = as_text(table, first)
    copies: list[float] = []
    kinds: dict[str, list[float]] = {name: [] for name in DEMANDS}
    for _ in range(ROUNDS):
        with connect() as conn:
            _empty(conn, table)
            copies.append(seconds(lambda conn=conn: _plain_copy(conn, table, ready)))
            _empty(conn, table)
        kinds["first load"].append(seconds(lambda: _land(connect, first)))
        kinds["nothing changed"].append(seconds(lambda: _land(connect, first)))
        kinds["update all"].append(seconds(lambda: _land(connect, second)))
        kinds["update all, an old value kept of each"].append(seconds(lambda: _land(connect, third, TRACKED)))
    for (name, taken), demand in zip(kinds.items(), DEMANDS.values(), strict=True):
        rate, ratio = median_rates(ROWS, copies, taken)
        yield Row(f"landing rows, {name}", rate, "rows/s", "plain COPY of the same rows", ratio, demand)


def _empty(conn: Connection[Any], table: MirrorTable) -> None:
    conn.execute(sql.SQL("truncate {}, {}").format(table.identifier, sql.Identifier("bench", "field_history")))
    conn.execute("checkpoint")


def as_text(table: MirrorTable, rows: list[CrmRecord]) -> list[tuple[object, ...]]:
    """The limit is given its rows ready made: all that is left to it is to send them."""
    return [
        (
            r.id,
            *(str(v).lower() if isinstance(v, bool) else v for v in (r.values[f] for f in table.columns)),
            r.version.isoformat(),
            NOW.isoformat(),
            NOW.isoformat(),
        )
        for r in rows
    ]


def _plain_copy(conn: Connection[Any], table: MirrorTable, rows: list[tuple[object, ...]]) -> None:
    names = [
        sql.Identifier(c)
        for c in ("id", *(c for c, _ in table.columns.values()), "_version", "_first_seen_at", "_changed_at")
    ]
    statement = sql.SQL("copy {} ({}) from stdin").format(table.identifier, sql.SQL(", ").join(names))
    for start in range(0, len(rows), PAGE):
        with conn.transaction(), conn.cursor() as cursor, cursor.copy(statement) as copy:
            for r in rows[start : start + PAGE]:
                copy.write_row(r)


class _Pages:
    """A CRM that has its pages at hand: what is left is to land them."""

    connection, crm = "bench", Crm.SALESFORCE

    def __init__(self, rows: list[CrmRecord]) -> None:
        self._rows = rows

    def describe(self, object_name: str) -> ObjectDescription:
        _ = object_name
        return DESCRIPTION

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:
        _ = spec, cursor, known
        for start in range(0, len(self._rows), PAGE):
            yield Page(tuple(self._rows[start : start + PAGE]), {"at": start})


def _land(connect: Connect, rows: list[CrmRecord], spec: ReadSpec = SPEC) -> None:
    pull = Pull("bench", "bench", "bench", "run-bench", lambda: NOW + timedelta(hours=1))
    pull_object(connect, cast("Connector", _Pages(rows)), pull, spec)
