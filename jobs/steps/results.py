"""Indicators as what is kept and written back: catalogue values per partner and entry, and the tables per type and step. Pure."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

from indicators.histories import LateHistory
from indicators.inputs import NO_DAY, PartnerTable, day_date
from indicators.own import Own, PartnerSummary
from indicators.summary import Results
from indicators.tier_reason import reason, what_would_change
from jobs.steps.prospect_document import prospect_document, rounded
from models.catalogue import BY_NAME
from models.counted import agreeing
from models.vocabulary import FUNNEL, Tier

Language = Literal["ja", "en"]
Row = tuple[str, str, str, Any, dict[str, Any]]
"""(subject, subject id, field, value, inputs)"""

_WHY = {
    "en": {
        "count": "entries of this partner that reached `{0}` in the last 90 days",
        "type": "of partners of type {0}, {1:,} {2}",
        "list": "valid rows of lists handed in within {0} days",
        "submitted": "the day the newest list was handed in",
        "stalled": "open entries past the age by which 95 % had moved on, or with little chance left",
        "since": "the day the partner came into tier {0}",
    },
    "ja": {
        "count": "直近90日に「{0}」へ到達したこのパートナーのエントリー",
        "type": "タイプ{0}のパートナー、エントリー{1}件より",
        "list": "{0}日以内に提出されたリストの有効な行",
        "submitted": "最新のリストが提出された日",
        "stalled": "95%が次へ進んだ日数を超えた、または見込みが大きく下がった進行中エントリー",
        "since": "優先度{0}になった日",
    },
}


def partner_rows(told: Own, language: Language) -> Iterator[Row]:
    """Every partner field of every partner."""
    for partner in told.partners:
        for field, value, inputs in _partner(partner, language, told.outlook.assumptions.list_valid):
            yield "partner", partner.partner_id, field, value, inputs


def document(results: Results, partners: PartnerTable) -> dict[str, Any]:
    """The indicators per type and step, and counts: what `sakigake indicators --json` prints."""
    conversion: dict[str, dict[str, Any]] = {}
    for c in results.conversions:
        low, high = (None, None) if c.rate is None else (c.interval.low, c.interval.high)
        conversion.setdefault(c.type, {})[c.step] = {
            "rate": rounded(c.rate),
            "low": rounded(low),
            "high": rounded(high),
            "corrected": rounded(c.corrected),
            "n": c.n,
            "converted": c.converted,
            "lost": c.lost,
            "open": c.open,
            "status": c.status,
            "skip_rate": rounded(c.skip_rate),
            "within": [
                {
                    "days": w.days,
                    "n": w.n,
                    "converted": w.converted,
                    "rate": rounded(w.rate),
                    "low": rounded(w.interval.low if w.n else None),
                    "high": rounded(w.interval.high if w.n else None),
                }
                for w in c.within
            ],
            "flow_ratio": rounded(c.flow_ratio),
            "flow_from": c.flow_from,
            "flow_to": c.flow_to,
            "resolved": rounded(c.share_resolved),
            "window_days": c.window,
            "regressed": c.regressed,
            "regressions": c.regressions,
            "product_of_steps": rounded(c.product),
            "product_disagrees": c.disagrees,
        }
    lead_time: dict[str, dict[str, Any]] = {}
    for t in results.lead_times:
        lead_time.setdefault(t.type, {})[t.step] = {
            "median": t.median,
            "p80": t.p80,
            "median_low": t.median_interval[0] if t.median_interval else None,
            "median_high": t.median_interval[1] if t.median_interval else None,
            "p80_low": t.p80_interval[0] if t.p80_interval else None,
            "p80_high": t.p80_interval[1] if t.p80_interval else None,
            "business_median": t.business_median,
            "business_p80": t.business_p80,
            "conversions": t.conversions,
            "status": t.status,
        }
    for check in results.checks:
        conversion[check.type][check.step]["earliest_rate"] = rounded(check.earliest_rate)
        lead_time[check.type][check.step] |= {
            "earliest_median": check.earliest_median,
            "converters_median": check.converters_median,
        }
        if check.ever_interval is not None:
            low, high = (None, None) if check.ever_rate is None else (check.ever_interval.low, check.ever_interval.high)
            conversion[check.type][check.step]["ever"] = {
                "n": check.ever_n,
                "converted": check.ever_converted,
                "rate": rounded(check.ever_rate),
                "low": rounded(low),
                "high": rounded(high),
            }
    kinds = dict.fromkeys(partners.types, 0)
    tiers = {tier.value: 0 for tier in Tier}
    for p in results.partners:
        kinds[p.type] += 1
        tiers[p.tier.tier.value] += 1
    return {
        "partners": kinds,
        "tiers": tiers,
        "conversion": conversion,
        "lead_time": lead_time,
        "reached": {m.value: n for m, n in zip(FUNNEL, results.milestones, strict=True)},
        "n": {"entries": results.n_entries, "attempts": results.n_attempts, "events": results.n_events},
        "issues": {k: v for k, v in asdict(results.issues).items() if v},
        "late_histories": [_late(one) for one in results.pool.late],
        **prospect_document(results, partners),
    }


def _late(one: LateHistory) -> dict[str, Any]:
    return {**asdict(one), "start": str(day_date(one.start))}


def tier_rows(told: Own, partners: PartnerTable) -> Iterator[tuple[str, Any, str, str | None, str]]:
    """(partner id, since, tier, previous, rule) of the replayed history."""
    for change in told.tier_changes:
        yield (
            partners.ids[change.partner],
            day_date(change.day),
            change.tier.value,
            change.previous.value if change.previous else None,
            change.rule,
        )


def _partner(partner: PartnerSummary, language: Language, list_valid: int) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    words = _WHY[language]
    tier = partner.tier
    why = reason(tier, language)
    yield (
        "tier",
        tier.tier.value,
        {
            "why": why,
            "rule": tier.rule,
            "table": tier.table.value,
            "valid": tier.valid,
            "list_of": _iso(tier.submitted_day),
            "willingness": tier.willingness.value,
            "previous": tier.previous.value if tier.previous else None,
            "what_would_change": what_would_change(tier, language),
            "set_by": tier.override.by if tier.override else None,
        },
    )
    yield "tier_reason", why, {"why": why, "rule": tier.rule}
    yield "tier_since", _iso(tier.since), {"why": words["since"].format(tier.tier.value)}
    yield "attack_list_count", partner.attack_list_count, {"why": words["list"].format(list_valid)}
    yield "attack_list_submitted_on", _iso(partner.submitted_day), {"why": words["submitted"]}
    labels = _labels("milestone", language)
    for milestone, count in zip(FUNNEL, partner.recent, strict=True):
        name = "deals_90d" if milestone.value == "deal" else f"{milestone.value}_90d"
        yield name, count, {"why": words["count"].format(labels[milestone.value])}
    whole = partner.whole
    percent = BY_NAME["cvr_listed_to_deal"].rounded(None if whole.rate is None else 100 * whole.rate)
    yield (
        "cvr_listed_to_deal",
        None if percent is None else float(percent),
        {
            "why": words["type"].format(partner.type, whole.n, agreeing(whole.n, "entry")),
            "n": whole.n,
            "status": whole.status,
        },
    )
    yield (
        "lead_time_days",
        whole.median,
        {
            "why": words["type"].format(partner.type, whole.conversions, agreeing(whole.conversions, "entry")),
            "n": whole.conversions,
            "status": whole.lead_status,
        },
    )
    yield "stalled_entries", partner.stalled_entries, {"why": words["stalled"]}


def _labels(field: str, language: Language) -> dict[str, str]:
    return {v: ja if language == "ja" else en for v, en, ja in BY_NAME[field].choices}


def _iso(day: int) -> str | None:
    found = None if day == NO_DAY else day_date(day)
    return found.isoformat() if found else None
