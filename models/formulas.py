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


def formula(field: str, assumed: Mapping[str, Any]) -> str:
    """The formula of a field; what the CRM's help text says where it has none of its own. Of an estimate also when it is written.

    `assumed` are the numbers that a workspace assumes, by their names in `indicators/assumptions.py`: KeyError where one lacks.
    """
    what = BY_NAME[field]
    said = FORMULAS[field].format_map(assumed) if field in FORMULAS else what.help_en
    if what.calm:
        said += f"; in the CRM it turns back by little only when what it says there has stood for {what.calm} days"
    return said
