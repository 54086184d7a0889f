"""Does it lead? From the log to verdicts: the shell around indicators/leading."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection as RawConnection
from sqlalchemy import Connection

from indicators.assumptions import Floors
from indicators.inputs import LAST_DAY, day_number
from indicators.leading.backtest import Skill
from indicators.leading.questions import (
    Answers,
    Examined,
    Question,
    answers_to,
    by_backtest,
    by_panel,
    does_it_lead,
)
from indicators.leading.series import Occurrences
from jobs import reports
from jobs.beside import Answer, Beside
from jobs.computing_code import CODE_VERSION
from jobs.reports import Stamp
from jobs.steps.leading_document import document
from jobs.steps.leading_facts import question_of, read_facts
from jobs.wiring import Workspace

KIND = "leading"


def are_due(workspace: Workspace, as_of: date) -> bool:
    """Whether a week has ended, or mapping, code or assumptions changed, since the verdicts were kept last.

    They rest on whole weeks, so that between two Sundays there is nothing new to say.
    """
    last_sunday = as_of - timedelta(days=(as_of.weekday() + 1) % 7)
    with workspace.connect() as conn:
        before = reports.newest(conn, workspace.name, KIND)
    if before is None:
        return True
    made, kept = before
    stands = made.mapping_hash, made.code_version, kept["assumptions"], kept["weeks"]["until"]
    floors = asdict(workspace.settings.assumptions.floors)
    return stands != (workspace.rules.hash, CODE_VERSION, floors, last_sunday.isoformat())


@dataclass(frozen=True, slots=True)
class Asked:
    """Verdicts asked for: both tests of each partner type may be at work elsewhere."""

    question: Question
    parts: list[tuple[Answer[list[Examined]], Answer[dict[str, tuple[Skill, ...]]]]]

    def get(self) -> Answers:
        """The verdicts. The process beside begins with the first of what they rest on; who waits for them here begins with the last."""
        backwards = [(skills.get(), tests.get()) for tests, skills in reversed(self.parts)]
        return answers_to(self.question, [(tests, skills) for skills, tests in reversed(backwards)])


def due(workspace: Workspace, stamp: Stamp, aside: Beside) -> Asked | None:
    """The verdicts where they are due, asked of a process beside ours where one can be had; otherwise None."""
    if not are_due(workspace, stamp.as_of):
        return None
    aside.begin()  # imports while the question is read
    with workspace.engine.begin() as connection:
        facts = read_facts(connection, workspace.name, workspace.zone, stamp.as_of, None, stamp.known_at)
    question = question_of(facts, stamp.as_of, workspace.settings.assumptions.floors)
    return Asked(question, [(aside.ask(by_panel, of), aside.ask(by_backtest, of)) for of in question.scopes()])


def keep(conn: RawConnection[Any], workspace: str, stamp: Stamp, answers: Answers) -> None:
    """Keeps the verdicts, in the caller's transaction."""
    n = {"weeks": answers.weeks.count, "deals": answers.deals, "indicators": len(answers.findings)}
    reports.keep(conn, workspace, KIND, stamp, n, document(answers))


def answer(
    connection: Connection,
    workspace: str,
    zone: ZoneInfo,
    as_of: date,
    known_at: datetime,
    floors: Floors,
) -> Answers:
    """The verdicts as of a day, by what was known at a moment (aware), partners and entries too."""
    facts = read_facts(connection, workspace, zone, as_of, known_at, known_at)
    return does_it_lead(question_of(facts, as_of, floors))


def own_counts(
    connection: Connection,
    workspace: str,
    zone: ZoneInfo,
    as_of: date,
    known_at: datetime,
    partner_id: str,
    span: tuple[date, date],
) -> dict[str, int]:
    """How often each milestone, `deal` among them, and each activity occurred at one partner from the first to the last day of `span`."""
    facts = read_facts(connection, workspace, zone, as_of, known_at, known_at)
    at, (first, last) = facts.table.ids.index(partner_id), (day_number(day) for day in span)
    every = {**{name: found.rows for name, found in facts.reached.items()}, **facts.activities}

    def of(rows: Occurrences) -> int:
        stands = (rows.day >= first) & (rows.day <= last) & (rows.known_until >= LAST_DAY)
        return int(((rows.partner == at) & stands).sum())

    return {name: of(rows) for name, rows in every.items()}
