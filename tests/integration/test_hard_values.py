"""Values that break mirrors: stored whole and exactly, or parked with their cause; never another value, never a lost row."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sync.described import FieldDescription, FieldType
from sync.errors import Stop
from sync.mirror.pull import Pull, pull_object
from sync.records import ReadSpec
from tests.fake_crm import FakeCrm

Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
KINDS = {"Note": FieldType.TEXT, "Amount": FieldType.NUMBER, "On": FieldType.DATE, "At": FieldType.DATETIME}


@pytest.fixture
def connect(engine: Engine) -> Connect:
    return connect_with(engine)


@pytest.fixture
def conn(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


@pytest.fixture
def crm() -> FakeCrm:
    return FakeCrm(fields=tuple(FieldDescription(n, k, n, k.name) for n, k in KINDS.items()))


def pull(connect: Connect, crm: FakeCrm) -> Any:
    spec = ReadSpec("Thing", tuple(sorted(f.name for f in crm.fields)))
    return pull_object(connect, crm, Pull("main", "fake", "fake", "run", crm.crm_now), spec)


def ways(connect: Connect, crm: FakeCrm, field: str, value: Any) -> int:
    """The value in a first load, as a change, and in a column that is filled: each way has its own statement. Returns what was parked."""
    crm.put("loaded", **{field: value})
    parked = pull(connect, crm).parked
    crm.put("changed", Note="before")
    parked += pull(connect, crm).parked
    crm.put("changed", **{field: value})
    parked += pull(connect, crm).parked
    crm.fields = (*crm.fields, FieldDescription("Late" + field, KINDS[field], "late", "late"))
    crm.records = {i: type(r)(i, r.version, {**r.values, "Late" + field: value}) for i, r in crm.records.items()}
    return int(parked + pull(connect, crm).parked)


def held(conn: psycopg.Connection[Any], field: str) -> list[Any]:
    columns = (
        f'select {field.lower()}_ from (select "{field.lower()}" as {field.lower()}_ from fake.thing order by id) t'
    )
    late = f"select late{field.lower()} from fake.thing order by id"
    return [r[0] for query in (columns, late) for r in conn.execute(query)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "長" * 131_072,
        "\ufeffwith a mark",
        "one\r\ntwo\rthree\n",
        "שלום \u202eabc\u202c مرحبا",
        "👩‍👩‍👧‍👦 🇯🇵 𠮷野家",
        "\\u0000 \\N \\. \t\v\x7f",
        "  blanks  ",
    ],
    ids=["long", "bom", "crlf", "rtl", "emoji", "escapes", "blanks"],
)
def test_text_is_stored_as_it_is(connect: Connect, conn: psycopg.Connection[Any], crm: FakeCrm, text: str) -> None:
    assert ways(connect, crm, "Note", text) == 0
    assert held(conn, "Note") == [text] * 4


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("123456789012345678.123456789012345678", Decimal("123456789012345678.123456789012345678")),
        ("0.100000000000000001", Decimal("0.100000000000000001")),
        ("-0", Decimal(0)),
        ("1e400", Decimal(10) ** 400),
        ("-1.5E-3", Decimal("-0.0015")),
        ("12.", Decimal(12)),
        ("", None),
    ],
)
def test_numbers_are_exact(
    connect: Connect, conn: psycopg.Connection[Any], crm: FakeCrm, sent: str, value: Decimal | None
) -> None:
    assert ways(connect, crm, "Amount", sent) == 0
    found = [r[0] for r in conn.execute("select amount from fake.thing union all select lateamount from fake.thing")]
    assert found == [value] * 4


@pytest.mark.parametrize(
    ("field", "sent", "value"),
    [
        ("On", "1700-01-01", date(1700, 1, 1)),
        ("On", "4000-12-31", date(4000, 12, 31)),
        ("At", "1700-01-01T00:00:00.000+0000", datetime(1700, 1, 1, tzinfo=UTC)),
        ("At", "4000-12-31T23:59:59.999Z", datetime(4000, 12, 31, 23, 59, 59, 999000, UTC)),
        ("At", "2026-03-29T02:30:00.000+09:00", datetime(2026, 3, 28, 17, 30, tzinfo=UTC)),
        ("At", "2026-11-01T01:30:00-0400", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ],
)
def test_dates_and_times_are_the_same_instants(
    connect: Connect, conn: psycopg.Connection[Any], crm: FakeCrm, field: str, sent: str, value: Any
) -> None:
    assert ways(connect, crm, field, sent) == 0
    assert held(conn, field) == [value] * 4


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        *(
            ("On", word)
            for word in ("now", "today", "infinity", "epoch", "991231", "01/02/2026", "J2451187", "2026-02-30")
        ),
        *(("At", word) for word in ("now", "-infinity", "tomorrow", "1790000000000", "2026-10-01 BC", "allballs")),
        *(("Amount", word) for word in ("NaN", "Infinity", "0x1F", "1_000", "1,000", "twelve")),
    ],
)
def test_words_that_postgresql_would_take_for_values_are_parked(
    connect: Connect, conn: psycopg.Connection[Any], crm: FakeCrm, field: str, sent: str
) -> None:
    assert ways(connect, crm, field, sent) == 4
    assert held(conn, field) == [None] * 4
    raws = conn.execute("select distinct raw from sakigake.parked").fetchall()
    assert raws == [(sent,)]


def test_eight_hundred_columns_are_stored_whole(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    names = [f"f{i:03}" for i in range(800)]
    crm = FakeCrm(fields=tuple(FieldDescription(n, FieldType.TEXT, n, "string") for n in names))
    for i in range(4):
        crm.put(f"r{i}", **{n: f"{n}/{i}" for n in names})
    assert pull(connect, crm).inserted == 4
    crm.now += timedelta(days=1)
    crm.put("r1", f799="changed")
    assert pull(connect, crm).changed == 1
    row = conn.execute("select f000, f400, f799 from fake.thing where id = 'r1'").fetchone()
    assert row == ("f000/1", "f400/1", "changed")


def test_a_row_that_no_table_can_hold_is_refused_by_name(connect: Connect) -> None:
    names = [f"f{i:03}" for i in range(800)]
    crm = FakeCrm(fields=tuple(FieldDescription(n, FieldType.TEXT, n, "string") for n in names))
    crm.put("r", **dict.fromkeys(names, "twenty letters or so"))
    with pytest.raises(Stop, match=r"row is too big.*800 columns.*Mirror fewer"):
        pull(connect, crm)
