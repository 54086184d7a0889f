"""Forecasts and goals as catalogue values per partner and entry. Pure."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from indicators.allocation import Allocation
from indicators.calibration import MISCALIBRATED
from indicators.entry_forecast import BEYOND_SUPPORT, CLOSED, NO_DATA
from indicators.inputs import LOST, MILESTONES, NO_DAY, EntryTable, PartnerTable, day_date
from indicators.summary import Results
from models.catalogue import BY_NAME

Language = Literal["ja", "en"]
Row = tuple[str, str, str, Any, dict[str, Any]]

_WHY = {
    "en": {
        "expected": "{0:.1f} from entries under way, {1:.1f} from entries still to come; 80 % between {2} and {3}",
        "doubt": "; earlier forecasts were off, see `sakigake indicators`",
        "no_curve": "no entry has gone the whole way to a deal yet, so nothing can be expected",
        "goal": "of {0} deals this month: {1:.1f} were to come from entries under way, {2:.1f} from new ones",
        "no_goal": "no target is set for this month; name one in sakigake.yaml under targets",
        "chance": "from `{0}`, at this partner's rates, for the time it has waited",
        "old": "has stood at `{0}` for {1} days or more; no entry that old is known to become a deal",
        "unlikely": "the chance is below 5 %, too little to name a day",
        "day": "the day by which half of such entries are a deal, if they become one",
        "closed": "the entry is at `{0}`",
    },
    "ja": {
        "expected": "進行中のエントリーから{0:.1f}件、今後のエントリーから{1:.1f}件。80%の確率で{2}~{3}件",
        "doubt": "。過去の予測に誤差あり、`sakigake indicators`を参照",
        "no_curve": "商談まで到達したエントリーがまだなく、予測できません",
        "goal": "今月の目標{0}件のうち、進行中から{1:.1f}件、新規から{2:.1f}件の見込み",
        "no_goal": "今月の目標が未設定です(sakigake.yamlのtargets)",
        "chance": "「{0}」から、このパートナーの転換率と経過日数による",
        "old": "「{0}」のまま{1}日以上。この経過日数から商談になった例なし",
        "unlikely": "確率が5%未満のため日付なし",
        "day": "商談になる場合、半数が商談になる日",
        "closed": "エントリーは「{0}」",
    },
}


def partner_prospect_rows(
    results: Results, partners: PartnerTable, goals: Allocation | None, deals: int | None, language: Language
) -> Iterator[Row]:
    """Expected deals of every partner, and its part of the month's target (empty where none is set)."""
    words = _WHY[language]
    made = results.prospects
    forecast = made.partners
    doubt = words["doubt"] if made.status == MISCALIBRATED else ""
    for i, partner_id in enumerate(partners.ids):
        for place, days in enumerate(forecast.ahead):
            name = f"expected_deals_{days}d"
            if name not in BY_NAME:
                continue
            if not forecast.known[i]:
                yield "partner", partner_id, name, None, {"why": words["no_curve"], "status": made.status}
                continue
            parts = (float(forecast.in_flight[i, place]), float(forecast.new[i, place]))
            low, high = int(forecast.low[i, place]), int(forecast.high[i, place])
            value = BY_NAME[name].rounded(sum(parts))
            why = words["expected"].format(*parts, low, high) + doubt
            yield (
                "partner",
                partner_id,
                name,
                float(value or 0),
                {"why": why, "low": low, "high": high, "status": made.status},
            )
        if goals is None:
            yield "partner", partner_id, "deals_target_month", None, {"why": words["no_goal"]}
            continue
        why = words["goal"].format(deals, float(goals.in_flight[i]), float(goals.new[i]))
        yield "partner", partner_id, "deals_target_month", int(goals.target[i]), {"why": why}


def entry_prospect_rows(results: Results, entries: EntryTable, language: Language) -> Iterator[Row]:
    """The chance of a deal, and its day, of every entry that has an event."""
    words = _WHY[language]
    labels = {value: ja if language == "ja" else en for value, en, ja in BY_NAME["milestone"].choices}
    made, milestone = results.prospects.entries, results.entries.milestone.tolist()
    state, chance, day = made.state.tolist(), np.rint(100 * made.eventual).astype(int).tolist(), made.p50.tolist()
    horizon = results.prospects.outlook.assumptions.horizon
    for i, entry_id in enumerate(entries.ids):
        if milestone[i] < 0:
            continue
        label = labels[MILESTONES[milestone[i]].value]
        if state[i] == CLOSED:
            why = {"why": words["closed"].format(label)}
            yield "entry", entry_id, "deal_probability", 0.0 if milestone[i] == LOST else 100.0, why
            yield "entry", entry_id, "expected_deal_on", None, why
            continue
        if state[i] == NO_DATA:
            why = {"why": words["no_curve"]}
            yield "entry", entry_id, "deal_probability", None, why
            yield "entry", entry_id, "expected_deal_on", None, why
            continue
        old = state[i] == BEYOND_SUPPORT
        why = {"why": words["old"].format(label, horizon) if old else words["chance"].format(label)}
        yield "entry", entry_id, "deal_probability", float(chance[i]), why
        found = None if day[i] == NO_DAY else day_date(day[i])
        yield (
            "entry",
            entry_id,
            "expected_deal_on",
            found.isoformat() if found else None,
            {"why": words["day" if found else "unlikely"]},
        )
