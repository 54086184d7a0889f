"""Delivering on a real PostgreSQL against a CRM that fails on demand: at most one effective change a record, field and value."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobs.wiring import connect_with
from models.catalogue import BY_NAME
from models.vocabulary import PlanStatus, RecordRef
from sync.errors import Stop
from sync.writeback import plans
from sync.writeback.deliver import deliver, resolve_lost
from sync.writeback.live import live_values
from sync.writeback.plan import Wanted, draft, worth_writing
from sync.writeback.plans import NewPlan
from sync.writeback.sending import Delivery
from tests.confirmed import confirmed_values
from tests.fake_crm import FakeCrm

NOW = datetime(2026, 11, 1, tzinfo=UTC)
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
TIER, COUNT = BY_NAME["tier"], BY_NAME["listed_90d"]


class World:
    """One workspace with one CRM of five records, and the results that it should hold."""

    def __init__(self, connect: Connect) -> None:
        self.connect = connect
        self.crm = FakeCrm()
        for i in "abcde":
            self.crm.put(i, sakigake_tier="D", sakigake_listed_90d=0)
        self.delivery = Delivery(connect, {"fake": self.crm}, "main", lambda: NOW, sleep=lambda _s: None)
        self.serial = 0

    def plan(self, held: tuple[str, ...] = (), **tiers: str) -> str:
        """Plans these tiers, and listed_90d = 7 beside each."""
        self.serial += 1
        resolve_lost(self.delivery)
        wanted = [
            w
            for i, tier in tiers.items()
            for w in (self.want(i, tier), Wanted(RecordRef("fake", "Thing", i), COUNT, 7, "seven"))
        ]
        with self.connect() as conn:
            known = confirmed_values(conn, "main")
            todo = [w for w in wanted if w.cell not in known or worth_writing(w.field, known[w.cell], w.value)]
            made = draft(todo, live_values({"fake": self.crm}, todo, "sakigake"))
            names = {("fake", n): f"sakigake_{n}" for n in BY_NAME}
            with conn.transaction():
                plans.store_plan(conn, "main", NewPlan(f"plan-{self.serial}", "run", names, "m", held), made, NOW)
        return f"plan-{self.serial}"

    def want(self, record_id: str, tier: str) -> Wanted:
        return Wanted(RecordRef("fake", "Thing", record_id), TIER, tier, "because")

    def tiers(self) -> dict[str, Any]:
        return {i: r.values["sakigake_tier"] for i, r in self.crm.records.items()}

    def statuses(self) -> dict[str, int]:
        with self.connect() as conn:
            return dict(conn.execute("select status, count(*) from sakigake.change group by 1").fetchall())

    def plan_status(self, plan_id: str) -> str:
        with self.connect() as conn:
            row = conn.execute("select status from sakigake.plan where plan_id = %s", (plan_id,)).fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture
def world(engine: Engine) -> World:
    return World(connect_with(engine))


def test_every_change_is_journalled_sent_and_confirmed(world: World) -> None:
    plan = world.plan(a="A", b="B", c="C")
    counts = deliver(world.delivery, plan)
    assert (counts.confirmed, counts.failed, counts.batches) == (6, 0, 2)
    assert world.tiers() == {"a": "A", "b": "B", "c": "C", "d": "D", "e": "D"}
    assert world.plan_status(plan) == PlanStatus.DELIVERED
    with world.connect() as conn:
        journalled = conn.execute(
            "select old, new, why, sent_at is not null, settled_at is not null from sakigake.change where record_id = 'a' and field = 'tier'"
        ).fetchone()
    assert journalled == ("D", "A", "because", True, True)


def test_a_second_plan_of_the_same_results_reads_and_writes_nothing(world: World) -> None:
    deliver(world.delivery, world.plan(a="A"))
    reads, writes = world.crm.reads, world.crm.writes
    assert deliver(world.delivery, world.plan(a="A")).batches == 0
    assert (world.crm.reads, world.crm.writes) == (reads, writes)


def test_a_value_the_crm_holds_already_is_not_written(world: World) -> None:
    world.crm.put("a", sakigake_tier="A", sakigake_listed_90d=7)
    deliver(world.delivery, world.plan(a="A"))
    assert world.crm.applied == []


def test_one_refused_record_leaves_the_others_written(world: World) -> None:
    world.crm.faults["b"] = ["refuse"]
    counts = deliver(world.delivery, world.plan(a="A", b="A", c="A"))
    assert (counts.confirmed, counts.failed) == (4, 2)
    with world.connect() as conn:
        causes = conn.execute(
            "select distinct record_id, cause from sakigake.change where status = 'failed'"
        ).fetchall()
    assert causes == [("b", "refuse")]


def test_a_locked_record_is_tried_again_and_no_other_is(world: World) -> None:
    world.crm.faults["b"] = ["lock", "lock"]
    deliver(world.delivery, world.plan(a="A", b="A"))
    assert world.tiers()["b"] == "A"
    assert [i for i, _ in world.crm.applied] == ["a", "b"]


def test_a_record_that_stays_locked_is_given_up_with_its_cause(world: World) -> None:
    world.crm.faults["b"] = ["lock"] * 50
    counts = deliver(world.delivery, world.plan(b="A"))
    assert counts.failed == 2
    assert world.statuses() == {"failed": 2}


def test_a_lost_answer_of_an_applied_write_is_read_back_and_not_sent_again(world: World) -> None:
    world.crm.faults["a"] = ["lose"]
    counts = deliver(world.delivery, world.plan(a="A"))
    assert counts.confirmed == 2
    assert len(world.crm.applied) == 1


def test_a_lost_answer_of_a_write_that_never_arrived_is_sent_again(world: World) -> None:
    world.crm.faults["a"] = ["vanish"]
    counts = deliver(world.delivery, world.plan(a="A"))
    assert counts.confirmed == 2
    assert world.tiers()["a"] == "A"
    assert len(world.crm.applied) == 1


@pytest.mark.parametrize("death", ["die", "apply and die"])
def test_a_process_that_dies_while_sending_leads_to_one_effective_write(world: World, death: str) -> None:
    world.crm.faults["a"] = [death]
    with pytest.raises(KeyboardInterrupt):
        deliver(world.delivery, world.plan(a="A", b="A", c="A"))
    assert world.statuses()["sent"] == 4
    deliver(world.delivery, world.plan(a="A", b="A", c="A"))
    assert world.tiers() == {"a": "A", "b": "A", "c": "A", "d": "D", "e": "D"}
    assert sorted(i for i, _ in world.crm.applied) == ["a", "b", "c"]
    assert "sent" not in world.statuses()
    assert "planned" not in world.statuses()


def test_a_person_who_wrote_a_third_value_after_a_lost_answer_is_not_overruled_by_the_old_plan(world: World) -> None:
    world.crm.faults["a"] = ["die"]
    plan = world.plan(a="A")
    with pytest.raises(KeyboardInterrupt):
        deliver(world.delivery, plan)
    world.crm.put("a", sakigake_tier="C")
    resolve_lost(world.delivery)
    assert world.tiers()["a"] == "C"
    with world.connect() as conn:
        cause = conn.execute("select cause from sakigake.change where field = 'tier'").fetchone()
    assert cause == ("the answer was lost, and the field holds a third value now",)


def test_a_held_plan_that_waited_leaves_alone_what_people_changed_meanwhile(world: World) -> None:
    plan = world.plan(held=("look first",), a="A", b="A")
    assert world.plan_status(plan) == PlanStatus.HELD
    world.crm.put("a", sakigake_tier="C")
    counts = deliver(world.delivery, plan, recheck=True)
    assert world.tiers()["a"] == "C"
    assert world.tiers()["b"] == "A"
    assert counts.dropped == 1


def test_a_newer_plan_takes_the_place_of_one_that_waits(world: World) -> None:
    first = world.plan(held=("look first",), a="A")
    second = world.plan(held=("look first",), a="B")
    assert world.plan_status(first) == PlanStatus.SUPERSEDED
    assert world.plan_status(second) == PlanStatus.HELD
    assert deliver(world.delivery, first).batches == 0


def test_a_connection_that_stops_keeps_what_was_confirmed_and_leaves_the_rest_planned(world: World) -> None:
    plan = world.plan(a="A", b="A", c="A", d="A")
    write = world.crm.write

    def stopping(*args: Any) -> Any:
        if world.crm.writes == 1:
            raise Stop("the day's calls are used up")
        return write(*args)

    world.crm.write = stopping  # type: ignore[method-assign]
    with pytest.raises(Stop):
        deliver(world.delivery, plan)
    assert world.statuses() == {"confirmed": 4, "planned": 4}
    world.crm.write = write  # type: ignore[method-assign]
    deliver(world.delivery, world.plan(a="A", b="A", c="A", d="A"))
    assert len(world.crm.applied) == 4


def test_a_deleted_record_is_settled_as_what_it_is(world: World) -> None:
    plan = world.plan(held=("look",), a="A")
    world.crm.put("a", deleted=True)
    assert deliver(world.delivery, plan, recheck=True).failed == 2


faults = st.lists(st.sampled_from(["apply", "lose", "vanish", "lock", "die", "apply and die"]), max_size=4)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.fixed_dictionaries(dict.fromkeys("abc", faults)))
def test_whatever_fails_the_crm_ends_as_wanted_and_each_value_is_applied_once(
    world: World, script: dict[str, list[str]]
) -> None:
    with world.connect() as conn:
        conn.execute("truncate sakigake.plan, sakigake.written cascade")
    fresh = World(world.connect)
    fresh.crm.faults = {i: list(f) for i, f in script.items()}
    for _ in range(20):
        plan = fresh.plan(a="A", b="B", c="C")
        try:
            deliver(fresh.delivery, plan)
        except KeyboardInterrupt:
            continue
        if set(fresh.statuses()) <= {"confirmed", "dropped", "failed"} and not any(fresh.crm.faults.values()):
            break
    deliver(fresh.delivery, fresh.plan(a="A", b="B", c="C"))
    assert fresh.tiers() == {"a": "A", "b": "B", "c": "C", "d": "D", "e": "D"}
    applied = [i for i, _ in fresh.crm.applied]
    assert sorted(applied) == ["a", "b", "c"]


def test_a_plan_that_changed_nothing_does_not_count_as_the_first_delivery(world: World) -> None:
    world.crm.put("a", sakigake_tier="A", sakigake_listed_90d=7)
    deliver(world.delivery, world.plan(a="A"))
    with world.connect() as conn:
        assert not plans.has_delivered(conn, "main")
    deliver(world.delivery, world.plan(b="A"))
    with world.connect() as conn:
        assert plans.has_delivered(conn, "main")
