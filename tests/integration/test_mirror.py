"""The mirror on a real PostgreSQL: what a page does to the tables, and what a repeated or interrupted one does not."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobs import views
from jobs.steps.lanes import Lane, side_by_side
from jobs.wiring import connect_with
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.errors import FieldMissing, Stop
from sync.mirror.land import land
from sync.mirror.place import Place
from sync.mirror.pull import Pull, pull_object
from sync.mirror.read import Mirror
from sync.mirror.schema import ensure_schema, ensure_table
from sync.mirror.text import restored
from sync.records import AssociationRow, AssociationSet, CrmRecord, HistoryRow, Page, ReadSpec
from tests.fake_crm import START, FakeCrm

SPEC = ReadSpec("Thing", ("Amount", "ClosedOn", "Name"))
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


@pytest.fixture
def connect(engine: Engine) -> Connect:
    return connect_with(engine)


@pytest.fixture
def conn(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


def pulling(crm: FakeCrm, run: str = "run-1") -> Pull:
    return Pull("main", "fake", "fake", run, crm.crm_now)


def pull(connect: Connect, crm: FakeCrm, **kwargs: Any) -> Any:
    return pull_object(connect, crm, pulling(crm), SPEC, **kwargs)


def rows(conn: psycopg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
    return {r[0]: r[1:] for r in conn.execute("select id, name, amount, closedon, _deleted from fake.thing")}


def test_a_first_load_lands_every_record_with_its_types(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    for i in range(7):
        crm.put(f"r{i}", Name=f"株式会社{i}", Amount="12.50", ClosedOn="2026-10-01")
    counts = pull(connect, crm)
    assert (counts.read, counts.inserted, counts.changed) == (7, 7, 0)
    assert rows(conn)["r3"] == ("株式会社3", Decimal("12.50"), datetime(2026, 10, 1).date(), False)
    loaded = conn.execute("select loaded, last_changed_run_id from sakigake.mirror_object").fetchone()
    assert loaded == (True, "run-1")


def test_a_second_pull_reads_only_what_changed_and_rewrites_nothing_else(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    for i in range(7):
        crm.put(f"r{i}", Name=f"n{i}", Amount="1")
    pull(connect, crm)
    before = dict(conn.execute("select id, xmin::text from fake.thing").fetchall())
    crm.put("r2", Name="new")
    counts = pull(connect, crm)
    assert (counts.read, counts.inserted, counts.changed) == (1, 0, 1)
    after = dict(conn.execute("select id, xmin::text from fake.thing").fetchall())
    assert {i for i in after if after[i] != before[i]} == {"r2"}


def test_reading_everything_again_writes_no_row_where_nothing_changed(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    for i in range(5):
        crm.put(f"r{i}", Name=f"n{i}")
    pull(connect, crm)
    before = conn.execute("select id, xmin::text from fake.thing order by id").fetchall()
    counts = pull(connect, crm, full=True)
    assert counts.read == 5
    assert not counts.altered
    assert conn.execute("select id, xmin::text from fake.thing order by id").fetchall() == before


def test_an_older_version_never_replaces_a_newer_one(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)
    new, old = record("a", 5, Name="new"), record("a", 1, Name="old")
    store(conn, table, place, new)
    store(conn, table, place, old)
    assert rows(conn)["a"][0] == "new"


def test_a_record_twice_in_a_page_lands_once_in_its_newest_version(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)
    with conn.transaction():
        counts = land(
            conn, table, Page((record("a", 2, Name="new"), record("a", 1, Name="old")), {}), place, loading=False
        )
    assert counts.inserted == 1
    assert rows(conn)["a"][0] == "new"


def test_only_the_version_moving_counts_as_touched_and_not_as_a_change(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)
    store(conn, table, place, record("a", 1, Name="same"))
    with conn.transaction():
        counts = land(conn, table, Page((record("a", 2, Name="same"),), {}), later(place), loading=False)
    assert (counts.touched, counts.changed, counts.altered) == (1, 0, False)


def test_a_crash_in_the_middle_of_a_page_keeps_the_pages_before_and_their_watermark(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm(page_size=2)
    for i in range(6):
        crm.put(f"r{i}", Name=f"n{i}")
    pages = crm.pages

    def dying(*args: Any) -> Iterator[Page]:
        for i, page in enumerate(pages(*args)):
            if i == 2:
                raise Stop("the line was cut")
            yield page

    crm.pages = dying  # type: ignore[method-assign]
    with pytest.raises(Stop):
        pull(connect, crm)
    assert set(rows(conn)) == {"r0", "r1", "r2", "r3"}
    crm.pages = pages  # type: ignore[method-assign]
    counts = pull(connect, crm)
    assert counts.read == 2
    assert len(rows(conn)) == 6


def test_the_watermark_stays_where_storing_its_page_fails(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    crm.put("a", Name="first")
    pull(connect, crm)
    cursor = conn.execute("select cursor from sakigake.mirror_object").fetchone()
    conn.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'full' using errcode = '53100'; end $$"
    )
    conn.execute(
        "create trigger refuse before update on sakigake.mirror_object for each row when (new.cursor is distinct from old.cursor) execute function refuse()"
    )
    crm.put("b", Name="second")
    with pytest.raises(Stop, match=r"could not store a page of Thing: full.*run again"):
        pull(connect, crm)
    assert set(rows(conn)) == {"a"}
    assert conn.execute("select cursor from sakigake.mirror_object").fetchone() == cursor


def test_a_value_that_does_not_fit_is_parked_and_its_row_still_lands(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    crm.put("a", Name="good", Amount="1.5")
    crm.put("b", Name="bad", Amount="many", ClosedOn="31/12/2026")
    counts = pull(connect, crm)
    assert rows(conn) == {"a": ("good", Decimal("1.5"), None, False), "b": ("bad", None, None, False)}
    assert counts.parked == 2
    parked = conn.execute("select record_id, field, raw, cause from sakigake.parked order by field").fetchall()
    assert [(r[0], r[1], r[2]) for r in parked] == [("b", "Amount", "many"), ("b", "ClosedOn", "31/12/2026")]
    assert "numeric" in parked[0][3]
    told = views.parked(conn, "main")
    assert [(p["field"], p["values"], p["record"]) for p in told] == [("Amount", 1, "b"), ("ClosedOn", 1, "b")]
    assert "many" not in str(told), "where to look, and never the value"
    crm.put("b", Amount="7")
    assert pull(connect, crm).parked == 1, "its other value fits no better than before"
    assert [p["field"] for p in views.parked(conn, "main")] == ["ClosedOn"]
    crm.put("b", ClosedOn="2026-12-31")
    pull(connect, crm)
    assert views.parked(conn, "main") == [], "mended in the CRM, it is told of no longer"


def test_nul_and_lone_surrogates_are_kept_escaped_and_flagged(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    evil = "a\x00b\\c\ud800d"
    crm.put("a", Name=evil)
    counts = pull(connect, crm)
    stored = rows(conn)["a"][0]
    assert restored(stored) == evil
    assert counts.parked == 1


@settings(max_examples=200)
@given(st.text(st.characters(codec=None, categories=None)))
def test_any_text_survives_storing(text: str) -> None:
    from sync.mirror.text import storable

    stored, escaped = storable(text)
    assert stored is not None
    stored.encode("utf-8")
    assert "\x00" not in stored
    assert (restored(stored) if escaped else stored) == text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("\\N", "\\N"),
        ("\\.", "\\."),
        ("", ""),
        (1, "1"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (None, None),
    ],
)
def test_a_value_is_kept_the_same_whatever_stands_beside_it(
    sent: Any, kept: str | None, conn: psycopg.Connection[Any]
) -> None:
    """Plain pages go to PostgreSQL as one block, others row by row: neither may take text for null, or one for true."""
    table, place = prepared(conn)
    store(conn, table, place, record("alone", 1, Name=sent))
    with conn.transaction():
        land(
            conn,
            table,
            Page((record("beside", 1, Name=sent), record("care", 1, Name="a\tb")), {}),
            place,
            loading=False,
        )
    assert (rows(conn)["alone"][0], rows(conn)["beside"][0]) == (kept, kept)


def test_deleted_records_stay_and_are_marked(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    crm.put("a", Name="x")
    pull(connect, crm)
    crm.put("a", deleted=True)
    counts = pull(connect, crm)
    assert counts.altered
    assert rows(conn)["a"] == ("x", None, None, True)
    with conn.transaction():
        assert list(mirror(conn).rows("fake", "Thing", ["Name"])) == []
        assert [r.id for r in mirror(conn).rows("fake", "Thing", ["Name"], deleted=True)] == ["a"]


def test_ids_reported_gone_are_marked_deleted_once(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)
    store(conn, table, place, record("a", 1, Name="x"))
    for expected in (1, 0):
        with conn.transaction():
            assert (
                land(conn, table, Page((), {}, gone=("a", "never seen")), later(place), loading=False).deleted
                == expected
            )


def test_a_record_that_was_merged_away_keeps_its_values_and_names_the_winner(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)
    store(conn, table, place, record("a", 1, Name="loser"))
    gone = CrmRecord("a", START + timedelta(seconds=9), {}, deleted=True, merged_into="b")
    for expected in (1, 0):
        with conn.transaction():
            counts = land(conn, table, Page((gone,), {}), later(place), loading=False)
        assert (counts.deleted, counts.history) == (expected, 0)
    assert rows(conn)["a"] == ("loser", None, None, True)
    assert conn.execute("select _merged_into from fake.thing").fetchone() == ("b",)


def test_every_change_of_a_field_is_kept_with_old_and_new_value(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    crm.put("a", Name="one", Amount="1")
    pull(connect, crm)
    crm.put("a", Name="two")
    pull(connect, crm)
    crm.put("a", Amount="2")
    pull(connect, crm)
    kept = conn.execute(
        "select field, old_value, new_value, origin from fake.field_history order by changed_at"
    ).fetchall()
    assert kept == [("Name", "one", "two", "observed"), ("Amount", "1", "2", "observed")]


def test_history_of_the_crm_is_stored_once_however_often_it_comes(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)
    told = HistoryRow("a", "Name", "h1", None, "x", START)
    for expected in (1, 0):
        with conn.transaction():
            assert land(conn, table, Page((), {}, history=(told, told)), place, loading=False).history == expected
    with conn.transaction():
        conn.execute(
            "insert into sakigake.mirror_object (workspace, connection, object, table_name, description, fields, updated_at) values ('main', 'fake', 'Thing', 'fake.thing', '{\"fields\": []}', '[]', now())"
        )
        assert list(mirror(conn).history("fake", "Thing", ["Name"])) == [told]


def test_links_become_exactly_what_the_crm_says(conn: psycopg.Connection[Any]) -> None:
    table, place = prepared(conn)

    def link(*pairs: tuple[str, str]) -> int:
        found = tuple(AssociationRow(a, b, "1", "USER_DEFINED", "partner") for a, b in pairs)
        with conn.transaction():
            return land(
                conn,
                table,
                Page((), {}, associations=(AssociationSet("Other", ("a", "b"), found),)),
                place,
                loading=False,
            ).links

    assert link(("a", "x"), ("b", "y")) == 2
    assert link(("a", "x"), ("b", "y")) == 0
    assert link(("a", "z")) == 3
    assert conn.execute("select from_id, to_id from fake.association").fetchall() == [("a", "z")]


def test_a_field_added_to_the_mapping_is_read_for_every_record(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    crm.put("a", Name="x", Amount="5")
    pull_object(connect, crm, pulling(crm), ReadSpec("Thing", ("Name",)))
    pull_object(connect, crm, pulling(crm, "run-2"), ReadSpec("Thing", ("Amount", "Name")))
    assert conn.execute("select name, amount from fake.thing").fetchall() == [("x", Decimal(5))]


def test_an_unknown_field_is_refused_before_anything_is_stored(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    crm.put("a", Name="x")
    with pytest.raises(FieldMissing, match=r"Thing has no field Stage that our user can see.*mapping\.yaml"):
        pull_object(connect, crm, pulling(crm), ReadSpec("Thing", ("Name", "Stage")))
    assert conn.execute("select to_regclass('fake.thing')").fetchone() == (None,)


def test_a_schema_that_belongs_to_something_else_is_refused(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    conn.execute("create schema fake")
    with pytest.raises(Stop, match=r"already has a schema named fake.*schema:"):
        pull(connect, FakeCrm())


def test_columns_carry_label_and_help(conn: psycopg.Connection[Any]) -> None:
    fields = (
        FieldDescription("Amount", FieldType.NUMBER, "金額", "currency", help="税抜き"),
        FieldDescription("Name", FieldType.TEXT, "Name", "string"),
    )
    with conn.transaction():
        ensure_schema(conn, "fake", workspace="main", connection="fake")
        ensure_table(conn, "fake", ObjectDescription("Thing", "案件", fields), fields)
    query = """select attname, col_description(attrelid, attnum) from pg_attribute
        where attrelid = 'fake.thing'::regclass and attname in ('amount', 'name')"""
    assert dict(conn.execute(query).fetchall()) == {"amount": "金額: 税抜き", "name": "Name"}
    assert conn.execute("select obj_description('fake.thing'::regclass)").fetchone() == ("案件",)


def test_the_description_is_kept_with_the_mirror(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    crm.put("a", Name="x")
    pull(connect, crm)
    kept = conn.execute("select description, fields from sakigake.mirror_object").fetchone()
    assert kept is not None
    assert [f["name"] for f in kept[0]["fields"]] == ["Amount", "ClosedOn", "Name"]
    assert json.dumps(kept[1]) == '["Amount", "ClosedOn", "Name"]'


versions = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.sampled_from(["x", "y", "z"]), st.booleans()), max_size=12
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=versions, order=st.randoms(use_true_random=False))
def test_pages_in_any_order_and_repeated_end_in_the_newest_versions(
    conn: psycopg.Connection[Any], history: list[tuple[str, int, str, bool]], order: Any
) -> None:
    conn.execute("drop schema if exists fake cascade")
    table, place = prepared(conn)
    truth: dict[tuple[str, int], CrmRecord] = {}
    for i, version, name, deleted in history:
        truth.setdefault((i, version), CrmRecord(i, START + timedelta(seconds=version), {"Name": name}, deleted))
    told = [*truth.values(), *truth.values()]
    order.shuffle(told)
    for at in range(0, len(told), 3):
        with conn.transaction():
            land(conn, table, Page(tuple(told[at : at + 3]), {}), place, loading=False)
    newest = {i: max((r for (j, _), r in truth.items() if j == i), key=lambda r: r.version) for i, _ in truth}
    assert {i: (r[0], r[3]) for i, r in rows(conn).items()} == {
        i: (r.values["Name"], r.deleted) for i, r in newest.items()
    }


def record(record_id: str, second: int, **values: Any) -> CrmRecord:
    return CrmRecord(record_id, START + timedelta(seconds=second), values)


def prepared(conn: psycopg.Connection[Any]) -> tuple[Any, Place]:
    crm = FakeCrm()
    with conn.transaction():
        ensure_schema(conn, "fake", workspace="main", connection="fake")
        table, _ = ensure_table(conn, "fake", crm.describe("Thing"), [*sorted(crm.fields, key=lambda f: f.name)])
    return table, Place("main", "fake", "run-1", datetime(2026, 11, 1, tzinfo=UTC), ("Name",))


def test_objects_of_one_connection_that_are_first_read_side_by_side_share_its_schema(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    crm.put("r1", Name="a")
    together = threading.Barrier(6, timeout=60)

    def act(_connection: str, _name: str, _lane: Lane) -> None:
        with connect() as mine, mine.transaction():
            mine.execute("select 1 from pg_namespace")
            together.wait()
            ensure_schema(mine, "fake", workspace="main", connection="fake")

    outcomes = side_by_side({"fake": "123456"}, {"fake": 6}, act)
    assert [o.error for o in outcomes] == [None] * 6
    pull(connect, crm)
    assert list(rows(conn)) == ["r1"]


def later(place: Place) -> Place:
    return Place(place.workspace, place.connection, "run-2", place.now + timedelta(minutes=1), place.tracked)


def store(conn: psycopg.Connection[Any], table: Any, place: Place, one: CrmRecord) -> None:
    with conn.transaction():
        land(conn, table, Page((one,), {}), place, loading=False)


def mirror(conn: psycopg.Connection[Any]) -> Mirror:
    return Mirror(conn, "main", lambda connection: connection)


def test_names_of_columns_are_guessable_and_never_clash() -> None:
    from sync.mirror.names import column_names, table_name

    assert table_name("AttackListEntry__c") == "attacklistentry__c"
    names = column_names(["StageName", "Amount", "id", "AMOUNT", "_version", "x" * 80])
    assert names["StageName"] == "stagename"
    assert len(set(names.values())) == 6
    assert names["id"] != "id"
    assert names["_version"] != "_version"
    assert column_names(["xmin"])["xmin"] != "xmin"  # PostgreSQL has one of its own
    assert all(len(n.encode()) <= 63 for n in names.values())


def test_a_description_with_a_changed_type_parks_what_no_longer_fits(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    crm.put("a", Name="x", Amount="1")
    pull(connect, crm)
    crm.fields = tuple(
        FieldDescription("Amount", FieldType.TEXT, "Amount", "string") if f.name == "Amount" else f for f in crm.fields
    )
    crm.put("b", Name="y", Amount="lots")
    assert pull(connect, crm).parked == 1
    assert rows(conn)["b"][:2] == ("y", None)


def test_a_description_is_asked_for_again_only_when_it_is_old_or_wrong(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    asked: list[str] = []
    describe = crm.describe

    def counting(name: str) -> Any:
        asked.append(name)
        return describe(name)

    crm.describe = counting  # type: ignore[method-assign]
    for wait in (timedelta(), timedelta(hours=1), timedelta(hours=6)):
        crm.now += wait
        pull(connect, crm)
    assert len(asked) == 2
    pages = crm.pages

    def hidden(*_: Any) -> Any:
        raise FieldMissing("Thing has no field Name that our user can see.")

    crm.pages = hidden  # type: ignore[method-assign]
    with pytest.raises(FieldMissing):
        pull(connect, crm)
    assert len(asked) == 3
    crm.pages = pages  # type: ignore[method-assign]
    pull(connect, crm)
    pull(connect, crm)
    assert len(asked) == 4
