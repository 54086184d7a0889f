"""What goes wrong on the wire and in the database, met by whole cycles: the status is true, and soon the mirror is the ledger again.

The oracle is the sandbox's ledger, after at most two clean cycles. What went wrong with single calls stands in tests/contract.
"""

# ruff: noqa: F811 (fixtures are imported)
import gc
import signal
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from jobs import database as db
from jobs import pipeline
from jobs.settings import load
from jobs.wiring import read_rules
from sync.errors import BadReply, LoginRefused, QuotaExhausted, RateLimited, Stop, SyncError, Unreachable
from sync.hubspot import OAuthRefresh
from sync.mapping.needs import needs
from sync.records import CrmRecord
from tests.acceptance.desk import Sandbox
from tests.acceptance.in_process import LIMIT, PATIENCE, Company, Ran
from tests.acceptance.in_process_fixtures import (  # noqa: F401
    company,
    company_of,
    loaded_database,
    newcomer,
    reader_of_pages,
    world,
    world_of_pages,
)
from tests.integration import holders
from tests.integration.holders import server, until

READS = {"salesforce": r"/(query|queryAll|composite)", "hubspot": r"/objects/"}
ACCOUNT, DEAL = "Account", "deals"


def strike(
    crm: str, effect: dict[str, Any], *, times: int | None = None, skip: int = 0, **match: str
) -> dict[str, Any]:
    return {"match": {"crm": crm, "path": READS[crm], **match}, "times": times, "skip": skip, "effect": effect}


def both(effect: dict[str, Any], **how: Any) -> list[dict[str, Any]]:
    return [strike(crm, effect, **how) for crm in READS]


def something_changes(company: Company) -> None:
    """In either CRM, so that a cycle which brings nothing shows in the mirror."""
    ledger = company.sandbox.ledger()["records"]
    for crm, kind, field in (("salesforce", ACCOUNT, "Name"), ("hubspot", DEAL, "target_name")):
        one = next(r["id"] for r in ledger if (r["crm"], r["object"], r["deleted"]) == (crm, kind, False))
        company.sandbox.act(crm=crm, action="edit", object=kind, id=one, fields={field: "変わった名前"})
    company.sandbox.advance(2 / 86400)  # the CRMs tell their time in whole seconds
    assert len(company.differences()) >= 2


def refused_truthfully(company: Company, *scripts: dict[str, Any], kind: type[Exception] = SyncError) -> Ran:
    """A cycle cut short by these faults: it says so, and what was held is neither emptied nor believed to be newer."""
    before, cursors = held(company), company.cursors()
    company.sandbox.faults(*scripts)
    ran = company.run()
    assert isinstance(ran.error, kind), repr(ran.error)
    assert ran.newest["cause"] == str(ran.error)
    assert held(company) == before
    for name in (f"salesforce.{ACCOUNT}", f"hubspot.{DEAL}"):
        assert company.cursors().get(name) == cursors.get(name), name
    return ran


def held(company: Company) -> list[int]:
    """Live rows in the mirror, of either CRM."""
    tables = ("salesforce.account", "hubspot.deals")
    return [company.one(f"select count(*) from {t} where not _deleted") for t in tables]


# the database


def test_a_database_restarted_at_once_in_mid_run_costs_that_run_at_most(
    world: Sandbox, home: Path, tmp_path: Path
) -> None:
    """SIGQUIT to the server is what `pg_ctl restart -m immediate` sends; its keeper starts it again."""
    world.reset()
    with db.database(home, None) as url:
        db.upgrade(url)
        before = server(home)
        assert before

        def restart(connection: str, name: str, _count: int) -> None:
            if (connection, name) == ("salesforce", "Opportunity"):
                before.send_signal(signal.SIGQUIT)
                before.wait(10)
                until(lambda: server(home) not in (None, before))
                with holders.connected(url.replace("+psycopg", "")):
                    pass

        with company_of(world, tmp_path, url) as restarted:
            restarted.between = restart
            ran = restarted.run()
            assert server(home) != before
            assert ran.error is not None
            assert ran.newest["status"] == "failed"
            assert ran.newest["cause"]
            restarted.recovers()


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        ("perform pg_sleep(5)", "statement timeout"),
        (
            "raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'",
            "No space left",
        ),
        ("raise exception 'cannot execute INSERT in a read-only transaction' using errcode = '25006'", "read-only"),
    ],
    ids=["statement timeout", "disk full", "read-only"],
)
def test_a_database_that_cannot_store_a_page_stops_the_run_and_keeps_the_watermark(
    company: Company, fault: str, met: str
) -> None:
    something_changes(company)
    company.engine.dispose()
    patience = 1.5 if met == "statement timeout" else 600.0
    company.engine = db.engine(company.url, statement_timeout=timedelta(seconds=patience))
    company.execute(
        f"""create function salesforce.fault() returns trigger language plpgsql as $$ begin {fault}; return new; end $$;
        create trigger fault before insert or update on salesforce.account for each row execute function salesforce.fault()"""
    )
    before = company.cursors()[f"salesforce.{ACCOUNT}"]
    ran = company.run()
    assert isinstance(ran.error, Stop)
    assert met in ran.newest["cause"]
    assert "Account" in ran.newest["cause"]
    assert company.cursors()[f"salesforce.{ACCOUNT}"] == before
    company.execute("drop function salesforce.fault() cascade")
    company.recovers()
    company.engine.dispose()


