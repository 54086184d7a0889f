"""From the log to the question: which rows of the log are whose first passage, and what is asked of them."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pytest

from indicators.assumptions import Floors
from indicators.inputs import LAST_DAY, MILESTONES, PartnerTable
from indicators.leading.panel_scores import NOT_TESTED
from indicators.leading.series import Occurrences
from jobs.computing_code import CODE_VERSION
from jobs.steps import leading as step
from jobs.steps import leading_facts as facts
from jobs.steps.leading_document import finding_document
from sync.events.ids import Ids
from sync.events.log import STILL, LogColumns, LoggedActivities
from sync.events.read import MILESTONES as IN_LOG
from tests.unit.reference.asking import does_it_lead

MONDAY = 20003
STILL_DAY = (STILL - date(1970, 1, 1)).days
ENTRIES = [str(UUID(int=n)) for n in (1, 2, 3)]
TABLE = PartnerTable.of(["p", "q"], ["a"], [0, 0], joined_day=[MONDAY - 9, MONDAY + 30])


def log(*rows):
    """(entry, milestone, day, known from, known until, and the CRM where several tell), as the log gives them: by entry, day and milestone."""
    ids = Ids.of(ENTRIES)
    codes = [m.value for m in IN_LOG]
    rows = sorted(
        (e, MONDAY + day, codes.index(m), MONDAY + came, went, *(crm or [1])) for e, m, day, came, went, *crm in rows
    )
    entry, day, milestone, came, went, crm = (np.array(c, np.int64) for c in zip(*rows, strict=True))
    until = np.where(went < 0, STILL_DAY, MONDAY + went)
    return LogColumns(ids, entry, milestone.astype(np.int8), day, came, until, crm)


def passages(*rows):
    found, _ = facts.milestones(log(*rows), Ids.of(ENTRIES), np.array([0, 1, 1]), TABLE, MONDAY + 700)
    return {
        name: [
            (int(p), int(d) - MONDAY, int(c) - MONDAY)
            for p, d, c, u in zip(of.rows.partner, of.rows.day, of.rows.known_from, of.rows.known_until, strict=True)
            if u >= LAST_DAY
        ]
        for name, of in found.items()
    }


def test_what_two_records_tell_of_one_milestone_is_one_happening_of_the_earlier_day():
    found = passages((0, "listed", 0, 0, -1), (0, "listed", 2, 5, -1), (0, "deal", 30, 30, -1), (0, "deal", 28, 40, -1))
    assert found["listed"] == [(0, 0, 0)]
    assert found["deal"] == [(0, 28, 40)]
    assert found["requested"] == found["executed"] == []  # implied by the deal, but of no day of their own


def test_a_second_attempt_after_a_loss_has_passages_of_its_own():
    found = passages(
        (1, "listed", 0, 0, -1), (1, "requested", 9, 9, -1), (1, "lost", 20, 20, -1), (1, "listed", 90, 90, -1),
        (1, "requested", 99, 99, -1), (1, "requested", 95, 95, 97), (2, "requested", 9, 9, -1),
    )  # fmt: skip
    assert found["listed"] == [(1, 0, 0), (1, 90, 90)]
    assert found["requested"] == [(1, 9, 9), (1, 99, 99), (1, 9, 9)]


def test_an_attempt_that_two_crms_begin_on_interleaved_days_is_one():
    """The second record is lost the day after the first was listed again, and listed again the day after that: read as one story, three attempts."""
    found = passages(
        (0, "listed", 0, 0, -1, 1), (0, "lost", 40, 40, -1, 1), (0, "listed", 50, 50, -1, 1), (0, "requested", 60, 60, -1, 1),
        (0, "listed", 1, 1, -1, 2), (0, "lost", 51, 51, -1, 2), (0, "listed", 52, 52, -1, 2), (0, "requested", 61, 61, -1, 2),
    )  # fmt: skip
    assert found["listed"] == [(0, 0, 0), (0, 50, 50)]
    assert found["requested"] == [(0, 60, 60)]


def test_the_question_asks_of_deals_what_came_before_them_and_of_each_conversion_its_own_two_milestones():
    rows = [(0, name.value, 10 * at, 10 * at, -1) for at, name in enumerate(MILESTONES[:5])] + [(1, "listed", 3, 3, -1)]
    reached, stays = facts.milestones(log(*rows), Ids.of(ENTRIES), np.array([0, 1, 1]), TABLE, MONDAY + 700)
    visits = Occurrences.of([0], [MONDAY])
    asked = facts.question_of(facts.LeadFacts(TABLE, reached, stays, {"co_visit": visits}), date(2026, 1, 1), Floors())
    assert asked.deals.day.tolist() == [MONDAY + 40]
    assert list(asked.milestones) == ["listed", "requested", "agreed", "executed"]
    assert asked.milestones["listed"].day.tolist() == [MONDAY, MONDAY + 3]
    assert asked.under_way.milestone.tolist() == [0, 1, 2, 3, 0]
    assert (asked.under_way.came - MONDAY).tolist() == [0, 10, 20, 30, 3]
    assert (asked.under_way.went - MONDAY).tolist() == [10, 20, 30, 40, LAST_DAY - MONDAY]
    assert asked.activities == {"co_visit": visits}
    assert asked.joined.tolist() == [MONDAY - 9, MONDAY + 30]
    assert list(asked.rates) == ["listed>requested", "requested>agreed", "agreed>executed", "executed>deal"]
    assert len(asked.rates["listed>requested"].came) == 2
    assert asked.rates["listed>requested"].went_on.day.tolist() == [MONDAY]
    assert asked.rates["executed>deal"].came.day.tolist() == [MONDAY + 30]


def test_a_loss_that_was_taken_back_splits_no_entry():
    rows = [(1, "listed", 0, 0, -1), (1, "lost", 5, 5, 9), (1, "requested", 50, 50, -1)]
    reached, _ = facts.milestones(log(*rows), Ids.of(ENTRIES), np.array([0, 1, 1]), TABLE, MONDAY + 700)
    assert reached["listed"].attempt.tolist() == reached["requested"].attempt.tolist()


def test_approaches_are_the_milestone_executed_and_no_activity_to_ask_about():
    days = np.array([MONDAY])
    logged = [LoggedActivities(who, kind, days, days, days + 99) for who, kind in (
        ("p", "approach"), ("q", "dinner"), ("p", "dinner"), ("gone", "dinner"), ("p", "co_visit"))]  # fmt: skip
    found = facts.activities(logged, {"p": 0, "q": 1})
    assert {kind: rows.partner.tolist() for kind, rows in found.items()} == {"co_visit": [0], "dinner": [1, 0]}


def test_the_document_has_each_side_s_own_p_values():
    visits = Occurrences.of([0, 1], [MONDAY, MONDAY + 9])
    answers = does_it_lead(visits, {}, {"dinner": visits}, ["a"], np.zeros(2, int), np.full(2, -1), MONDAY + 400)
    first = answers.findings[0]
    made = replace(first, holm=0.01, reverse_holm=0.7, explore=0.02, forward=replace(NOT_TESTED, p=0.03))
    told = finding_document(made, answers.floors)
    assert (told["p"], told["p_holm"], told["p_explore"], told["reverse"]["p_holm"]) == (0.03, 0.01, 0.02, 0.7)


@pytest.mark.parametrize(
    ("today", "due"),
    [(date(2026, 3, 1), False), (date(2026, 3, 2), False), (date(2026, 3, 7), False), (date(2026, 3, 8), True)],
)
def test_verdicts_are_due_again_when_another_week_has_ended(today, due, monkeypatch):
    """Kept for the week that ended on Sunday 1 March 2026."""
    floors = {"weeks": 26, "partners": 8, "deals": 30, "actions": 30, "smallest_effect": 0.2}
    kept = {"assumptions": floors, "weeks": {"until": "2026-03-01"}}
    made = SimpleNamespace(mapping_hash="m", code_version=CODE_VERSION)
    monkeypatch.setattr(step.reports, "newest", lambda *_: (made, kept))

    class Conn:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    workspace = SimpleNamespace(
        name="main", connect=Conn, rules=SimpleNamespace(hash="m"),
        settings=SimpleNamespace(assumptions=SimpleNamespace(floors=Floors())),
    )  # fmt: skip
    assert step.are_due(workspace, today) is due
    workspace.rules.hash = "another"
    assert step.are_due(workspace, today)
