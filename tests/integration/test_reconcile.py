"""The sweep on a real PostgreSQL: whatever mirror and CRM differ in, afterwards they do not, and the proof says what was found."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sync.errors import Stop
from sync.mirror.proof import Proof
from sync.mirror.pull import Pull, pull_object
from sync.mirror.reconcile import reconcile_object
from sync.records import AssociationRow, CrmRecord, ReadSpec
from tests.fake_crm import START, FakeCrm

SPEC = ReadSpec("Thing", ("Amount", "ClosedOn", "Name"))
LINKED = ReadSpec("Thing", SPEC.fields, (), ("others",))
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


@pytest.fixture
def connect(engine: Engine) -> Connect:
    return connect_with(engine)


@pytest.fixture
def conn(connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


def of(crm: FakeCrm, run: str) -> Pull:
    return Pull("main", "fake", "fake", run, crm.crm_now)


def pull(connect: Connect, crm: FakeCrm, spec: ReadSpec = SPEC) -> None:
    pull_object(connect, crm, of(crm, "pull"), spec)


def sweep(connect: Connect, crm: FakeCrm, spec: ReadSpec = SPEC) -> Proof:
    return reconcile_object(connect, crm, of(crm, "sweep"), spec)


def live(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    return dict(conn.execute("select id, _version from fake.thing where not _deleted").fetchall())


def truth(crm: FakeCrm) -> dict[str, Any]:
    return {i: r.version for i, r in crm.records.items() if not r.deleted}


def loaded(connect: Connect, n: int = 7) -> FakeCrm:
    crm = FakeCrm()
    for i in range(n):
        crm.put(f"r{i}", Name=f"n{i}", Amount="1")
    pull(connect, crm)
    return crm


def behind_the_watermark(crm: FakeCrm, record_id: str, **values: Any) -> None:
    """A change that no feed will report: its stamp lies before what the mirror has read."""
    held = crm.records.get(record_id)
    crm.records[record_id] = CrmRecord(
        record_id, START - timedelta(days=1), {**(held.values if held else {}), **values}
    )


def test_a_mirror_that_is_whole_is_proven_and_nothing_is_written(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    before = conn.execute("select id, xmin::text from fake.thing order by id").fetchall()
    proof = sweep(connect, crm)
    assert (proof.here, proof.there, proof.counted) == (7, 7, 7)
    assert (proof.missing, proof.extra, proof.stale, proof.repaired) == (0, 0, 0, 0)
    assert proof.proven
    assert not proof.landed.altered
    assert conn.execute("select id, xmin::text from fake.thing order by id").fetchall() == before


def test_missing_stale_and_extra_records_are_found_and_repaired(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    behind_the_watermark(crm, "late", Name="late")
    behind_the_watermark(crm, "r1", Name="other")
    del crm.records["r2"]
    proof = sweep(connect, crm)
    assert (proof.missing, proof.stale, proof.extra, proof.repaired) == (1, 1, 1, 3)
    assert (proof.here, proof.there) == (7, 7)
    assert proof.proven
    assert live(conn) == truth(crm)
    assert conn.execute("select name from fake.thing where id = 'r1'").fetchone() == ("other",)
    marked = conn.execute("select last_changed_run_id, last_run_id from sakigake.mirror_object").fetchone()
    assert marked == ("sweep", "pull")


def test_changes_since_the_last_pull_are_lag_and_no_loss(connect: Connect) -> None:
    crm = loaded(connect)
    crm.put("new", Name="new")
    crm.put("r1", Name="newer")
    behind_the_watermark(crm, "late", Name="late")
    proof = sweep(connect, crm)
    assert (proof.missing, proof.stale, proof.recent) == (2, 1, 2)


def test_a_record_that_a_list_leaves_out_is_asked_for_once_more_and_stays(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.unlisted = {"r3"}
    proof = sweep(connect, crm)
    assert proof.extra == 1
    assert "r3" in live(conn)
    assert proof.proven


def test_a_list_that_lacks_what_the_crm_counts_is_no_proof(connect: Connect) -> None:
    """Nobody can ask for records whose ids were never told; the CRM's own count tells that they are."""
    crm = loaded(connect)
    crm.now += timedelta(days=1)
    crm.miscounted = 3
    proof = sweep(connect, crm)
    assert not proof.proven
    assert proof.cause == "the CRM counts 10 live records and lists 7"


def test_a_count_that_has_not_caught_up_with_what_just_changed_is_no_doubt(connect: Connect) -> None:
    crm = loaded(connect)
    crm.miscounted = 3
    assert sweep(connect, crm).proven


