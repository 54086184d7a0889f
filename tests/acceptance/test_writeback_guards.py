"""A mass mistake meets the guards as they are by default: nothing is sent, people hear of it, and one of them has to say why it may go out."""

# ruff: noqa: F811 (fixtures are imported)
import json
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.cli import main
from jobs.steps import approve
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.office import office  # noqa: F401
from tests.acceptance.truth import connected
from tests.acceptance.writing import Office, Sent
from tests.webhook import heard  # noqa: F401

SANDBOX_ONLY = ("records_changed: 1.0", "tiers_moved: 1.0", "emptied: 1.0", "miscalibrated: deliver")
Heard = tuple[str, list[dict[str, Any]]]

# the hundred services that Apprise loads are not ours to mend
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def by_default(office: Office, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The guards as they are where nobody sets them, alerts to a webhook, and this workspace as the command's own."""
    office.want()
    office.clean_send()
    path = office.folder / "sakigake.yaml"
    text = path.read_text("utf-8")
    kept = [line for line in text.splitlines() if not line.strip().startswith(SANDBOX_ONLY)]
    path.write_text("\n".join(kept).replace("alerts: []", "alerts: [{env: HOOK}]") + "\n", "utf-8")
    monkeypatch.setenv("HOOK", heard[0])
    monkeypatch.setenv("DATABASE_URL", office.url)
    monkeypatch.setenv("SAKIGAKE_HOME", str(office.folder / "home"))
    monkeypatch.setenv("SAKIGAKE_CONFIG", str(path))
    office.began = office.ledger().last_seq
    yield
    path.write_text(text, "utf-8")
    office.want()
    office.clean_send()


def compute(office: Office, sql: str, *given: Any) -> None:
    with connected(office.url) as conn:
        assert conn.execute(sql, given).rowcount


def sakigake(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The real command: its exit code, and what it says."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out if ended.value.code == 0 else told.err


def stopped(office: Office, sent: Sent, told: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """(plan, why): held before the first byte, and people were told the same."""
    assert sent.report
    assert sent.report.held
    assert office.writes() == []
    plan, why = str(sent.report.plan), sent.report.held_because
    assert told[-1]["title"] == "Sakigake: a plan of main is held"
    assert all(sentence in told[-1]["message"] for sentence in (plan, *why))
    return plan, why


TWO_FIFTHS = """update sakigake.subject_result set value = jsonb_set(value, '{tier}', %s) where subject = 'partner' and subject_id in
    (select subject_id from sakigake.subject_result where subject = 'partner' order by 1
        limit (select ceil(0.4 * count(*)) from sakigake.subject_result where subject = 'partner'))"""


@pytest.mark.parametrize(
    ("bug", "said"),
    [(None, "values of tier would be emptied, and 10% are allowed at once (guards.emptied)"),
     ("A", "tiers would move, and 30% are allowed at once (guards.tiers_moved)")],
    ids=["emptied", "moved"],
)  # fmt: skip
def test_a_mapping_bug_in_forty_percent_of_the_tiers_is_stopped_told_shown_and_released_by_a_reason(
    office: Office, heard: Heard, capsys: pytest.CaptureFixture[str], bug: str | None, said: str
) -> None:
    while set(_tiers(office)) == {"A"}:  # so that A is a move
        office.want()
        office.set_guard("guards:", "guards:\n      tiers_moved: 1.0\n      records_changed: 1.0")
        office.clean_send()
        office.set_guard("\n      tiers_moved: 1.0\n      records_changed: 1.0", "")
        office.began = office.ledger().last_seq
    compute(office, TWO_FIFTHS, json.dumps(bug))
    plan, why = stopped(office, office.send(), heard[1])
    assert len(why) == 1
    assert said in why[0]
    assert "look whether the mapping or the CRM's data has a fault" in why[0]

    code, shown = sakigake(capsys, "plan", plan, "--json")
    document = json.loads(shown)
    assert (code, document["status"], document["held_because"]) == (0, "held", why)
    assert document["counts"] == {"tier": {"emptied" if bug is None else "changed": len(document["changes"])}}
    _, text = sakigake(capsys, "plan", plan)
    assert "tier" in text
    assert "held" in text

    code, refused = sakigake(capsys, "apply", plan, "--reason", " ")
    assert (code, office.writes()) == (1, [])
    assert "--reason is empty" in refused
    code, _ = sakigake(capsys, "apply", plan, "--reason", "the sales team asked for it")
    assert code == 0
    assert len(office.writes()) == len(document["changes"])
    with office.opened() as ready:
        assert approve.plan_document(ready, plan)["decided_because"] == "the sales team asked for it"


def test_half_the_records_at_once_are_one_too_many(office: Office, heard: Heard) -> None:
    office.want()
    _, why = stopped(office, office.send(), heard[1])
    assert any("records would be changed, and 50% are allowed at once (guards.records_changed)" in w for w in why)


def test_forecasts_that_past_ones_speak_against_wait_and_nothing_else_does(
    office: Office, heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    one = """update sakigake.subject_result set value = value || jsonb_build_object(%s::text, %s::jsonb) where subject_id =
        (select min(partner_id) from sakigake.partner_source)"""
    with connected(office.url) as conn:
        conn.execute(
            "update sakigake.computation set indicators = jsonb_set(indicators, '{forecast,status}', '\"miscalibrated\"')"
        )
    compute(office, one, "listed_90d", "77")
    assert office.clean_send().delivered["confirmed"], "no forecast is in it"
    office.began = office.ledger().last_seq
    compute(office, one, "expected_deals_90d", "88.5")
    plan, why = stopped(office, office.send(), heard[1])
    assert why == [
        "The forecasts are miscalibrated: past ones came true more or less often than they said (sakigake indicators)."
    ]
    code, _ = sakigake(capsys, "apply", plan, "--reason", "looked at the indicators")
    assert code == 0
    assert {str(v) for w in office.writes() for v in w["fields"].values()} == {"88.5"}


def test_where_two_have_to_agree_the_one_who_activated_the_mapping_cannot_release(
    office: Office, heard: Heard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.set_guard("guards:", "guards:\n      two_persons: true")
    compute(office, TWO_FIFTHS, "null")
    plan, _ = stopped(office, office.send(), heard[1])
    monkeypatch.setattr(approve, "person", lambda: "sakigake")  # who activated this one
    code, refused = sakigake(capsys, "apply", plan, "--reason", "I know what I did")
    assert (code, office.writes()) == (1, [])
    assert f"another person has to apply plan {plan} (guards.two_persons)" in refused
    monkeypatch.setattr(approve, "person", lambda: "a-second-person")
    code, _ = sakigake(capsys, "apply", plan, "--reason", "looked at it too")
    assert code == 0
    assert office.writes()


def _tiers(office: Office) -> list[str]:
    with connected(office.url) as conn:
        return [r[0] for r in conn.execute("select value from sakigake.field_result where field = 'tier'")]
