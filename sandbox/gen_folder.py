"""A world read from a folder in gen.py's format: partners.csv, entries.csv, events.csv, activities.csv, truth.json.

The folder holds ids and days only; names, domains, corporate numbers and addresses are derived from the ids. Rows of events
whose external id begins with `dup-` become an entry of the same target in the other CRM.
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from sandbox.companies import INDUSTRIES, company, spelled_elsewhere
from sandbox.other_deals import other_deals
from sandbox.truth import count_world
from sandbox.world import Crm, Step, World, WorldActivity, WorldEntry, WorldEvent, WorldPartner

T = TypeVar("T")

_COLUMNS = {
    "partners.csv": ("partner_id", "type", "industry", "scale", "contract", "willingness", "joined_on"),
    "entries.csv": ("entry_id", "partner_id", "crm", "external_id", "attempt", "root_entry_id", "listed_on"),
    "events.csv": (
        "event_id", "entry_id", "partner_id", "external_id", "milestone", "occurred_on", "recorded_on", "op", "supersedes",
    ),
    "activities.csv": ("activity_id", "partner_id", "kind", "occurred_on"),
}  # fmt: skip
_STEPS: dict[str, Step] = {
    "M1_listed": "listed",
    "M2_requested": "requested",
    "M3_agreed": "agreed",
    "M4_executed": "executed",
    "M5_deal": "deal",
    "LOST": "lost",
    "WON": "won",
}
_WILLINGNESS = {"none": ("refused", False), "verbal": ("verbal_yes", False), "submits": ("verbal_yes", True)}
_OPS: dict[str, Literal["assert", "retract"]] = {"assert": "assert", "retract": "retract"}
_CRMS: dict[str, Crm] = {"salesforce": "salesforce", "hubspot": "hubspot"}
_OTHER: dict[Crm, Crm] = {"salesforce": "hubspot", "hubspot": "salesforce"}


class WorldFolderError(ValueError):
    """The folder is not one that gen.py wrote; the message names the file, the line and what was expected."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a file, which knows where it stands."""

    where: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def day(self, column: str) -> date:
        try:
            return date.fromisoformat(self[column])
        except ValueError:
            raise self.wrong(column, "a date YYYY-MM-DD") from None

    def number(self, column: str) -> int:
        try:
            return int(self[column])
        except ValueError:
            raise self.wrong(column, "a whole number") from None

    def one_of(self, column: str, allowed: dict[str, T]) -> T:
        if self[column] not in allowed:
            raise self.wrong(column, f"one of {', '.join(allowed)}")
        return allowed[self[column]]

    def wrong(self, column: str, expected: str) -> WorldFolderError:
        return WorldFolderError(
            f"{self.where}: {column} is {self[column]!r}, expected {expected}; write the folder anew"
        )


def read_world(folder: Path, *, as_of: date | None = None) -> World:
    """The folder's world. `as_of` starts the clock on another day than truth.json says; `advance` reveals the rest."""
    truth = _truth(folder)
    whole = date.fromisoformat(truth["as_of"])
    arguments = truth.get("args") or {}
    entries = {e.id: e for e in map(_entry, _rows(folder, "entries.csv"))}
    events = [_event(row, entries) for row in _rows(folder, "events.csv")]
    partners = _partners(folder, entries)
    homes = {p.id: p.crms[0] for p in partners}
    activities = [
        WorldActivity(
            r["activity_id"], r["partner_id"], r["kind"], r.day("occurred_on"), crm=homes.get(r["partner_id"])
        )
        for r in _rows(folder, "activities.csv")
    ]
    start = (
        date.fromisoformat(arguments["start"])
        if "start" in arguments
        else min((e.occurred_on for e in events), default=whole)
    )
    world = World(start, whole, partners, list(entries.values()), events, activities, [], truth)
    last = max([whole, *(e.recorded_on for e in events)])
    # the partner-sourced share holds over the folder's own last 365 days, wherever the clock starts
    world.other_deals = other_deals(np.random.default_rng(int(arguments.get("seed", 0))), world, last)
    truth |= {key: value for key, value in count_world(world).items() if key not in truth}
    world.as_of = as_of or whole
    return world