def test_a_disk_that_is_really_full_stops_the_object_and_is_said(newcomer: Company) -> None:
    """The table's file is put on /dev/full, where the kernel itself refuses every byte with ENOSPC; nobody need be root for that."""
    company = newcomer

    def stop_before_anything_is_stored(connection: str, name: str, _count: int) -> None:
        if (connection, name) == ("salesforce", ACCOUNT):
            raise InterruptedError("as if killed")

    company.between = stop_before_anything_is_stored
    assert isinstance(company.run().error, InterruptedError)
    company.between = None
    company.engine.dispose()  # whoever has the file open would go on writing to it
    place = company.one("select current_setting('data_directory') || '/' || pg_relation_filepath('salesforce.account')")
    file, aside = Path(place), Path(f"{place}.aside")
    assert file.stat().st_size == 0
    file.rename(aside)
    file.symlink_to("/dev/full")
    try:
        ran = company.run()
    finally:
        company.engine.dispose()
        file.unlink()
        aside.rename(file)
    assert isinstance(ran.error, Stop)
    assert "No space left on device" in ran.newest["cause"]
    assert "make room" in ran.newest["cause"]
    assert ran.newest["status"] == "failed"
    assert company.cursors()[f"salesforce.{ACCOUNT}"] is None
    others = {o["object"]: o["status"] for o in ran.status["objects"] if o["object"] != ACCOUNT}
    assert set(others.values()) == {"succeeded"}, "the others are stored"
    company.recovers()


def test_a_database_that_turned_read_only_is_said_and_nothing_is_lost(company: Company) -> None:
    """Nothing can be noted in it either: the newest run of the status stays the one before."""
    something_changes(company)
    before = company.one("select max(run_id) from sakigake.run")
    name = company.url.rpartition("/")[2].partition("?")[0]
    company.execute(f'alter database "{name}" set default_transaction_read_only = on')
    ran = company.run(noted=False)
    company.execute(
        "set default_transaction_read_only = off", f'alter database "{name}" reset default_transaction_read_only'
    )
    assert ran.sentence.startswith("PostgreSQL said no (cannot execute ")
    assert "in a read-only transaction" in ran.sentence
    assert ran.newest["run"] == before
    company.engine.dispose()
    company.recovers()


# too many calls


FAR = format_datetime(datetime(2199, 1, 1, tzinfo=UTC), usegmt=True)
WAITS = {
    "none": {},
    "seconds": {"Retry-After": "7"},
    "a date": {"Retry-After": FAR},
    "absurd": {"Retry-After": "1e9"},
}


@pytest.mark.parametrize("headers", WAITS.values(), ids=list(WAITS))
def test_a_storm_of_429_ends_in_time_and_a_short_one_is_waited_out(company: Company, headers: dict[str, str]) -> None:
    """Waits are capped whatever the header asks, and our count of calls stays the CRM's own."""
    company.one_at_a_time()
    something_changes(company)
    storm = {"kind": "status", "status": 429, "headers": headers, "body": {"policyName": "TEN_SECONDLY_ROLLING"}}
    refused_truthfully(company, *both(storm), kind=RateLimited)
    ran = refused_truthfully(company, *both(storm), kind=RateLimited)
    for crm in READS:
        assert max(ran.waits[crm]) <= 61, crm
        assert 0 < sum(ran.waits[crm]) <= 2 * (PATIENCE + 60), "two objects, each for its time and one closed gate"
        assert min(ran.waits[crm]) >= 0, crm
    company.sandbox.faults(*both(storm, times=2))
    company.sandbox.control("POST", "calls/reset")
    ran = company.run()
    assert ran.error is None
    assert ran.newest["status"] == "succeeded"
    told = {q["connection"]: q["last_run_calls"] for q in ran.status["quota"]}
    for crm in READS:
        assert told[crm] == company.sandbox.total_calls(crm), crm
        if headers == {"Retry-After": "7"}:
            assert [w for w in ran.waits[crm] if w >= 7], crm
    assert company.differences() == []


