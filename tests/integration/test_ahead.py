"""Reading ahead on a real PostgreSQL: while one page is stored the next is prepared, and nothing but the pace may show it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sync.connector import Connector, KnownVersions
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.errors import Unreachable
from sync.mirror.ahead import BATCH
from sync.mirror.land import rows_of, sort_out
from sync.mirror.place import LandCounts
from sync.mirror.pull import Pull, pull_object
from sync.mirror.rows import Rows
from sync.mirror.schema import MirrorTable, ensure_table
from sync.records import CrmRecord, Cursor, LiveRecord, Page, ReadSpec
from tests.fake_crm import START

Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
FIELDS = (
    FieldDescription("Amount", FieldType.NUMBER, "Amount", "currency"),
    FieldDescription("Name", FieldType.TEXT, "Name", "string"),
)
SPEC = ReadSpec("Thing", ("Amount", "Name"))


@dataclass
class Book:
    """A CRM whose pages are given; `before` is called with each page's place before that page is handed over."""

    told: list[Page]
    error: Exception | None = None
    before: Callable[[int], None] = lambda _place: None
    read: int = 0
    described: tuple[FieldDescription, ...] = FIELDS
    cursors: list[Cursor | None] = field(default_factory=list)

    def describe(self, _object: str) -> ObjectDescription:
        return ObjectDescription("Thing", "Thing", self.described)

    def pages(self, _spec: ReadSpec, cursor: Cursor | None, _known: KnownVersions) -> Iterator[Page]:
        self.cursors.append(cursor)
        for place, page in enumerate(self.told):
            self.before(place)
            self.read += 1
            yield page
        if self.error is not None:
            raise self.error


@pytest.fixture
def connect(engine: Engine) -> Connect:
    return connect_with(engine)


