"""Facts and settings drawn at random, odd in every way that a CRM lets them be, for what has to hold in any world."""

import random
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from models.vocabulary import (
    Activity,
    ActivityKind,
    Entry,
    Event,
    Milestone,
    Partner,
    RecordRef,
    Target,
    Willingness,
)
from sync.events.deals import store_deals
from sync.events.store import store
from sync.mapping.facts import DealAnyChannel, EntryMatch, Facts, SourceMatch

NAMES = (
    "株式会社サンプル商事", "ｶﾌﾞｼｷｶﾞｲｼｬ ﾃｽﾄ", "👩‍👩‍👧‍👦 家族 🇯🇵", "שלום עולם", "\u202eabc\u202c", "a\tb", "one\r\ntwo", "bell\x07 \x1b[31mred\x1b[0m", "=1+1",
    "-5", "[bold]x[/bold]", "[/]", "{n:1|2}", "長い" * 60, "A" * 120, "foo\u2028bar", "ゼロ\u200b幅", "$x^{$", "true", "<b>&amp;", "パートナー", "\ufeffBOM",
)  # fmt: skip
KINDS = ("legacy", "growth1", "growth2", "unclassified")
FAR = (date(1900, 1, 1), date(1969, 12, 31), date(1999, 12, 31), date(2150, 12, 31))
LAST_DAYS = (
    date(2026, 10, 31),
    date(2026, 11, 1),
    date(2024, 2, 29),
    date(2026, 1, 1),
    date(2026, 11, 24),
)  # a month's, a Sunday ...
ZONES = ("Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago")
STEPS = (Milestone.REQUESTED, Milestone.AGREED, Milestone.EXECUTED, Milestone.DEAL)
_SPACE = uuid.UUID(int=11)


