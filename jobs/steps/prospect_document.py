"""Drift, partner rates and forecasts as JSON: what `sakigake indicators --json` prints of them. Pure."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from indicators.entry_forecast import NO_DATA, STATES
from indicators.inputs import DEAL, MILESTONES, NO_DAY, Flags, Ints, PartnerTable, day_date
from indicators.partner_rates import PartnerRates
from indicators.subjects import STEPS, step_name
from indicators.summary import Results
from models.vocabulary import Tier


def prospect_document(results: Results, partners: PartnerTable) -> dict[str, Any]:
    """What is told of types and of all together."""
    made = results.prospects
    drift: dict[str, dict[str, Any]] = {}
    for row in made.drifts:
        drift.setdefault(row.type, {})[row.step] = {
            "status": row.status,
            "at_days": row.at,
            "recent": rounded(row.recent),
            "before": rounded(row.before),
            "n_recent": row.n_recent,
            "n_before": row.n_before,
            "p": rounded(row.p),
        }
    rates = made.outlook.rates
    check = made.calibration
    came = _came(results, len(partners.types))
    return {
        "drift": drift,
        "partner_rates": {
            name: {
                step_name(step): {
                    "mean": rounded(prior.mean) if rates.known[k] else None,
                    "spread": rounded(prior.a + prior.b) if rates.known[k] else None,
                    "pooled": prior.pooled,
                    "by_entries": rounded(prior.exposure.slope) if rates.known[k] and prior.exposure.slope else None,
                }
                for k, (step, prior) in enumerate(zip(STEPS, row, strict=True))
            }
            for name, row in zip(partners.types, rates.priors, strict=True)
        },
        "forecast": {
            "status": made.status,
            "ahead": _ahead(results),
            "came": {days: int(n.sum()) for days, n in came.items()},
            "by_type": {
                name: _of_type(results, partners, t) | {"came": {days: int(n[t]) for days, n in came.items()}}
                for t, name in enumerate(partners.types)
            },
            "under_way": len(made.outlook.under_way),
            "listed_a_week": rounded(float(made.outlook.arriving.weekly.sum())),
            "checked": {
                "expected": rounded(check.expected),
                "came": check.came,
                "limit": rounded(check.limit),
                "origins": [
                    {"day": str(day_date(o.day)), "n": o.n, "expected": rounded(o.expected), "came": o.came}
                    for o in check.origins
                ],
            },
        },
    }


def partner_document(results: Results, partners: PartnerTable, at: int, name: str) -> dict[str, Any]:
    """One partner: its own rates and how much of them is its own data, and what to expect of it."""
    made = results.prospects
    forecast = made.partners
    summary = results.partners[at]
    return {
        "id": partners.ids[at],
        "name": name,
        "type": summary.type,
        "tier": summary.tier.tier.value,
        "rates": own_rates(made.outlook.rates, at),
        "under_way": int((made.outlook.under_way.partner == at).sum()),
        "listed_a_week": rounded(float(made.outlook.arriving.weekly[at])),
        "forecast": {
            str(days): {
                "expected": rounded(float(forecast.expected[at, place])) if forecast.known[at] else None,
                "in_flight": rounded(float(forecast.in_flight[at, place])) if forecast.known[at] else None,
                "new": rounded(float(forecast.new[at, place])) if forecast.known[at] else None,
                "low": int(forecast.low[at, place]) if forecast.known[at] else None,
                "high": int(forecast.high[at, place]) if forecast.known[at] else None,
            }
            for place, days in enumerate(forecast.ahead)
        },
    }


def own_rates(rates: PartnerRates, at: int) -> dict[str, dict[str, Any]]:
    """One partner's own conversion of each step, with its interval and how much of it is the partner's own data."""
    columns = (rates.rate, rates.low, rates.high, rates.weight, rates.attempts, rates.converted, rates.open)
    rows = zip(STEPS, rates.known, *(column[at].tolist() for column in columns), strict=True)
    return {
        step_name(step): {
            "rate": rounded(rate) if known else None,
            "low": rounded(low) if known else None,
            "high": rounded(high) if known else None,
            "own_data": rounded(own),
            "n": int(n),
            "converted": int(converted),
            "open": int(still_open),
        }
        for step, known, rate, low, high, own, n, converted, still_open in rows
    }


def entries_under_way(results: Results, entry_ids: Sequence[str], at: int) -> list[dict[str, Any]]:
    """Of one partner's entries under way what each has in prospect, the likeliest first. Days hold if it happens; null below the least chance."""
    found, way = results.own.forecast, results.prospects.outlook.under_way
    ahead = results.prospects.outlook.assumptions.ahead
    rows = []
    for i in np.flatnonzero(way.partner == at):
        e = int(way.entry[i])
        known = found.state[e] != NO_DATA
        within = zip(ahead, found.within[e], strict=True)
        rows.append(
            {
                "entry": entry_ids[e],
                "milestone": MILESTONES[int(way.milestone[i])].value,
                "waited_days": int(way.age[i]),
                "state": STATES[int(found.state[e])],
                "deal_within": {str(days): rounded(float(p)) if known else None for days, p in within},
                "deal_eventually": rounded(float(found.eventual[e])) if known else None,
                "half_by": _day(int(found.p50[e])),
                "most_by": _day(int(found.p80[e])),
            }
        )
    return sorted(rows, key=lambda row: (-(row["deal_eventually"] or 0.0), row["entry"]))


