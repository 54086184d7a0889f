"""One changed entry: its partner is told anew, by the pool of the last full computation, and the same as if everything had been."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.steps import again
from jobs.steps.compute import POOL_LASTS, compute
from jobs.wiring import Workspace
from models.vocabulary import RecordRef, Target
from sync.events.customers import store_customers
from sync.events.targets import partners_after
from sync.events.touched import partners as touched
from sync.events.touched import touch
from sync.mapping.facts import CustomerFact
from tests.numbers_world import AS_OF, NAME, NOW, Facts, name_id, steady_facts, workspace_on

SOON = NOW + timedelta(minutes=5)
Row = tuple[Any, ...]


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Iterator[Workspace]:
    with workspace_on(engine, tmp_path) as workspace:
        with workspace.connect() as conn:
            steady_facts(partners=12).store(conn)
        yield workspace


def at(workspace: Workspace, moment: datetime) -> None:
    crm: Any = workspace.connectors["salesforce"]
    crm.crm_now = lambda: moment


def results(workspace: Workspace) -> list[Row]:
    with workspace.connect() as conn:
        return conn.execute(
            "select subject, subject_id, field, value, inputs from sakigake.field_result order by 1, 2, 3"
        ).fetchall()


def said_by(workspace: Workspace, run: str) -> list[Row]:
    with workspace.connect() as conn:
        return conn.execute(
            """select subject, subject_id, field from sakigake.field_result where run_id = %(run)s
            union all select subject, subject_id, field from sakigake.result_log where run_id = %(run)s""",
            {"run": run},
        ).fetchall()


def tiers(workspace: Workspace) -> list[Row]:
    with workspace.connect() as conn:
        return conn.execute(
            "select partner_id, since, tier, previous, rule from sakigake.tier_change order by 1, 2"
        ).fetchall()


def plain(rows: Any) -> list[Any]:
    return sorted(json.loads(json.dumps([list(row) for row in rows], default=str)), key=lambda row: row[:3])


def change(workspace: Workspace, partner: int, number: int = 9000) -> str:
    """A partner hands in thirty rows, and one of them is a deal; as the mapping would store and note it."""
    owner = name_id(f"partner {partner}")
    facts = Facts()
    for i in range(30):
        entry = facts.entry(number + i, owner)
        facts.event(entry, owner, "listed", AS_OF - timedelta(days=40), SOON)
    facts.event(entry, owner, "deal", AS_OF - timedelta(days=1), SOON)
    with workspace.connect() as conn, conn.transaction():
        facts.store(conn)
        touch(conn, NAME, [owner])
    return owner


def test_a_changed_entry_recomputes_its_partner_alone_and_the_same_as_everything(place: Workspace) -> None:
    key = compute(place, "run-1", AS_OF, None, "1")["input"]
    before = results(place)
    owner = change(place, 3)
    at(place, SOON)
    made = compute(place, "run-2", AS_OF, key, "2")
    assert made["looked_at"] == 1
    assert made["values_changed"] == len(said_by(place, "run-2")) > 150
    now = results(place)
    theirs = {entry for entry, *_ in place_entries(place, owner)} | {owner}
    assert [r for r in now if r[1] not in theirs] == [r for r in before if r[1] not in theirs]
    assert [r for r in now if r[1] == owner] != [r for r in before if r[1] == owner]
    told = again.computed_again(place, AS_OF, SOON)
    assert plain(told.rows) == plain(now)
    assert plain(told.tiers) == plain(tiers(place))
    with place.connect() as conn:
        assert touched(conn, NAME) is None
        day = conn.execute("select fields ->> 'listed_90d' from sakigake.partner_day where partner_id = %s", (owner,))
        said = next(r[3] for r in now if r[1:3] == (owner, "listed_90d"))
        assert [int(n) for (n,) in day] == [said]


def valid_rows(workspace: Workspace, partner: int) -> Any:
    return next(r[3] for r in results(workspace) if r[1:3] == (name_id(f"partner {partner}"), "attack_list_count"))


def test_what_one_partner_does_takes_rows_from_another_as_if_everything_were_computed(place: Workspace) -> None:
    """Nine targets stand on two lists. The later list holds none of them, until its partner agrees; two are customers meanwhile."""
    ours, theirs = name_id("partner 3"), name_id("partner 5")
    listed, agreed = Facts(), Facts()
    both = []
    for i in range(9):
        for number, owner, ago in ((9000, ours, 40), (9100, theirs, 30)):
            entry = listed.entry(number + i, owner, f"target{i}.example")
            listed.event(entry, owner, "listed", AS_OF - timedelta(days=ago))
            both.append((entry, owner))
    for entry, owner in both:
        if owner == theirs:
            agreed.event(entry, owner, "agreed", AS_OF - timedelta(days=2), SOON)
    with place.connect() as conn:
        listed.store(conn)
    key = compute(place, "run-1", AS_OF, None, "1")["input"]
    before = valid_rows(place, 3), valid_rows(place, 5)
    with place.engine.begin() as conn:
        companies = [
            CustomerFact(RecordRef("salesforce", "Account", f"00{i}"), "customer", Target(domain=f"target{i}.example"))
            for i in range(2)
        ]
        bought = store_customers(conn, NAME, companies, SOON, AS_OF)
    with place.connect() as conn, conn.transaction():
        agreed.store(conn)
        touch(conn, NAME, partners_after(conn, NAME, bought))
    at(place, SOON)
    made = compute(place, "run-2", AS_OF, key, "2")
    assert made["looked_at"] == 2
    assert (valid_rows(place, 3), valid_rows(place, 5)) == (before[0] - 9, before[1] + 7)
    told = plain(again.computed_again(place, AS_OF, SOON).rows)
    assert told == plain(results(place))
    assert plain(again.computed_again(place, AS_OF, NOW).rows) != told
    with place.connect() as conn:
        touch(conn, NAME, None)
    at(place, SOON + timedelta(seconds=1))
    assert compute(place, "run-3", AS_OF, key, "3")["looked_at"] is None
    assert (valid_rows(place, 3), valid_rows(place, 5)) == (before[0] - 9, before[1] + 7)


def place_entries(workspace: Workspace, partner: str) -> list[Row]:
    with workspace.connect() as conn:
        return conn.execute("select entry_id from sakigake.entry where partner_id = %s", (partner,)).fetchall()


def test_what_everything_says_later_is_what_it_would_have_said_at_once(place: Workspace) -> None:
    key = compute(place, "run-1", AS_OF, None, "1")["input"]
    change(place, 3)
    at(place, SOON)
    key = compute(place, "run-2", AS_OF, key, "2")["input"]
    at(place, NOW + POOL_LASTS)
    with place.connect() as conn:
        touch(conn, NAME, [name_id("partner 5")])
    made = compute(place, "run-3", AS_OF, key, "3")
    assert made["looked_at"] is None
    assert plain(again.computed_again(place, AS_OF, NOW + POOL_LASTS).rows) == plain(results(place))


def test_everything_is_computed_where_a_part_would_not_do(place: Workspace) -> None:
    """Another day, all facts touched, many partners, a partner that came or went, a type that the pool does not know."""
    key = compute(place, "run-1", AS_OF, None, "1")["input"]
    at(place, SOON)

    def looked_at(run: str, partners: list[str] | None, day: date = AS_OF) -> Any:
        with place.connect() as conn:
            touch(conn, NAME, partners)
        return compute(place, run, day, key, run)["looked_at"]

    ids = [name_id(f"partner {i}") for i in range(12)]
    assert looked_at("a", ids[:2]) == 2
    assert looked_at("b", None) is None
    assert looked_at("c", ids[:4]) is None
    assert looked_at("d", [ids[0]], AS_OF - timedelta(days=1)) is None
    assert looked_at("e", [ids[0]]) is None  # the pool is of another day now
    assert looked_at("f", [ids[0]]) == 1
    with place.connect() as conn:
        conn.execute("update sakigake.partner set type = 'growth2' where partner_id = %s", (ids[0],))
    assert looked_at("g", [ids[0]]) is None
    with place.connect() as conn:
        conn.execute("update sakigake.partner set removed_at = now() where partner_id = %s", (ids[1],))
    assert looked_at("h", [ids[1]]) is None
    assert ids[1] not in {r[1] for r in results(place)}


def test_entries_that_are_gone_or_move_take_their_values_along(place: Workspace) -> None:
    key = compute(place, "run-1", AS_OF, None, "1")["input"]
    one, other = (name_id(f"partner {i}") for i in (3, 4))
    (gone,), (moved,) = place_entries(place, one)[:2]
    with place.connect() as conn, conn.transaction():
        conn.execute("update sakigake.entry set removed_at = now() where entry_id = %s", (gone,))
        conn.execute("update sakigake.entry set partner_id = %s where entry_id = %s", (other, moved))
        touch(conn, NAME, [one, other])
    at(place, SOON)
    assert compute(place, "run-2", AS_OF, key, "2")["looked_at"] == 2
    subjects = {r[1] for r in results(place)}
    assert gone not in subjects
    assert moved in subjects
    now = results(place)
    with place.connect() as conn:
        touch(conn, NAME, None)
    compute(place, "run-3", AS_OF, key, "3")
    assert [r[1:3] for r in results(place)] == [r[1:3] for r in now]