# the day's calls


REFUSALS = {
    "salesforce": {
        "kind": "status",
        "status": 403,
        "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
    },
    "hubspot": {
        "kind": "status",
        "status": 429,
        "body": {"status": "error", "errorType": "RATE_LIMIT", "policyName": "DAILY", "message": "daily limit"},
    },
}


@pytest.mark.parametrize("crm", list(REFUSALS))
def test_used_up_calls_are_said_at_once_and_the_next_window_goes_on(company: Company, crm: str) -> None:
    company.one_at_a_time()
    something_changes(company)
    company.sandbox.faults(strike(crm, REFUSALS[crm]))
    ran = company.run()
    assert isinstance(ran.error, QuotaExhausted)
    assert ran.newest["status"] == "quota"
    assert "calls" in ran.newest["cause"]
    assert ran.waits[crm] == [], "waiting does not help"
    assert company.sandbox.control("GET", "faults")["faults"][0]["hits"] == 1, "nothing is sent after it"
    told = {o["connection"]: o for o in ran.status["objects"]}
    assert {o["connection"]: o["status"] for o in ran.status["objects"]} == {
        **dict.fromkeys(READS, "succeeded"),
        crm: "quota",
    }, "the other CRM is read as ever"
    assert all("calls" in o["cause"] for o in told.values() if o["connection"] == crm)
    assert company.one("select status from sakigake.run_step where step = 'pull' order by started_at desc") == "quota"
    assert company.differences(), "what could not be read is not claimed"
    company.recovers()
    assert {o["status"] for o in company.clean().status["objects"]} == {"succeeded"}


@pytest.mark.parametrize("crm", list(REFUSALS))
def test_a_sweep_that_runs_out_of_calls_says_so_and_is_no_proof(company: Company, crm: str) -> None:
    company.sandbox.faults(strike(crm, REFUSALS[crm]))
    ran = company.sweep()
    assert ran.error is None
    assert ran.newest["status"] == "quota"
    assert "calls" in ran.newest["cause"]
    proven = {o["connection"] for o in ran.status["objects"] if o["proven_at"]}
    assert proven == set(READS) - {crm}
    company.recovers()


def test_our_own_budget_of_the_day_ends_a_run_as_the_crm_s_does(newcomer: Company) -> None:
    newcomer.salesforce, newcomer.hubspot = {"daily_budget": 6}, {"daily_budget": 6}
    ran = newcomer.run()
    assert isinstance(ran.error, QuotaExhausted)
    assert ran.newest["status"] == "quota"
    assert {o["status"] for o in ran.status["objects"]} <= {"succeeded", "quota"}
    newcomer.salesforce = newcomer.hubspot = {}
    newcomer.recovers()


def test_at_90_per_cent_of_the_organisation_s_calls_we_leave_the_rest_to_people(company: Company) -> None:
    company.one_at_a_time()
    something_changes(company)
    nearly = {"kind": "edit", "headers": {"Sforce-Limit-Info": "api-usage=90001/100000"}}
    company.sandbox.faults({"match": {"crm": "salesforce"}, "times": None, "effect": nearly})
    ran = company.run()
    assert isinstance(ran.error, QuotaExhausted)
    assert ran.newest["status"] == "quota"
    assert "90001" in ran.newest["cause"]
    assert company.sandbox.control("GET", "faults")["faults"][0]["hits"] == 4, "the login's three, and one object's"
    quota = next(q for q in ran.status["quota"] if q["connection"] == "salesforce")
    assert (quota["quota_used"], quota["quota_limit"]) == (90001, 100_000)
    company.recovers()


# servers that are not themselves


JSON = {"Content-Type": "application/json;charset=UTF-8"}
BROKEN = {
    "503": {"kind": "status", "status": 503, "body": ""},
    "502 in HTML with headers of JSON": {
        "kind": "status",
        "status": 502,
        "headers": JSON,
        "body": "<html>bad gateway</html>",
    },
    "200 in HTML with headers of JSON": {
        "kind": "status",
        "status": 200,
        "headers": JSON,
        "body": "<html>a page</html>",
    },
    "a reply cut off": {"kind": "cut"},
    "a lost reply": {"kind": "lost_reply"},
}


