"""Workspaces that nobody would plan, as the tables that all results of a day are made from: any pattern of events, any day, any partner."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from indicators.cadence import Activities
from indicators.inputs import (
    EXCLUSION_CODE,
    LISTED,
    LOST,
    NO_DAY,
    WON,
    EntryTable,
    EventTable,
    PartnerTable,
    Taken,
    TierOverride,
    day_number,
    day_numbers,
)
from jobs.settings import WorkspaceSettings
from models.vocabulary import ActivityKind, Tier
from sync.events.deals import DealCount
from sync.events.delay import ReportingDelay
from tests.unit.reference.histories import played

TYPES = ("growth1", "growth2", "legacy", "unclassified")
FAR = tuple(map(date.fromisoformat, ("0001-01-01", "1900-01-01", "1969-12-31", "1970-01-01", "1999-12-31", "2000-01-01", "2106-02-07", "2148-12-31",
                                     "2149-06-06", "9999-12-31")))  # fmt: skip
AS_OF = tuple(map(date.fromisoformat, ("2000-01-01", "2000-02-29", "2026-10-31", "2026-11-01", "2026-12-31", "2028-02-29", "2026-11-24", "2105-12-31",
                                       "2147-12-31")))  # fmt: skip
CONNECTION = {"crm": "hubspot", "auth": {"token": {"env": "TOKEN"}}}


@dataclass(frozen=True)
class OddTables:
    """What a day's results are made from. `by_hand`: targets that people set, by month and type."""

    settings: WorkspaceSettings
    events: EventTable
    entries: EntryTable
    partners: PartnerTable
    as_of: date
    activities: Activities
    deals: DealCount
    late: ReportingDelay
    by_hand: dict[date, dict[str, list[float | None]]]

    @property
    def tables(self) -> tuple[EventTable, EntryTable, PartnerTable]:
        return self.events, self.entries, self.partners


