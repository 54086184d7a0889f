"""The indicators of any day, as known at any time: read from the event log and worked out anew, without a CRM."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import text

from indicators.inputs import Flags, PartnerTable, day_number
from indicators.summary import Results, summarise
from jobs.axes import FIRST, asked, chosen
from jobs.calendar import business_days
from jobs.computing_code import CODE_VERSION
from jobs.errors import ConfigError, NotFound
from jobs.runs import utc_now
from jobs.settings import WorkspaceSettings
from jobs.steps.inputs import read_inputs
from jobs.then import Then, then
from models.counted import counted
from models.plain import plain
from sync.events import read
from sync.mapping.grammar import Mapping as Rules


@dataclass(frozen=True)
class Axes:
    """The two time axes of an answer: the day it is about, and when what it rests on was known."""

    as_of: date
    known_at: datetime


@dataclass(frozen=True)
class Answer:
    """The indicators on these axes, with what is needed to tell them by name."""

    workspace: str
    axes: Axes
    stands_on: Then
    results: Results
    partners: PartnerTable
    names: Sequence[str]
    entry_ids: Sequence[str]

    def head(self) -> dict[str, Any]:
        """What every document begins with."""
        return {
            "workspace": self.workspace,
            "run": None,
            "as_of": self.axes.as_of.isoformat(),
            "known_at": self.axes.known_at.isoformat(),
            "mapping": self.stands_on.mapping,
            "code_version": CODE_VERSION,
            **self.stands_on.document(),
        }

    def type_place(self, name: str) -> int:
        """The place of a partner type; NotFound names those there are."""
        if name not in self.partners.types:
            there = ", ".join(self.partners.types) or "none yet"
            raise NotFound(f"There is no partner type {name!r}; the types are {there}.")
        return self.partners.types.index(name)

    def partner_place(self, wanted: str) -> int:
        """See `partner_place`."""
        return partner_place(wanted, self.partners.ids, self.names)

    def scope(self, partner_type: str | None, partner: int | None) -> Flags:
        """[partners]: who is asked."""
        chosen = np.ones(len(self.partners), bool)
        if partner_type is not None:
            chosen &= self.partners.type == self.type_place(partner_type)
        if partner is not None:
            chosen &= np.arange(len(self.partners)) == partner
        return np.asarray(chosen, np.bool_)


def partner_place(wanted: str, ids: Sequence[str], names: Sequence[str]) -> int:
    """The place of a partner by its id, its name, or a part of its name that no other has. NotFound says which there are."""
    if wanted in ids:
        return ids.index(wanted)
    folded = [_folded(name) for name in names]
    exact = [i for i, name in enumerate(folded) if name == _folded(wanted)]
    part = exact or [i for i, name in enumerate(folded) if _folded(wanted) and _folded(wanted) in name]
    if len(part) == 1:
        return part[0]
    if part:
        shown = ", ".join(sorted(f"{names[i]} ({ids[i]})" for i in part)[:5])
        raise NotFound(
            f"{counted(len(part), 'partner is', 'partners are')} called {wanted!r}, such as {shown}; give the whole name or the id."
        )
    raise NotFound(f"There is no partner {wanted!r}; give its id or its name, or a part of the name.")


def check_type(name: str, kind: str, wanted: str | None) -> None:
    """ConfigError where a partner is asked for together with a type that is not its own: nobody is both."""
    if wanted not in (None, kind):
        raise ConfigError(f"Partner {name} is of type {kind}, not {wanted}; leave --type out.")


def axes_of(conn: SqlConnection, workspace: str, zone: ZoneInfo, as_of: str | None, known_at: str | None) -> Axes:
    """The axes asked for, see `jobs.axes`; by default those of all that is known. ConfigError for a text that is no such day or time."""
    newest = conn.execute(
        text("select as_of, known_at from sakigake.computation where workspace = :w order by computed_at desc limit 1"),
        {"w": workspace},
    ).one_or_none()
    if newest is None and as_of is None:
        raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
    told = conn.execute(
        text("select max(known_at) from sakigake.event where workspace = :w"), {"w": workspace}
    ).scalar()
    latest = max((moment for moment in (newest.known_at if newest else None, told) if moment), default=utc_now())
    last_day = max(newest.as_of if newest else FIRST, latest.astimezone(zone).date())
    day, moment = chosen(*asked(as_of, known_at, zone), zone, (newest.as_of if newest else last_day, latest))
    if not FIRST <= day <= last_day:
        raise ConfigError(
            f"--as-of is {day}, expected a day from {FIRST} to {last_day}, the last one that is known of."
        )
    return Axes(day, moment)


def stood_on(conn: SqlConnection, workspace: str, settings: WorkspaceSettings, rules: Rules, axes: Axes) -> Then:
    """See `jobs.then`."""
    raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
    return then(raw, workspace, settings, rules.hash, axes.known_at)


def answer(conn: SqlConnection, workspace: str, settings: WorkspaceSettings, rules: Rules, axes: Axes) -> Answer:
    """All indicators on these axes, with what was assumed then; of the newest knowledge with what `settings` and `rules` say now."""
    events, entries, partners = read_inputs(conn, workspace, axes.as_of, axes.known_at, past=True)
    stands_on = stood_on(conn, workspace, settings, rules, axes)
    results = summarise(
        events,
        entries,
        partners,
        day_number(axes.as_of),
        assumptions=stands_on.settings.assumptions.for_numbers(stands_on.mapping),
        history_start=stands_on.settings.assumptions.history_start,
        calendar=business_days(stands_on.settings.calendar, axes.as_of),
    )
    called = {p.partner_id: p.name for moment in (axes.known_at, None) for p in read.partners(conn, workspace, moment)}
    return Answer(workspace, axes, stands_on, results, partners, [called[i] for i in partners.ids], entries.ids)


def _folded(name: str) -> str:
    """As it is compared: what pages show of it, whatever stands between its words."""
    return " ".join(unicodedata.normalize("NFKC", plain(name)).casefold().split())
