"""From the log to the question whether anything leads: what occurred at which partner, and when that was known."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
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
    day_number,
    day_numbers,
)
from indicators.leading.pipeline import Stays
from indicators.leading.questions import Question
from indicators.leading.rates import Cohorts, Passages
from indicators.leading.series import Occurrences
from indicators.leading.tellings import one_telling
from indicators.paths import PathTable, canonical_paths
from models.vocabulary import FUNNEL, ActivityKind
from sync.events import read
from sync.events.entry_columns import owners
from sync.events.ids import Ids
from sync.events.log import LogColumns, LoggedActivities, activity_log, event_log

SEED = "sakigake"


@dataclass(frozen=True, eq=False, slots=True)
class LeadFacts:
    """What occurred by a day, as known at a moment: milestones and activities by name, and whose they are."""

    table: PartnerTable
    reached: Mapping[str, Passages]
    under_way: Stays
    activities: Mapping[str, Occurrences]


def read_facts(
    connection: Connection, workspace: str, zone: ZoneInfo, as_of: date, who_at: datetime | None, known_at: datetime
) -> LeadFacts:
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
    return LeadFacts(
        table,
        *milestones(log, ids, owner, table, day_number(as_of)),
        activities(activity_log(connection, workspace, as_of, known_at, zone.key), at),
    )


def activities(told: Iterable[LoggedActivities], at: Mapping[str, int]) -> dict[str, Occurrences]:
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


def milestones(
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


def question_of(facts: LeadFacts, as_of: date, floors: Floors) -> Question:
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
