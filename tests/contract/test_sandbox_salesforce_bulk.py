"""Bulk API 2.0 of the sandbox's Salesforce: jobs that take their time, files with their own dialect, partial failures."""

import csv
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from sandbox.clock import Clock
from sandbox.salesforce import bulk
from sandbox.salesforce.org import Org as SalesforceOrg
from sandbox.salesforce.wire import Call
from sandbox.server import running
from tests.contract.salesforce_org import TINY, Org


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(replace(TINY, salesforce_bulk_step_s=0.05, rows={"Task": 1500})) as base:
        yield base


@pytest.fixture
def org(server: str) -> Org:
    return Org.fresh(server)


def launch(org: Org, soql: str, **more: Any) -> dict[str, Any]:
    reply = org.call("POST", "jobs/query", {"operation": "query", "query": soql, **more})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def finish(org: Org, kind: str, job_id: str) -> tuple[dict[str, Any], list[str]]:
    """The job once it has ended, and the states it was seen in."""
    states: list[str] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = org.get(f"jobs/{kind}/{job_id}")
        if not states or states[-1] != job["state"]:
            states.append(job["state"])
        if job["state"] in ("JobComplete", "Failed", "Aborted"):
            return job, states
        time.sleep(0.005)
    raise AssertionError(states)


def results(org: Org, job_id: str, **params: Any) -> requests.Response:
    return org.call("GET", f"jobs/query/{job_id}/results", params=params)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


class TestQuery:
    def test_a_job_passes_through_its_states_and_then_gives_its_pages(self, org: Org):
        job = launch(org, "SELECT Id, Subject FROM Task")
        assert (job["state"], job["object"], job["apiVersion"]) == ("UploadComplete", "Task", 62.0)
        assert results(org, job["id"]).status_code == 412
        done, states = finish(org, "query", job["id"])
        assert states[-1] == "JobComplete"
        assert set(states) <= {"UploadComplete", "InProgress", "JobComplete"}
        assert len(states) >= 2
        total = org.count("SELECT COUNT() FROM Task")
        assert (done["jobType"], done["numberRecordsProcessed"]) == ("V2Query", total)
        locator, seen = None, []
        while locator != "null":
            page = results(org, job["id"], maxRecords=400, **({"locator": locator} if locator else {}))
            found = rows(page.text)
            assert len(found) == int(page.headers["sforce-numberofrecords"]) <= 400
            seen += [r["Id"] for r in found]
            locator = page.headers["sforce-locator"]
        assert len(seen) == len(set(seen)) == total
        first = results(org, job["id"], maxRecords=400)
        assert first.text == results(org, job["id"], maxRecords=400).text  # locators can be read again

    def test_the_file_quotes_everything_and_writes_times_with_a_z(self, org: Org):
        org.create("Account", Name='say "hi",\nyes', NumberOfEmployees=5)
        job = launch(
            org,
            "SELECT Name, NumberOfEmployees, Phone, IsDeleted, SystemModstamp, Parent.Name FROM Account WHERE Name LIKE 'say%'",
        )
        finish(org, "query", job["id"])
        text = results(org, job["id"]).text
        head, rest = text.split("\n", 1)
        assert head == '"Name","NumberOfEmployees","Phone","IsDeleted","SystemModstamp","Parent.Name"'
        assert rest.startswith('"say ""hi"",\nyes","5","","false","2026-')
        (row,) = rows(text)
        assert row["SystemModstamp"].endswith(":" + row["SystemModstamp"][-7:-5] + ".000Z")
        page = results(org, job["id"])
        assert page.headers["content-type"].startswith("text/csv")
        assert page.headers["content-encoding"] == "gzip"  # as requests asks for it

    def test_numbers_keep_their_decimal_point_and_nothing_found_is_a_header(self, org: Org):
        job = launch(org, "SELECT Amount FROM Opportunity LIMIT 1", columnDelimiter="TAB", lineEnding="CRLF")
        empty = launch(org, "SELECT Id, Name FROM Account WHERE Name = 'nobody'")
        finish(org, "query", job["id"])
        finish(org, "query", empty["id"])
        assert results(org, job["id"]).text.startswith('"Amount"\r\n"')
        assert results(org, job["id"]).text.endswith('.0"\r\n')
        page = results(org, empty["id"])
        assert (page.text, page.headers["sforce-numberofrecords"], page.headers["sforce-locator"]) == (
            '"Id","Name"\n',
            "0",
            "null",
        )

    def test_query_all_brings_deleted_rows_too(self, org: Org):
        gone = org.create("Account", Name="gone")
        org.call("DELETE", f"sobjects/Account/{gone}")
        for operation, count in (("query", 0), ("queryAll", 1)):
            job = launch(org, f"SELECT Id, IsDeleted FROM Account WHERE Id = '{gone}'", operation=operation)
            done, _ = finish(org, "query", job["id"])
            assert done["numberRecordsProcessed"] == count

    @pytest.mark.parametrize(
        ("soql", "code"),
        [
            ("SELECT COUNT() FROM Task", "API_ERROR"),
            ("SELECT Id FROM Task LIMIT 5 OFFSET 2", "API_ERROR"),
            ("SELECT Id, BillingAddress FROM Account", "FUNCTIONALITY_NOT_ENABLED"),
            ("SELECT Nope FROM Account", "INVALID_FIELD"),
            ("SELECT Id FROM", "MALFORMED_QUERY"),
        ],
    )
    def test_what_bulk_cannot_do_is_refused_at_once(self, org: Org, soql: str, code: str):
        reply = org.call("POST", "jobs/query", {"operation": "query", "query": soql})
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, code)

    def test_another_version_cannot_read_the_results(self, org: Org):
        job = launch(org, "SELECT Id FROM Account")
        finish(org, "query", job["id"])
        assert org.call("GET", f"/services/data/v61.0/jobs/query/{job['id']}/results").status_code == 409

    def test_a_job_can_be_aborted_and_then_deleted(self, org: Org):
        job = launch(org, "SELECT Id FROM Account")
        assert org.call("DELETE", f"jobs/query/{job['id']}").status_code == 400
        assert org.call("PATCH", f"jobs/query/{job['id']}", {"state": "Aborted"}).json()["state"] == "Aborted"
        assert results(org, job["id"]).status_code == 412
        assert org.call("DELETE", f"jobs/query/{job['id']}").status_code == 204
        assert org.call("GET", f"jobs/query/{job['id']}").status_code == 404


