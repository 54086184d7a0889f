"""Does it lead? From the log to verdicts: the shell around indicators/leading."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection as RawConnection
from sqlalchemy import Connection

from indicators.assumptions import Floors
from indicators.inputs import (
    DEAL,
    LAST_DAY,
    MILESTONE_CODE,
    MILESTONES,
    NO_DAY,
    EntryTable,
    EventTable,
    Ints,
    PartnerTable,
    day_date,
    day_number,
    day_numbers,
)
from indicators.leading.backtest import Skill
from indicators.leading.panel_scores import PanelTest
from indicators.leading.pipeline import Stays
from indicators.leading.questions import (
    Answers,
    Examined,
    Question,
    answers_to,
    by_backtest,
    by_panel,
    does_it_lead,
)
from indicators.leading.rates import Cohorts, Passages
from indicators.leading.series import Occurrences
from indicators.leading.tellings import one_telling
from indicators.leading.verdicts import Finding, sentence
from indicators.paths import PathTable, canonical_paths
from jobs import reports
from jobs.beside import Answer, Beside
from jobs.computing_code import CODE_VERSION
from jobs.reports import Stamp
from jobs.wiring import Workspace
from models.labels import named
from models.vocabulary import FUNNEL, ActivityKind
from sync.events import read
from sync.events.entry_columns import owners
from sync.events.ids import Ids
from sync.events.log import LogColumns, LoggedActivities, activity_log, event_log

KIND = "leading"
SEED = "sakigake"


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
        facts = _facts(connection, workspace.name, workspace.zone, stamp.as_of, None, stamp.known_at)
    question = _question(facts, stamp.as_of, workspace.settings.assumptions.floors)
    return Asked(question, [(aside.ask(by_panel, of), aside.ask(by_backtest, of)) for of in question.scopes()])


def keep(conn: RawConnection[Any], workspace: str, stamp: Stamp, answers: Answers) -> None:
    """Keeps the verdicts, in the caller's transaction."""
    n = {"weeks": answers.weeks.count, "deals": answers.deals, "indicators": len(answers.findings)}
    reports.keep(conn, workspace, KIND, stamp, n, document(answers))


@dataclass(frozen=True, eq=False, slots=True)
class _Facts:
    """What occurred by a day, as known at a moment: milestones and activities by name, and whose they are."""

    table: PartnerTable
    reached: Mapping[str, Passages]
    under_way: Stays
    activities: Mapping[str, Occurrences]


def answer(
    connection: Connection,
    workspace: str,
    zone: ZoneInfo,
    as_of: date,
    known_at: datetime,
    floors: Floors,
) -> Answers:
    """The verdicts as of a day, by what was known at a moment (aware), partners and entries too."""
    facts = _facts(connection, workspace, zone, as_of, known_at, known_at)
    return does_it_lead(_question(facts, as_of, floors))


def _question(facts: _Facts, as_of: date, floors: Floors) -> Question:
    table, reached = facts.table, facts.reached
    names = [m.value for m in FUNNEL]
    return Question(
        deals=reached[names[-1]].rows,
        milestones={name: reached[name].rows for name in names[:-1]},
        activities=facts.activities,
        types=table.types,
        partner_type=table.type,
        joined=table.joined_day,
        as_of=day_number(as_of),
        under_way=facts.under_way,
        rates={f"{a}>{b}": Cohorts.of(reached[a], reached[b]) for a, b in pairwise(names)},
        seed=SEED,
        floors=floors,
    )


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
    facts = _facts(connection, workspace, zone, as_of, known_at, known_at)
    at, (first, last) = facts.table.ids.index(partner_id), (day_number(day) for day in span)
    every = {**{name: found.rows for name, found in facts.reached.items()}, **facts.activities}

    def of(rows: Occurrences) -> int:
        stands = (rows.day >= first) & (rows.day <= last) & (rows.known_until >= LAST_DAY)
        return int(((rows.partner == at) & stands).sum())

    return {name: of(rows) for name, rows in every.items()}


def _facts(
    connection: Connection, workspace: str, zone: ZoneInfo, as_of: date, who_at: datetime | None, known_at: datetime
) -> _Facts:
    """`who_at`: partners and entries as they were known then, None as they are now."""
    partners = read.partners(connection, workspace, who_at)
    at = {p.partner_id: i for i, p in enumerate(partners)}
    types = sorted({p.type for p in partners})
    table = PartnerTable.of(
        [p.partner_id for p in partners],
        types,
        np.array([types.index(p.type) for p in partners], np.int64),
        joined_day=day_numbers(p.joined_on for p in partners),
    )
    ids, owner = _owners(connection, workspace, at, who_at)
    log = event_log(connection, workspace, as_of, known_at, zone.key)
    return _Facts(
        table,
        *_milestones(log, ids, owner, table, day_number(as_of)),
        _activities(activity_log(connection, workspace, as_of, known_at, zone.key), at),
    )


