"""What the compute step keeps beside results: next steps, activation and cadence, plan against actual, what leads, and the day's snapshot.

Each part reads what is computed already, and is kept in the same transaction.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.activation import (
    SourcedShare,
    activation,
    concentration,
    first_data_day,
    sourced_share,
    time_to_first_deal,
    won_entries,
    won_share,
)
from indicators.assumptions import RATES, Rates
from indicators.business_days import BusinessDays
from indicators.cadence import Activities, capacity, compliance, leaks, meeting_due
from indicators.inputs import LISTED, NO_DAY, EntryTable, PartnerTable, day_date, day_number
from indicators.lead_curves import lead_curves
from indicators.next_steps import advise, waiting_by_partner
from indicators.next_steps import told as told_in_words
from indicators.own import Own
from indicators.target_plan import TargetPlan
from indicators.tier_audit import audit
from indicators.tier_cutoffs import Cutoffs, proposed
from jobs import reports
from jobs.reports import Stamp
from jobs.settings import WorkspaceSettings
from jobs.steps import actual
from jobs.steps.computed import Computed
from models.vocabulary import Activity, ActivityKind
from sync.events.activity_columns import activity_columns
from sync.events.deals import DealCount
from sync.events.delay import ReportingDelay, as_document

ACTIVATION, CURVES = "activation", "lead_time_curves"
SHARE_DAYS, DAYS_AHEAD = 365, 90
Language = Literal["ja", "en"]
Row = tuple[str, str, str, Any, dict[str, Any]]


def activities_of(
    conn: SqlConnection,
    workspace: str,
    partners: PartnerTable,
    as_of: date,
    known_at: datetime | None = None,
    only: Collection[str] | None = None,
) -> Activities:
    """Activities with partners (with `only` these) up to a day, as the mapping now sees them, or as they were known at `known_at`."""
    found = activity_columns(conn, workspace, as_of, known_at, only)
    place = {partner_id: i for i, partner_id in enumerate(partners.ids)}
    partner = np.array([place.get(name, -1) for name in found.partner_ids], np.int64)[found.partner]
    order = np.lexsort((found.kind, found.day, partner))
    order = order[partner[order] >= 0]
    names = [found.kinds[kind] for kind in found.kind[order].tolist()]
    return Activities(partner[order], tuple(names), found.day[order])


def as_columns(activities: Iterable[Activity], partners: PartnerTable) -> Activities:
    """Activities as values, as the arithmetic reads them: of a preview, or of a past day."""
    place = {partner_id: i for i, partner_id in enumerate(partners.ids)}
    kept = sorted((place[a.partner_id], day_number(a.occurred_on), a.kind) for a in activities if a.partner_id in place)
    return Activities(
        np.array([p for p, _, _ in kept], np.int64),
        tuple(kind for *_, kind in kept),
        np.array([d for _, d, _ in kept], np.int64),
    )


def partner_rows(
    told: Own, entries: EntryTable, activities: Activities, calendar: BusinessDays, language: Language
) -> Iterator[Row]:
    """The fields `next_step` and `next_regular_meeting_due` of every partner."""
    words = _WHY[language]
    waiting = waiting_by_partner(
        entries, told.entries.stalled, told.entries.milestone, told.entries.since, len(told.partners)
    )
    meetings = activities.days_of(ActivityKind.REGULAR_MEETING)
    for i, partner in enumerate(told.partners):
        tier = partner.tier.tier
        due = meeting_due(tier, meetings.get(i, ()), told.as_of, calendar)
        held = max(meetings.get(i, ()), default=NO_DAY)
        why = words["due"].format(tier.value) if due != NO_DAY else words["no_due"].format(tier.value)
        yield "partner", partner.partner_id, "next_regular_meeting_due", _iso(due), {"why": why, "last": _iso(held)}
        advice = advise(tier, waiting[i])
        inputs = {"why": words["step"], "advice": advice.what, "entries": advice.entries}
        yield "partner", partner.partner_id, "next_step", told_in_words(advice, language), inputs


def keep(
    conn: Connection[Any], workspace: str, stamp: Stamp, done: Computed, documents: Mapping[str, dict[str, Any]]
) -> None:
    """Keeps the day's reports and the snapshot, in the caller's transaction and after its results."""
    n = {"partners": len(done.partners), "entries": len(done.entries), "activities": len(done.activities.day)}
    for kind, document in documents.items():
        reports.keep(conn, workspace, kind, stamp, n, document)
    snapshot(conn, workspace, stamp)


def reports_of(
    done: Computed, deals: DealCount, late: ReportingDelay, settings: WorkspaceSettings
) -> dict[str, dict[str, Any]]:
    """The day's reports by kind, but for that of months. `late` is how late events are told: what is young may still grow."""
    activated = activation_document(done, deals, settings.team, settings.assumptions.rates)
    return {
        ACTIVATION: activated | {"reporting_delay": as_document(late)},
        CURVES: {"curves": lead_curves(done.results.paths, done.partners.types)},
    }