def odd_tables(seed: int) -> OddTables:
    """The same for the same seed."""
    chance = np.random.default_rng(seed)
    as_of = AS_OF[chance.integers(len(AS_OF))] if chance.random() < 0.4 else _some_day(chance)
    now = day_number(as_of)
    rich = chance.random() < 0.4  # enough of everything for forecasts, plans and their checks
    n_partners = int(chance.choice([1, 3, 8, 25] if rich else [0, 1, 1, 2, 3, 8]))
    n_entries = int(chance.choice([250, 800, 1500] if rich else [0, 1, 2, 12, 60, 250])) if n_partners else 0
    kinds = TYPES[: int(chance.integers(1, 5))] if n_partners else ()
    partners = _partners(chance, n_partners, kinds, now)
    owner = (
        chance.integers(0, n_partners, n_entries)
        if chance.random() < 0.7 or not n_partners
        else np.full(n_entries, chance.integers(0, n_partners))
    )
    entries = EntryTable.of(
        [f"e{i:04}" for i in range(n_entries)],
        owner.astype(np.int64),
        last_activity_day=np.where(chance.random(n_entries) < 0.3, now - chance.integers(0, 60, n_entries), NO_DAY),
        target=chance.integers(0, max(n_entries // 2, 1), n_entries) if chance.random() < 0.4 else None,
        unplaced=chance.random(n_entries) < 0.05,
        taken=_taken(chance, n_entries, now),
    )
    return OddTables(
        _settings(chance, kinds),
        odd_events(chance, n_entries, now, rich=rich),
        entries,
        partners,
        as_of,
        _activities(chance, n_partners, now),
        _deals(chance),
        ReportingDelay(0, None, None, None) if chance.random() < 0.5 else ReportingDelay(20, 0, 9, as_of),
        _by_hand(chance, kinds, as_of),
    )


def _some_day(chance: np.random.Generator) -> date:
    return date(2024, 1, 1) + timedelta(days=int(chance.integers(0, 1500)))


def _partners(chance: np.random.Generator, n: int, kinds: tuple[str, ...], now: int) -> PartnerTable:
    def days(often: float) -> Any:
        """Some unknown, some far from today, some on it, the others about."""
        return day_numbers(
            None
            if chance.random() > often
            else FAR[chance.integers(len(FAR))]
            if chance.random() < 0.15
            else date.fromordinal(
                int(chance.choice([now, now - 1, now + 1, now + chance.integers(-900, 100)])) + 719163
            )
            for _ in range(n)
        )

    overrides = []
    for _ in range(int(chance.integers(0, 4)) if n else 0):
        start = now + int(chance.integers(-400, 30))
        tier = list(Tier)[chance.integers(len(Tier))]
        overrides.append(
            TierOverride(int(chance.integers(n)), tier, start, start + int(chance.integers(0, 200)), "x", "y")
        )
    return PartnerTable.of(
        [f"p{i:03}" for i in range(n)],
        kinds,
        chance.integers(0, max(len(kinds), 1), n),
        willingness=chance.integers(0, 3, n) if chance.random() < 0.7 else None,
        submitted_day=days(0.4),
        joined_day=days(0.7),
        ended_day=days(0.3),
        overrides=sorted(overrides, key=lambda o: (o.partner, o.start, o.until, o.tier)),
    )


def odd_events(chance: np.random.Generator, n: int, now: int, *, rich: bool = False) -> EventTable:
    shapes = ["any", "same day", "lost", "open", "one deal", "backwards", "few steps", "usual"]
    shape = "usual" if rich and chance.random() < 0.7 else chance.choice(shapes)
    rows: list[tuple[int, int, int]] = []
    begun = now - chance.integers(-20, int(chance.choice([5, 200, 900])), n)
    if shape == "usual" and n:
        days, lost = played(chance, begun)
        rows = [(i, k, int(days[i, k])) for i in range(n) for k in range(5) if days[i, k] < now + 30]
        rows += [(i, LOST, int(lost[i])) for i in range(n) if lost[i] < now + 30]
        rows += [(i, WON, d + int(chance.integers(0, 60))) for i, k, d in rows if k == 4 and chance.random() < 0.3]
    else:
        for i in range(n):
            rows += [(i, k, d) for k, d in _story(chance, str(shape), int(begun[i]), i)]
    strays = chance.random(len(rows)) < (0.03 if chance.random() < 0.5 else 0)
    rows = [
        (i, k, day_number(FAR[chance.integers(len(FAR))]) if stray else d)
        for (i, k, d), stray in zip(rows, strays, strict=True)
    ]
    rows += [rows[j] for j in chance.integers(0, len(rows), len(rows) // 5)] if rows and chance.random() < 0.3 else []
    histories = ("hubspot.deal", "salesforce.Lead") if chance.random() < 0.3 else ()
    told = chance.integers(0, 4, len(rows)) if histories else None
    if histories and rich:  # of what began before a day, only the newest is known, since the record was made
        rows, told = _told_late(rows, now - int(chance.integers(30, 400)))
    entry, milestone, day = (np.array([row[c] for row in rows], np.int64) for c in range(3))
    return EventTable.of(
        entry,
        milestone,
        day,
        source=chance.integers(0, 2, len(rows)) if chance.random() < 0.4 else None,
        told=told,
        histories=histories,
    )


def _told_late(rows: list[tuple[int, int, int]], since: int) -> tuple[list[tuple[int, int, int]], Any]:
    """The rows as a history tells them that begins on a day: of what came before, the newest milestone on the record's first day."""
    first: dict[int, int] = {}
    newest: dict[int, tuple[int, int]] = {}
    for i, k, day in rows:
        first[i] = min(day, first.get(i, day))
        if day < since:
            newest[i] = max((day, k), newest.get(i, (day, k)))
    after = [row for row in rows if row[2] >= since]
    return [*after, *((i, k, first[i]) for i, (_, k) in newest.items())], [0] * len(after) + [1] * len(newest)


def _story(chance: np.random.Generator, shape: str, begun: int, i: int) -> list[tuple[int, int]]:
    """Milestones and days of one entry."""
    if shape == "any":
        k = int(chance.integers(0, 9))
        return [
            (int(m), begun + int(d))
            for m, d in zip(chance.integers(0, 7, k), chance.integers(-30, 250, k), strict=True)
        ]
    if shape == "same day":
        return [(m, begun) for m in range(7) if chance.random() < 0.6]
    if shape == "lost":
        return [(LISTED, begun), (LOST, begun + int(chance.integers(-5, 90)))]
    if shape == "open":
        return [(m, begun + 5 * m) for m in range(int(chance.integers(1, 5)))]
    if shape == "one deal":
        return [(m, begun + 3 * m) for m in range(5)] if i == 0 else [(LISTED, begun)]
    if shape == "backwards":
        return [(m, begun - int(chance.integers(0, 9)) * m) for m in range(int(chance.integers(1, 6)))]
    return [(int(m), begun + int(chance.integers(0, 40))) for m in chance.choice(7, 2)]


def _taken(chance: np.random.Generator, n: int, now: int) -> Taken:
    if not n or chance.random() < 0.6:
        return Taken.of()
    why = [EXCLUSION_CODE["existing_customer"], EXCLUSION_CODE["open_deal"]]
    rows = []
    for _ in range(int(chance.integers(1, 20))):
        start = int(chance.choice([NO_DAY, now - chance.integers(-9, 400), *(day_number(d) for d in FAR)]))
        rows.append(
            (int(chance.integers(0, n)), start, int(chance.choice([NO_DAY, now, start + 30])), int(chance.choice(why)))
        )
    return Taken.of(rows)


def _activities(chance: np.random.Generator, n: int, now: int) -> Activities:
    m = int(chance.choice([0, 3, 200])) if n else 0
    kinds, day = list(ActivityKind), now - chance.integers(0, 200, m)
    who = np.sort(chance.integers(0, max(n, 1), m)).astype(np.int64)
    far = [day_number(d) for d in FAR if day_number(d) <= now]
    day = np.where(chance.random(m) < 0.05, chance.choice(far, m), day).astype(np.int64)
    return Activities(who, tuple(kinds[i] for i in chance.integers(0, len(kinds), m)), day)


def _deals(chance: np.random.Generator) -> DealCount:
    every = int(chance.choice([0, 1, 50]))
    judged = int(chance.integers(0, every + 1))
    won = int(chance.integers(0, judged + 1))
    return DealCount(every, int(chance.integers(0, every + 1)), judged, won, int(chance.integers(0, won + 1)))


def _settings(chance: np.random.Generator, kinds: tuple[str, ...]) -> WorkspaceSettings:
    def some(values: list[float]) -> dict[str, float]:
        return {name: float(chance.choice(values)) for name in (*kinds, "gone") if chance.random() < 0.5}

    targets: dict[str, Any] = {"deals": [None, 0, 1, 7, 40, 1_000_000][chance.integers(6)]}
    if chance.random() < 0.4:
        targets["capacity"] = some([0, 0, 0.5, 3, 1_000_000])
    mix = some([0, 0.001, 1, 1_000_000])
    if chance.random() < 0.4 and any(mix.values()):
        targets["mix"] = mix
    assumed: dict[str, Any] = {}
    if chance.random() < 0.3:
        assumed |= {"horizon": 30, "default_p80": 5, "default_p95": 30, "within": [1, 30], "window": 30}
    if chance.random() < 0.2:
        assumed |= {"own_curve": 1, "capacity_weeks": 4, "min_in_tier": 0, "list_valid": 7, "partner_window": 30}
    if chance.random() < 0.15:
        assumed |= {"history_from": str(date(2026, 1, 1))}
    return WorkspaceSettings.model_validate(
        {
            "connections": {"hubspot": CONNECTION},
            "team": [None, 1, 4][chance.integers(3)],
            "calendar": {"holidays": ["none", "JP"][chance.integers(2)]},
            "targets": targets,
            "assumptions": assumed,
        }
    )


def _by_hand(
    chance: np.random.Generator, kinds: tuple[str, ...], as_of: date
) -> dict[date, dict[str, list[float | None]]]:
    found: dict[date, dict[str, list[float | None]]] = {}
    for back in range(3):
        at = as_of.year * 12 + as_of.month - 1 - back
        if chance.random() < 0.4:
            numbers = {
                name: [float(chance.choice([0, 0, 1, 5, 5, 1e6])) for _ in range(5)]
                for name in (*kinds, "gone", "all")
                if chance.random() < 0.7
            }
            if numbers:
                found[date(at // 12, at % 12 + 1, 1)] = numbers
    return found