def _truth(folder: Path) -> dict[str, Any]:
    path = folder / "truth.json"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        date.fromisoformat(read["as_of"])
    except (FileNotFoundError, NotADirectoryError):
        raise WorldFolderError(
            f"{folder} has no truth.json; give a folder that gen.py wrote (partners, entries, events, activities, truth)"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise WorldFolderError(
            f"{path} is not JSON with a date under as_of; write the folder anew with gen.py"
        ) from None
    return dict(read)


def _entry(row: _Row) -> WorldEntry:
    return WorldEntry(
        id=row["entry_id"],
        partner_id=row["partner_id"],
        crm=row.one_of("crm", _CRMS),
        external_id=row["external_id"],
        attempt=row.number("attempt"),
        root_id=row["root_entry_id"],
        listed_on=row.day("listed_on"),
        target=company("target", row.number("root_entry_id")),  # a second attempt is made on the same target
    )


def _event(row: _Row, entries: dict[str, WorldEntry]) -> WorldEvent:
    """The event; `entries` gains the duplicate that it belongs to."""
    entry = entries.get(row["entry_id"])
    if entry is None:
        raise row.wrong("entry_id", "an entry of entries.csv")
    if row["external_id"].startswith("dup-"):
        entry = _duplicate(entry, row, entries)
    return WorldEvent(
        id=row["event_id"],
        entry_id=entry.id,
        external_id=row["external_id"],
        step=row.one_of("milestone", _STEPS),
        occurred_on=row.day("occurred_on"),
        recorded_on=row.day("recorded_on"),
        op=row.one_of("op", _OPS),
        supersedes=row["supersedes"],
    )


def _duplicate(original: WorldEntry, row: _Row, entries: dict[str, WorldEntry]) -> WorldEntry:
    """The same target in the other CRM, listed when the first of its own rows says so."""
    entry_id, occurred = f"dup-{original.id}", row.day("occurred_on")
    known = entries.get(entry_id)
    if known is None or occurred < known.listed_on:
        root = f"dup-{original.root_id}"
        if root != entry_id and root not in entries:
            root = original.root_id  # only the second attempt is kept twice
        entries[entry_id] = WorldEntry(
            id=entry_id,
            partner_id=original.partner_id,
            crm=_OTHER[original.crm],
            external_id=row["external_id"],
            attempt=original.attempt,
            root_id=root,
            listed_on=occurred,
            target=original.target,
        )
    return entries[entry_id]


def _partners(folder: Path, entries: dict[str, WorldEntry]) -> list[WorldPartner]:
    """A partner stands in the CRMs of its entries, at home where most of them are; one without entries in either."""
    used: dict[str, Counter[Crm]] = defaultdict(Counter)
    for entry in entries.values():
        used[entry.partner_id][entry.crm] += 1
    partners = [_partner(row, n, used.get(row["partner_id"])) for n, row in enumerate(_rows(folder, "partners.csv"))]
    unknown = used.keys() - {p.id for p in partners}
    if unknown:
        raise WorldFolderError(f"{folder / 'entries.csv'} names partner {min(unknown)}, which partners.csv lacks")
    return partners


def _partner(row: _Row, number: int, used: Counter[Crm] | None) -> WorldPartner:
    crms: tuple[Crm, ...] = ("salesforce",) if number % 2 == 0 else ("hubspot",)
    if used:
        crms = tuple(sorted(used, key=lambda crm: (-used[crm], crm)))
    willingness, submits = row.one_of("willingness", _WILLINGNESS)
    industry = row.one_of("industry", {i: i for i in INDUSTRIES})
    digits = "".join(c for c in row["partner_id"] if c.isdecimal())
    own = company("partner", int(digits) if digits else number, industry=industry)
    return WorldPartner(
        id=row["partner_id"],
        type=row["type"],
        industry=industry,
        scale=row.one_of("scale", {s: s for s in ("small", "medium", "large")}),
        contract=row.one_of("contract", {c: c for c in ("referral", "mutual", "reseller")}),
        willingness=willingness,
        submits_list=submits,
        joined_on=row.day("joined_on"),
        company=own,
        crms=crms,
        elsewhere=spelled_elsewhere(own, same_number=number % 3 != 0) if len(crms) > 1 else None,
    )


def _rows(folder: Path, name: str) -> Iterator[_Row]:
    path = folder / name
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            absent = [c for c in _COLUMNS[name] if c not in (reader.fieldnames or [])]
            if absent:
                raise WorldFolderError(f"{path} lacks the column {absent[0]}; write the folder anew with gen.py")
            for cells in reader:
                if None in cells or None in cells.values():
                    raise WorldFolderError(f"{path} line {reader.line_num} has another number of cells than the header")
                yield _Row(f"{path} line {reader.line_num}", cells)
    except FileNotFoundError:
        raise WorldFolderError(f"{folder} has no {name}; give a folder that gen.py wrote") from None
