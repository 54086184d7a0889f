"""Large readings by Bulk API 2.0, from the sandbox's Salesforce into a real PostgreSQL, with the ledger as the oracle."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.errors import BadReply, QuotaExhausted, SyncError, Underway
from sync.mirror.place import LandCounts
from sync.mirror.pull import Pull, pull_object
from sync.records import ReadSpec
from sync.salesforce import ClientCredentials, SalesforceConnector
from sync.salesforce.bulk_jobs import JobFailed
from tests.contract.connector_suite import CrmUser, plain

SETTINGS = SandboxSettings(partners=6, months=4, entries=40, rows={"Contact": 3500}, salesforce_bulk_step_s=0.01)
CONTACT = ReadSpec("Contact", ("LastName", "FirstName", "Email", "AccountId", "CreatedDate"))
ACCOUNT = ReadSpec("Account", ("Name", "NumberOfEmployees", "CorporateNumber__c", "PartnerSince__c", "Website"))
RESULTS, JOBS, QUERY = "/results$", r"/jobs/query(/\w+)?$", r"/queryAll?/"
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


class World:
    """A CRM, a mirror of it, and a connector that takes everything of some size by bulk job."""

    def __init__(self, url: str, connect: Connect) -> None:
        self.url, self.connect = url, connect
        self.user = CrmUser(url, "salesforce")
        self.others: set[str] = set()  # jobs that were there before
        self.others = {job["id"] for job in self.jobs()}

    def connector(self, **changes: Any) -> SalesforceConnector:
        auth = ClientCredentials(SETTINGS.salesforce_client_id, SETTINGS.salesforce_client_secret)
        told = {
            "sleep": lambda s: None,
            "bulk_threshold": 20,
            "bulk_page": 1000,
            "bulk_patience": 1e6,
            "bulk_deadline": 1e6,
            **changes,
        }
        return SalesforceConnector("salesforce", self.url, auth, **told)

    def pull(self, spec: ReadSpec = CONTACT, *, full: bool = False, **changes: Any) -> LandCounts:
        connector = self.connector(**changes)
        try:
            pull = Pull("main", "salesforce", "salesforce", "run", connector.crm_now)
            return pull_object(self.connect, connector, pull, spec, full=full)
        finally:
            connector.close()

    def held(self, spec: ReadSpec = CONTACT) -> dict[str, tuple[Any, ...]]:
        columns = ", ".join(f.lower() for f in spec.fields)
        with self.connect() as conn:
            query = f"select id, _deleted, {columns} from salesforce.{spec.object.lower()}"
            return {r[0]: r[1:] for r in conn.execute(query)}

    def assert_mirrored(self, spec: ReadSpec = CONTACT) -> None:
        """The mirror equals the ledger, field by field."""
        truth, held = self.user.records(spec.object), self.held(spec)
        assert {i for i, r in held.items() if not r[0]} == {i for i, r in truth.items() if not r["deleted"]}
        for i, (_, *values) in held.items():
            for name, value in zip(spec.fields, values, strict=True):
                if name != "CreatedDate":
                    assert plain(value) == plain(truth[i]["fields"].get(name)), (i, name)

    def cursor(self, spec: ReadSpec = CONTACT) -> dict[str, Any]:
        with self.connect() as conn:
            row = conn.execute("select cursor from sakigake.mirror_object where object = %s", (spec.object,)).fetchone()
        assert row is not None
        return dict(row[0])

    def jobs(self) -> list[dict[str, Any]]:
        connector = self.connector()
        try:
            return [j for j in connector._client.get("jobs/query", "jobs")["records"] if j["id"] not in self.others]
        finally:
            connector.close()

    def parked(self) -> list[tuple[Any, ...]]:
        with self.connect() as conn:
            return conn.execute("select record_id, field, raw from sakigake.parked order by 1, 2").fetchall()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(SETTINGS) as address:
        yield address


@pytest.fixture
def world(url: str, engine: Engine) -> Iterator[World]:
    made = World(url, connect_with(engine))
    yield made
    made.user._call("DELETE", "faults")


def test_a_large_first_load_comes_by_a_job_that_is_taken_away_afterwards(world: World):
    world.user.forget_calls()
    counts = world.pull()
    assert (counts.read, counts.inserted) == (3500, 3500)
    world.assert_mirrored()
    assert world.jobs() == []
    assert world.cursor()["phase"] == "changes"
    assert world.pull().changed == 0


def test_a_small_object_is_read_by_rest(world: World):
    with world.user.fault({"kind": "status", "status": 500, "body": "no jobs"}, path=JOBS, times=None):
        world.pull(bulk_threshold=4000)
        world.assert_mirrored()


def test_bulk_and_rest_make_the_same_rows(world: World):
    tricky = {"Name": 'say "hi",\nto all\\. \\N\r\n末尾', "Website": "  x\ty ", "NumberOfEmployees": 0}
    world.user.create("Account", tricky)
    for n in range(25):
        world.user.create("Account", {"Name": f"many {n}"})
    gone = world.user.create("Account", {"Name": "gone"})
    world.user.delete("Account", gone)
    winner, loser = (world.user.create("Account", {"Name": n}) for n in "ab")
    world.user.merge("Account", winner, loser)
    bookkeeping = "select id, _version, _deleted, _merged_into, name, numberofemployees, partnersince__c, website from salesforce.account order by 1"
    made = []
    for threshold in (1, None):
        world.pull(ACCOUNT, full=True, bulk_threshold=threshold)
        with world.connect() as conn:
            made.append(conn.execute(bookkeeping).fetchall())
            conn.execute("drop schema salesforce cascade")
            conn.execute("delete from sakigake.mirror_object")
    assert made[0] == made[1]
    rows = {r[0]: r for r in made[0]}
    assert rows[gone][2] is True
    assert rows[loser][2:4] == (True, winner)
    assert any(r[5] == 0 and "\\N" in r[4] for r in made[0])


def test_a_second_full_reading_writes_no_row_that_did_not_change(world: World):
    world.pull()
    with world.connect() as conn:
        before = conn.execute("select id, ctid::text from salesforce.contact order by 1").fetchall()
    counts = world.pull(full=True)
    assert (counts.read, counts.inserted, counts.changed) == (3500, 0, 0)
    with world.connect() as conn:
        assert conn.execute("select id, ctid::text from salesforce.contact order by 1").fetchall() == before


def test_a_large_window_of_change_comes_by_a_job_too(world: World):
    world.pull()
    ids = sorted(world.user.records("Contact"))[:60]
    body = [
        {"crm": "salesforce", "action": "edit", "object": "Contact", "id": i, "fields": {"FirstName": f"new {n}"}}
        for n, i in enumerate(ids)
    ]
    world.user._call("POST", "records", body)
    world.user.delete("Contact", ids[0])
    with world.user.fault({"kind": "status", "status": 503, "body": "x"}, path=RESULTS, times=1):
        counts = world.pull()
    assert counts.changed >= 60
    world.assert_mirrored()
    assert "window" not in world.cursor()
    assert world.jobs() == []
    world.user.undelete("Contact", ids[0])
    world.pull()
    world.assert_mirrored()


CUT = {
    "in a row": {"kind": "edit", "find": r'"[^"]*"\n\Z', "replace": '"half a val'},
    "on a row's end": {"kind": "edit", "find": r"\n[^\n]*\n\Z", "replace": "\n"},
    "all but the header": {"kind": "edit", "find": r"\n(.|\n)*", "replace": "\n"},
    "between two cells": {"kind": "edit", "find": r',"[^"]*"\n\Z', "replace": "\n"},
    "without saying how many": {"kind": "edit", "headers": {"Sforce-NumberOfRecords": None}},
    "without a locator": {"kind": "edit", "headers": {"Sforce-Locator": None}},
    "with a number too high": {"kind": "edit", "headers": {"Sforce-NumberOfRecords": "1001"}},
    "without its header line": {"kind": "edit", "find": r"\A[^\n]*\n", "replace": ""},
    "with other columns": {"kind": "edit", "find": r'"Email"', "replace": '"Mail"'},
}


@pytest.mark.parametrize("effect", CUT.values(), ids=CUT)
def test_a_page_of_results_that_is_not_whole_is_an_error_and_the_next_run_goes_on_from_it(world: World, effect: Any):
    told = {"match": {"path": RESULTS, "query": "locator="}, "effect": effect, "times": None}
    world.user._call("POST", "faults", told)
    with pytest.raises(BadReply) as met:
        world.pull()
    assert met.value.remedy
    assert "Contact" in met.value.message
    assert len(world.held()) <= 1000
    world.user._call("DELETE", "faults")
    world.pull()
    world.assert_mirrored()
    assert world.jobs() == []


def test_what_passes_is_survived_within_one_run(world: World):
    for effect in ({"kind": "cut", "after": 0.5}, {"kind": "lost_reply"}, {"kind": "expired_token"}):
        world.user._call("POST", "faults", {"match": {"path": RESULTS}, "effect": effect, "times": 1, "skip": 1})
        world.pull(full=True)
        world.user._call("DELETE", "faults")
    html = {"kind": "status", "status": 200, "body": "<html>a proxy's page</html>"}
    with world.user.fault(html, path=RESULTS, times=2):
        world.pull(full=True)
    world.assert_mirrored()
    assert world.jobs() == []


def test_a_locator_that_comes_again_is_a_circle(world: World):
    with (
        world.user.fault({"kind": "duplicate_page"}, path=RESULTS, query="locator=", times=None, skip=1),
        pytest.raises(BadReply, match=r"circle|promised|counted"),
    ):
        world.pull()
    assert world.cursor()["phase"] != "changes"
    world.pull()
    world.assert_mirrored()
    assert world.jobs() == []


@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_a_job_that_fails_is_an_error_and_the_next_run_reads_by_rest(world: World, state: str):
    told = rf'"state":"{state}","errorMessage":"InvalidBatch : QUERY_TIMEOUT: secret value"'
    effect = {"kind": "edit", "find": r'"state":\s*"\w+"', "replace": told}
    world.user._call(
        "POST", "faults", {"match": {"path": r"/jobs/query/\w+$", "method": "GET"}, "effect": effect, "times": None}
    )
    with pytest.raises(JobFailed, match=rf"{state} \(QUERY_TIMEOUT\)") as met:
        world.pull()
    assert "secret" not in str(met.value)
    assert world.held() == {}
    world.user._call("DELETE", "faults")
    with world.user.fault({"kind": "status", "status": 500, "body": "no jobs"}, path=JOBS, times=None):
        world.pull()
    world.assert_mirrored()


def test_a_job_that_never_ends_is_given_up_at_its_deadline_with_waits_that_grow(world: World):
    waits: list[float] = []
    effect = {"kind": "edit", "find": r'"state":\s*"\w+"', "replace": '"state":"InProgress"'}
    world.user._call(
        "POST", "faults", {"match": {"path": r"/jobs/query/\w+$", "method": "GET"}, "effect": effect, "times": None}
    )
    with pytest.raises(JobFailed, match="600 seconds"):
        world.pull(bulk_deadline=600.0, sleep=waits.append)
    assert waits == sorted(waits)
    assert 600 <= sum(waits) < 640
    assert len(waits) < 40
    world.user._call("DELETE", "faults")


def test_what_bulk_refuses_is_read_by_rest_in_the_same_run(world: World):
    body = [{"errorCode": "INVALIDENTITY", "message": "Entity 'Contact' is not supported by the Bulk API"}]
    with world.user.fault({"kind": "status", "status": 400, "body": body}, path="/jobs/query$", times=None):
        world.pull()
    world.assert_mirrored()


def test_a_killed_load_goes_on_with_the_same_job_from_the_next_page(world: World):
    world.user._call(
        "POST",
        "faults",
        {
            "match": {"path": RESULTS},
            "effect": {"kind": "status", "status": 500, "body": "x"},
            "skip": 2,
            "times": None,
        },
    )
    with pytest.raises(SyncError):
        world.pull()
    assert len(world.held()) == 2000
    at = world.cursor()
    assert (at["phase"], at["job"]["read"]) == ("bulk", 2000)
    world.user._call("DELETE", "faults")
    world.user.forget_calls()
    counts = world.pull()
    assert counts.read == 1500
    world.assert_mirrored()
    assert world.jobs() == []


def test_a_job_that_is_gone_is_begun_anew(world: World):
    world.user._call(
        "POST",
        "faults",
        {
            "match": {"path": RESULTS},
            "effect": {"kind": "status", "status": 500, "body": "x"},
            "skip": 2,
            "times": None,
        },
    )
    with pytest.raises(SyncError):
        world.pull()
    world.user._call("DELETE", "faults")
    connector = world.connector()
    connector._client.change("DELETE", f"jobs/query/{world.cursor()['job']['id']}", None, "job")
    connector.close()
    world.pull()
    world.assert_mirrored()


def test_reading_everything_again_takes_away_the_job_that_nobody_will_go_on_with(world: World):
    effect = {"kind": "edit", "find": r'"state":\s*"\w+"', "replace": '"state":"InProgress"'}
    slow = {"match": {"path": r"/jobs/query/\w+$", "method": "GET"}, "effect": effect, "times": None}
    world.user._call("POST", "faults", slow)
    with pytest.raises(Underway):
        world.pull(bulk_patience=60.0)
    (left,) = world.jobs()
    assert left["id"] == world.cursor()["job"]["id"]
    world.user._call("DELETE", "faults")
    world.pull(full=True)
    assert world.jobs() == []
    world.assert_mirrored()


def test_the_organisation_s_quota_stops_a_job_s_reading_and_nothing_is_taken_for_whole(world: World):
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    world.user._call(
        "POST",
        "faults",
        {"match": {"path": RESULTS}, "effect": {"kind": "status", "status": 403, "body": body}, "skip": 1},
    )
    with pytest.raises(QuotaExhausted):
        world.pull()
    assert world.cursor()["phase"] == "bulk"
    world.user._call("DELETE", "faults")
    world.pull()
    world.assert_mirrored()
