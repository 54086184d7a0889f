"""Calculated fields: their values change without a stamp, and reach the mirror all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.records import Page, ReadSpec
from sync.salesforce import ClientCredentials, SalesforceConnector
from sync.salesforce.describe import Facts
from sync.salesforce.refresh import due
from tests.contract.connector_suite import read_all
from tests.contract.test_salesforce_bulk import World
from tests.known import Known

SETTINGS = SandboxSettings(partners=8, months=4, entries=40, rows={"Account": 2600}, salesforce_bulk_step_s=0.0)
SPEC = ReadSpec("Account", ("Name", "AttackListSubmittedOn__c", "DaysSinceAttackList__c"))
FORMULA = "DaysSinceAttackList__c"


@pytest.fixture
def url() -> Iterator[str]:
    with running(SETTINGS) as address:
        yield address


@pytest.fixture
def world(url: str, engine: Engine) -> World:
    return World(url, connect_with(engine))


def days(world: World) -> dict[str, Any]:
    with world.connect() as conn:
        query = "select id, dayssinceattacklist__c from salesforce.account where dayssinceattacklist__c is not null"
        return dict(conn.execute(query).fetchall())


def versions(world: World) -> list[Any]:
    with world.connect() as conn:
        return conn.execute("select id, _version from salesforce.account order by 1").fetchall()


@pytest.mark.parametrize("threshold", [None, 100], ids=["by REST", "by a bulk job"])
def test_a_formula_s_new_value_arrives_with_the_schedule_and_moves_no_version(world: World, threshold: int | None):
    world.pull(SPEC, bulk_threshold=threshold)
    before, held = days(world), versions(world)
    assert before
    world.user._call("POST", "advance", {"days": 0.1})
    world.user.forget_calls()
    assert world.pull(SPEC, bulk_threshold=threshold).changed == 0
    world.user._call("POST", "advance", {"days": 1.9})
    counts = world.pull(SPEC, bulk_threshold=threshold)
    after = days(world)
    assert after.keys() >= before.keys()
    assert {after[i] - before[i] for i in before} == {2}
    assert counts.changed == len(before)
    assert dict(held).items() <= dict(versions(world)).items()
    assert world.jobs() == []
    with world.connect() as conn:
        kept = conn.execute(
            "select record_id, old_value::numeric, new_value::numeric from salesforce.field_history where field = %s",
            (FORMULA,),
        ).fetchall()
    assert {(i, old, new) for i, old, new in kept} == {(i, before[i], after[i]) for i in before}
    assert world.pull(SPEC, bulk_threshold=threshold).changed == 0


def test_only_id_and_the_calculated_fields_are_read_and_rows_that_stayed_are_not_written(world: World):
    world.pull(SPEC, bulk_threshold=None)
    with world.connect() as conn:
        before = dict(conn.execute("select id, ctid::text from salesforce.account").fetchall())
    world.user._call("POST", "advance", {"days": 1})
    connector = world.connector(bulk_threshold=None)
    cursor = world.cursor(SPEC)
    pages = read_all(connector, SPEC, cursor)
    connector.close()
    assert {tuple(r.values) for p in pages for r in p.refreshed} == {(FORMULA,)}
    assert len({r.id for p in pages for r in p.refreshed}) >= 2600
    counts = world.pull(SPEC, bulk_threshold=None)
    with world.connect() as conn:
        moved = {i for i, at in conn.execute("select id, ctid::text from salesforce.account") if before.get(i) != at}
    assert counts.changed == len(moved) == len(days(world))


def test_a_refresh_that_was_killed_goes_on_behind_the_last_page(world: World):
    connector = world.connector(bulk_threshold=None, refresh_every=timedelta(0))
    cursor = read_all(connector, SPEC)[-1].cursor
    stored: list[Page] = []
    for page in connector.pages(SPEC, cursor, Known()):
        stored.append(page)
        if page.refreshed:
            break
    assert "after" in stored[-1].cursor["refresh"]
    rest = read_all(connector, SPEC, stored[-1].cursor)
    ids = [r.id for p in [*stored, *rest] for r in p.refreshed]
    live = [i for i, r in world.user.records("Account").items() if not r["deleted"]]
    assert sorted(ids) == sorted(live)
    assert "refresh" not in rest[-1].cursor
    connector.close()


def test_a_field_that_became_calculated_is_noticed_with_the_next_description(world: World):
    connector = world.connector(bulk_threshold=None, refresh_every=timedelta(0))
    cursor = read_all(connector, SPEC)[-1].cursor
    cursor["facts"]["calculated"] = []  # as it was described then
    unaware = world.connector(bulk_threshold=None, refresh_every=timedelta(0))
    assert not any(p.refreshed for p in read_all(unaware, SPEC, cursor))
    unaware.describe("Account")
    pages = read_all(unaware, SPEC, cursor)
    assert any(p.refreshed for p in pages)
    assert pages[-1].cursor["facts"]["calculated"] == [FORMULA]
    connector.close()
    unaware.close()


def test_an_object_without_calculated_fields_costs_nothing_more(url: str):
    auth = ClientCredentials(SETTINGS.salesforce_client_id, SETTINGS.salesforce_client_secret)
    connector = SalesforceConnector("salesforce", url, auth, refresh_every=timedelta(0))
    spec = ReadSpec("Account", ("Name",))
    cursor = read_all(connector, spec)[-1].cursor
    read_all(connector, spec, cursor)
    before = sum(connector.calls().values())
    read_all(connector, spec, cursor)
    assert sum(connector.calls().values()) - before <= 2
    connector.close()


def test_it_is_due_after_the_interval_by_the_crm_s_clock_or_when_it_is_not_over():
    now, every = datetime(2026, 11, 1, 12, tzinfo=UTC), timedelta(hours=6)
    facts = Facts("SystemModstamp", True, True, True, ("F",))
    none = Facts("SystemModstamp", True, True, True)
    assert not due({"refreshed": "2026-11-01T06:00:01.000Z"}, facts, now, every)
    assert due({"refreshed": "2026-11-01T06:00:00.000Z"}, facts, now, every)
    assert due({"refreshed": "2026-11-01T11:00:00.000Z", "refresh": {}}, facts, now, every)
    assert due({}, facts, now, every)
    assert not due({}, none, now, every)
