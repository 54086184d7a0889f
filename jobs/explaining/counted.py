"""What a number was counted from: the attempts, rows and events behind each field, and what would change it. Reads through its arguments only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from indicators.assumptions import DEFAULTS
from indicators.inputs import EXCLUSIONS, MILESTONES, NO_DAY, EntryTable, day_date, day_number
from indicators.open_entries import open_entries
from indicators.paths import PathTable
from indicators.row_validity import spells
from jobs.explaining.events import Standing
from jobs.speech import ENGLISH, Speech
from models.vocabulary import FUNNEL, Milestone

_COUNTS = {("deals_90d" if m is Milestone.DEAL else f"{m.value}_90d"): m for m in FUNNEL}
_OTHERS = {
    "stalled": "a milestone, or an activity logged with the entry, clears it; standing still beyond the age of 95 % of the others sets it",
    "stalled_entries": "a milestone, or an activity logged with an entry, clears it; standing still beyond the age of 95 % of the others sets it",
    "cvr_listed_to_deal": "every entry of the partner's type that comes to `deal` or `lost`, or is newly listed",
    "lead_time_days": "every entry of the partner's type that comes to `deal` or `lost`, or is newly listed",
    "attack_list_submitted_on": "a newer list: in the field that the mapping names, by `sakigake import-list`, or by newer `listed` entries",
    "expected_deals_30d": "milestones of open entries, their waiting, new listings, and the rates of the partner and its type",
    "expected_deals_90d": "milestones of open entries, their waiting, new listings, and the rates of the partner and its type",
    "deals_target_month": "another target in sakigake.yaml, the next month, or what entries under way promise",
    "deal_probability": "the next milestone or `lost`, another day of waiting, and the rates of the partner and its type",
    "expected_deal_on": "the next milestone or `lost`, another day of waiting, and the rates of the partner and its type",
    "next_regular_meeting_due": "a logged regular meeting, or another tier",
    "next_step": "another tier, or a milestone or activity of the entries that wait longest",
}
_UNDER_WAY = ("expected_deals_30d", "expected_deals_90d", "deals_target_month")
_TIER = ("tier", "tier_reason", "tier_since", "attack_list_count")


@dataclass(frozen=True, slots=True)
class Basis:
    """One partner's canonical paths on the day, and the events that stand behind them."""

    as_of: date
    paths: PathTable
    entries: EntryTable
    standing: Standing
    list_valid: int = DEFAULTS.list_valid
    horizon: int = DEFAULTS.horizon

    def counted(self, field: str, value: Any, entry_id: str | None = None) -> list[dict[str, Any]]:
        """The attempts or rows that the field counts, each with the event that says so, in the order of their days."""
        if field in _COUNTS:
            return self._reached(_COUNTS[field])
        if field in _TIER:
            return self._rows()
        if field == "attack_list_submitted_on":
            return [row for row in self._rows() if row["day"] == value]
        if field in _UNDER_WAY:
            return self._all(self._under_way())
        if entry_id is not None and field in (
            "milestone",
            "milestone_since",
            "stalled",
            "deal_probability",
            "expected_deal_on",
        ):
            return self._standing(entry_id)
        return []

    def waiting(self, called: Mapping[str, str], advice: str | None) -> list[dict[str, Any]]:
        """Its entries of those `called` stalled or beyond; with `advice`, the word of `next_step`, those that it speaks of."""
        called = {entry_id: called[entry_id] for entry_id in self.entries.ids if entry_id in called}
        if advice is None:
            return self._all(called)
        if advice in ("move_stalled", "tidy_up"):
            word = "stalled" if advice == "move_stalled" else "beyond"
            return self._all(entry_id for entry_id, status in called.items() if status == word)
        if advice == "move_on":
            moving = {entry_id: at for entry_id, at in self._under_way().items() if called.get(entry_id) != "beyond"}
            first = min(moving.values(), default=0)
            return self._all(entry_id for entry_id, at in moving.items() if at == first)
        return []

    def _under_way(self) -> dict[str, int]:
        """Entries that still wait for a deal, and the code of the milestone at which they do."""
        rows = open_entries(self.paths)
        places = zip(rows.entry.tolist(), rows.milestone.tolist(), strict=True)
        return {self.entries.ids[place]: milestone for place, milestone in places}

    def _all(self, entry_ids: Iterable[str]) -> list[dict[str, Any]]:
        found = (item for entry_id in entry_ids for item in self._standing(entry_id))
        return sorted(found, key=lambda c: (c["day"], c["entry"]))

    def _reached(self, milestone: Milestone) -> list[dict[str, Any]]:
        code = MILESTONES.index(milestone)
        days = self.paths.reached[:, code]
        chosen = np.flatnonzero((days != NO_DAY) & (days > day_number(self.as_of) - DEFAULTS.counted))
        made = []
        for row in chosen.tolist():
            day = _day(days[row])
            entry_id = self.entries.ids[int(self.paths.entry[row])]
            inferred = bool(self.paths.inferred[row, code])
            made.append(
                {
                    "entry": entry_id,
                    "attempt": int(self.paths.attempt[row]),
                    "day": day.isoformat(),
                    "until": (day + timedelta(days=DEFAULTS.counted - 1)).isoformat(),
                    "inferred": inferred,
                    "event": self.standing.find(entry_id, None if inferred else milestone.value, day),
                }
            )
        return sorted(made, key=lambda c: (c["day"], c["entry"]))

    def _rows(self) -> list[dict[str, Any]]:
        today = day_number(self.as_of)
        newest: dict[int, tuple[int, str]] = {}
        for place, day in zip(self.paths.entry.tolist(), self.paths.reached[:, 0].tolist(), strict=True):
            target = int(self.entries.target[place])
            if day > newest.get(target, (NO_DAY, ""))[0]:
                newest[target] = (day, self.entries.ids[place])
        made = []
        gone = self.taken()
        for day, entry_id in newest.values():
            if day <= today < day + self.list_valid and entry_id not in gone:
                on = _day(day)
                made.append(
                    {
                        "entry": entry_id,
                        "attempt": None,
                        "day": on.isoformat(),
                        "until": (on + timedelta(days=self.list_valid - 1)).isoformat(),
                        "inferred": False,
                        "event": self.standing.find(entry_id, "listed", on),
                    }
                )
        return sorted(made, key=lambda c: (c["day"], c["entry"]))

    def left_out(self, field: str) -> dict[str, str]:
        """Entry -> why its row does not count, where the field counts rows."""
        return self.taken() if field in _TIER else {}

    def taken(self) -> dict[str, str]:
        """Entry -> why its row does not count that day: its target is taken."""
        found = spells(self.paths, self.entries, valid_days=self.list_valid, horizon=self.horizon)
        today = day_number(self.as_of)
        at = np.flatnonzero((found.start <= today) & (today < found.end))
        return {self.entries.ids[int(found.entry[i])]: EXCLUSIONS[int(found.why[i])] for i in at}

    def _standing(self, entry_id: str) -> list[dict[str, Any]]:
        place = self.entries.ids.index(entry_id)
        row = int(self.paths.last[place])
        if row < 0:
            return []
        on = _day(self.paths.since[row])
        milestone = MILESTONES[int(self.paths.current[row])].value
        return [
            {
                "entry": entry_id,
                "attempt": int(self.paths.attempt[row]),
                "day": on.isoformat(),
                "until": None,
                "inferred": False,
                "event": self.standing.find(entry_id, milestone, on),
            }
        ]

    def what_would_change(
        self,
        field: str,
        value: Any,
        inputs: Mapping[str, Any],
        counted: Sequence[Mapping[str, Any]],
        rules: Iterable[str],
        say: Speech = ENGLISH,
    ) -> str:
        """One sentence on what would make the field say something else."""
        if field in _COUNTS:
            milestone = _COUNTS[field].value
            by = [r for r in rules if r.endswith(f".milestones.{milestone}")]
            rises = say("rises with every attempt that comes to `{milestone}`", milestone=milestone)
            rises += f" ({', '.join(by)})" if by else ""
            return "; ".join(part for part in (rises, _falls(int(value or 0), counted, say)) if part)
        if field == "attack_list_count":
            rises = say("rises with every company that is listed")
            return "; ".join(part for part in (rises, _falls(int(value or 0), counted, say)) if part)
        if field in ("tier", "tier_reason", "tier_since"):
            return str(inputs.get("what_would_change") or say("what changes the tier"))
        if field in ("milestone", "milestone_since"):
            following = {m.value: n.value for m, n in pairwise(FUNNEL)}.get(str(value))
            if following is None:
                return say("any later event of the entry")
            return say("the next milestone, {following}, or `lost`", following=following)
        return say(_OTHERS.get(field, "a change of what it is computed from"))


def _falls(value: int, counted: Sequence[Mapping[str, Any]], say: Speech) -> str:
    """When the oldest of what is counted no longer counts."""
    if not counted or not value:
        return ""
    first = min(str(c["until"]) for c in counted)
    gone = sum(1 for c in counted if c["until"] == first)
    day = date.fromisoformat(first) + timedelta(days=1)
    return say("falls by {gone} on {day}, when the oldest no longer counts", gone=gone, day=day)


def _day(number: Any) -> date:
    found = day_date(int(number))
    assert found is not None
    return found
