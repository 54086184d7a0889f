"""How each catalogue field is computed, in one sentence: what `explain` shows beside the inputs. Numbers that may be set otherwise stand in braces."""

from collections.abc import Mapping
from typing import Any

from models.catalogue import BY_NAME

_WINDOW = "attempts of this partner's entries that first came to `{0}` in the {{counted}} days up to the day; a step that was skipped counts on the next one's day"

FORMULAS: dict[str, str] = {
    "tier": "A, B or C by the valid rows of a list handed in within {list_valid} days (thresholds of the partner's type), C also by a spoken yes, else D; "
    "up at once, down only after two month-ends below the lower limit and {min_in_tier} days in the tier",
    "tier_reason": "the inputs of the tier as one sentence",
    "tier_since": "the first day of the present tier, from the replay of all month-ends",
    "attack_list_count": "rows listed within {list_valid} days, each company once, without companies that buy already, have an open deal of our own, or are held by another partner",
    "attack_list_submitted_on": "the newest of: the day that the partner's record names, an imported list's day; without these the newest `listed`",
    "listed_90d": _WINDOW.format("listed"),
    "requested_90d": _WINDOW.format("requested"),
    "agreed_90d": _WINDOW.format("agreed"),
    "executed_90d": _WINDOW.format("executed"),
    "deals_90d": _WINDOW.format("deal"),
    "cvr_listed_to_deal": "cumulative incidence of `deal` within {horizon} days after `listed`, with `lost` as competing end (Aalen-Johansen), over the "
    "entries of the partner's type; in percent",
    "lead_time_days": "median days from `listed` to `deal` where it happens within {horizon} days, over the entries of the partner's type",
    "expected_deals_30d": "sum over open entries of the chance of a deal in 30 days, plus what new listings at the present pace would bring",
    "expected_deals_90d": "sum over open entries of the chance of a deal in 90 days, plus what new listings at the present pace would bring",
    "deals_target_month": "this partner's part of the month's target (`targets` in sakigake.yaml): what its entries under way and its share of new listings are to "
    "bring, in whole deals that add up to the target",
    "stalled_entries": "open entries older in their milestone than 95 % of those that went on, or whose chance sank below a quarter of what it was, "
    "or beyond {horizon} days; a logged activity within {quiet} days clears the first two",
    "next_regular_meeting_due": "the day of the last regular meeting plus the cadence of the tier: A a week, B and C a month",
    "next_step": "what the tier's cadence and the stalled entries ask for next",
    "milestone": "the newest milestone of the entry's newest attempt",
    "milestone_since": "the day of the last entry into the present milestone",
    "deal_probability": "chance that the open entry comes to a deal within {horizon} days, given its age in the present milestone and its partner's own rate",
    "expected_deal_on": "the median day of the deal if it happens; empty where the chance is below 5 %",
    "stalled": "older in its milestone than 95 % of those that went on, or its chance sank below a quarter of what it was, or beyond {horizon} days; a logged "
    "activity within {quiet} days clears the first two",
}


_WINDOW_JA = "このパートナーのエントリーで、直近{{counted}}日に初めて`{0}`へ到達した挑戦の数。飛ばされたステップは次のステップの日に数える"

FORMULAS_JA: dict[str, str] = {
    "tier": "{list_valid}日以内に提出されたリストの有効な行数でA・B・C（基準はパートナータイプごと）、口頭の了承でもC、それ以外はD。上がるのは即日、"
    "下がるのは2回連続の月末に下限を割り、かつその優先度に{min_in_tier}日以上あったときだけ",
    "tier_reason": "優先度の根拠を一文にしたもの",
    "tier_since": "すべての月末をたどり直して求めた、現在の優先度の初日",
    "attack_list_count": "{list_valid}日以内に掲載された行数。1社1件とし、既存顧客、自社で商談中の会社、他パートナーが担当中の会社を除く",
    "attack_list_submitted_on": "パートナーのレコードの日付と取り込んだリストの日付のうち最新。どちらもなければ最新の`listed`",
    "listed_90d": _WINDOW_JA.format("listed"),
    "requested_90d": _WINDOW_JA.format("requested"),
    "agreed_90d": _WINDOW_JA.format("agreed"),
    "executed_90d": _WINDOW_JA.format("executed"),
    "deals_90d": _WINDOW_JA.format("deal"),
    "cvr_listed_to_deal": "パートナータイプ全体のエントリーで、`listed`から{horizon}日以内に`deal`へ至る累積発生率（`lost`は競合事象、Aalen-Johansen法）。単位は%",
    "lead_time_days": "パートナータイプ全体のエントリーで、{horizon}日以内に`deal`へ至る場合の`listed`からの日数の中央値",
    "expected_deals_30d": "進行中の各エントリーが30日以内に商談になる確率の合計に、現在のペースでの新規掲載から見込まれる数を加えたもの",
    "expected_deals_90d": "進行中の各エントリーが90日以内に商談になる確率の合計に、現在のペースでの新規掲載から見込まれる数を加えたもの",
    "deals_target_month": "今月の目標（sakigake.yamlの`targets`）のうちこのパートナーの分。進行中のエントリーと新規掲載の分担から見込まれる数を、合計が目標になる整数で示す",
    "stalled_entries": "次へ進んだものの95%より長くそのマイルストーンにある、見込みが当初の4分の1未満になった、または{horizon}日を超えた進行中エントリーの数。"
    "最初の2つは{quiet}日以内の活動の記録で解消",
    "next_regular_meeting_due": "最後の定例の日に優先度ごとの間隔（Aは毎週、B・Cは毎月）を加えた日",
    "next_step": "優先度の訪問間隔と停滞中のエントリーから、次に求められること",
    "milestone": "エントリーの最新の挑戦における最新のマイルストーン",
    "milestone_since": "現在のマイルストーンに最後に入った日",
    "deal_probability": "現在のマイルストーンでの経過日数とパートナー自身の転換率から見た、進行中エントリーが{horizon}日以内に商談になる確率",
    "expected_deal_on": "商談になる場合の日付の中央値。確率が5%未満なら空",
    "stalled": "次へ進んだものの95%より長くそのマイルストーンにある、見込みが当初の4分の1未満になった、または{horizon}日を超えた。最初の2つは{quiet}日以内の活動の記録で解消",
}


def formula(field: str, assumed: Mapping[str, Any], language: str = "en") -> str:
    """The formula of a field, in English or Japanese (ja); what the CRM's help text says where it has none of its own. Of an estimate also when it is written.

    `assumed` are the numbers that a workspace assumes, by their names in `indicators/assumptions.py`: KeyError where one lacks.
    """
    what = BY_NAME[field]
    if language == "ja":
        said = FORMULAS_JA[field].format_map(assumed) if field in FORMULAS_JA else what.help_ja
        return said + (f"。CRM上の値は、小さく戻る場合は{what.calm}日続いてから更新" if what.calm else "")
    said = FORMULAS[field].format_map(assumed) if field in FORMULAS else what.help_en
    if what.calm:
        said += f"; in the CRM it turns back by little only when what it says there has stood for {what.calm} days"
    return said