def _activities(told: Iterable[LoggedActivities], at: Mapping[str, int]) -> dict[str, Occurrences]:
    """By kind, but for approaches, which are the milestone `executed`; `at` are the places of partners."""
    found: dict[str, list[tuple[Ints, ...]]] = defaultdict(list)
    for a in told:
        if a.partner_id in at and a.kind != ActivityKind.APPROACH:
            who = np.full(len(a.day), at[a.partner_id], np.int64)
            found[a.kind].append((who, a.day, a.known_from, a.known_until))
    return {
        kind.value: Occurrences.of(*np.concatenate(found[kind.value], axis=1))
        for kind in ActivityKind
        if kind.value in found
    }


def _owners(
    connection: Connection, workspace: str, at: Mapping[str, int], known_at: datetime | None
) -> tuple[Ids, Ints]:
    """Entries in the order of their ids, and the place of the partner that each is of."""
    ids, partner_ids, owner = owners(connection, workspace, known_at)
    partner = np.array([at.get(name, -1) for name in partner_ids], np.int64)[owner]
    return ids[partner >= 0], partner[partner >= 0]


def _milestones(
    log: LogColumns, ids: Ids, partner: Ints, table: PartnerTable, as_of: int
) -> tuple[dict[str, Passages], Stays]:
    """First passages of each milestone that a record tells, as they were known over time, and where entries stood.

    Milestones that are only implied have no day of their own and no passage.
    """
    entry = log.entry_ids.places_among(ids)[log.entry] if len(log.entry) else np.zeros(0, np.int64)
    codes = np.array([MILESTONE_CODE[m.value] for m in read.MILESTONES], np.int64)
    kept = entry >= 0
    entry, milestone = entry[kept], codes[log.milestone[kept]]
    day, known_from, known_until = (c[kept] for c in (log.day, log.known_from, log.known_until))
    stands = known_until >= LAST_DAY
    paths = canonical_paths(
        EventTable.of(entry[stands], milestone[stands], day[stands], source=log.connection[kept][stands]),
        EntryTable.of(ids, partner),
        table,
        as_of,
    )
    attempt = _attempt_of(paths, entry, day)
    found = {}
    for code in range(DEAL + 1):
        mine = milestone == code
        rows = Occurrences.of(partner[entry[mine]], day[mine], known_from[mine], known_until[mine])
        found[MILESTONES[code].value] = Passages(*one_telling((entry[mine] << 20) | attempt[mine], rows))
    return found, Stays.of(paths.partner, paths.reached, paths.lost)


def _attempt_of(paths: PathTable, entry: Ints, day: Ints) -> Ints:
    """Which attempt of its entry each row belongs to: the last one that had begun by its day."""
    begun = paths.reached[:, 0].astype(np.int64)
    known = begun != NO_DAY
    key = (paths.entry[known] << 20) | begun[known]
    if not len(key):
        return np.zeros(len(entry), np.int64)
    row = np.maximum(np.searchsorted(key, (entry << 20) | day, side="right") - 1, 0)
    mine = paths.entry[known][row] == entry
    return np.asarray(np.where(mine, paths.attempt[known][row], 0), np.int64)


def document(answers: Answers, type_name: str | None = None) -> dict[str, Any]:
    """The answers as JSON: what `sakigake leading --json` prints beside the axes they stand on."""
    return {
        "weeks": {
            "from": _iso(answers.weeks.first),
            "until": _iso(answers.weeks.last_day),
            "count": answers.weeks.count,
        },
        "deals": answers.deals,
        "assumptions": asdict(answers.floors),
        "seed": SEED,
        "indicators": [
            finding_document(f, answers.floors) for f in answers.findings if type_name is None or f.type == type_name
        ],
    }


def finding_document(f: Finding, floors: Floors) -> dict[str, Any]:
    """One finding: verdict and sentence first, then everything they stand on."""
    forward = _test(f.forward)
    return {
        "indicator": f.indicator,
        "label": {"ja": named(f.indicator, "ja"), "en": named(f.indicator, "en")},
        "kind": f.kind,
        "type": f.type,
        "verdict": f.verdict,
        "sentence": {"ja": sentence(f, "ja", floors), "en": sentence(f, "en", floors)},
        "lead_weeks": f.lead_weeks,
        "more_weeks": f.more_weeks,
        "short_of": list(f.short_of),
        "p": forward["p"],
        "p_holm": _number(f.holm),
        "p_explore": _number(f.explore),
        "effect": forward["effect"],
        "mde": forward["mde"],
        "forward": forward,
        "reverse": {**_test(f.reverse), "p_holm": _number(f.reverse_holm)},
        "skill": _skill(asdict(f.skill)),
        "skills": [_skill(asdict(s)) for s in f.skills],
        "description": {k: _number(v) for k, v in asdict(f.description).items()},
    }


def _test(test: PanelTest) -> dict[str, Any]:
    found = {k: _number(v) for k, v in asdict(test).items() if k not in ("z", "pace")}
    return {"z": [_number(v) for v in test.z], **found}


def _skill(skill: dict[str, Any]) -> dict[str, Any]:
    return {k: _number(v) for k, v in skill.items()}


def _number(value: Any) -> Any:
    """Six decimals: what is published is the same bytes on every machine."""
    return round(value, 6) + 0.0 if isinstance(value, float) else value  # nothing has no sign


def _iso(day: int) -> str | None:
    found = day_date(day)
    return found.isoformat() if found else None
