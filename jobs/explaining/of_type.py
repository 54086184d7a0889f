"""What a number of a whole partner type was told from: each attempt of its partners in the window, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.histories import late_histories, starts_of
from indicators.incidence import CONVERTED, ENDED, aalen_johansen
from indicators.inputs import DEAL, LISTED, NO_DAY, EntryTable, day_date, day_number
from indicators.paths import PathTable, canonical_paths
from indicators.subjects import OVERALL, Funnel
from jobs.explaining.events import Event, Standing, of_entries
from jobs.explaining.moment import When
from jobs.settings import WorkspaceSettings
from jobs.steps.again import pooled_at
from jobs.steps.entry_values import columns_of_entries, unplaced_records
from jobs.steps.inputs import Given, Tables, read_inputs
from models.vocabulary import Partner
from sync.events import read

OF_TYPE = ("cvr_listed_to_deal", "lead_time_days")
SHOWN = 200
"""Attempts, the newest, whose events and records are shown with the number; of the others `explain` tells by their own record."""


@dataclass(frozen=True, slots=True)
class Told:
    """`counted` as `explain` has it, all of it; `events` of those attempts of other partners whose records are shown."""

    counted: list[dict[str, Any]]
    events: list[Event]


def of_type(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    settings: WorkspaceSettings,
    when: When,
    partner_id: str,
    field: str,
) -> Told:
    """The attempts behind `field` (of `OF_TYPE`) of the partner's type, as the computation of that moment knew them.

    A rate counts every attempt that was listed within the window, a lead time those of them that came to a deal with both days recorded.
    """
    known = pooled_at(raw, workspace, when.as_of, when.known_at)
    kind = next((p.type for p in read.partners(conn, workspace, when.known_at) if p.partner_id == partner_id), None)
    paths, entries = _paths(conn, raw, workspace, settings, when.as_of, kind, known)
    rows, converted, ended = _rows(paths, settings, field)
    found = of_entries(raw, workspace, {entries.ids[int(paths.entry[r])] for r in rows}, known, when.as_of)
    standing = Standing(found)
    window = _window(paths, settings)
    counted = []
    for row in sorted(rows, key=lambda r: (int(paths.reached[r, LISTED]), entries.ids[int(paths.entry[r])])):
        entry_id = entries.ids[int(paths.entry[row])]
        day, inferred = _day(paths.reached[row, LISTED]), bool(paths.inferred[row, LISTED])
        end, on = ("deal", paths.reached[row, DEAL]) if row in converted else ("lost", paths.lost[row])
        over = row in converted or row in ended
        implied = end == "deal" and bool(paths.inferred[row, DEAL])
        counted.append(
            {
                "entry": entry_id,
                "attempt": int(paths.attempt[row]),
                "day": day.isoformat(),
                "until": None if window is None else _day(day_number(day) + window - 1).isoformat(),
                "inferred": inferred,
                "event": standing.find(entry_id, None if inferred else "listed", day),
                "end": end if over else None,
                "ended_on": _day(on).isoformat() if over else None,
                "end_event": standing.find(entry_id, None if implied else end, _day(on)) if over else None,
            }
        )
    shown = {c["entry"] for c in counted[-SHOWN:]}
    return Told(counted, [e for e in found if e["entry_id"] in shown])


def _paths(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    settings: WorkspaceSettings,
    as_of: date,
    kind: str | None,
    known: datetime,
) -> tuple[PathTable, EntryTable]:
    """Of all partners of the type, by what the pool knew."""
    every, events = read.partners(conn, workspace, known), read.visible_events(conn, workspace, as_of, known)
    entries, unplaced = read.entries(conn, workspace, known), unplaced_records(raw, workspace)

    def tables(partners: list[Partner]) -> Tables:
        ids = {p.partner_id for p in partners}
        columns = columns_of_entries([e for e in entries if e.partner_id in ids], [], unplaced)
        return read_inputs(conn, workspace, as_of, known, Given(partners, columns, events))

    table, rows, owners = tables([p for p in every if p.type == kind])
    began = settings.assumptions.history_start
    if began is None:
        told_of, of, _ = tables(every) if (events.told & 1).any() else (table, rows, owners)
        began_by = starts_of(table, len(rows), late_histories(told_of, len(of), day_number(as_of)))
        return canonical_paths(table, rows, owners, day_number(as_of), history_start=began_by), rows
    return canonical_paths(table, rows, owners, day_number(as_of), history_start=began), rows


def _window(paths: PathTable, settings: WorkspaceSettings) -> int | None:
    assumed = settings.assumptions.for_numbers("")
    return Funnel(paths).subjects(OVERALL, None, assumed.window, assumed.min_subjects)[1]


def _rows(paths: PathTable, settings: WorkspaceSettings, field: str) -> tuple[Sequence[int], set[int], set[int]]:
    """The attempts that the number counts, and which of them came to a deal or were lost within the horizon: rows of the paths."""
    assumed = settings.assumptions.for_numbers("")
    window = _window(paths, settings)
    start = paths.reached[:, LISTED]
    within = (start != NO_DAY) & ~paths.excluded
    if window is not None:
        within &= paths.as_of - start < window
    done, lost = paths.reached[:, DEAL], paths.lost
    converted = within & (done != NO_DAY)
    ended = within & ~converted & (lost != NO_DAY)
    until = np.where(converted, done, np.where(ended, lost, paths.as_of)) - start
    converted &= until <= assumed.horizon
    ended &= until <= assumed.horizon
    if field == "lead_time_days":
        dated = within & ~paths.inferred[:, LISTED] & ~paths.inferred[:, DEAL]
        ending = np.where(converted, CONVERTED, np.where(ended, ENDED, 0))
        curve = aalen_johansen(until[dated], ending[dated], assumed.horizon)
        within = converted & dated & (until <= curve.readable_to(assumed.min_at_risk))
    return _places(within), set(_places(converted)), set(_places(ended))


def _places(flags: Any) -> list[int]:
    return [int(place) for place in np.flatnonzero(flags)]


def _day(number: Any) -> date:
    found = day_date(int(number))
    assert found is not None
    return found
