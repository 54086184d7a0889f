"""What goes wrong between a plan and the CRMs' records, with the sandbox's ledger of applied writes as oracle.

After at most two clean runs every intended value is applied, no wrong one ever was, none was applied twice, and the journal tells of each.
Kills stand in test_writeback_kills.py, merges in test_writeback_merges.py, restored backups in
test_writeback_restored.py, mass mistakes in test_writeback_guards.py.
"""

# ruff: noqa: F811 (fixtures are imported)
import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs.errors import PlanRefused
from jobs.progress import NoProgress
from jobs.steps import approve, write_back
from jobs.steps.provision import provision
from jobs.steps.undo import undo_run
from models.vocabulary import Step
from sync.errors import LoginRefused, PermissionMissing, QuotaExhausted, SyncError
from sync.writeback.deliver import LATE, deliver
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.office import office  # noqa: F401
from tests.acceptance.truth import connected, repeated_writes
from tests.acceptance.writing import Office

WRITES = {"salesforce": r"/composite(/sobjects)?$", "hubspot": r"/batch/update$"}
METHODS = {"salesforce": "PATCH", "hubspot": "POST"}
ACCOUNT, ENTRY, DEAL, COMPANY = "Account", "AttackListEntry__c", "deals", "companies"


def strike(crm: str, effect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"match": {"crm": crm, "method": METHODS[crm], "path": WRITES[crm]}, "effect": effect, "times": 1, **more}