@dataclass
class RandomWorld:
    """What `seed` makes. `days` are computed; at each of `moments` something else is known: partners and entries vanish and return, days are corrected."""

    seed: int
    partners: list[Partner] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        draw = self.draw
        self.end = draw.choice(LAST_DAYS)
        self.days = [self.end - timedelta(days=1), self.end]
        self.zone, self.language = draw.choice(ZONES), draw.choice(("ja", "en"))
        self.kinds = draw.sample(KINDS, draw.randint(1, 4))
        self.span = draw.choice((10, 100, 500, 900))
        self.odd = draw.choice((0.0, 0.02, 0.3))
        for i in range(draw.choice((0, 1, 3, 8, 20))):
            self._partner(i)
        for i in range(draw.choice((1, 30, 120, 250)) if self.partners else 0):
            self._entry(i)
        for i in range(draw.choice((0, 40, 200)) if self.partners else 0):
            kind = draw.choice((ActivityKind.CO_VISIT.value, ActivityKind.TOUCH.value, "ゴルフ [x]"))
            self.activities.append(
                Activity(self._id(f"activity {i}"), draw.choice(self.partners).partner_id, None, kind, self._day(self.end, -self.span, 3), RecordRef("salesforce", "Event", f"{i}"), "r")
            )  # fmt: skip
        earlier = draw.sample((3, 40, 200), draw.randint(1, 3))
        self.moments = sorted({self.end - timedelta(days=n) for n in (*earlier, draw.choice((0, 1)))})
        self.gone = {x for x in (*(p.partner_id for p in self.partners), *(e.entry_id for e in self.entries)) if draw.random() < 0.08}  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Parts of a workspace's settings in the place of those of the sandbox."""
        draw = self.draw
        horizon = draw.choice((30, 180, 730))
        assumed = {
            "horizon": horizon, "default_p80": 1, "default_p95": draw.choice((2, 30)), "within": sorted(draw.sample(range(1, horizon + 1), draw.randint(1, 3))),
            "window": draw.choice((30, 365, 3650)), "partner_window": draw.choice((30, 730)), "list_valid": draw.choice((7, 3650)), "own_curve": draw.choice((1, 10_000)),
            "capacity_weeks": draw.choice((4, 260)), "sure": draw.choice((0.5, 0.8, 0.99)), "active_within": draw.choice((7, 730)),
            "history_from": draw.choice((None, "1950-01-01", "2149-01-01")),
        }  # fmt: skip
        targets: dict[str, Any] = {"deals": draw.choice((None, 0, 5, 1_000_000))}
        if draw.random() < 0.5:
            targets |= {
                "capacity": {"legacy": draw.choice((0, 0.1))},
                "mix": {"growth1": 1, "legacy": draw.choice((0, 3))},
            }
        closed = draw.choice(([], ["2026-10-01..2026-10-31"], ["2025-11-01..2026-11-01", "2026-11-01..2027-11-01"]))
        calendar = {"holidays": draw.choice(("JP", "none")), "closures": closed}
        return {"assumptions": assumed, "targets": targets, "calendar": calendar}

    def store(self, engine: Engine, workspace: str, at: int) -> None:
        """What is known at the moment of that place."""
        day = self.moments[at]
        known_at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
        deals = [DealAnyChannel(self.end - timedelta(days=n), n % 2 == 0, RecordRef("salesforce", "Opportunity", f"{n}"), n % 3 == 0 or None) for n in range(self.seed % 4)]  # fmt: skip
        with engine.begin() as connection:
            store(
                connection,
                workspace,
                self._known(day, at),
                run_id=f"run-{at}",
                known_at=known_at,
                mapping_hash="h",
                first_load=at == 0,
            )
            store_deals(connection, workspace, deals, known_at)

    def _known(self, day: date, at: int) -> Facts:
        draw, gone = random.Random(f"{self.seed} {at}"), self.gone if at % 2 else set()
        partners = tuple(
            replace(p, name=p.name + "改") if at % 2 and draw.random() < 0.1 else p
            for p in self.partners
            if p.partner_id not in gone
        )
        there = {p.partner_id for p in partners}
        entries = tuple(e for e in self.entries if e.partner_id in there and e.entry_id not in gone)
        listed = {e.entry_id for e in entries}
        events = (e for e in self.events if e.entry_id in listed and (e.occurred_on <= day or e.occurred_on > self.end))
        return Facts(
            _ordered(partners, "partner_id"),
            tuple(sorted(SourceMatch(p.sources[0], p.partner_id, "itself") for p in partners)),
            _ordered(entries, "entry_id"),
            tuple(EntryMatch(e.source, e.entry_id, e.partner_id, "its own record", e.target) for e in sorted(entries, key=lambda e: e.source)),
            _ordered((replace(e, occurred_on=max(e.occurred_on, FAR[1]) - timedelta(days=9)) if draw.random() < 0.02 else e for e in events), "event_id"),
            _ordered((a for a in self.activities if a.partner_id in there), "activity_id"),
        )  # fmt: skip

    def _id(self, what: str) -> str:
        return str(uuid.uuid5(_SPACE, f"{self.seed} {what}"))

    def _name(self) -> str:
        return self.draw.choice(NAMES) if self.draw.random() < 0.6 else f"パートナー{self.draw.randint(1, 99):02}"

    def _day(self, base: date, low: int, high: int) -> date:
        draw = self.draw
        if draw.random() < self.odd:
            return draw.choice(
                (*FAR, self.end + timedelta(days=draw.randint(1, 400)), base - timedelta(days=draw.randint(1, 300)))
            )
        return base + timedelta(days=draw.randint(low, high))

    def _partner(self, i: int) -> None:
        draw = self.draw
        days = (None, *FAR, self.end - timedelta(days=draw.randint(0, 800)))
        ended = {"ended_on": draw.choice(FAR[1:]).isoformat()} if draw.random() < 0.1 else {}
        self.partners.append(
            Partner(self._id(f"partner {i}"), self._name(), draw.choice(self.kinds), (RecordRef("salesforce", "Account", f"{i}"),),
                    draw.choice(list(Willingness)), draw.choice(days), draw.choice(days), {**ended})
        )  # fmt: skip

    def _entry(self, i: int) -> None:
        draw = self.draw
        owner = self.partners[min(int(draw.paretovariate(0.7)), len(self.partners)) - 1]
        ref, entry_id = RecordRef("salesforce", "AttackListEntry__c", f"{i}"), self._id(f"entry {i}")
        target = Target(
            name=None if draw.random() < 0.2 else self._name(),
            domain=f"shop{i % 50}.example" if draw.random() < 0.3 else None,
        )
        self.entries.append(Entry(entry_id, owner.partner_id, ref, target, (ref,)))

        def reach(milestone: Milestone, day: date) -> None:
            at = len(self.events)
            stamp = datetime(min(max(day.year, 1990), 2024), 1, 1, tzinfo=UTC)
            self.events.append(
                Event(self._id(f"event {at}"), entry_id, owner.partner_id, milestone, day, ref, f"c{at}", "r", stamp)
            )

        day = self._day(self.end, -self.span, 0)
        if draw.random() < 0.95:
            reach(Milestone.LISTED, day)
        for milestone in STEPS:
            if draw.random() < 0.4:
                if draw.random() < 0.5:
                    reach(Milestone.LOST, self._day(day, 1, 60))
                return
            day = self._day(max(day, date(1960, 1, 1)), 0, 30)
            if draw.random() < 0.9:
                reach(milestone, day)
        reach(Milestone.WON, day)


def _ordered(rows: Any, key: str) -> tuple[Any, ...]:
    return tuple(sorted(rows, key=lambda row: getattr(row, key)))