def months_of(
    by_hand: actual.SetTargets, stamp: Stamp, done: Computed, plan: TargetPlan | None, late: ReportingDelay
) -> dict[str, dict[str, Any]]:
    """The report of months, as `reports_of` has it; none where no target is set.

    `by_hand` is what `actual.set_by_hand` gives, `plan` that of the month, as the last day before it told.
    """
    months = actual.months(by_hand, done, plan, stamp)
    return {actual.KIND: {"months": months, "reporting_delay": as_document(late)}} if months else {}


def snapshot_of(rows: Iterable[Row], partners: PartnerTable) -> dict[str, tuple[str, dict[str, Any]]]:
    """All partner fields of the day: partner -> (type, value by field), as `partner_day` keeps them."""
    found: dict[str, tuple[str, dict[str, Any]]] = {
        partner_id: (partners.types[kind], {}) for partner_id, kind in zip(partners.ids, partners.type, strict=True)
    }
    for subject, subject_id, name, value, _ in rows:
        if subject == "partner":
            found[subject_id][1][name] = value
    return found


def activation_document(
    done: Computed,
    deals: DealCount,
    team: int | None,
    windows: Rates = RATES,
) -> dict[str, Any]:
    """Rates per type, concentration, share, time to the first deal, cadence, leaks and capacity, as JSON."""
    results, partners = done.results, done.partners
    paths, as_of = results.paths, results.as_of
    first = first_data_day(paths.reached[:, LISTED])
    spent = leaks(results.tier_changes, done.activities, as_of)
    return {
        "activation": [
            {
                "type": a.type,
                "base": a.base,
                "active": a.active,
                "activation": _rounded(a.activation),
                "low": _rounded(a.interval.low),
                "high": _rounded(a.interval.high),
                "engaged": a.engaged,
                "engagement": _rounded(a.engagement),
                "engagement_low": _rounded(a.engagement_interval.low),
                "engagement_high": _rounded(a.engagement_interval.high),
                "deals": a.deals,
                "deals_per_active": _rounded(a.deals_per_active),
                "newcomers": a.newcomers,
            }
            for a in activation(paths, partners, windows)
        ],
        "concentration": _plain(asdict(concentration(paths, len(partners)))),
        "sourced": share_document(deals, won_entries(paths, windows)),
        "first_deal": [_plain(asdict(f)) for f in time_to_first_deal(paths, partners, first)],
        "cadence": [
            {
                "tier": d.tier.value,
                "what": d.what,
                "per": d.per,
                "due": d.due,
                "met": d.met,
                "rate": _rounded(d.rate),
                "low": _rounded(d.interval.low) if d.due else None,
                "high": _rounded(d.interval.high) if d.due else None,
            }
            for d in compliance(results.tier_changes, done.activities, as_of, done.calendar)
        ],
        "leaks": {
            **_plain({k: v for k, v in asdict(spent).items() if k != "by_kind"}),
            "by_kind": dict(spent.by_kind),
        },
        "capacity": _plain(asdict(capacity([p.tier.tier for p in results.partners], team))),
        "cutoffs": [_plain(asdict(c)) for c in _cutoffs(done)],
        "tiers": _plain(asdict(audit(results.tier_changes, paths, len(partners)))),
    }


