"""Objects of more fields than one query may ask for, from a sandbox that refuses such queries, with the ledger as the oracle."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.errors import Stop
from sync.mirror.pull import Pull
from sync.mirror.reconcile import reconcile_object
from sync.records import ReadSpec
from tests.contract.connector_suite import read_all
from tests.contract.salesforce_org import Org
from tests.contract.test_salesforce_bulk import World

PLENTY = SandboxSettings(partners=6, months=4, entries=40, rows={"Account": 2600}, salesforce_bulk_step_s=0.0)
NARROW = replace(PLENTY, salesforce_query_weight=16)  # four columns that every query asks for, and a formula weighs ten
WIDE = ReadSpec(
    "Account",
    ("Name", "NumberOfEmployees", "CorporateNumber__c", "PartnerSince__c", "Website", "Industry", "Type", "Phone",
     "AttackListSubmittedOn__c", "DaysSinceAttackList__c", "PartnerContract__c"),
)  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(NARROW) as address:
        yield address


@pytest.fixture
def world(url: str, engine: Engine) -> World:
    requests.post(f"{url}/_sandbox/reset", timeout=20).raise_for_status()
    return World(url, connect_with(engine))


def rows(world: World) -> list[Any]:
    with world.connect() as conn:
        columns = ", ".join(f.lower() for f in WIDE.fields)
        return conn.execute(f"select id, _version, _deleted, {columns} from salesforce.account order by 1").fetchall()


def test_a_wide_object_makes_the_same_rows_as_a_narrow_one(world: World, engine: Engine):
    """Whatever the threshold: a job for so many fields would be refused too."""
    with running(PLENTY) as easy:
        other = World(easy, connect_with(engine))
        other.pull(WIDE, bulk_threshold=None)
        expected = rows(other)
        with other.connect() as conn:
            conn.execute("drop schema salesforce cascade")
            conn.execute("delete from sakigake.mirror_object")
    world.pull(WIDE, bulk_threshold=100)
    without_stamps = [(r[0], *r[2:]) for r in expected]
    assert [(r[0], *r[2:]) for r in rows(world)] == without_stamps
    world.assert_mirrored(replace(WIDE, fields=tuple(f for f in WIDE.fields if f != "DaysSinceAttackList__c")))
    assert world.cursor(WIDE)["facts"]["portions"] > 1


def test_changes_of_a_wide_object_arrive_whole_and_refusals_are_not_repeated(world: World):
    world.pull(WIDE)
    world.user._call("POST", "advance", {"days": 0.1})
    world.pull(WIDE)
    live = [i for i, r in world.user.records("Account").items() if not r["deleted"]]
    for n, record in enumerate(live[:30]):
        world.user.edit("Account", record, {"Name": f"renamed {n}", "Phone": f"03-{n}", "Type": "Other"})
    world.user.delete("Account", live[40])
    world.user._call("POST", "advance", {"days": 0.01})
    world.user.forget_calls()
    assert world.pull(WIDE).changed == 30 + 1, "and the one that was deleted"
    world.assert_mirrored(replace(WIDE, fields=("Name", "Phone", "Type", "Website")))
    calls = sum(
        c["count"]
        for c in world.user._call("GET", "calls")["calls"]
        if "query" in c["path"] or "composite" in c["path"]
    )
    assert calls == 1 + 1, "the window, and its other portions"


def test_formulas_of_a_wide_object_are_refreshed_in_portions(world: World):
    world.pull(WIDE)
    query = "select sum(dayssinceattacklist__c), count(dayssinceattacklist__c) from salesforce.account"
    with world.connect() as conn:
        before = conn.execute(query).fetchone()
        world.user._call("POST", "advance", {"days": 2})
        world.pull(WIDE)
        after = conn.execute(query).fetchone()
    assert before is not None
    assert after is not None
    assert after[1] >= before[1] > 0
    assert after[0] >= before[0] + 2 * before[1]


def test_a_sweep_repairs_records_of_a_wide_object_whole(world: World):
    world.pull(WIDE)
    with world.connect() as conn:
        conn.execute(
            "delete from salesforce.account where id in (select id from salesforce.account order by 1 limit 700)"
        )
        expected = len(world.user.records("Account"))
    connector = world.connector()
    try:
        pull = Pull("main", "salesforce", "salesforce", "run-2", connector.crm_now)
        proof = reconcile_object(world.connect, connector, pull, WIDE)
    finally:
        connector.close()
    assert proof.proven
    assert proof.missing == proof.repaired > 600
    world.assert_mirrored(replace(WIDE, fields=("Name", "Phone", "Type", "Website")))
    assert len(rows(world)) <= expected


def test_a_single_formula_that_is_too_much_is_refused_with_what_to_do(engine: Engine):
    with running(replace(PLENTY, rows={}, salesforce_query_weight=12)) as address:
        hard = World(address, connect_with(engine))
        connector = hard.connector()
        with pytest.raises(Stop, match="leave it out") as met:
            read_all(connector, ReadSpec("Account", ("Name", "DaysSinceAttackList__c")))
        connector.close()
        assert met.value.code == "QUERY_TOO_COMPLICATED"


def test_the_sandbox_refuses_queries_that_are_too_complicated_too_long_or_in_too_long_an_address(url: str):
    org = Org(url, NARROW)
    fields = ", ".join(["Id", *WIDE.fields])
    assert org.refused(f"SELECT {fields} FROM Account")["errorCode"] == "QUERY_TOO_COMPLICATED"
    job = org.call("POST", "jobs/query", {"operation": "queryAll", "query": f"SELECT {fields} FROM Account"})
    assert (job.status_code, job.json()[0]["errorCode"]) == (400, "QUERY_TOO_COMPLICATED")
    names = ", ".join(f"'{n:>30}'" for n in range(3200))
    long = f"SELECT Id FROM Account WHERE Name IN ({names})"
    assert len(long) > 100_000
    body = {"compositeRequest": [{"method": "GET", "url": f"/services/data/v62.0/query?q={long}", "referenceId": "a"}]}
    part = org.call("POST", "composite", body).json()["compositeResponse"][0]
    assert part["httpStatusCode"] == 400
    assert part["body"][0]["errorCode"] == "MALFORMED_QUERY"
    assert org.call("GET", "query", params={"q": long[:17_000]}).status_code == 414
