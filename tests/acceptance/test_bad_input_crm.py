"""What the CRM refuses, lacks or does not answer ends in one sentence with the remedy, and leaves mirror, events and CRM as they were."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import running
from sandbox.settings import SandboxSettings
from tests.acceptance.bad_input_fixtures import Asker, empty_world, writes
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox, sandbox_process
from tests.acceptance.ready import COMMAND
from tests.integration.holders import until


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """A small CRM of this file's own: its faults disturb nobody."""
    with sandbox_process("--entries", "120") as running_one:
        yield running_one


@pytest.fixture(scope="module")
def lived_in(
    world: Sandbox, postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asker]:
    """A desk whose fields are made and whose first run is done. Its database is what others are copied from."""
    with scratch(postgres_server, database_template) as url:
        made = Asker(tmp_path_factory.mktemp("desk"), url)
        made.succeeds("init", "--sandbox-url", world.url)
        for crm in ("salesforce", "hubspot"):
            made.edit("sakigake.yaml", (f"crm: {crm}\n", f"crm: {crm}\n        retry_for: 1\n"))
        assert "Our own fields are not all there" in made.refused("run", code=1)
        made.succeeds("provision", "--json")
        made.succeeds("run", "--json")
        yield made


@pytest.fixture
def desk(lived_in: Asker, world: Sandbox, postgres_server: str, tmp_path: Path) -> Iterator[Asker]:
    """A desk of this test's own, at which a first run was done."""
    world.faults()
    with scratch(postgres_server, str(lived_in.database_url).rpartition("/")[2]) as url:
        yield lived_in.copy(tmp_path, url)
    world.faults()


# --- logging in, and what our user may do


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("salesforce_client_secret", "Salesforce refused the client secret (invalid_client, HTTP 400). It is wrong, or it has been rotated"),
        ("hubspot_token", "HubSpot answered 401"),
    ],
)  # fmt: skip
def test_a_wrong_secret_is_refused_by_the_crm_and_named_by_its_remedy(desk, world, file, sentence):
    desk.secret(file, "WRONG-SECRET-77\n")
    other = "hubspot" if file.startswith("salesforce") else "salesforce"
    with desk.nothing_changes(world):
        said = desk.refused("run", "--connection", "hubspot" if other == "salesforce" else "salesforce", code=1)
    assert said.startswith(sentence)
    assert "HubSpot, Settings" in said or "Setup > App Manager" in said


def test_the_doctor_names_the_connection_and_does_not_blame_the_mapping(desk):
    desk.secret("salesforce_client_secret", "WRONG-SECRET-77\n")
    done = desk.run("doctor", "--json")
    assert done.returncode == 1
    assert '"subject": "salesforce"' in done.stdout
    assert "not held against salesforce" in done.stdout
    assert "no connection" not in done.stdout


def test_a_session_that_ends_at_once_after_every_login_is_not_renewed_for_ever(desk, world):
    world.faults(
        {"match": {"crm": "salesforce", "path": "/services/data"}, "times": None, "effect": {"kind": "expired_token"}}
    )
    with desk.nothing_changes(world):
        said = desk.refused("run", "--connection", "salesforce", code=1)
    assert "Check that the integration user is active" in said


def test_a_token_that_expired_says_where_a_new_one_comes_from(desk, world):
    world.faults({"match": {"crm": "hubspot", "path": "^/crm/"}, "times": None, "effect": {"kind": "expired_token"}})
    with desk.nothing_changes(world):
        said = desk.refused("run", "--connection", "hubspot", code=1)
    assert "EXPIRED_AUTHENTICATION" in said
    assert "Give a valid token" in said


def test_a_missing_scope_is_named(tmp_path, postgres_server, database_template):
    granted = ("oauth", "crm.objects.companies.read", "crm.schemas.companies.read")
    world = SandboxSettings(partners=3, months=2, entries=9, hubspot_scopes=granted)
    with running(world) as url, scratch(postgres_server, database_template) as database:
        asker = Asker(tmp_path, database)
        asker.succeeds("init", "--sandbox-url", url)
        before = asker.tables()
        assert "crm.schemas.deals.read is needed" in asker.refused("run", code=1)
        assert "crm.schemas.companies.write is needed" in asker.refused("provision", code=1)
        assert asker.tables() == before


def test_a_field_that_field_level_security_hides_says_so(desk, world):
    make_hidden_field(world)
    desk.edit("mapping.yaml", ("contract: PartnerContract__c", "contract: Hidden__c"))
    with desk.nothing_changes(world):
        said = desk.refused("run", code=2)
    assert "Account has no field 'Hidden__c' that our user can see; mend the name, or, where it is there" in said
    assert "give the integration user Read Access to it by a permission set" in said
    assert "did you mean" not in said


