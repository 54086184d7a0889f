"""A bulk job that takes hours: the CRM is left to it, all else goes on, and whoever comes later takes what it made."""

# ruff: noqa: F811 (fixtures are imported)
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.acceptance.desk import environment
from tests.acceptance.in_process import LIMIT, Company, Ran
from tests.acceptance.in_process_fixtures import (  # noqa: F401
    company,
    loaded_database,
    reader_of_pages,
    world,
    world_of_pages,
)
from tests.acceptance.test_kill_points import killed

JOB, DEAL, ENTRY = r"/jobs/query/\w+$", "salesforce.Opportunity", "salesforce.AttackListEntry__c"
UNDERWAY = {"kind": "edit", "find": r'"state":\s*"\w+"', "replace": '"state":"InProgress"'}
SLOW = {"match": {"crm": "salesforce", "path": JOB, "method": "GET"}, "times": None, "effect": UNDERWAY}
PATIENCE = 300  # the default


def made(company: Company) -> int:
    """Jobs that were made since the calls were counted anew."""
    asked = [c for c in company.sandbox.calls() if c["method"] == "POST" and c["path"].endswith("/jobs/query")]
    return sum(c["count"] for c in asked)


def statuses(ran: Ran) -> dict[str, str]:
    return {f"{o['connection']}.{o['object']}": o["status"] for o in ran.status["objects"]}


def mapped(company: Company) -> Any:
    return company.one("select count(*) from sakigake.run_step where step = 'map' and status = 'succeeded'")


def test_the_first_load_of_one_object_by_a_slow_job_is_left_to_the_crm_and_gone_on_with(reader_of_pages: Company):
    """Nothing is mapped before it is whole, the others are read at each run, and no second job is made."""
    company = reader_of_pages
    company.salesforce = {"bulk_threshold": 1000, "bulk_page": 2000}
    company.sandbox.faults(SLOW)
    company.sandbox.control("POST", "calls/reset")
    ran = company.run()
    assert ran.error is None
    assert ran.newest["status"] == "waiting"
    assert "still prepares the bulk query of Opportunity" in ran.newest["cause"]
    assert "Nothing is concluded" in ran.newest["cause"]
    assert statuses(ran).pop(DEAL) == "waiting"
    assert {s for name, s in statuses(ran).items() if name != DEAL} == {"succeeded"}
    assert not ran.of(DEAL)["loaded"]
    assert PATIENCE - LIMIT <= sum(ran.waits["salesforce"]) <= PATIENCE
    assert mapped(company) == 0
    job = company.cursors()[DEAL]["job"]

    lead = "salesforce.Lead" if "salesforce.Lead" in statuses(ran) else "salesforce.Account"
    before = ran.of(lead)["covered_until"]
    company.sandbox.advance(1 / 24)
    ran = company.run()
    assert ran.newest["status"] == "waiting"
    assert sum(ran.waits["salesforce"]) < 1, "it is asked for once, and not waited for again"
    assert ran.of(lead)["covered_until"] > before, "the others go on"
    assert company.cursors()[DEAL]["job"] == {**job, "left": True}
    assert "made 6" in ran.newest["cause"], "minutes by the CRM's clock"

    company.sandbox.faults()
    company.recovers(runs=1)
    assert mapped(company) == 1
    assert made(company) == 1


def test_a_run_killed_while_it_waits_for_a_job_leaves_it_to_the_next(reader_of_pages: Company):
    company = reader_of_pages
    company.salesforce = {"bulk_threshold": 1000, "bulk_page": 2000}
    company.set("salesforce", bulk_threshold=1000, bulk_patience=1)
    company.sandbox.faults(SLOW)
    company.sandbox.control("POST", "calls/reset")
    killed(company, "while a bulk job is waited for", 2)
    job = company.cursors()[DEAL]["job"]
    assert (job["locator"], job["read"]) == (None, 0)
    command = [
        str(Path(sys.executable).with_name("sakigake")),
        "run",
        "--config",
        str(company.folder / "sakigake.yaml"),
    ]
    env = environment(DATABASE_URL=company.url, SAKIGAKE_HOME=str(company.folder))
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5, done.stderr
    assert "salesforce.Opportunity waits: Salesforce still prepares" in " ".join(done.stdout.split())
    company.sandbox.faults()
    company.recovers(runs=1)
    assert made(company) == 1, "the job of the run that was killed"


def test_a_window_of_changes_that_a_slow_job_brings_holds_up_neither_the_run_nor_the_mapping(company: Company):
    """What is held is whole, so the steps behind go on with it; the status says that the object waits, and how far it lags."""
    company.salesforce = {"bulk_threshold": 20}
    entries = [r["id"] for r in company.sandbox.ledger()["records"] if r["object"] == "AttackListEntry__c"][:30]
    for one in entries:
        company.sandbox.act(
            crm="salesforce", action="edit", object="AttackListEntry__c", id=one, fields={"TargetName__c": "変わった"}
        )
    company.sandbox.advance(2 / 86400)
    company.sandbox.faults(SLOW)
    company.sandbox.control("POST", "calls/reset")
    before = mapped(company)
    for waits in (PATIENCE, 0):
        ran = company.run()
        assert (ran.error, ran.newest["status"], ran.newest["cause"]) == (None, "succeeded", None)
        assert {name for name, s in statuses(ran).items() if s != "succeeded"} == {ENTRY}
        assert ran.of(ENTRY)["status"] == "waiting"
        assert "still prepares" in ran.of(ENTRY)["cause"]
        assert waits - LIMIT <= sum(ran.waits["salesforce"]) <= waits
        company.sandbox.advance(1 / 24)
    assert mapped(company) == before + 2
    assert ran.of(ENTRY)["lag_seconds"] >= 15 * 60, "since the load of a quarter of an hour ago"
    others = [
        o["lag_seconds"]
        for o in ran.status["objects"]
        if o["connection"] == "salesforce" and o["object"] != "AttackListEntry__c"
    ]
    assert max(others) < 5 * 60
    assert all(d.startswith(ENTRY) for d in company.differences())
    company.recovers()
    assert made(company) <= 2, "the job that was slow, and one for the overlap at most"


def test_a_job_that_is_never_done_is_given_up_by_the_crm_s_clock_and_read_by_rest(reader_of_pages: Company):
    company = reader_of_pages
    company.salesforce = {"bulk_threshold": 1000}
    company.sandbox.faults(SLOW)
    assert company.run().newest["status"] == "waiting"
    company.sandbox.advance(13 / 24)
    ran = company.run()
    assert ran.newest["status"] == "failed"
    assert "was not done within 43200 seconds" in ran.newest["cause"]
    assert company.run().newest["status"] == "succeeded", "without any job"
    company.recovers()


def test_an_object_that_takes_longer_than_its_turn_goes_on_with_the_next_cycle(reader_of_pages: Company):
    """As `sakigake serve` reads: here each turn is over with the first page. Whatever was read stays read."""
    company = reader_of_pages
    asked, rows = [], 0
    for _ in range(12):
        ran = company.run(turn=0.0)
        assert ran.error is None
        asked.append(ran.newest["status"])
        if asked[-1] == "succeeded":
            break
        assert "still being read" in ran.newest["cause"]
        before, rows = rows, company.one("select count(*) from salesforce.opportunity")
        assert rows > before or ran.of(DEAL)["loaded"], "each turn brings a page"
    assert asked[0] == "waiting"
    assert rows >= 4500
    company.recovers()