def both(effect: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [strike(crm, effect, **more) for crm in WRITES]


@pytest.fixture(autouse=True)
def undisturbed(office: Office) -> Iterator[None]:
    yield
    office.sandbox.faults()
    office.before_write = None


def test_every_batch_is_one_call_and_nothing_is_sent_twice(office: Office) -> None:
    office.want()
    office.sandbox.control("POST", "calls/reset")
    office.clean_send()
    office.all_is_well()
    records: dict[tuple[str, str], set[str]] = {}
    for (connection, name, record_id), _ in office.wanted:
        records.setdefault((connection, name), set()).add(record_id)
    made = {
        (c["crm"], c["template"] if "template" in c else c["path"]): c["count"]
        for c in office.sandbox.calls()
        if c["method"] in ("PATCH", "POST") and ("composite/sobjects" in str(c) or "batch/update" in str(c))
    }
    writes = sum(n for (_, path), n in made.items() if path.endswith(("composite/sobjects", "batch/update")))
    expected = sum(-(-len(ids) // (200 if place[0] == "salesforce" else 100)) for place, ids in records.items())
    assert writes == expected, made


@pytest.mark.parametrize("crm", WRITES)
def test_a_lost_reply_is_read_back_and_nothing_is_sent_again(office: Office, crm: str) -> None:
    office.want()
    office.sandbox.faults(strike(crm, {"kind": "lost_reply"}))
    sent = office.send()
    assert sent.error is None, sent.error
    office.all_is_well()


def test_a_lost_reply_that_cannot_be_read_back_is_settled_by_the_next_run(office: Office) -> None:
    office.want()
    gone = {"kind": "status", "status": 503, "body": "<html>away</html>"}

    def then_away(_connection: str, _name: str, _count: int) -> None:
        office.sandbox.faults(
            *both({"kind": "lost_reply"}),
            {"match": {"path": "/(batch/read|composite/sobjects/)"}, "effect": gone, "times": None},
        )

    office.before_write = then_away
    sent = office.send()
    assert isinstance(sent.error, SyncError)
    assert office.statuses()["sent"] > 0
    office.clean_send()
    office.all_is_well()


@pytest.mark.parametrize("crm", WRITES)
def test_a_write_that_arrives_late_never_lands_after_a_newer_value(office: Office, crm: str) -> None:
    """Time-out, applied later: the same value is sent again at once, and another value only when nothing can arrive any more."""
    office.want()
    office.sandbox.faults(strike(crm, {"kind": "late_apply", "delay": 1.5, "status": 504}))
    assert office.send().error is None
    assert office.differences() == []
    older = dict(office.wanted)
    office.want(later=False)
    office.clean_send()
    waiting = [key for key, value in office.wanted.items() if value != older[key]]
    assert len(office.differences()) > 0, "the newer values wait"
    office.sandbox.late_calls_are_applied()
    with connected(office.url) as conn:
        conn.execute("update sakigake.change set uncertain_at = uncertain_at - %s", (LATE,))
    office.clean_send()
    assert office.differences() == []
    assert waiting


def test_a_plan_that_is_delivered_twice_is_sent_once(office: Office) -> None:
    office.want()
    with office.opened() as ready:
        made = write_back.plan(ready, "run-twice")
        for _ in range(2):
            deliver(write_back.delivery_of(ready, "run-twice"), made.plan_id)
    office.all_is_well()


@pytest.mark.parametrize(("crm", "name"), [("salesforce", ENTRY), ("hubspot", DEAL)])
def test_half_a_batch_refused_is_exactly_that_half(office: Office, crm: str, name: str) -> None:
    office.want()
    every = office.some(crm, name, 1000)
    half = every[: len(every) // 2]
    code = {"salesforce": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "hubspot": "VALIDATION_ERROR"}[crm]
    office.sandbox.act(crm=crm, action="refuse", object=name, id=half, code=code)
    sent = office.send()
    assert sent.error is None
    assert sent.delivered["failed"] == 2 * len(half)
    assert {d.split("'")[5] for d in office.differences()} == set(half)
    assert all(code in cause for cause in office.causes())
    again = office.send()
    assert again.report
    assert sum(again.report.skipped.values()) == 2 * len(half), "it is not offered again as it is"
    office.sandbox.act(crm=crm, action="refuse", object=name, id=half, times=0)
    assert office.send().delivered["confirmed"] == 0
    office.want()
    office.clean_send()
    assert office.differences() == [], "a new value is offered"


def test_what_was_refused_is_offered_again_when_its_record_changes(office: Office) -> None:
    office.want()
    (one,) = office.some("salesforce", ACCOUNT)
    office.sandbox.act(
        crm="salesforce", action="refuse", object=ACCOUNT, id=one, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", times=1
    )
    office.send()
    assert len(office.differences()) == 3
    office.sandbox.advance(2 / 86400)
    office.sandbox.act(crm="salesforce", action="edit", object=ACCOUNT, id=one, fields={"Phone": "03-0000-0001"})
    office.sandbox.advance(2 / 86400)
    office.clean_send(Step.PULL, *(Step.PLAN, Step.DELIVER))
    office.all_is_well()


@pytest.mark.parametrize(("crm", "name", "code"), [("salesforce", ENTRY, "UNABLE_TO_LOCK_ROW")])
def test_a_lock_storm_is_waited_out_and_a_long_one_costs_that_run_only(
    office: Office, crm: str, name: str, code: str
) -> None:
    office.want()
    every = office.some(crm, name, 1000)
    office.sandbox.act(crm=crm, action="refuse", object=name, id=every, code=code, times=3)
    assert office.send().error is None
    office.all_is_well()
    office.want()
    office.sandbox.act(crm=crm, action="refuse", object=name, id=every, code=code)
    sent = office.send()
    assert sent.delivered["failed"] == 2 * len(every)
    assert len(office.differences()) > 0
    office.sandbox.act(crm=crm, action="refuse", object=name, id=every, times=0)
    office.clean_send()
    office.all_is_well()


def test_hubspots_lock_of_a_whole_batch_is_waited_out(office: Office) -> None:
    office.want()
    office.sandbox.faults(strike("hubspot", {"kind": "status", "status": 423, "body": {"category": "LOCKED"}}, times=2))
    assert office.send().error is None
    office.all_is_well()


def test_a_token_that_expires_between_two_batches_costs_one_login(office: Office) -> None:
    office.want()
    office.sandbox.faults(strike("salesforce", {"kind": "expired_token", "revoke": True}, skip=1))
    sent = office.send()
    assert sent.error is None, sent.error
    office.all_is_well()


def test_a_token_that_stays_refused_stops_its_connection_and_the_other_goes_on(office: Office) -> None:
    office.want()
    office.sandbox.faults(strike("hubspot", {"kind": "expired_token"}, times=None))
    sent = office.send()
    assert isinstance(sent.error, LoginRefused)
    assert all("hubspot" in d for d in office.differences())
    office.clean_send()
    office.all_is_well()


SPENT = {
    "salesforce": {"kind": "status", "status": 403, "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]},
    "hubspot": {"kind": "status", "status": 429, "body": {"policyName": "DAILY", "message": "You have reached your daily limit."}},
}  # fmt: skip


@pytest.mark.parametrize("crm", WRITES)
def test_a_quota_that_runs_out_on_the_way_stops_there_and_the_next_run_goes_on(office: Office, crm: str) -> None:
    office.want()
    office.sandbox.faults(strike(crm, SPENT[crm], skip=1, times=None))
    sent = office.send()
    assert isinstance(sent.error, QuotaExhausted)
    assert "sent" not in office.statuses(), "a refused request surely wrote nothing"
    assert all(crm in d for d in office.differences())
    office.clean_send()
    office.all_is_well()


def ask(office: Office, method: str, path: str, token: str, body: Any = None) -> Any:
    """An administrator's own client."""
    request = urllib.request.Request(
        office.sandbox.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def salesforce_token(office: Office) -> str:
    form = b"grant_type=client_credentials&client_id=sakigake-sandbox&client_secret=sandbox-secret"
    with urllib.request.urlopen(f"{office.sandbox.url}/services/oauth2/token", data=form, timeout=30) as reply:
        return str(json.load(reply)["access_token"])


def provisioned_again(office: Office) -> None:
    with office.opened() as ready:
        provision(ready.settings, ready.rules, ready.connectors, dry_run=False)


def test_a_field_made_read_only_on_the_way_stops_the_connection_until_the_right_is_back(office: Office) -> None:
    office.want()

    def take_away(connection: str, _name: str, count: int) -> None:
        if (connection, count) == ("salesforce", 2):
            token = salesforce_token(office)
            query = "SELECT+Id+FROM+FieldPermissions+WHERE+PermissionsEdit=true"
            found = ask(office, "GET", f"/services/data/v62.0/query?q={query}", token)
            for row in found["records"]:
                path = f"/services/data/v62.0/sobjects/FieldPermissions/{row['Id']}"
                ask(office, "PATCH", path, token, {"PermissionsEdit": False})

    office.before_write = take_away
    sent = office.send()
    assert isinstance(sent.error, PermissionMissing)
    assert "sakigake provision" in str(sent.error)
    assert all("salesforce" in d for d in office.differences())
    office.before_write = None
    provisioned_again(office)
    office.clean_send()
    office.all_is_well()


def test_a_field_deleted_on_the_way_stops_the_connection_until_it_is_there_again(office: Office) -> None:
    office.want()

    def take_away(connection: str, name: str, _count: int) -> None:
        if (connection, name) == ("hubspot", DEAL):
            ask(office, "DELETE", "/crm/v3/properties/deals/sakigake_stalled", "sandbox-token")

    office.before_write = take_away
    sent = office.send()
    assert isinstance(sent.error, SyncError)
    assert "sakigake" in str(sent.error)
    assert all("deals" in d for d in office.differences())
    office.before_write = None
    provisioned_again(office)
    office.clean_send()
    assert office.differences() == []


def held(office: Office) -> str:
    """A plan that waits: as the guard of a mass change makes it."""
    office.set_guard("records_changed: 1.0", "records_changed: 0.01")
    try:
        sent = office.send()
    finally:
        office.set_guard("records_changed: 0.01", "records_changed: 1.0")
    assert sent.report
    assert sent.report.held
    assert office.writes() == []
    return str(sent.report.plan)


def test_what_a_person_edits_between_plan_and_write_is_left_alone(office: Office) -> None:
    office.want()
    plan = held(office)
    (one,) = office.some("salesforce", ACCOUNT)
    office.sandbox.act(
        crm="salesforce", action="edit", object=ACCOUNT, id=one, fields={"Sakigake_Tier_Reason__c": "mine"}
    )
    with office.opened() as ready:
        done = approve.apply_plan(ready, plan, "looked at it", NoProgress())
    assert done["delivered"]["dropped"] == 1
    assert [d for d in office.differences() if one not in d] == []
    assert "'mine'" in office.differences()[0]
    assert office.causes() == {"somebody changed the field after the plan was made"}
    office.clean_send()
    office.all_is_well()


def test_a_run_is_undone_where_nobody_touched_it_and_only_once(office: Office) -> None:
    office.want()
    office.clean_send()
    before = dict(office.wanted)
    office.want()
    sent = office.clean_send()
    assert sent.report
    run = sent.report.run
    (one,) = office.some("hubspot", DEAL)
    office.sandbox.act(
        crm="hubspot", action="edit", object=DEAL, id=one, fields={"sakigake_milestone_since": "2020-02-02"}
    )
    with office.opened() as ready:
        told = undo_run(ready, run, "", NoProgress(), dry_run=True)
        assert len(told["cannot"]) == 1
        done = undo_run(ready, run, "it was wrong", NoProgress())
        assert [c["record"] for c in done["cannot"]] == [f"hubspot.deals/{one}"]
        assert done["cannot"][0]["cause"] == "somebody has changed the field since"
        with pytest.raises(PlanRefused, match="was undone by"):
            undo_run(ready, run, "again", NoProgress())
    office.wanted = before
    assert [d for d in office.differences() if one not in d] == []
    office.clean_send()
    assert [d for d in office.differences() if one not in d] == [], "what was taken back is not written again"
    with office.opened() as ready:
        undo_run(ready, done["run"], "it was right after all", NoProgress())


def test_a_value_written_over_ours_is_kept_asked_about_or_overwritten_as_stated(office: Office) -> None:
    """The result has not changed: the edit is seen by the pull alone."""

    def edit(value: int) -> str:
        (one,) = office.some("hubspot", COMPANY)
        office.sandbox.advance(2 / 86400)
        office.sandbox.act(
            crm="hubspot", action="edit", object=COMPANY, id=one, fields={"sakigake_listed_90d": str(value)}
        )
        office.sandbox.advance(2 / 86400)
        return one

    office.want()
    office.clean_send(Step.PULL, Step.PLAN, Step.DELIVER)
    pull = (Step.PULL, Step.PLAN, Step.DELIVER)
    edit(7)
    assert len(office.differences()) == 1
    assert office.clean_send(*pull).delivered["confirmed"] == 1, "overwrite"
    assert office.differences() == []
    office.set_guard("emptied: 1.0", "emptied: 1.0\n      person_edits: ask")
    edit(8)
    sent = office.clean_send(*pull)
    assert sent.report
    assert sent.report.question
    assert sent.delivered["confirmed"] == 0
    asked = office.clean_send(*pull)
    assert asked.report
    assert asked.report.question == sent.report.question, "it waits under its name"
    with office.opened() as ready:
        until = ready.today() + timedelta(days=3)
        kept = approve.keep_theirs(ready, sent.report.question, until, "they know better")
        assert kept["kept"] == 1
    assert office.clean_send(*pull).delivered["confirmed"] == 0
    assert len(office.differences()) == 1
    office.sandbox.advance(5)
    office.clean_send(*pull)
    assert office.differences() == [], "its day is over"
    office.set_guard("person_edits: ask", "person_edits: keep")
    edit(9)
    assert office.clean_send(*pull).delivered["confirmed"] == 0
    assert len(office.differences()) == 1
    office.set_guard("\n      person_edits: keep", "")
    assert repeated_writes([w for w in office.writes() if w["seq"] < 0]) == []
