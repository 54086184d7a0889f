"""Descriptions that change under us: nothing hidden is read as empty, nothing is rewritten, and it is told what rests on it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from jobs.views import drift, status
from jobs.wiring import connect_with
from sync.described import FieldDescription, FieldType
from sync.errors import FieldMissing, ObjectMissing
from sync.mirror.prepare import DESCRIBE_AGAIN
from sync.mirror.pull import Pull, pull_object
from sync.mirror.read import Mirror
from sync.mirror.reconcile import reconcile_object
from sync.records import LiveRecord, ReadSpec
from tests.fake_crm import FakeCrm

SPEC = ReadSpec("Thing", ("Amount", "ClosedOn", "Name"))
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


@pytest.fixture
def connect(engine: Engine) -> Connect:
    return connect_with(engine)


@pytest.fixture
def conn(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


class Crm(FakeCrm):
    """Refuses to read what it hides, as the real ones do; counts what it is asked."""

    asked: tuple[str, ...] = ()

    def pages(self, spec: ReadSpec, cursor: Any, known: Any) -> Any:
        hidden = set(spec.fields) - {f.name for f in self.fields}
        if hidden:
            raise FieldMissing(f"Thing has no {', '.join(hidden)}.")
        yield from super().pages(spec, cursor, known)

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, LiveRecord]:
        self.asked = (*self.asked, *fields)
        return super().read(object_name, ids, fields)

    def hide(self, name: str) -> FieldDescription:
        hidden = next(f for f in self.fields if f.name == name)
        self.fields = tuple(f for f in self.fields if f.name != name)
        return hidden

    def change(self, field: str, /, **what: Any) -> None:
        self.fields = tuple(replace(f, **what) if f.name == field else f for f in self.fields)


def loaded(connect: Connect, n: int = 4) -> Crm:
    crm = Crm()
    for i in range(n):
        crm.put(f"r{i}", Name=f"n{i}", Amount=str(i), ClosedOn="2026-10-01")
    pull(connect, crm)
    return crm


def pull(connect: Connect, crm: FakeCrm, spec: ReadSpec = SPEC, run: str = "run", **options: Any) -> Any:
    def depends(object_name: str, field: str) -> dict[str, list[str]]:
        return {"rules": [f"entries[0] reads {object_name}.{field}"], "milestones": ["deal"]}

    return pull_object(connect, crm, Pull("main", "fake", "fake", run, crm.crm_now, depends), spec, **options)


def later(crm: FakeCrm) -> None:
    """Long enough for the description to be asked for again."""
    crm.now += DESCRIBE_AGAIN + timedelta(minutes=1)


def amounts(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    return dict(conn.execute("select id, amount from fake.thing").fetchall())


def kept(conn: psycopg.Connection[Any], column: str) -> Any:
    row = conn.execute(f"select {column} from sakigake.mirror_object").fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


def told(conn: psycopg.Connection[Any], *, is_open: bool | None = None) -> list[tuple[Any, ...]]:
    found = drift(conn, "main")
    return [(d["field"], d["kind"], d["was"], d["now"]) for d in found if is_open in (None, d["resolved_at"] is None)]


def comment(conn: psycopg.Connection[Any], column: str) -> str:
    row = conn.execute(
        "select col_description('fake.thing'::regclass, attnum) from pg_attribute where attrelid = 'fake.thing'::regclass and attname = %s",
        (column,),
    ).fetchone()
    return str(row[0]) if row else ""


def test_a_field_that_vanishes_keeps_its_old_values_and_the_others_are_read_on(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.hide("Amount")
    crm.put("r1", Name="new", Amount=None)
    crm.put("r9", Name="born since")
    counts = pull(connect, crm)
    assert (counts.inserted, counts.changed) == (1, 1)
    assert amounts(conn) == {"r0": 0, "r1": 1, "r2": 2, "r3": 3, "r9": None}
    assert list(kept(conn, "stale")) == ["Amount"]
    assert "STALE" in comment(conn, "amount")
    assert told(conn) == [("Amount", "missing", "numeric", None)]
    assert drift(conn, "main")[0]["depends"]["rules"] == ["entries[0] reads Thing.Amount"]
    assert status(conn, "main")["objects"][0]["stale_fields"] == ["Amount"]
    assert conn.execute("select count(*) from fake.field_history where field = 'Amount'").fetchone() == (0,)


def test_nobody_reads_a_stale_column_as_if_it_were_up_to_date(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.hide("Amount")
    pull(connect, crm)
    later(crm)
    pull(connect, crm)
    with conn.transaction(), pytest.raises(KeyError):
        list(Mirror(conn, "main", lambda c: c).rows("fake", "Thing", ["Amount"]))


def test_a_field_that_is_hidden_for_cycles_is_told_of_once(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.hide("Amount")
    for _ in range(3):
        later(crm)
        pull(connect, crm)
    assert told(conn) == [("Amount", "missing", "numeric", None)]


def test_a_field_that_comes_back_is_filled_by_itself_and_no_version_moves(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    hidden = crm.hide("Amount")
    pull(connect, crm)
    crm.put("r9", Name="born since", Amount="9")
    pull(connect, crm)
    held = crm.records["r2"]
    crm.records["r2"] = replace(held, values={**held.values, "Amount": "22"})  # long ago, while we could not see it
    crm.fields = (*crm.fields, hidden)
    before = conn.execute("select id, _version from fake.thing order by id").fetchall()
    counts = pull(connect, crm, run="back")
    assert (counts.read, counts.changed) == (0, 2)
    assert amounts(conn) == {"r0": 0, "r1": 1, "r2": 22, "r3": 3, "r9": 9}
    assert crm.asked == ("Amount",)
    assert conn.execute("select id, _version from fake.thing order by id").fetchall() == before
    assert (kept(conn, "stale"), kept(conn, "filling"), kept(conn, "last_changed_run_id")) == ({}, {}, "back")
    assert comment(conn, "amount") == "Amount"
    assert told(conn, is_open=True) == []
    changes = conn.execute("select record_id, old_value, new_value from fake.field_history").fetchall()
    assert changes == [("r2", "2", "22")]  # r9 never had another one


def test_a_field_with_an_heir_of_its_label_and_type_is_suggested_as_renamed(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.change("Amount", name="Amount2")
    pull(connect, crm)
    assert told(conn) == [("Amount", "renamed", "numeric", "Amount2")]
    assert amounts(conn)["r3"] == 3


def test_a_field_that_the_mapping_wants_no_more_is_settled(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.hide("Amount")
    pull(connect, crm)
    pull(connect, crm, ReadSpec("Thing", ("ClosedOn", "Name")))
    assert (told(conn, is_open=True), kept(conn, "stale")) == ([], {})


def test_a_field_that_was_never_there_is_a_mistake_and_stores_nothing(connect: Connect) -> None:
    crm = loaded(connect)
    with pytest.raises(FieldMissing, match="no field Stage"):
        pull(connect, crm, ReadSpec("Thing", ("Name", "Stage")))


@pytest.mark.parametrize(
    ("name", "kind", "column", "change", "value", "becomes"),
    [
        ("Amount", FieldType.TEXT, "amount__text", "widened", "lots", "lots"),
        ("ClosedOn", FieldType.DATETIME, "closedon__datetime", "widened", "2026-10-01T09:00:00Z", None),
        ("Name", FieldType.NUMBER, "name__number", "retyped", "12.5", Decimal("12.5")),
    ],
)
def test_a_field_of_another_type_goes_on_in_a_column_beside_and_the_old_one_keeps_its_values(
    connect: Connect,
    conn: psycopg.Connection[Any],
    name: str,
    kind: FieldType,
    column: str,
    change: str,
    value: str,
    becomes: Any,
) -> None:
    crm = loaded(connect)
    before = conn.execute(f"select {name.lower()} from fake.thing order by id").fetchall()  # type: ignore[arg-type]
    crm.change(name, type=kind)
    for i, r in crm.records.items():
        crm.records[i] = replace(r, values={**r.values, name: value})
    node = conn.execute("select pg_relation_filenode('fake.thing')").fetchone()
    later(crm)
    pull(connect, crm)
    assert conn.execute("select pg_relation_filenode('fake.thing')").fetchone() == node  # never rewritten
    assert conn.execute(f"select {name.lower()} from fake.thing order by id").fetchall() == before  # type: ignore[arg-type]
    assert column in comment(conn, name.lower())
    assert [d[:2] for d in told(conn)] == [(name, change)]
    assert crm.asked == (name,)
    with conn.transaction():
        found = [r.values[name] for r in Mirror(conn, "main", lambda c: c).rows("fake", "Thing", [name])]
    assert len(found) == 4
    assert all(v == becomes for v in found) or becomes is None
    assert None not in found
    crm.put("r1", **{name: value})
    assert pull(connect, crm).parked == 0


def test_a_type_that_goes_back_finds_its_first_column_again(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    for kind in (FieldType.TEXT, FieldType.NUMBER):
        crm.change("Amount", type=kind)
        crm.records["r1"] = replace(crm.records["r1"], values={**crm.records["r1"].values, "Amount": "77"})
        later(crm)
        pull(connect, crm)
    assert amounts(conn)["r1"] == 77


def test_a_field_added_later_fills_its_column_alone_and_is_no_change_of_anything(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = Crm(page_size=2)
    for i in range(5):
        crm.put(f"r{i}", Name=f"n{i}", Amount=str(i))
    crm.put("r4", deleted=True)
    pull(connect, crm, ReadSpec("Thing", ("Name",)))
    counts = pull(connect, crm, ReadSpec("Thing", ("Amount", "Name")), run="later")
    assert (counts.read, counts.changed, counts.history) == (0, 4, 0)
    assert amounts(conn) == {"r0": 0, "r1": 1, "r2": 2, "r3": 3, "r4": None}
    assert conn.execute("select count(*) from fake.field_history").fetchone() == (0,)
    assert kept(conn, "last_changed_run_id") == "later"
    crm.put("r1", Amount="5")
    assert pull(connect, crm, ReadSpec("Thing", ("Amount", "Name"))).history == 1


def test_a_filling_that_was_killed_goes_on_where_it_was(
    connect: Connect, conn: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.mirror.fill.BATCH", 2)
    crm = Crm()
    for i in range(5):
        crm.put(f"r{i}", Name=f"n{i}", Amount=str(i))
    pull(connect, crm, ReadSpec("Thing", ("Name",)))
    reads: list[Sequence[str]] = []
    read = crm.read

    def dying(object_name: str, ids: Sequence[str], fields: Sequence[str]) -> Any:
        if len(reads) == 1:
            reads.append(())
            raise KeyboardInterrupt
        reads.append(ids)
        return read(object_name, ids, fields)

    crm.read = dying  # type: ignore[method-assign]
    wanted = ReadSpec("Thing", ("Amount", "Name"))
    with pytest.raises(KeyboardInterrupt):
        pull(connect, crm, wanted)
    assert kept(conn, "filling")["Amount"]["after"] == "r1"
    pull(connect, crm, wanted)
    assert reads == [["r0", "r1"], (), ["r2", "r3"], ["r4"]]
    assert (amounts(conn)["r4"], kept(conn, "filling")) == (4, {})


def test_a_field_whose_history_is_wanted_is_read_with_its_records(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    counts = pull(connect, crm, replace(SPEC, history=("Name",)))
    assert counts.read == 4
    assert (crm.asked, kept(conn, "filling")) == ((), {})


def test_options_that_come_go_and_are_renamed_are_told(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = Crm()
    crm.put("a", Name="A")
    crm.change("Name", options=(("A", "Alpha"), ("B", "Beta"), ("C", "Gamma")))
    pull(connect, crm)
    crm.change("Name", options=(("A", "First"), ("C", "Gamma"), ("D", "Beta")))
    later(crm)
    pull(connect, crm)
    found = {(d["kind"], d["value"], d["was"], d["now"], d["resolved_at"] is None) for d in drift(conn, "main")}
    assert found == {
        ("option_removed", "B", "Beta", "D", True),
        ("option_added", "D", None, "Beta", False),
        ("option_renamed", "A", "Alpha", "First", False),
    }
    crm.change("Name", options=(("A", "First"), ("B", "Beta"), ("C", "Gamma")))
    later(crm)
    pull(connect, crm)
    assert told(conn, is_open=True) == [("Name", "option_removed", "Beta", "B")]  # now it is D that went


def test_an_object_that_vanishes_stops_nobody_and_comes_back(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    describe = crm.describe

    def nothing(name: str) -> Any:
        raise ObjectMissing(f"There is no object {name}.", code="NOT_FOUND")

    crm.describe = nothing  # type: ignore[method-assign]
    for _ in range(2):
        later(crm)
        assert pull(connect, crm).read == 0
    assert told(conn) == [("", "gone", None, "NOT_FOUND")]
    assert kept(conn, "gone_since") is not None
    assert len(amounts(conn)) == 4
    crm.describe = describe  # type: ignore[method-assign]
    crm.put("r1", Amount="8")
    assert pull(connect, crm).changed == 1
    assert (told(conn, is_open=True), kept(conn, "gone_since")) == ([], None)


def test_a_sweep_compares_what_is_shown_and_leaves_stale_columns_alone(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.hide("Amount")
    pull(connect, crm)
    crm.records["r1"] = replace(crm.records["r1"], version=crm.records["r1"].version + timedelta(microseconds=1))
    proof = reconcile_object(connect, crm, Pull("main", "fake", "fake", "sweep", crm.crm_now), SPEC)
    assert (proof.stale, proof.proven) == (1, True)
    assert amounts(conn)["r1"] == 1


def test_what_the_crm_erased_is_erased_from_stale_columns_too(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.hide("Name")
    pull(connect, crm)
    del crm.records["r1"]
    crm.erased = {"r1"}
    reconcile_object(connect, crm, Pull("main", "fake", "fake", "sweep", crm.crm_now), SPEC)
    assert conn.execute("select name, amount from fake.thing where id = 'r1'").fetchone() == (None, None)


def test_all_fields_or_a_list_are_mirrored_where_somebody_wants_them(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    only = ReadSpec("Thing", ("Name",))
    crm.put("r1", Extra="x", Name="n1")
    crm.fields = (*crm.fields, FieldDescription("Extra", FieldType.TEXT, "Extra", "string"))
    pull(connect, crm, replace(only, extra=("Extra",)))
    assert conn.execute("select extra from fake.thing where id = 'r1'").fetchone() == ("x",)
    crm.put("r1", Extra="y")
    assert pull(connect, crm, replace(only, extra=("Extra",))).history == 0  # no rule reads it
    pull(connect, crm, replace(only, every=True))
    crm.fields = (*crm.fields, FieldDescription("Newest", FieldType.DATE, "Newest", "date"))
    crm.records["r1"] = replace(crm.records["r1"], values={**crm.records["r1"].values, "Newest": "2026-11-01"})
    later(crm)
    pull(connect, crm, replace(only, every=True))
    assert conn.execute("select newest, amount, extra from fake.thing where id = 'r1'").fetchone() == (
        date(2026, 11, 1), 1, "y",
    )  # fmt: skip
    assert ("Newest", "added", None, "date") in told(conn)


def test_references_and_what_rules_choose_by_are_indexed(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = Crm()
    crm.change("Name", references=("Account",))
    crm.put("a", Name="x")
    for _ in range(2):
        pull(connect, crm, replace(SPEC, filtered=("ClosedOn", "NotThere")))
    found = conn.execute(
        "select indexname from pg_indexes where schemaname = 'fake' and tablename = 'thing' and indexname like '%\\_index' order by 1"
    ).fetchall()
    assert found == [("thing_closedon_index",), ("thing_name_index",)]
