"""Records that are merged between the plan and the write: redirected to the winner where nothing else has a say there, or refused with it named."""

# ruff: noqa: F811 (fixtures are imported)
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.progress import NoProgress
from jobs.steps import approve
from jobs.steps.undo import undo_run
from models.catalogue import BY_NAME
from models.vocabulary import Step
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.office import office  # noqa: F401
from tests.acceptance.truth import alike, connected, ours
from tests.acceptance.writing import Office

PLACES = {"salesforce": "Account", "hubspot": "companies"}
STRANGER = {"salesforce": {"Name": "Someone else"}, "hubspot": {"name": "Someone else", "partner_flag": "false"}}
EVERYTHING = (Step.PULL, Step.MAP, Step.PLAN, Step.DELIVER)


@pytest.fixture(autouse=True)
def undisturbed(office: Office) -> Iterator[None]:
    office.want()
    yield
    office.sandbox.faults()


def stranger(office: Office, crm: str) -> str:
    """A company that nobody has read yet, and that is no partner."""
    made = office.sandbox.act(crm=crm, action="create", object=PLACES[crm], fields=STRANGER[crm])
    return str(made["id"])


def held(office: Office) -> str:
    office.set_guard("records_changed: 1.0", "records_changed: 0.01")
    try:
        sent = office.send()
    finally:
        office.set_guard("records_changed: 0.01", "records_changed: 1.0")
    assert sent.report
    assert sent.report.held
    return str(sent.report.plan)


def merged(office: Office, crm: str, winner: str, loser: str) -> str:
    office.sandbox.act(crm=crm, action="merge", object=PLACES[crm], id=winner, merge_id=loser)
    return str(office.ledger().records[crm, PLACES[crm], loser]["merged_into"])


def applied(office: Office, plan: str) -> dict[str, Any]:
    with office.opened() as ready:
        return approve.apply_plan(ready, plan, "looked at it", NoProgress())


def journal(office: Office, record: str) -> list[tuple[str, str, str | None, str | None]]:
    """(field, status, cause, redirected from) of the newest plan's changes of one record."""
    with connected(office.url) as conn:
        return conn.execute(
            """select field, status, cause, redirected_from from sakigake.change where record_id = %s and plan_id =
                (select plan_id from sakigake.plan order by created_at desc limit 1) order by field""",
            (record,),
        ).fetchall()


def holds(office: Office, crm: str, record: str, wanted: dict[str, Any]) -> bool:
    fields = {n.lower(): v for n, v in office.ledger().values((crm, PLACES[crm], record)).items()}
    return all(alike(BY_NAME[name], fields.get(ours(crm, name)), value) for name, value in wanted.items())


def meant_for(office: Office, record: str) -> dict[str, Any]:
    return {name: value for (place, name), value in office.wanted.items() if place[2] == record}


@pytest.mark.parametrize("crm", PLACES)
def test_a_winner_that_came_with_the_merge_gets_what_was_meant_for_the_loser(office: Office, crm: str) -> None:
    (partner,) = office.some(crm, PLACES[crm])
    meant = meant_for(office, partner)
    plan = held(office)
    new = stranger(office, crm)
    # Salesforce keeps the winner's id, HubSpot makes a third one
    winner = merged(office, crm, new, partner) if crm == "salesforce" else merged(office, crm, partner, new)
    before = dict(office.ledger().values((crm, PLACES[crm], winner)))
    done = applied(office, plan)
    assert done["delivered"]["failed"] == 0
    assert holds(office, crm, winner, meant)
    assert [row[1:] for row in journal(office, winner)] == [("confirmed", None, partner)] * len(meant)
    cause = f"the record is merged into {winner}, and written there"
    assert [row[1:3] for row in journal(office, partner)] == [("dropped", cause)] * len(meant)
    assert office.explained() == []
    with office.opened() as ready:
        undone = undo_run(ready, done["run"], "it was wrong", NoProgress())
    after = office.ledger().values((crm, PLACES[crm], winner))
    assert {n: after.get(n) or None for n in before if "sakigake" in n.lower()} == {
        n: v or None for n, v in before.items() if "sakigake" in n.lower()
    }
    assert not any(winner in c["record"] for c in undone["cannot"])


@pytest.mark.parametrize("crm", PLACES)
def test_two_partners_that_were_merged_get_nothing_before_the_mapping_has_seen_it(office: Office, crm: str) -> None:
    plan = held(office)
    one, two = office.some(crm, PLACES[crm], 2)
    winner = merged(office, crm, one, two)
    done = applied(office, plan)
    why = {
        "salesforce": "which has values of its own",
        "hubspot": "as is the record of another one: which of them it is, the mapping tells",
    }[crm]
    losers = [two] if crm == "salesforce" else [one, two]
    for loser in losers:
        assert {row[1:] for row in journal(office, loser)} == {
            ("failed", f"the record is merged into {winner}, {why}", None)
        }
    assert done["delivered"]["failed"] == 3 * len(losers)
    assert not [w for w in office.writes() if w["id"] == two or (crm == "hubspot" and w["id"] == winner)]
    office.clean_send(*EVERYTHING)


def test_a_winner_that_we_know_and_the_mapping_does_not_name_gets_nothing(office: Office) -> None:
    new = stranger(office, "salesforce")
    office.sandbox.advance(2 / 86400)
    office.clean_send(Step.PULL)
    plan = held(office)
    (partner,) = office.some("salesforce", "Account")
    assert merged(office, "salesforce", new, partner) == new
    applied(office, plan)
    causes = {row[2] for row in journal(office, partner)}
    assert causes == {f"the record is merged into {new}, which the mapping does not name"}
    assert not [w for w in office.writes() if w["id"] == new]


def test_a_winner_that_was_deleted_meanwhile_gets_nothing(office: Office) -> None:
    plan = held(office)
    (partner,) = office.some("salesforce", "Account")
    new = stranger(office, "salesforce")
    merged(office, "salesforce", new, partner)
    office.sandbox.act(crm="salesforce", action="delete", object="Account", id=new)
    applied(office, plan)
    causes = {row[2] for row in journal(office, partner)}
    assert causes == {f"the record is merged into {new}, which is not there any more"}


@pytest.mark.parametrize("crm", PLACES)
def test_a_merge_between_the_comparison_and_the_write_is_redirected_too(office: Office, crm: str) -> None:
    """Salesforce refuses the loser; HubSpot applies it to the winner, and says so of nobody."""
    (partner,) = office.some(crm, PLACES[crm])
    meant = meant_for(office, partner)
    new = stranger(office, crm)
    winners: list[str] = []

    def merge(connection: str, name: str, _count: int) -> None:
        if (connection, name) == (crm, PLACES[crm]) and not winners:
            pair = (new, partner) if crm == "salesforce" else (partner, new)
            winners.append(merged(office, crm, *pair))

    office.before_write = merge
    sent = office.send()
    office.before_write = None
    assert sent.error is None, sent.error
    (winner,) = winners
    assert holds(office, crm, winner, meant)
    told = {"salesforce": None, "hubspot": "the answer was lost; read back"}[crm]
    assert {row[1:] for row in journal(office, winner)} == {("confirmed", told, partner)}
    assert {row[1] for row in journal(office, partner)} == {"dropped"}
    assert office.explained() == []
    assert sent.report
    with office.opened() as ready:
        undo_run(ready, sent.report.run, "it was wrong", NoProgress())
    assert not holds(office, crm, winner, meant)
