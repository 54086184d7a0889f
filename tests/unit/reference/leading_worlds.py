"""Worlds of the generator as the leading test reads them: what occurred per partner, and when it was known."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from indicators.inputs import LAST_DAY, EntryTable, EventTable, PartnerTable, day_number
from indicators.leading.pipeline import Stays
from indicators.leading.series import Occurrences
from indicators.paths import canonical_paths

CODES = {f"M{k + 1}_{name}": k for k, name in enumerate(("listed", "requested", "agreed", "executed", "deal"))} | {
    "LOST": 6
}
STEPS = {"M1_listed": "listed", "M2_requested": "requested", "M3_agreed": "agreed", "M4_executed": "executed"}
ACTIVITIES = ("co_visit", "study_session", "dinner", "webinar", "regular_meeting")


def load(folder: Path) -> dict[str, Any]:
    """The arguments of `does_it_lead` for a folder in gen.py's format."""
    partners, events, activities = (rows(folder / f"{name}.csv") for name in ("partners", "events", "activities"))
    at = {row["partner_id"]: i for i, row in enumerate(partners)}
    types = sorted({row["type"] for row in partners})
    taken_back = {row["supersedes"]: day(row["recorded_on"]) for row in events if row["op"] == "retract"}

    def milestone(name: str) -> Occurrences:
        mine = [row for row in events if row["op"] == "assert" and row["milestone"] == name]
        return Occurrences.of(
            [at[row["partner_id"]] for row in mine],
            [day(row["occurred_on"]) for row in mine],
            [day(row["recorded_on"]) for row in mine],
            [taken_back.get(row["event_id"], LAST_DAY) for row in mine],
        )

    def activity(kind: str) -> Occurrences:
        mine = [row for row in activities if row["kind"] == kind]
        return Occurrences.of([at[row["partner_id"]] for row in mine], [day(row["occurred_on"]) for row in mine])

    as_of = day(json.loads((folder / "truth.json").read_text())["as_of"]) - 1
    kept = [row for row in events if row["op"] == "assert" and row["event_id"] not in taken_back]
    place = {entry: i for i, entry in enumerate(sorted({row["entry_id"] for row in kept}))}
    owner = np.zeros(len(place), np.int64)
    for row in kept:
        owner[place[row["entry_id"]]] = at[row["partner_id"]]
    paths = canonical_paths(
        EventTable.of(
            [place[row["entry_id"]] for row in kept],
            [CODES[row["milestone"]] for row in kept],
            [day(row["occurred_on"]) for row in kept],
        ),
        EntryTable.of(list(place), owner),
        PartnerTable.of(list(at), types, [types.index(row["type"]) for row in partners]),
        as_of,
    )
    return {
        "under_way": Stays.of(paths.partner, paths.reached, paths.lost),
        "deals": milestone("M5_deal"),
        "milestones": {name: milestone(code) for code, name in STEPS.items()},
        "activities": {kind: activity(kind) for kind in ACTIVITIES},
        "types": types,
        "partner_type": np.array([types.index(row["type"]) for row in partners]),
        "joined": np.array([day(row["joined_on"]) for row in partners], np.int32),
        "as_of": as_of,
    }


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def day(text: str) -> int:
    return day_number(np.datetime64(text, "D"))
