"""Small worlds written out by hand, and worlds with known truth made by the generator of the shared folder."""

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indicators.inputs import MILESTONE_CODE, EntryTable, EventTable, PartnerTable, day_number
from indicators.paths import PathTable, canonical_paths
from tests.shared_folder import shared

DAY0 = 20000  # 2024-10-04
AS_OF = DAY0 + 1000


def events_of(stories: list[list[tuple[str, int]]]) -> EventTable:
    """One story an entry: (milestone, days after DAY0), ..."""
    rows = [(i, MILESTONE_CODE[name], DAY0 + day) for i, story in enumerate(stories) for name, day in story]
    columns = list(zip(*rows, strict=True)) if rows else [[], [], []]
    return EventTable.of(*columns)


def paths_of(*stories: list[tuple[str, int]], as_of: int = AS_OF, **options: Any) -> PathTable:
    """The paths of stories, all of one partner."""
    entries = EntryTable.of([f"e{i}" for i in range(len(stories))], [0] * len(stories))
    return canonical_paths(events_of(list(stories)), entries, PartnerTable.of(["p"], ["legacy"], [0]), as_of, **options)


@dataclass(frozen=True)
class World:
    events: EventTable
    entries: EntryTable
    partners: PartnerTable
    as_of: int
    truth: dict[str, Any]
    partner_ids: tuple[str, ...]

    def paths(self, as_of: int | None = None) -> PathTable:
        return canonical_paths(self.events, self.entries, self.partners, as_of or self.as_of)


def generate(folder: Path, scenario: str, *, seed: int = 7, entries: int = 6000) -> World:
    """A world of gen.py; the test is skipped where the shared folder is absent."""
    command = [sys.executable, str(shared("gen.py")), "--scenario", scenario, "--out", str(folder)]
    subprocess.run(
        [*command, "--seed", str(seed), "--entries", str(entries)], check=True, timeout=600, capture_output=True
    )
    return load(folder)


def load(folder: Path) -> World:
    """Reads a folder in gen.py's format as it is known at the end: what was retracted is gone."""
    truth = json.loads((folder / "truth.json").read_text())
    partners, entries, events = (_rows(folder / f"{name}.csv") for name in ("partners", "entries", "events"))
    types = sorted(truth["types"])
    partner_at = {row["partner_id"]: i for i, row in enumerate(partners)}
    entry_at = {row["entry_id"]: i for i, row in enumerate(entries)}
    retracted = {row["supersedes"] for row in events if row["op"] == "retract"}
    standing = [row for row in events if row["op"] == "assert" and row["event_id"] not in retracted]
    return World(
        EventTable.of(
            [entry_at[row["entry_id"]] for row in standing],
            [MILESTONE_CODE[row["milestone"].split("_")[-1].lower()] for row in standing],
            [_day(row["occurred_on"]) for row in standing],
            source=[int(row["external_id"].startswith("dup-")) for row in standing],
        ),
        EntryTable.of(
            [row["entry_id"] for row in entries],
            [partner_at[row["partner_id"]] for row in entries],
            target=[int(row["root_entry_id"]) for row in entries],
        ),
        PartnerTable.of(
            [row["partner_id"] for row in partners],
            types,
            [types.index(row["type"]) for row in partners],
            willingness=[0 if row["willingness"] == "none" else 2 for row in partners],
            joined_day=[_day(row["joined_on"]) for row in partners],
        ),
        _day(truth["as_of"]),
        truth,
        tuple(row["partner_id"] for row in partners),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def _day(text: str) -> int:
    return day_number(np.datetime64(text, "D"))