def test_an_undeleted_record_is_restored_in_its_row(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.put("r4", deleted=True)
    pull(connect, crm)
    assert "r4" not in live(conn)
    crm.records["r4"] = CrmRecord("r4", crm.records["r4"].version, crm.records["r4"].values)  # its stamp did not move
    proof = sweep(connect, crm)
    assert (proof.missing, proof.repaired) == (1, 1)
    assert live(conn) == truth(crm)
    assert conn.execute("select count(*) from fake.thing where id = 'r4'").fetchone() == (1,)


def test_a_merge_that_no_feed_told_leads_to_the_winner_and_keeps_what_the_loser_held(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.records["r5"] = CrmRecord("r5", START, {}, deleted=True, merged_into="r6")
    proof = sweep(connect, crm)
    assert (proof.extra, proof.repaired) == (1, 1)
    row = conn.execute("select _deleted, _merged_into, name from fake.thing where id = 'r5'").fetchone()
    assert row is not None
    assert row[:2] == (True, "r6")


def test_what_the_crm_erased_for_good_is_erased_here_with_its_history_and_links(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.linked = [AssociationRow("r1", "o1", "5", "HUBSPOT_DEFINED", None), AssociationRow("r2", "o1", "5", "X", None)]
    pull(connect, crm, LINKED)
    sweep(connect, crm, LINKED)
    crm.put("r1", Name="a person's name")
    pull(connect, crm, LINKED)
    assert conn.execute("select count(*) from fake.field_history where record_id = 'r1'").fetchone() != (0,)
    del crm.records["r1"]
    crm.erased = {"r1"}
    crm.linked = crm.linked[1:]
    conn.execute(
        "insert into sakigake.plan (workspace, plan_id, run_id, created_at, status, mapping_hash, held_because, skipped, changes)"
        " values ('main', 'plan', 'run', now(), 'held', 'hash', '[]', '{}', 2)"
    )
    conn.execute(
        "insert into sakigake.change (workspace, plan_id, seq, connection, object, record_id, field, api_name, old, new, why, status)"
        " select 'main', 'plan', n, 'fake', 'Thing', 'r' || n, 'tier', 'T', 'null', 'null', '', 'planned' from generate_series(1, 2) n"
    )
    assert sweep(connect, crm, LINKED).proven
    assert conn.execute("select name, amount, _deleted from fake.thing where id = 'r1'").fetchone() == (
        None,
        None,
        True,
    )
    assert conn.execute("select count(*) from fake.field_history where record_id = 'r1'").fetchone() == (0,)
    assert conn.execute("select from_id from fake.association").fetchall() == [("r2",)]
    waiting = conn.execute("select record_id, status from sakigake.change order by seq").fetchall()
    assert waiting == [("r1", "dropped"), ("r2", "planned")]


def test_a_link_that_changed_without_its_record_is_noticed(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.linked = [AssociationRow("r1", "o1", "5", "HUBSPOT_DEFINED", None)]
    pull(connect, crm, LINKED)
    assert sweep(connect, crm, LINKED).links == 1
    crm.linked = [AssociationRow("r1", "o2", "5", "HUBSPOT_DEFINED", "partner")]
    proof = sweep(connect, crm, LINKED)
    assert proof.links == 2
    assert proof.landed.altered
    assert conn.execute("select to_id, label from fake.association").fetchall() == [("o2", "partner")]
    assert sweep(connect, crm, LINKED).links == 0


def test_an_object_that_was_never_read_is_told_to_be_pulled_first(connect: Connect) -> None:
    with pytest.raises(Stop, match="sakigake run --only pull"):
        sweep(connect, FakeCrm())


def test_a_mapping_that_grew_is_told_to_be_pulled_first(connect: Connect) -> None:
    crm = loaded(connect)
    with pytest.raises(Stop, match="sakigake run --only pull"):
        sweep(connect, crm, LINKED)


def test_a_sweep_that_dies_leaves_what_it_repaired_and_the_next_one_does_the_rest(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect, 9)
    for i in range(9):
        behind_the_watermark(crm, f"r{i}", Name="late")

    class Dying(FakeCrm):
        def fetch(self, spec: ReadSpec, ids: Any) -> Any:
            yield next(super().fetch(spec, ids))
            raise KeyboardInterrupt

    dying = Dying(records=crm.records, now=crm.now)
    with pytest.raises(KeyboardInterrupt):
        sweep(connect, dying)
    proof = sweep(connect, crm)
    assert proof.stale == 6
    assert live(conn) == truth(crm)


Versions = st.dictionaries(
    st.sampled_from([f"r{i}" for i in range(8)]),
    st.tuples(st.integers(0, 4), st.sampled_from(["live", "deleted"])),
    max_size=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(here=Versions, there=Versions)
def test_whatever_the_two_hold_after_the_sweep_they_hold_the_same(
    connect: Connect, here: dict[str, tuple[int, str]], there: dict[str, tuple[int, str]]
) -> None:
    """Any two sets of ids and versions, newer or older on either side: the CRM's word is the last one."""

    def crm_of(held: dict[str, tuple[int, str]]) -> FakeCrm:
        records = {
            i: CrmRecord(i, START + timedelta(seconds=at), {"Name": f"{i} at {at}"}, state == "deleted")
            for i, (at, state) in held.items()
        }
        return FakeCrm(records=records)

    with connect() as conn:
        conn.execute("drop schema if exists fake cascade")
        conn.execute("delete from sakigake.mirror_object")
        pull_object(connect, FakeCrm(records={"x": CrmRecord("x", START, {}, deleted=True)}), of(FakeCrm(), "p"), SPEC)
        pull_object(connect, crm_of(here), of(FakeCrm(), "p"), SPEC, full=True)
        conn.execute("update sakigake.mirror_object set loaded = true")
        crm = crm_of(there)
        live_here = {i: v for i, (v, state) in here.items() if state == "live"}
        live_there = {i: v for i, (v, state) in there.items() if state == "live"}
        proof = sweep(connect, crm)
        assert proof.missing == len(live_there.keys() - live_here.keys())
        assert proof.extra == len(live_here.keys() - live_there.keys())
        assert proof.stale == sum(live_here[i] != live_there[i] for i in live_here.keys() & live_there.keys())
        assert proof.proven
        assert live(conn) == truth(crm)
        assert proof.here == proof.there == len(live_there)
        names = dict(conn.execute("select id, name from fake.thing where not _deleted").fetchall())
        assert names == {i: f"{i} at {v}" for i, v in live_there.items()}
        again = sweep(connect, crm)
        assert (again.missing, again.extra, again.stale, again.proven) == (0, 0, 0, True)


def test_calculated_values_that_moved_no_stamp_are_read_again(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = FakeCrm()
    crm.fields = tuple(replace(f, calculated=f.name == "Amount") for f in crm.fields)
    for i in range(4):
        crm.put(f"r{i}", Name=f"n{i}", Amount="1")
    pull(connect, crm)
    held = crm.records["r2"]
    crm.records["r2"] = replace(held, values={**held.values, "Amount": "7", "Name": "unseen"})
    proof = sweep(connect, crm)
    assert (proof.stale, proof.refreshed) == (0, 1)
    assert proof.landed.altered
    row = conn.execute("select amount, name, _version from fake.thing where id = 'r2'").fetchone()
    assert row == (7, "n2", held.version)
    assert sweep(connect, crm).refreshed == 0


def test_a_calculated_field_that_is_no_longer_visible_is_not_read_as_empty(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = FakeCrm()
    crm.fields = tuple(replace(f, calculated=f.name == "Amount") for f in crm.fields)
    crm.put("r1", Name="n", Amount="1")
    pull(connect, crm)
    crm.fields = tuple(f for f in crm.fields if f.name != "Amount")
    crm.records["r1"] = replace(crm.records["r1"], values={"Name": "n"})
    assert sweep(connect, crm).refreshed == 0
    assert conn.execute("select amount from fake.thing").fetchone() == (1,)


def test_what_was_parked_is_tried_again_and_counted(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    crm = loaded(connect)
    crm.put("r1", Amount="not a number")
    crm.put("r2", ClosedOn="nor a day")
    pull(connect, crm)
    assert sweep(connect, crm).parked == 2
    crm.put("r1", Amount="5")
    pull(connect, crm)
    assert sweep(connect, crm).parked == 1
    assert conn.execute("select record_id, field from sakigake.parked").fetchall() == [("r2", "ClosedOn")]


def test_records_that_move_between_the_list_and_their_repair_are_proven_all_the_same(
    connect: Connect, conn: psycopg.Connection[Any]
) -> None:
    crm = loaded(connect)
    crm.put("new", Name="as listed")
    crm.put("r1", Name="as listed")
    crm.put("r2", Name="as listed")

    class Moving(FakeCrm):
        def fetch(self, spec: ReadSpec, ids: Any) -> Any:
            if "new" in ids and self.records["new"].values["Name"] == "as listed":
                self.put("new", Name="moved on")
                self.put("r1", Name="moved on")
                self.put("r2", deleted=True)
            yield from super().fetch(spec, ids)

    moving = Moving(records=crm.records, now=crm.now, page_size=100)
    proof = sweep(connect, moving)
    assert proof.proven, proof.cause
    assert (proof.missing, proof.stale, proof.repaired) == (1, 2, 3)
    assert live(conn) == truth(moving)
    assert conn.execute("select name from fake.thing where id = 'r1'").fetchone() == ("moved on",)


def test_most_records_vanishing_at_once_waits_for_a_person(connect: Connect, conn: psycopg.Connection[Any]) -> None:
    """A connection pointed at another account must not empty the mirror."""
    crm = loaded(connect, 130)
    for i in range(70):
        del crm.records[f"r{i}"]
    with pytest.raises(Stop, match=r"70 of 130 records.*Nothing was marked.*--accept-removals"):
        sweep(connect, crm)
    assert len(live(conn)) == 130
    proof = reconcile_object(connect, crm, of(crm, "sweep"), SPEC, accept_removals=True)
    assert proof.proven
    assert live(conn) == truth(crm)
