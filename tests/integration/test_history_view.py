"""Kept changes as people ask for them: with typed values, and under the record that stands for a merged one today."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sync.described import FieldDescription, FieldType
from sync.mirror.land import land
from sync.mirror.place import Place
from sync.mirror.pull import Pull, pull_object
from sync.mirror.schema import MirrorTable
from sync.records import HistoryRow, Page, ReadSpec
from tests.fake_crm import START, FakeCrm

Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


@pytest.fixture
def connect(engine: Engine) -> Connect:
    return connect_with(engine)


@pytest.fixture
def conn(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


def pulling(crm: FakeCrm) -> Pull:
    return Pull("main", "fake", "fake", "run-1", crm.crm_now)


TYPED = (
    FieldDescription("Name", FieldType.TEXT, "Name", "string"),
    FieldDescription("Amount", FieldType.NUMBER, "Amount", "currency", help="Without tax"),
    FieldDescription("ClosedOn", FieldType.DATE, "Closed on", "date"),
    FieldDescription("SeenAt", FieldType.DATETIME, "Seen at", "datetime"),
    FieldDescription("Won", FieldType.BOOLEAN, "Won", "boolean"),
)


def test_history_can_be_asked_for_with_typed_values(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    """What the CRM itself told and what was observed, in columns of numbers, days, moments and flags; what does not fit stays text."""
    crm = FakeCrm(fields=TYPED)
    spec = ReadSpec("Thing", tuple(sorted(f.name for f in TYPED)))
    for values in (
        {"Name": "one", "Amount": "12.50", "ClosedOn": "2026-10-01", "SeenAt": "2026-10-01T00:00:00.000+0000", "Won": False},
        {"Name": "two", "Amount": "1e3", "ClosedOn": "2026-10-02", "SeenAt": "2026-10-02T09:00:00Z", "Won": True},
    ):  # fmt: skip
        crm.put("a", **values)
        pull_object(connect, crm, pulling(crm), spec)
    table, place = MirrorTable("fake", "thing", "Thing", {}), Place("main", "fake", "run", crm.now, ())
    told = HistoryRow("a", "Amount", "h1", "lots", "0x1F", START)
    with conn.transaction():
        land(conn, table, Page((), {}, history=(told,)), place, loading=False)
    columns = "field, old_value, new_value, old_number, new_number, new_on, new_at, new_flag, origin"
    held = {(r[0], r[-1]): r[1:-1] for r in conn.execute(f"select {columns} from fake.thing__history")}
    assert held["Name", "observed"] == ("one", "two", None, None, None, None, None)
    assert held["Amount", "observed"][2:] == (Decimal("12.5"), Decimal(1000), None, None, None)
    assert held["ClosedOn", "observed"][4] == date(2026, 10, 2)
    assert held["SeenAt", "observed"][5] == datetime(2026, 10, 2, 9, tzinfo=UTC)
    assert held["Won", "observed"][6] is True
    assert held["Amount", "crm"] == ("lots", "0x1F", None, None, None, None, None), "no number, and told as it is"
    crm.fields = (*TYPED, FieldDescription("Late", FieldType.NUMBER, "Late", "double"))
    pull_object(connect, crm, pulling(crm), ReadSpec("Thing", (*spec.fields, "Late")))
    crm.put("a", Late="7")
    pull_object(connect, crm, pulling(crm), ReadSpec("Thing", (*spec.fields, "Late")))
    late = conn.execute("select old_number, new_number from fake.thing__history where field = 'Late'").fetchall()
    assert late == [(None, Decimal(7))]


def test_what_a_merged_record_went_through_stands_under_the_last_winner(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    for one in "abc":
        crm.put(one, Name=f"{one} before")
    pull_object(connect, crm, pulling(crm), ReadSpec("Thing", ("Name",)))
    for one in "abc":
        crm.put(one, Name=f"{one} after")
    pull_object(connect, crm, pulling(crm), ReadSpec("Thing", ("Name",)))
    query = "select id, was_on, new_value from fake.thing__history order by was_on"
    assert conn.execute(query).fetchall() == [(i, i, f"{i} after") for i in "abc"]
    for loser, winner in (("a", "b"), ("b", "c")):
        crm.put(loser)
        crm.records[loser] = replace(crm.records[loser], deleted=True, merged_into=winner)
    pull_object(connect, crm, pulling(crm), ReadSpec("Thing", ("Name",)))
    assert conn.execute(query).fetchall() == [("c", i, f"{i} after") for i in "abc"]
    conn.execute("update fake.thing set _merged_into = 'a' where id = 'c'")  # a circle, which no CRM makes, ends too
    assert {r[1] for r in conn.execute(query)} == {"a", "b", "c"}