@pytest.mark.parametrize("effect", BROKEN.values(), ids=list(BROKEN))
def test_a_burst_is_waited_out_and_a_server_that_stays_broken_is_no_empty_crm(
    company: Company, effect: dict[str, Any]
) -> None:
    something_changes(company)
    refused_truthfully(company, *both(effect), kind=Unreachable)
    company.sandbox.faults(*both(effect, times=3))
    ran = company.run()
    assert (ran.error, ran.newest["status"]) == (None, "succeeded")
    assert company.differences() == []


def test_a_query_that_timed_out_is_a_failed_load_and_not_an_empty_one(newcomer: Company) -> None:
    body = [{"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}]
    newcomer.sandbox.faults(strike("salesforce", {"kind": "status", "status": 400, "body": body}))
    ran = newcomer.run()
    assert isinstance(ran.error, SyncError)
    assert "QUERY_TIMEOUT" in ran.newest["cause"]
    assert not any(o["loaded"] for o in ran.status["objects"] if o["connection"] == "salesforce")
    newcomer.recovers()


REFUSED = {"kind": "status", "status": 400, "body": [{"errorCode": "MALFORMED_QUERY", "message": "no"}]}
SLOW = {
    "hung": {"kind": "hang", "seconds": 3600},
    "a byte now and then": {"kind": "trickle", "seconds": 0.15, "bytes": 1},
}


@pytest.mark.parametrize("effect", SLOW.values(), ids=list(SLOW))
def test_a_server_that_hangs_or_sends_a_byte_now_and_then_is_left_in_time(
    company: Company, effect: dict[str, Any]
) -> None:
    something_changes(company)
    company.salesforce = {"read_timeout": 0.25, "deadline": 0.8}
    company.hubspot = {"read_timeout": 0.25, "call_timeout": 0.4, "retry_for": 0.8}
    refused_truthfully(company, *both(effect), kind=Unreachable)
    company.salesforce = company.hubspot = {}
    company.recovers()


def test_an_object_that_hangs_or_fails_never_holds_up_the_others(newcomer: Company) -> None:
    """Of either CRM one object hangs and one is refused. What hangs is let go only when all others have come: nobody waits for it."""
    kinds = {"salesforce": ("AttackListEntry__c", "Task"), "hubspot": ("companies", "tasks")}
    where = {"salesforce": ("query", r"FROM(%20|\+){}\b"), "hubspot": ("path", r"/objects/(?:[\d-]+/)?{}\b")}
    scripts = []
    for crm, names in kinds.items():
        part, pattern = where[crm]
        for name, effect in zip(names, ({"kind": "hang", "seconds": 3600}, REFUSED), strict=True):
            match = {"crm": crm, part: pattern.replace("{}", name)}
            scripts.append({"match": match, "times": None, "effect": effect})
    newcomer.sandbox.faults(*scripts)
    newcomer.salesforce = newcomer.hubspot = {"read_timeout": 2 * LIMIT, "retry_for": 0.0}
    settings = load(newcomer.folder / "sakigake.yaml").workspaces["main"]
    wanted = needs(read_rules(settings, newcomer.folder))
    waited_for = {f"{crm}.{name}" for crm in kinds for name in wanted[crm]}
    waited_for -= {f"{crm}.{name}" for crm, names in kinds.items() for name in names}
    lock = threading.Lock()

    def hanging() -> list[int]:
        return [f["hits"] for f in newcomer.sandbox.control("GET", "faults")["faults"][::2]]

    def come(connection: str, name: str, _count: int) -> None:
        with lock:
            last = waited_for == {f"{connection}.{name}"}
            waited_for.discard(f"{connection}.{name}")
        if last:  # without the lock: the others go on, and leave their lanes to those that hang to the end of all
            until(lambda: all(hanging()))
            newcomer.sandbox.faults(*scripts[1::2])

    newcomer.between = come
    ran = newcomer.run()
    assert isinstance(ran.error, SyncError)
    ended = {f"{o['connection']}.{o['object']}": o["status"] for o in ran.status["objects"]}
    bad = {f"{crm}.{name}" for crm, names in kinds.items() for name in names}
    assert {name for name, status in ended.items() if status != "succeeded"} == bad
    assert len(ended) > 2 * len(bad)
    assert {o["loaded"] for o in ran.status["objects"] if f"{o['connection']}.{o['object']}" not in bad} == {True}
    newcomer.salesforce = newcomer.hubspot = {}
    newcomer.recovers()


# who we are


def logins(company: Company, crm: str) -> int:
    return sum(
        c["count"] for c in company.sandbox.calls() if c["crm"] == crm and "oauth" in c["path"] and "token" in c["path"]
    )


def with_oauth(company: Company) -> None:
    company.oauth = OAuthRefresh("sandbox-hubspot-app", "sandbox-hubspot-secret", "sandbox-refresh-token")


def test_a_token_that_ends_in_mid_load_costs_one_login_and_nothing_else(newcomer: Company) -> None:
    with_oauth(newcomer)
    newcomer.sandbox.faults(*both({"kind": "expired_token", "revoke": True}, times=1, skip=3))
    ran = newcomer.run()
    assert (ran.error, ran.newest["status"]) == (None, "succeeded")
    assert {crm: logins(newcomer, crm) for crm in READS} == {"salesforce": 2, "hubspot": 2}
    assert newcomer.differences() == []


@pytest.mark.parametrize("crm", list(READS))
def test_a_login_that_is_not_renewed_needs_a_person_and_says_so(
    company: Company, monkeypatch: pytest.MonkeyPatch, crm: str
) -> None:
    with_oauth(company)
    something_changes(company)
    gone = {
        "kind": "status",
        "status": 400,
        "body": {"error": "invalid_grant", "error_description": "no", "status": "BAD_REFRESH_TOKEN"},
    }
    company.sandbox.faults(
        strike(crm, {"kind": "expired_token", "revoke": True}),
        {"match": {"crm": crm, "path": "oauth.*/token"}, "skip": 1, "times": None, "effect": gone},
    )
    told: list[str] = []
    monkeypatch.setattr(pipeline, "alert", lambda _addresses, _folder, title, body: told.append(f"{title}: {body}"))
    ran = company.run()
    assert isinstance(ran.error, LoginRefused)
    assert ran.error.remedy
    assert ran.newest["cause"] == str(ran.error)
    assert logins(company, crm) == 2, "a refused login is not repeated"
    assert isinstance(company.run().error, LoginRefused)
    assert len(told) == 1, "people hear of it once"
    assert ran.error.remedy in told[0]
    company.recovers()


# pages that lack something


def test_a_page_that_lacks_a_row_is_never_taken_for_the_whole(newcomer: Company) -> None:
    lacking = {
        "kind": "edit",
        "find": r'"records":\s*\[\s*\{"attributes":\s*\{[^}]*\}[^{}]*\},',
        "replace": '"records":[',
    }
    newcomer.sandbox.faults(strike("salesforce", lacking, path="/queryAll"))
    ran = newcomer.run()
    assert isinstance(ran.error, BadReply)
    assert not any(o["loaded"] for o in ran.status["objects"] if o["connection"] == "salesforce")
    newcomer.recovers()


FILES = {
    "on a row's end": {"kind": "edit", "find": r"\n[^\n]*\n\Z", "replace": "\n"},
    "in a row": {"kind": "edit", "keep": 0.5},
}


@pytest.mark.parametrize("effect", FILES.values(), ids=list(FILES))
def test_a_bulk_file_cut_off_is_never_taken_for_the_whole(reader_of_pages: Company, effect: dict[str, Any]) -> None:
    company = reader_of_pages
    company.salesforce = {"bulk_threshold": 1000, "bulk_page": 2000}
    cut = {"match": {"crm": "salesforce", "path": "/results$"}, "skip": 1, "times": None, "effect": effect}
    company.sandbox.faults(cut)
    ran = company.run()
    assert isinstance(ran.error, SyncError)
    assert not ran.of("salesforce.Opportunity")["loaded"]
    company.recovers()


# a database slower than the CRM


def records() -> int:
    """How many are held in memory."""
    return sum(isinstance(o, CrmRecord) for o in gc.get_objects())


def test_a_slow_database_is_not_outrun(reader_of_pages: Company) -> None:
    """Pages wait for the one before them to be stored, so memory holds two of each CRM at most."""
    company, most = reader_of_pages, 0
    gc.collect()
    others = records()  # of this process's other tests

    def count(connection: str, name: str, _count: int) -> None:
        nonlocal most
        if (connection, name) == ("salesforce", "Opportunity"):
            company.execute("select pg_sleep(0.3)")
            most = max(most, records() - others)

    company.between = count
    assert company.run().error is None
    assert 2000 <= most <= 2 * (2000 + 100)
    assert company.differences() == []
