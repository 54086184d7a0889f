"""What reading costs in API calls: a first load little more than the API's least, a cycle without changes two calls an object at most."""

# ruff: noqa: F811 (fixtures are imported)
import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.connector import Connector
from sync.hubspot import AccessToken, HubspotConnector
from sync.records import ReadSpec
from sync.salesforce import ClientCredentials, SalesforceConnector
from tests.acceptance.in_process import Company
from tests.acceptance.in_process_fixtures import company, loaded_database, world  # noqa: F401
from tests.known import Known

ROWS = SandboxSettings(
    partners=6, months=4, entries=40, rows={"Contact": 24_000, "hubspot.tasks": 9_000},
    salesforce_bulk_step_s=0.0, limits=False,
)  # fmt: skip
MARGIN = 1.02
LIVE_PAGE, HISTORY_PAGE, LINKS, SALESFORCE_PAGE, BULK_PAGE = 100, 50, 1000, 2000, 5000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(ROWS) as address:
        yield address


def pages(rows: int, page: int) -> int:
    return -(-rows // page)


def cost_of_a_first_load(url: str, connector: Connector, spec: ReadSpec) -> tuple[int, int]:
    """(records read, calls that the CRM counted), whatever they were for, the login apart."""
    reset = urllib.request.Request(f"{url}/_sandbox/calls/reset", method="POST")
    urllib.request.urlopen(reset, timeout=20).close()
    read = 0
    for page in connector.pages(spec, None, Known()):
        read += len(page.records) + (sum(1 for _ in page.file.records()) if page.file is not None else 0)
        assert page.expected is None or read <= page.expected
    connector.close()  # type: ignore[attr-defined]
    with urllib.request.urlopen(f"{url}/_sandbox/calls", timeout=20) as reply:
        calls: list[dict[str, Any]] = json.load(reply)["calls"]
    free = ("/services/data", "/services/oauth2/token", "/oauth/v1/token")
    return read, sum(c["count"] for c in calls if c["path"] not in free)


@pytest.mark.parametrize("bulk", [False, True], ids=["REST", "bulk job"])
def test_a_first_load_of_salesforce_makes_no_call_that_it_could_do_without(url: str, bulk: bool) -> None:
    auth = ClientCredentials(ROWS.salesforce_client_id, ROWS.salesforce_client_secret)
    threshold = 1000 if bulk else None
    connector = SalesforceConnector("salesforce", url, auth, bulk_threshold=threshold, bulk_page=BULK_PAGE)
    read, made = cost_of_a_first_load(url, connector, ReadSpec("Contact", ("LastName", "Email")))
    assert read == 24_000
    description = 1
    by_rest = pages(read, SALESFORCE_PAGE)
    by_job = 1 + 1 + 1 + pages(read, BULK_PAGE) + 1  # how many; the job, whether it is done, its pages, and its end
    assert made <= MARGIN * (description + (by_job if bulk else by_rest))


@pytest.mark.parametrize(("history", "page"), [((), LIVE_PAGE), (("hs_task_status",), HISTORY_PAGE)])
def test_a_first_load_of_hubspot_costs_its_pages_and_hardly_more(url: str, history: tuple[str, ...], page: int) -> None:
    connector = HubspotConnector(
        "hubspot", AccessToken("sandbox-token"), url=url, ten_second_limit=100_000, searches_per_second=100_000
    )
    fields = ("hs_task_subject", "hs_timestamp", *history)
    read, made = cost_of_a_first_load(url, connector, ReadSpec("tasks", fields, history, ("companies", "deals")))
    assert read == 9_000
    archived = 1
    assert made <= MARGIN * (pages(read, page) + archived + 2 * pages(read, LINKS))


def test_a_cycle_in_which_nothing_changed_makes_at_most_two_calls_an_object(company: Company) -> None:
    company.clean()
    company.sandbox.advance(0)
    company.sandbox.control("POST", "calls/reset")
    ran = company.clean()
    login = {"salesforce": 3, "hubspot": 1}  # versions, token, and versions for the time; the account
    for crm, free in login.items():
        objects = [o for o in ran.status["objects"] if o["connection"] == crm]
        assert len(objects) >= 4
        made = company.sandbox.total_calls(crm)
        assert made <= 2 * len(objects) + free, crm
        assert made == ran.calls[crm], "and our own count is the CRM's"
        paths = Counter[str]()
        for c in company.sandbox.calls():
            if c["crm"] == crm:
                paths[c["path"].rpartition("/")[2]] += c["count"]
        if crm == "salesforce":
            free_of_charge = {"data": 2, "token": 1}
            assert paths == {"composite": len(objects), **free_of_charge}, (
                "log, records and history of each in one call"
            )
        else:
            assert paths == {"search": len(objects), "details": 1}
    assert (
        company.one("select count(*) from sakigake.mirror_object where last_changed_run_id = %s", ran.newest["run"])
        == 0
    )
