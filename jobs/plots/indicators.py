"""The funnel with intervals, and under it the lead-time curves: what `sakigake indicators --plot` draws."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from indicators.assumptions import DEFAULTS
from jobs.plots import curves as lead_time
from jobs.plots import funnel
from jobs.plots.canvas import Drawing, blank

if TYPE_CHECKING:
    import psycopg
    from matplotlib.figure import Figure
    from sqlalchemy import Connection

    from jobs.settings import WorkspaceSettings
    from sync.mapping.grammar import Mapping as Rules

Curves = Mapping[str, Mapping[str, lead_time.Curve]]


def draw(document: Mapping[str, Any], curves: Curves, language: str) -> Drawing:
    """An `indicators` document and the curves of its day, as a picture; types and steps are those of the document, in its order."""
    kinds = document["conversion"]
    kept = {
        kind: {step: curves[kind][step] for step in steps if step in curves[kind]}
        for kind, steps in kinds.items()
        if kind in curves
    }
    assumed = document.get("assumptions") or {}  # a computation of an earlier version kept none
    horizon = assumed.get("horizon", DEFAULTS.horizon)
    return lambda: _figure(document["as_of"], kinds, kept, language, horizon, document.get("partner"))


def curves_of(
    conn: "Connection",
    workspace: str,
    settings: "WorkspaceSettings",
    rules: "Rules",
    as_of: str | None,
    known_at: str | None,
) -> Curves:
    """As kept by the newest run, or worked out for the axes asked for."""
    from indicators.lead_curves import lead_curves
    from jobs import reports
    from jobs.asked import answer, axes_of
    from jobs.steps.more import CURVES

    if as_of is None and known_at is None:
        kept = reports.newest(cast("psycopg.Connection[Any]", conn.connection.driver_connection), workspace, CURVES)
        if kept is not None:
            return cast("Curves", kept[1]["curves"])
    asked = answer(conn, workspace, settings, rules, axes_of(conn, workspace, rules.zone, as_of, known_at))
    return lead_curves(asked.results.paths, asked.partners.types)


def _figure(
    as_of: str,
    conversion: Mapping[str, Any],
    curves: Curves,
    language: str,
    horizon: int,
    partner: Mapping[str, Any] | None,
) -> "Figure":
    above, below = funnel.height(len(conversion) + (partner is not None)), lead_time.height(curves)
    figure = blank(12, above + below)
    parts = figure.subfigures(2, 1, height_ratios=[above, below], squeeze=False)
    funnel.fill(parts[0, 0], as_of, conversion, language, horizon, partner)
    lead_time.fill(parts[1, 0], as_of, curves, language)
    return figure