def make_hidden_field(world: Sandbox) -> None:
    """A field that was made and granted to nobody, as Salesforce's API makes them."""
    form = b"grant_type=client_credentials&client_id=sakigake-sandbox&client_secret=sandbox-secret"
    with urllib.request.urlopen(f"{world.url}/services/oauth2/token", data=form, timeout=10) as reply:
        token = json.load(reply)["access_token"]
    body = b'{"FullName": "Account.Hidden__c", "Metadata": {"type": "Text", "label": "Hidden", "length": 80}}'
    request = urllib.request.Request(
        f"{world.url}/services/data/v66.0/tooling/sobjects/CustomField",
        data=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.status == 201


# --- a mapping that does not fit


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("contract: partner_contract", "contract: partner_contrct", "companies has no field 'partner_contrct' that our user can see; did you mean 'partner_contract'?"),
        ("Status__c: Requested", "Status__c: Requestd", "'Requestd' is no value of Status__c; did you mean 'Requested'? Allowed: Agreed, Deal"),
        ("AttackListEntry__c", "AttackListEntries__c", "Salesforce shows no object AttackListEntries__c to the integration user. The nearest: AttackListEntry__c"),
        ("hubspot.", "hubspott.", "sakigake.yaml has no connection 'hubspott', from which 11 rules read; did you mean 'hubspot'?"),
    ],
)  # fmt: skip
def test_a_mapping_that_names_what_the_crm_lacks_is_refused_by_its_line_and_changes_nothing(
    desk, world, old, new, sentence
):
    """Above all a stage: read by it, every event it made would be taken back."""
    desk.edit("mapping.yaml", (old, new), *([("  hubspot: ", "  hubspott: ")] if new == "hubspott." else []))
    with desk.nothing_changes(world):
        said = desk.refused("run", code=2)
    line = (desk.folder / "mapping.yaml").read_text("utf-8").splitlines()[int(said.split(":")[1]) - 1]
    assert new in line
    assert sentence in said


def test_mapping_check_lists_every_fault_where_an_editor_can_jump_to_it(desk):
    desk.edit(
        "mapping.yaml", ("Status__c: Requested", "Status__c: Requestd"), ('dealstage: "1003"', 'dealstage: "10033"')
    )
    done = desk.run("mapping", "check")
    assert done.returncode == 2
    first, second = done.stdout.splitlines()
    assert first.partition(": ")[2].startswith("'Requestd' is no value of Status__c")
    assert second.partition(": ")[2].startswith(
        "'10033' is no stage of pipeline 'partner' (パートナー紹介); did you mean '1003' (合意)?"
    )


def test_mapping_check_tells_all_that_can_be_told_and_then_who_does_not_answer(desk, world):
    right = (desk.folder / "mapping.yaml").read_text("utf-8")
    patience = "crm: salesforce\n        retry_for: 1\n        url: "
    desk.edit("sakigake.yaml", (f"{patience}{world.url}", f"{patience}http://127.0.0.1:9"))
    desk.edit(
        "mapping.yaml",
        ("Status__c: Requested}", "Status__c: Agreed}"),
        ("Status__c: Declined", "Status__c: Nowhere"),  # of the CRM that does not answer
        ("from: hubspot.companies", "from: hubspott.companies"),
        ("contract: partner_contract", "contract: signed_how"),
    )
    done = desk.run("mapping", "check")
    assert done.returncode == 2
    told = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert [line.partition(";")[0] for line in told] == [
        "sakigake.yaml has no connection 'hubspott', from which this rule reads",
        "companies has no field 'signed_how' that our user can see",
        "the stage 'Agreed' of Status__c is the milestone 'requested' already, on line 64, and here the milestone 'agreed'",
    ]
    assert "restore it among HubSpot's archived properties" in told[1]
    assert done.stderr.startswith("sakigake: salesforce could not be looked into, so that not all was checked: http:")
    (desk.folder / "mapping.yaml").write_text(right, "utf-8")
    done = desk.run("mapping", "check", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["problems"]) == (1, False, [])
    assert [one["connection"] for one in found["unreachable"]] == ["salesforce"]


# --- a CRM that does not answer, or has nothing to say


def test_a_server_that_is_not_there_is_named_by_its_address(desk, world):
    desk.edit("sakigake.yaml", (world.url, "http://127.0.0.1:9"))
    with desk.nothing_changes(world):
        said = desk.refused("run", code=1)
    assert "http://127.0.0.1:9" in said
    assert "Check the" in said


