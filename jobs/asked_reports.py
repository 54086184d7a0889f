"""Activation, plan against actual and stalled entries: as kept, or told of any day as known at any time, without a CRM."""

from typing import Any, cast

import psycopg
from sqlalchemy import Connection as SqlConnection

from jobs import reports, waiting
from jobs.asked import Axes, axes_of, stood_on
from jobs.calendar import business_days
from jobs.computing_code import CODE_VERSION
from jobs.errors import ConfigError, NotFound
from jobs.reports import Stamp
from jobs.settings import WorkspaceSettings
from jobs.steps import actual
from jobs.steps.again import Said, said_again
from jobs.then import Then
from jobs.then import stood_on as run_stood_on
from jobs.views import newest_computation
from sync.mapping.grammar import Mapping as Rules

Document = dict[str, Any]


def report(
    conn: SqlConnection,
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    kind: str,
    as_of: str | None,
    known_at: str | None,
) -> Document:
    """The report of the axes (see `jobs.axes`): as the computation of that day and moment kept it, otherwise worked out anew; by default the newest.

    NotFound where nothing was computed yet; ConfigError for axes that are none, and where no target is set.
    """
    raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
    if as_of is None and known_at is None:
        kept = reports.newest(raw, workspace, kind)
        if kept is None and newest_computation(raw, workspace) is None:
            raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
        if kept is None:
            raise ConfigError("No target is set yet; say: sakigake actual --month 2026-12 --deals 20")
        return _as_kept(raw, workspace, *kept)
    axes = axes_of(conn, workspace, rules.zone, as_of, known_at)
    kept = reports.kept_at(raw, workspace, kind, axes.as_of, axes.known_at)
    if kept is not None:
        return _as_kept(raw, workspace, *kept)
    said, stands_on = _again(conn, raw, workspace, settings, rules, axes)
    if kind not in said.reports:
        month, moment = f"{axes.as_of:%Y-%m}", axes.known_at.astimezone(rules.zone)
        raise ConfigError(
            f"No target was set for {month} or the {actual.PAST_MONTHS} months before it by {moment:%Y-%m-%d %H:%M}, so there is no plan to set it against."
        )
    return {**_head(workspace, axes, stands_on), **said.reports[kind]}


def stalled(
    conn: SqlConnection,
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    language: str,
    as_of: str | None,
    known_at: str | None,
    partner_id: str | None = None,
) -> Document:
    """Stalled entries on these axes, of one partner or of all: by the newest results, or of another day or moment worked out anew."""
    raw = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
    newest = newest_computation(raw, workspace)
    if newest is None and as_of is None:
        raise NotFound(f"Nothing has been computed for workspace {workspace} yet; say: sakigake run")
    if as_of is None and known_at is None and newest is not None:
        rows = waiting.stalled(raw, workspace, partner_id)
        axes = Axes(newest.as_of, newest.known_at)
        head, calendar = _stamped(raw, workspace, newest), settings.calendar
    else:
        axes = axes_of(conn, workspace, rules.zone, as_of, known_at)
        said, stands_on = _again(conn, raw, workspace, settings, rules, axes)
        if partner_id is not None and partner_id not in said.partners.ids:
            raise NotFound(f"By {axes.known_at.astimezone(rules.zone):%Y-%m-%d %H:%M} nobody knew of this partner.")
        rows = waiting.stalled_then(conn, raw, workspace, said.told, axes.known_at, partner_id)
        head, calendar = _head(workspace, axes, stands_on), stands_on.settings.calendar
    return {**head, "entries": waiting.documents(rows, language, axes.as_of, business_days(calendar, axes.as_of))}


def _again(
    conn: SqlConnection,
    raw: "psycopg.Connection[Any]",
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    axes: Axes,
) -> tuple[Said, Then]:
    stands_on = stood_on(conn, workspace, settings, rules, axes)
    said = said_again(
        conn, raw, workspace, stands_on.settings, rules, axes.as_of, axes.known_at, mapping=stands_on.mapping
    )
    return said, stands_on


def _as_kept(raw: "psycopg.Connection[Any]", workspace: str, stamp: Stamp, document: Document) -> Document:
    return {**_stamped(raw, workspace, stamp), **document}


def _stamped(raw: "psycopg.Connection[Any]", workspace: str, stamp: Stamp) -> Document:
    return {
        "workspace": workspace,
        "run": stamp.run_id,
        "as_of": stamp.as_of.isoformat(),
        "known_at": stamp.known_at.isoformat(),
        "mapping": stamp.mapping_hash,
        "code_version": stamp.code_version,
        **run_stood_on(raw, workspace, stamp.run_id),
    }


def _head(workspace: str, axes: Axes, stands_on: Then) -> Document:
    return {
        "workspace": workspace,
        "run": None,
        "as_of": axes.as_of.isoformat(),
        "known_at": axes.known_at.isoformat(),
        "mapping": stands_on.mapping,
        "code_version": CODE_VERSION,
        **stands_on.document(),
    }
