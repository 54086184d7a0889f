"""Forecasts and goals as catalogue values per partner. Pure."""

from collections.abc import Iterator
from typing import Any, Literal

from indicators.allocation import Allocation
from indicators.calibration import MISCALIBRATED
from indicators.inputs import PartnerTable
from indicators.own import Own
from jobs.steps.prospect_document import own_rates
from models.catalogue import BY_NAME
from models.counted import agreeing

Language = Literal["ja", "en"]
Row = tuple[str, str, str, Any, dict[str, Any]]

RATES_BESIDE = "expected_deals_90d"
"""The field that the partner's own rates are kept beside: it rests on them."""

_WHY = {
    "en": {
        "expected": "{0:.1f} from entries under way, {1:.1f} from entries still to come; 80 % between {2} and {3}",
        "doubt": "; earlier forecasts were off, see `sakigake indicators`",
        "no_curve": "no entry has gone the whole way to a deal yet, so nothing can be expected",
        "goal": "of {0} {3} this month: {1:.1f} were to come from entries under way, {2:.1f} from new ones",
        "no_goal": "no target is set for this month; name one in sakigake.yaml under targets",
    },
    "ja": {
        "expected": "進行中のエントリーから{0:.1f}件、今後のエントリーから{1:.1f}件。80%の確率で{2}~{3}件",
        "doubt": "。過去の予測に誤差あり、`sakigake indicators`を参照",
        "no_curve": "商談まで到達したエントリーがまだなく、予測できません",
        "goal": "今月の目標{0}件のうち、進行中から{1:.1f}件、新規から{2:.1f}件の見込み",
        "no_goal": "今月の目標が未設定です(sakigake.yamlのtargets)",
    },
}


def expected_rows(told: Own, language: Language) -> Iterator[Row]:
    """Expected deals of every partner."""
    words, forecast = _WHY[language], told.expected
    doubt = words["doubt"] if told.status == MISCALIBRATED else ""
    for i, partner in enumerate(told.partners):
        for place, days in enumerate(forecast.ahead):
            name = f"expected_deals_{days}d"
            if name not in BY_NAME:
                continue
            rests_on = {"rates": own_rates(told.outlook.rates, i)} if name == RATES_BESIDE else {}
            if not forecast.known[i]:
                why = words["no_curve"]
                yield "partner", partner.partner_id, name, None, {"why": why, "status": told.status, **rests_on}
                continue
            parts = (float(forecast.in_flight[i, place]), float(forecast.new[i, place]))
            low, high = int(forecast.low[i, place]), int(forecast.high[i, place])
            value = BY_NAME[name].rounded(sum(parts))
            why = words["expected"].format(*parts, low, high) + doubt
            yield (
                "partner",
                partner.partner_id,
                name,
                float(value or 0),
                {"why": why, "low": low, "high": high, "status": told.status, **rests_on},
            )


def goal_rows(partners: PartnerTable, goals: Allocation | None, deals: int | None, language: Language) -> Iterator[Row]:
    """Each partner's part of the month's target; empty where none is set."""
    words = _WHY[language]
    for i, partner_id in enumerate(partners.ids):
        if goals is None:
            yield "partner", partner_id, "deals_target_month", None, {"why": words["no_goal"]}
            continue
        why = words["goal"].format(deals, float(goals.in_flight[i]), float(goals.new[i]), agreeing(deals or 0, "deal"))
        yield "partner", partner_id, "deals_target_month", int(goals.target[i]), {"why": why}