class TestIngest:
    def load(self, org: Org, text: str, operation: str, **more: Any) -> dict[str, Any]:
        body = {"object": "AttackListEntry__c", "operation": operation, "contentType": "CSV", **more}
        job = org.call("POST", "jobs/ingest", body).json()
        assert job["state"] == "Open"
        assert job["contentUrl"] == f"services/data/v62.0/jobs/ingest/{job['id']}/batches"
        put = org.call("PUT", f"/{job['contentUrl']}", data=text.encode(), headers={"Content-Type": "text/csv"})
        assert (put.status_code, put.content) == (201, b"")
        told = org.call("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"}).json()
        assert told["state"] == "UploadComplete"
        done, _ = finish(org, "ingest", job["id"])
        return done

    def test_a_complete_job_may_hold_rows_that_failed(self, org: Org):
        text = "TargetName__c,ListedOn__c,Attempt__c\ngood,2026-01-02,2\nbad,2003-04-98765,1\n"
        done = self.load(org, text, "insert")
        assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == ("JobComplete", 2, 1)
        good = rows(org.call("GET", f"jobs/ingest/{done['id']}/successfulResults").text)
        bad = rows(org.call("GET", f"jobs/ingest/{done['id']}/failedResults/").text)
        assert org.get(f"sobjects/AttackListEntry__c/{good[0]['sf__Id']}")["ListedOn__c"] == "2026-01-02"
        assert (good[0]["sf__Created"], bad[0]["sf__Id"], bad[0]["TargetName__c"]) == ("true", "", "bad")
        assert bad[0]["sf__Error"].startswith("JSON_PARSER_ERROR:")
        assert rows(org.call("GET", f"jobs/ingest/{done['id']}/unprocessedrecords").text) == []

    def test_an_empty_cell_leaves_and_na_empties_a_field(self, org: Org):
        one = org.create("AttackListEntry__c", TargetName__c="a", TargetCity__c="b")
        self.load(org, f"Id,TargetName__c,TargetCity__c\n{one},,#N/A\n", "update")
        row = org.get(f"sobjects/AttackListEntry__c/{one}")
        assert (row["TargetName__c"], row["TargetCity__c"]) == ("a", None)

    def test_upsert_finds_by_external_id_and_parents_by_theirs(self, org: Org):
        parent = org.create("Account", Name="p", CorporateNumber__c="1234567890123")
        one = org.create("AttackListEntry__c", ExternalId__c="x1")
        text = "ExternalId__c,Partner__r.CorporateNumber__c\nx1,1234567890123\nx2,1234567890123\nx3,000\n"
        done = self.load(org, text, "upsert", externalIdFieldName="ExternalId__c")
        assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 1)
        assert org.get(f"sobjects/AttackListEntry__c/{one}")["Partner__c"] == parent
        good = rows(org.call("GET", f"jobs/ingest/{done['id']}/successfulResults").text)
        assert [r["sf__Created"] for r in good] == ["false", "true"]
        assert len(org.ledger("AttackListEntry__c")["writes"]) == 3  # one by hand, two by the job

    def test_an_unknown_column_fails_the_whole_job(self, org: Org):
        done = self.load(org, "Nope__c\nx\n", "insert")
        assert (done["state"], done["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Nope__c")
        assert len(rows(org.call("GET", f"jobs/ingest/{done['id']}/unprocessedRecords").text)) == 1

    def test_a_hard_delete_leaves_nothing_for_query_all(self, org: Org):
        one, two = (org.create("AttackListEntry__c", TargetName__c="x") for _ in range(2))
        self.load(org, f"Id\n{one}\n", "delete")
        self.load(org, f"Id\n{two}\n", "hardDelete")
        found = org.query("SELECT Id FROM AttackListEntry__c WHERE TargetName__c = 'x'", "queryAll")
        assert [r["Id"] for r in found] == [one]


def test_one_reply_tells_one_state_however_long_it_takes(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(bulk, "time", SimpleNamespace(monotonic=lambda: now[0]))
    jobs = bulk.Jobs(SalesforceOrg(Clock(datetime.now(UTC)), TINY), 0)
    job = jobs.open(cast("Call", SimpleNamespace(version="v62.0")), "query", "Task", {})
    job.queued = 0.0
    assert jobs.get(job.id).state(1.0) == "UploadComplete"
    now[0] = 5.0
    assert job.describe(1.0)["state"] == "UploadComplete"
    assert jobs.get(job.id).state(1.0) == "JobComplete"
