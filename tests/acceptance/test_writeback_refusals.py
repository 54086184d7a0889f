"""What cannot be meant, or is not ours to write: refused with one sentence, before the first byte."""

# ruff: noqa: F811 (fixtures are imported)
import pytest

from jobs.errors import NotFound, PlanRefused
from jobs.progress import NoProgress
from jobs.steps import approve
from jobs.steps.undo import undo_run
from models.vocabulary import Step
from sync.errors import PermissionMissing, Stop
from sync.mapping.loading import load_mapping
from sync.mapping.problems import MappingError
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.office import office  # noqa: F401
from tests.acceptance.test_writeback_faults import ask, held, provisioned_again, salesforce_token
from tests.acceptance.writing import SENDING, Office

PROPERTY = "/crm/v3/properties/deals/sakigake_milestone_since"
LATER = 7 / 24  # days: descriptions are asked for again


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("partner: {salesforce.Account: [tier, Amount]}", "Amount"),
        ("partner: {salesforce.Account: [milestone]}", "milestone"),
        ("entry: {salesforce.Account: default}", "read by no entry rule"),
    ],
    ids=["a field that is not ours", "a field that these records do not have", "records that are none of these"],
)
def test_a_write_back_that_cannot_be_meant_is_refused_by_line(office: Office, written: str, said: str) -> None:
    text = (office.folder / "mapping.yaml").read_text("utf-8")
    text = text[: text.index("\nwrite_back:")] + f"\nwrite_back:\n  {written}\n"
    with pytest.raises(MappingError, match=said) as refused:
        load_mapping(text, "mapping.yaml")
    assert str(refused.value).startswith("mapping.yaml:")


def test_a_plan_of_another_version_of_the_mapping_is_refused(office: Office) -> None:
    office.want()
    plan = held(office)
    path = office.folder / "mapping.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("Asia/Tokyo", "Asia/Seoul"), "utf-8")
    try:
        with office.opened() as ready, pytest.raises(PlanRefused, match="made under the mapping"):
            approve.apply_plan(ready, plan, "why not", NoProgress())
    finally:
        path.write_text(text, "utf-8")
    assert office.writes() == []


def test_a_plan_needs_a_reason_and_is_applied_once(office: Office) -> None:
    office.want()
    plan = held(office)
    with office.opened() as ready:
        with pytest.raises(PlanRefused, match="--reason is empty"):
            approve.apply_plan(ready, plan, "  ", NoProgress())
        with pytest.raises(PlanRefused, match="asks nothing"):
            approve.keep_theirs(ready, plan, ready.today(), "why not")
        approve.apply_plan(ready, plan, "looked at it", NoProgress())
        with pytest.raises(PlanRefused, match="is delivered and cannot be applied"):
            approve.apply_plan(ready, plan, "once more", NoProgress())
    office.all_is_well()


def test_a_plan_that_waited_too_long_is_refused_and_a_new_one_is_made(office: Office) -> None:
    office.want()
    plan = held(office)
    office.execute("update sakigake.plan set expires_at = now() - interval '1 second' where status = 'held'")
    with office.opened() as ready, pytest.raises(PlanRefused, match=r"expired after 72h .* make a new one with"):
        approve.apply_plan(ready, plan, "better late", NoProgress())
    assert office.writes() == []
    office.clean_send()
    office.all_is_well()


def test_a_run_that_was_undone_is_not_undone_again(office: Office) -> None:
    office.want()
    sent = office.clean_send()
    assert sent.report
    with office.opened() as ready:
        done = undo_run(ready, sent.report.run, "it was wrong", NoProgress())
        written = office.ledger().last_seq
        with pytest.raises(PlanRefused, match=f"was undone by {done['run']} already"):
            undo_run(ready, sent.report.run, "once more", NoProgress())
    assert office.ledger().last_seq == written


def test_a_run_that_is_not_there_or_wrote_nothing_is_not_undone(office: Office) -> None:
    office.want()
    office.clean_send()
    idle = office.clean_send()
    assert idle.report
    with office.opened() as ready:
        with pytest.raises(NotFound, match="There is no run"):
            undo_run(ready, "run-1", "why not", NoProgress())
        with pytest.raises(PlanRefused, match="wrote nothing"):
            undo_run(ready, idle.report.run, "why not", NoProgress())


def test_a_stale_mirror_and_a_missing_proof_hold_the_plan_with_what_to_do(office: Office) -> None:
    office.set_guard('proof: "off"', "proof: 7d")
    office.want()
    office.sandbox.advance(LATER)
    sent = office.send()
    assert sent.report
    assert sent.report.held
    assert any("older than 6h" in why and "sakigake run" in why for why in sent.report.held_because)
    assert any("Not proven complete" in why and "sakigake reconcile" in why for why in sent.report.held_because)
    office.sweep()
    assert office.clean_send(Step.PULL, *SENDING).delivered["confirmed"] == len(office.wanted)
    office.set_guard("proof: 7d", 'proof: "off"')


def test_a_field_that_is_read_only_for_us_is_refused_before_the_first_byte(office: Office) -> None:
    token = salesforce_token(office)
    query = "SELECT+Id+FROM+FieldPermissions+WHERE+PermissionsEdit=true"
    for row in ask(office, "GET", f"/services/data/v62.0/query?q={query}", token)["records"]:
        path = f"/services/data/v62.0/sobjects/FieldPermissions/{row['Id']}"
        ask(office, "PATCH", path, token, {"PermissionsEdit": False})
    office.sandbox.advance(LATER)
    office.want()
    sent = office.send(Step.PULL, *SENDING)
    assert isinstance(sent.error, PermissionMissing)
    assert "read-only for our user" in str(sent.error)
    assert "sakigake provision" in str(sent.error)
    assert office.writes() == []
    provisioned_again(office)
    office.sandbox.advance(LATER)
    office.clean_send(Step.PULL, *SENDING)
    office.all_is_well()


def test_a_property_that_hubspot_calculates_is_refused_before_the_first_byte(office: Office) -> None:
    stalled = "/crm/v3/properties/deals/sakigake_stalled"
    ask(office, "DELETE", stalled, "sandbox-token")
    theirs = {"name": "sakigake_stalled", "label": "Stalled", "type": "bool", "fieldType": "calculation_equation", "groupName": "dealinformation", "calculationFormula": "1 > 2"}  # fmt: skip
    ask(office, "POST", "/crm/v3/properties/deals", "sandbox-token", theirs)
    office.sandbox.advance(LATER)
    office.want()
    sent = office.send(Step.PULL, *SENDING)
    assert isinstance(sent.error, PermissionMissing)
    assert "sakigake_stalled is read-only for our user" in str(sent.error)
    assert office.writes() == []
    ask(office, "DELETE", stalled, "sandbox-token")
    provisioned_again(office)
    office.sandbox.advance(LATER)
    office.clean_send(Step.PULL, *SENDING)
    office.all_is_well()


def test_a_field_of_our_name_and_another_type_is_somebody_elses(office: Office) -> None:
    ask(office, "DELETE", PROPERTY, "sandbox-token")
    theirs = {"name": "sakigake_milestone_since", "label": "Theirs", "type": "string", "fieldType": "text", "groupName": "dealinformation"}  # fmt: skip
    ask(office, "POST", "/crm/v3/properties/deals", "sandbox-token", theirs)
    office.sandbox.advance(LATER)
    office.want()
    sent = office.send(Step.PULL, *SENDING)
    assert isinstance(sent.error, Stop)
    assert "belongs to somebody else" in str(sent.error)
    assert office.writes() == []