def _day(number: int) -> str | None:
    found = day_date(number)
    return None if found is None else found.isoformat()


def rounded(value: float | None) -> float | None:
    """Six decimals: what is published is the same bytes on every machine. Nothing has no sign."""
    return None if value is None or not math.isfinite(value) else round(float(value), 6) + 0.0


def _ahead(results: Results) -> dict[str, Any]:
    """Of all partners, by days."""
    found = results.prospects.partners
    return _sums(results, np.ones(len(results.partners), np.bool_), found.total_low, found.total_high)


def _came(results: Results, types: int) -> dict[str, Ints]:
    """By days [types]: the deals of so many days up to the as-of day, to hold what was expected then against."""
    paths, found = results.paths, {}
    day = paths.reached[:, DEAL].astype(np.int64)
    for days in results.prospects.partners.ahead:
        recent = (day != NO_DAY) & (day > paths.as_of - days) & (day <= paths.as_of)
        found[str(days)] = np.bincount(paths.type[recent], minlength=types)
    return found


def _of_type(results: Results, partners: PartnerTable, at: int) -> dict[str, Any]:
    """What `forecast` says, of the partners of one type; and how many of them stand in which tier."""
    made, mine = results.prospects, partners.type == at
    tiers = {tier.value: 0 for tier in Tier}
    for place in np.flatnonzero(mine):
        tiers[results.partners[place].tier.tier.value] += 1
    return {
        "ahead": _sums(results, mine, made.partners.type_low[at], made.partners.type_high[at]),
        "under_way": int((made.outlook.under_way.type == at).sum()),
        "listed_a_week": rounded(float(made.outlook.arriving.weekly[mine].sum())),
        "tiers": tiers,
    }


def _sums(results: Results, who: Flags, low: Ints, high: Ints) -> dict[str, Any]:
    forecast = results.prospects.partners
    known = bool(forecast.known[who].any())
    return {
        str(days): {
            "expected": rounded(float(forecast.expected[who, place].sum())) if known else None,
            "in_flight": rounded(float(forecast.in_flight[who, place].sum())) if known else None,
            "new": rounded(float(forecast.new[who, place].sum())) if known else None,
            "low": int(low[place]) if known else None,
            "high": int(high[place]) if known else None,
        }
        for place, days in enumerate(forecast.ahead)
    }
