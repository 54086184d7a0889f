"""The `indicators` document: as the newest computation stored it, or worked out for the axes asked for."""

from typing import Any

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, text

from jobs.asked import Answer, answer, axes_of, check_type
from jobs.errors import NotFound
from jobs.settings import WorkspaceSettings
from jobs.steps.prospect_document import entries_under_way, partner_document
from jobs.steps.rank_document import rank_document
from jobs.steps.results import document as shaped
from jobs.views import in_order, indicators
from jobs.wiring import connect_with
from sync.events.delay import as_document, reporting_delay
from sync.mapping.grammar import Mapping as Rules

BY_TYPE = ("partners", "conversion", "lead_time", "drift", "partner_rates")


def stored_document(engine: Engine, workspace: str) -> dict[str, Any]:
    """What the newest computation said."""
    with connect_with(engine)() as conn:
        return indicators(conn, workspace)


def tells_types(document: dict[str, Any]) -> bool:
    """Whether each type's own forecast and tiers stand in it: a computation of an earlier version kept the expected deals alone."""
    return all(isinstance(own, dict) and "tiers" in own for own in document["forecast"]["by_type"].values())


def asked_document(
    conn: SqlConnection,
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    as_of: str | None,
    known_at: str | None,
    partner_type: str | None,
    partner: str | None,
) -> dict[str, Any]:
    """Worked out anew; `partner` adds what is said of that one, and leaves only its type of the rest."""
    asked = answer(conn, workspace, settings, rules, axes_of(conn, workspace, rules.zone, as_of, known_at))
    place = None if partner is None else asked.partner_place(partner)
    found: dict[str, Any] = {**asked.head(), **in_order(shaped(asked.results, asked.partners))}
    found["deals_wanted"] = asked.stands_on.settings.targets.deals_in(asked.axes.as_of)
    late = reporting_delay(conn, workspace, asked.axes.as_of, asked.axes.known_at, rules.zone.key)
    found["reporting_delay"] = as_document(late)
    if place is None:
        return only_type(found, partner_type)
    kind = _type_of(asked, place, partner_type)
    own = partner_document(asked.results, asked.partners, place, asked.names[place])
    rows = entries_under_way(asked.results, asked.entry_ids, place)
    return {**only_type(found, kind), "partner": {**own, "entries": _named(conn, workspace, rows)}}


def rank_asked(
    conn: SqlConnection,
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    as_of: str | None,
    known_at: str | None,
    partner_type: str | None,
    partner: str | None,
) -> dict[str, Any]:
    """Partners in order, worked out anew; `partner` names the one to look at among those of its type."""
    asked = answer(conn, workspace, settings, rules, axes_of(conn, workspace, rules.zone, as_of, known_at))
    found = asked.head()
    if partner_type is not None and partner is None:
        asked.type_place(partner_type)
    if partner is not None:
        place = asked.partner_place(partner)
        kind = _type_of(asked, place, partner_type)
        found["partner"], partner_type = {"id": asked.partners.ids[place], "name": asked.names[place]}, kind
    return {**found, **rank_document(asked.results, asked.partners, asked.names, asked.stands_on.mapping, partner_type)}


def _type_of(asked: Answer, place: int, partner_type: str | None) -> str:
    """A partner's type; ConfigError where another one was asked for."""
    kind: str = asked.partners.types[asked.partners.type[place]]
    check_type(asked.names[place], kind, partner_type)
    return kind


def _named(conn: SqlConnection, workspace: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With each entry's record and the name of its target, as they are now."""
    query = text(
        """select entry_id, connection || '.' || object || '/' || record_id, target ->> 'name' from sakigake.entry
        where workspace = :w and entry_id = any(:ids)"""
    )
    asked = {"w": workspace, "ids": [row["entry"] for row in rows]}
    found = {entry: (record, target) for entry, record, target in conn.execute(query, asked)}
    return [
        {**row, **dict(zip(("record", "target"), found.get(row["entry"], (None, None)), strict=True))} for row in rows
    ]


def only_type(document: dict[str, Any], partner_type: str | None) -> dict[str, Any]:
    """The document with only that type in the parts that have one, its own forecast and tiers in the place of all partners'; all of it for None."""
    if partner_type is None:
        return document
    if partner_type not in document["partners"]:
        there = ", ".join(document["partners"]) or "none yet"
        raise NotFound(f"There is no partner type {partner_type!r}; the types are {there}.")
    forecast = document["forecast"]
    own = forecast["by_type"][partner_type]
    return {
        **document,
        "tiers": own["tiers"],
        "forecast": {
            **forecast,
            **{part: own[part] for part in ("ahead", "under_way", "listed_a_week")},
            "by_type": {partner_type: own},
        },
        **{
            part: {k: v for k, v in document[part].items() if k == partner_type} for part in BY_TYPE if part in document
        },
    }