def share_document(deals: DealCount, won: int) -> dict[str, Any]:
    """The partners' share of the year's deals, and of those that are won; `won` are the entries that reached it."""
    of_won = _share(won_share(deals.partner_won, deals.won, deals.judged))
    return {
        **_share(sourced_share(deals.partner_sourced, deals.all)),
        "days": SHARE_DAYS,
        "won": {**of_won, "judged": deals.judged, "entries": won},
    }


def _share(found: SourcedShare) -> dict[str, Any]:
    known = found.share is not None
    return {
        "partner_sourced": found.partner_sourced,
        "deals_all_channels": found.all_channels,
        "share": _rounded(found.share),
        "low": _rounded(found.interval.low) if known else None,
        "high": _rounded(found.interval.high) if known else None,
        "status": found.status,
    }


def _cutoffs(done: Computed) -> Iterator[Cutoffs]:
    """For each type the cut-offs that would tell its partners apart best, by the forecast of 90 days."""
    forecast, kinds = done.results.prospects.partners, done.partners.type
    assumed = done.results.prospects.outlook.assumptions
    if DAYS_AHEAD not in forecast.ahead:
        return
    expected = forecast.expected[:, forecast.ahead.index(DAYS_AHEAD)]
    valid = np.array([p.attack_list_count for p in done.results.partners], np.int64)
    for at, name in enumerate(done.partners.types):
        mine = (kinds == at) & forecast.known
        rule = assumed.tier_rules.get(name, assumed.tier_rule)
        found = proposed(name, valid[mine], expected[mine], rule)
        if found is not None:
            yield found


def share_span(as_of: date) -> tuple[date, date]:
    """The trailing year, both days included."""
    return as_of - timedelta(days=SHARE_DAYS - 1), as_of


def snapshot(conn: Connection[Any], workspace: str, stamp: Stamp, only: Collection[str] | None = None) -> None:
    """All fields of all partners (with `only` of these) as they now are, and what stands beside them but for words, under the as-of day; the day's
    last computation holds.
    """
    given = {"w": workspace, "day": stamp.as_of, "run": stamp.run_id, "only": None if only is None else sorted(only)}
    conn.execute(
        """delete from sakigake.partner_day where workspace = %(w)s and day = %(day)s
            and (%(only)s::text[] is null or partner_id = any(%(only)s))""",
        given,
    )
    conn.execute(
        """insert into sakigake.partner_day (workspace, day, partner_id, type, fields, inputs, run_id)
        select p.workspace, %(day)s, p.partner_id, p.type, r.value,
            (select jsonb_object_agg(i.key, i.value - 'why') filter (where i.value - 'why' <> '{}') from jsonb_each(r.inputs) i), %(run)s
        from sakigake.partner p join sakigake.subject_result r
            on (r.workspace, r.subject, r.subject_id) = (p.workspace, 'partner', p.partner_id)
        where p.workspace = %(w)s and p.removed_at is null and (%(only)s::text[] is null or p.partner_id = any(%(only)s))""",
        given,
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: _rounded(v) if isinstance(v, float) else v for k, v in values.items()}


def _rounded(value: float | None) -> float | None:
    """Six decimals: what is published is the same bytes on every machine."""
    return None if value is None else round(float(value), 6) + 0.0  # nothing has no sign


def _iso(day: int) -> str | None:
    found = day_date(day)
    return found.isoformat() if found else None


_WHY = {
    "en": {
        "due": "tier {0} expects a regular meeting by then",
        "no_due": "tier {0} expects no regular meeting",
        "step": "the tier, open entries, and how long they have waited",
    },
    "ja": {
        "due": "優先度{0}の定例の期限",
        "no_due": "優先度{0}では定例を予定しない",
        "step": "優先度、進行中のエントリー、待ち日数より",
    },
}