def test_an_empty_crm_is_no_failure(tmp_path, postgres_server, database_template):
    with (
        sandbox_process("--world", str(empty_world(tmp_path))) as empty,
        scratch(postgres_server, database_template) as url,
    ):
        asker = Asker(tmp_path, url)
        asker.succeeds("init", "--sandbox-url", empty.url)
        assert "Nothing to write" in asker.succeeds("run")
        assert '"loaded": true' in asker.succeeds("status", "--json")
        assert '"attempts": 0' in asker.succeeds("indicators", "--json")


def test_a_crm_whose_entries_were_all_deleted_has_none_and_its_numbers_are_still_shown(desk, world):
    entries = [
        {"crm": r["crm"], "object": r["object"], "id": r["id"]}
        for r in world.ledger()["records"]
        if r["object"] in ("AttackListEntry__c", "deals") and not r["deleted"]
    ]
    assert len(entries) > 50
    world.control("POST", "records", [{**e, "action": "delete"} for e in entries])
    try:
        desk.edit("sakigake.yaml", ("emptied: 1.0", "emptied: 0.1"))
        done = desk.run("run", "--full", "--json")
        found = json.loads(done.stdout)
        assert found["mapped"]["entries"] == 0
        # numbers that go empty by the hundred are not written before a person has looked
        assert (done.returncode, found["held"]) == (3, True)
        assert "would be emptied" in " ".join(found["held_because"])
        assert "Conversion and lead time" in desk.succeeds("indicators", "--language", "en")
    finally:
        world.control("POST", "records", [{**e, "action": "undelete"} for e in entries])


# --- a database that is full


FULL = """create function disk_is_full() returns trigger language plpgsql as $$ begin
raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '53100'; end $$;
create trigger full_disk before insert or update on {table} for each row execute function disk_is_full()"""


@pytest.mark.parametrize("table", ["hubspot.companies", "sakigake.event", "sakigake.change"])
def test_a_full_disk_of_the_database_leaves_what_stood_and_no_crm_changed(desk, world, table):
    """In every step that stores: where a page lands, where facts are kept, where a plan is written down before it is sent."""
    records = world.ledger()["records"]
    company = next(r for r in records if r["object"] == "companies" and r["fields"].get("partner_flag") == "true")
    entry = next(
        r
        for r in records
        if r["object"] == "AttackListEntry__c" and r["fields"].get("Status__c") == "Listed" and not r["deleted"]
    )
    world.act(crm="hubspot", action="edit", object="companies", id=company["id"], fields={"name": f"{table}の会社"})
    world.act(
        crm="salesforce", action="edit", object="AttackListEntry__c", id=entry["id"], fields={"Status__c": "Requested"}
    )
    world.search_catches_up()
    desk.execute(FULL.format(table=table))
    before, written = desk.tables(), writes(world)
    said = desk.refused("run", code=1)
    assert "No space left on device" in said
    assert "make room" in said
    assert desk.tables()[table] == before[table]
    assert writes(world) == written
    desk.execute("drop function disk_is_full() cascade")
    if table == "sakigake.change":  # the last step of the three: what stood before it was kept, and goes on from there
        desk.succeeds("run", "--json")
        assert len(writes(world)) > len(written)


# --- what is asked for is not there; ctrl-C


def test_what_is_not_there_is_not_found(desk, world):
    with desk.nothing_changes(world):
        unknown = desk.refused("explain", "salesforce.Account/001nope", code=1)
        assert unknown.startswith(
            "salesforce.Account/001nope is neither a partner nor an entry of workspace main; check the id"
        )
        assert "There is no plan plan-1 in workspace main" in desk.refused("apply", "plan-1", "--reason", "x", code=1)
        assert "there are salesforce, hubspot" in desk.refused("run", "--connection", "sap", code=2)


def test_ctrl_c_ends_a_run_in_one_sentence_and_the_next_goes_on(desk, world):
    world.faults(
        {
            "match": {"crm": "salesforce", "path": "/services/data"},
            "times": None,
            "effect": {"kind": "delay", "seconds": 0.5},
        }
    )
    world.control("POST", "calls/reset")
    process = subprocess.Popen(
        [COMMAND, "run", "--full", "--connection", "salesforce"],
        cwd=desk.folder,
        env=desk.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    until(lambda: world.total_calls("salesforce"))
    os.kill(process.pid, signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert error == "sakigake: Interrupted; what was stored stays, and the next run goes on from there.\n"
    world.faults()
    desk.succeeds("run", "--json")
    assert [run["status"] for run in json.loads(desk.succeeds("status", "--json"))["runs"]][:2] == [
        "succeeded",
        "failed",
    ]