@pytest.fixture
def conn(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


def pull(connect: Connect, book: Book, spec: ReadSpec = SPEC, **more: Any) -> LandCounts:
    now = START + timedelta(days=1)
    return pull_object(
        connect, cast("Connector", book), Pull("main", "fake", "fake", "run-1", lambda: now), spec, **more
    )


def page(at: int, *records: CrmRecord, **more: Any) -> Page:
    return Page(records, {"at": at}, **more)


def record(record_id: str, second: int, **values: Any) -> CrmRecord:
    return CrmRecord(record_id, START + timedelta(seconds=second), {"Amount": "1", "Name": "n", **values})


def held(conn: psycopg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
    return {r[0]: r[1:] for r in conn.execute("select id, name, _deleted from fake.thing").fetchall()}


def cursor_of(conn: psycopg.Connection[Any]) -> Any:
    (kept,) = conn.execute("select cursor from sakigake.mirror_object").fetchall()
    return kept[0]


def test_an_error_of_the_reading_comes_after_the_pages_before_it_are_stored(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    book = Book([page(i, record(f"r{i}", i)) for i in range(3)], error=Unreachable("nobody there"))
    with pytest.raises(Unreachable, match="nobody there"):
        pull(connect, book)
    assert held(conn).keys() == {"r0", "r1", "r2"}
    assert cursor_of(conn) == {"at": 2}


@pytest.mark.parametrize(("values", "read"), [(1, 7), (BATCH, 8)])  # one page that failed and two under way; or all
def test_a_page_that_cannot_be_stored_ends_the_reading_and_what_was_read_ahead_is_not_stored(
    connect: Connect, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, values: int, read: int
) -> None:
    monkeypatch.setattr("sync.mirror.ahead.BATCH", values)
    pull(connect, Book([page(0, record("r0", 0))]))
    conn.execute("alter table fake.thing add constraint small check (length(name) < 5)")
    book = Book([page(i, record(f"r{i}", i, Name="n" * i)) for i in range(1, 9)])
    with pytest.raises(psycopg.errors.CheckViolation):
        pull(connect, book)
    assert held(conn).keys() == {"r0", "r1", "r2", "r3", "r4"}
    assert cursor_of(conn) == {"at": 4}
    assert book.read <= read
    assert not [t for t in threading.enumerate() if t.name == "read ahead"]


@pytest.mark.parametrize(("values", "held"), [(1, 2), (8, 4 + 4 + 1)])  # a page of this book has two values
def test_two_batches_are_held_and_no_more(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, values: int, held: int
) -> None:
    monkeypatch.setattr("sync.mirror.ahead.BATCH", values)
    stored = 0
    ahead: list[int] = []

    def count(counts: LandCounts, _expected: int | None) -> None:
        nonlocal stored
        stored = counts.read

    book = Book([page(i, record(f"r{i}", i)) for i in range(40)], before=lambda place: ahead.append(place - stored))
    pull(connect, book, progress=count)
    assert max(ahead) <= held


def test_pages_that_come_quicker_than_they_can_be_stored_are_stored_together_and_each_version_is_kept(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    pull(connect, Book([page(0, record("r0", 0))]))
    counted: list[int] = []

    def slow(counts: LandCounts, _expected: int | None) -> None:
        """Storing takes until the sixth page is read: it brings a record that waits in a batch already."""
        counted.append(counts.read)
        deadline = time.monotonic() + 60
        while book.read < 6 and time.monotonic() < deadline:
            time.sleep(0.01)

    told = [[record(f"s{i}", i), *([record("r0", i, Name=f"v{i}")] if i in (3, 6) else [])] for i in range(1, 9)]
    book = Book([page(i, *records) for i, records in enumerate(told, 1)])
    pull(connect, book, progress=slow)
    assert counted[:2] == [1, 6]  # the first page; the four behind it, with five records
    assert held(conn).keys() == {"r0", *(f"s{i}" for i in range(1, 9))}
    assert cursor_of(conn) == {"at": 8}
    kept = conn.execute("select old_value, new_value from fake.field_history where field = 'Name' order by changed_at")
    assert kept.fetchall() == [("n", "v3"), ("v3", "v6")]


@pytest.mark.parametrize("more", [{"gone": ("r0",)}, {"refreshed": (LiveRecord("r0", {"Name": "new"}),)}])
def test_behind_a_page_that_later_ones_may_rest_on_nothing_is_read_until_it_is_stored(
    connect: Connect, conn: psycopg.Connection[Any], more: dict[str, Any]
) -> None:
    seen: list[Any] = []

    def look(place: int) -> None:
        if place == 2:
            seen.append(cursor_of(conn))

    pull(connect, Book([page(0, record("r0", 0)), page(1, **more), page(2, record("r2", 2))], before=look))
    assert seen == [{"at": 1}]


def test_what_a_page_deletes_and_a_later_one_brings_back_unchanged_lives(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    pull(connect, Book([page(0, record("r0", 0))]))
    pull(connect, Book([page(1, gone=("r0",)), page(2, record("r0", 0))]))
    assert held(conn) == {"r0": ("n", False)}


def test_a_record_that_two_pages_bring_ends_in_its_newest_version_also_where_it_is_new_to_both(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    pages = [page(i, record("r0", i, Name=f"v{i}"), record(f"s{i}", i)) for i in range(4)]
    counts = pull(connect, Book([*pages, *reversed(pages)]))
    assert held(conn)["r0"] == ("v3", False)
    assert counts.inserted == 5


texts = st.sampled_from(["x", "y", "a\tb", "c\nd", "\\N", "e\\", "", "\x00", "\udc80", "1e400", None])
books = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 4), texts, st.booleans()), max_size=4), max_size=8
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(told=books)
def test_any_pages_end_as_if_each_had_been_stored_before_the_next_was_read(
    connect: Connect, conn: psycopg.Connection[Any], told: list[list[tuple[str, int, str | None, bool]]]
) -> None:
    conn.execute("drop schema if exists fake cascade")
    conn.execute("delete from sakigake.mirror_object")
    truth: dict[tuple[str, int], CrmRecord] = {}
    pages = []
    for at, rows in enumerate(told):
        records = [
            truth.setdefault((i, s), CrmRecord(i, START + timedelta(seconds=s), {"Name": name, "Amount": "1"}, gone))
            for i, s, name, gone in rows
        ]
        pages.append(page(at, *records))
    pull(connect, Book([page(-1, record("z", 0))]))  # rows are there, so that pages are told apart
    pull(connect, Book(pages))
    newest: dict[str, CrmRecord] = {}
    for r in (r for p in pages for r in p.records):
        if r.id not in newest or r.version > newest[r.id].version:
            newest[r.id] = r
    expected = {i: (r.version, r.deleted) for i, r in newest.items()}
    found = conn.execute("select id, _version, _deleted from fake.thing where id <> 'z'").fetchall()
    assert {r[0]: r[1:] for r in found} == expected
    plain = {i: r.values["Name"] for i, r in newest.items() if str(r.values["Name"]) not in {"\x00", "\udc80"}}
    named = dict(conn.execute("select id, name from fake.thing").fetchall())
    assert {i: named[i] for i in plain} == plain


def test_the_same_rows_are_known_by_their_hash_and_staged_nowhere(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    first = page(0, record("r0", 0), record("r1", 0, Name="tab\tand\nline"))
    pull(connect, Book([first]))
    table = table_of(conn)
    with conn.transaction():
        told = sort_out(conn, table, rows_of(table, page(1, *first.records, record("r2", 5))))
    assert (len(told.changed), [r.id for r in told.new.records]) == (0, ["r2"])


def test_a_hash_is_forgotten_where_a_row_is_changed_by_anything_but_a_page(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    pull(connect, Book([page(0, record("r0", 0), record("r1", 0), record("r2", 0))]))
    merged = CrmRecord("r2", START, {}, deleted=True, merged_into="r1")
    pull(connect, Book([page(1, merged, gone=("r0",), refreshed=(LiveRecord("r1", {"Name": "new"}),))]))
    assert conn.execute("select count(_hash) from fake.thing").fetchone() == (0,)


def test_a_hash_speaks_of_the_columns_it_was_made_for() -> None:
    """A field of another type goes on in another column: what reads the same must still be stored there."""
    one = MirrorTable("fake", "thing", "Thing", {"Name": ("name", FieldType.TEXT)})
    other = MirrorTable("fake", "thing", "Thing", {"Name": ("name__date", FieldType.DATE)})
    records = [CrmRecord("r0", START, {"Name": "2026-10-01"})]
    assert Rows(one, records).lines.hashes != Rows(other, records).lines.hashes


def test_a_table_made_before_rows_had_hashes_gets_the_column(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    pull(connect, Book([page(0, record("r0", 0))]))
    conn.execute("alter table fake.thing drop column _hash")
    counts = pull(connect, Book([page(1, record("r0", 0), record("r1", 0))]))
    assert (counts.inserted, counts.changed, counts.touched) == (1, 0, 0)
    assert conn.execute("select id from fake.thing where _hash is not null").fetchall() == [("r1",)]


def table_of(conn: psycopg.Connection[Any]) -> MirrorTable:
    table, _ = ensure_table(conn, "fake", ObjectDescription("Thing", "Thing", FIELDS), FIELDS)
    return table
