"""Why a partner has its tier, and what would change it: one sentence each, in Japanese or English, for a field of 255 characters."""

from typing import Literal

from indicators.inputs import NO_DAY, day_date
from indicators.tiers import PartnerTier
from models.counted import counted
from models.vocabulary import Tier, Willingness

Language = Literal["ja", "en"]
LONGEST = 255

_EXCLUDED = {
    "en": {
        "existing_customer": ("existing customer", "existing customers"),
        "open_elsewhere": ("open with another partner", "open with another partner"),
        "duplicate": ("duplicate", "duplicates"),
        "open_deal": ("with an open deal of our own", "with open deals of our own"),
    },
    "ja": {
        "existing_customer": ("既存顧客", "既存顧客"),
        "open_elsewhere": ("他パートナーで進行中", "他パートナーで進行中"),
        "duplicate": ("重複", "重複"),
        "open_deal": ("自社で商談中", "自社で商談中"),
    },
}


def reason(tier: PartnerTier, language: Language) -> str:
    """Why the tier is what it is: `A: 12 valid targets in the list of 2026-05-10 (>= 10)`. At most 255 characters."""
    body = _english(tier) if language == "en" else _japanese(tier)
    separator = ": " if language == "en" else "："
    return _fitting(f"{tier.tier.value}{separator}{body}")


def what_would_change(tier: PartnerTier, language: Language) -> str:
    """What would move the tier: `drops to B if fewer than 7 remain valid at two month-ends`. At most 255 characters."""
    english = language == "en"
    if tier.override:
        until = day_date(tier.override.until)
        text = (
            f"ends after {until}; the rules say {tier.table}" if english else f"{until}に終了、ルール上は{tier.table}"
        )
        return _fitting(text)
    up, down = _up(tier, english=english), _down(tier, english=english)
    return _fitting(("; " if english else "、").join(part for part in (up, down) if part))


def _up(tier: PartnerTier, *, english: bool) -> str:
    higher = {Tier.B: (Tier.A, tier.rows.a_up), Tier.C: (Tier.B, tier.rows.b_up), Tier.D: (Tier.C, 1)}.get(tier.tier)
    if higher is None:
        return ""
    to, n = higher
    if tier.tier is Tier.D:
        return (
            f"rises to {to} with one valid target or a yes to a list"
            if english
            else f"有効な打診先1件またはリスト提出の意思で{to}へ"
        )
    return f"rises to {to} with {_targets(n)}" if english else f"有効な打診先{n}件で{to}へ"


def _down(tier: PartnerTier, *, english: bool) -> str:
    lower = {Tier.A: (Tier.B, tier.rows.a_down), Tier.B: (Tier.C, tier.rows.b_down)}.get(tier.tier)
    if lower is not None:
        to, n = lower
        return (
            f"drops to {to} if fewer than {n} remain valid at two month-ends"
            if english
            else f"2回連続の月末に有効{n}件未満で{to}へ"
        )
    if tier.tier is Tier.C:
        if tier.willingness is Willingness.VERBAL_YES:
            return (
                "drops to D without a valid target and without the yes"
                if english
                else "有効な打診先も提出の意思もなくなればDへ"
            )
        return "drops to D if none remains valid at two month-ends" if english else "2回連続の月末に有効0件でDへ"
    return ""


def _english(tier: PartnerTier) -> str:
    if tier.override:
        why = f" ({tier.override.reason})" if tier.override.reason else ""
        return f"set by hand until {day_date(tier.override.until)}{why}"
    handed_in = tier.submitted_day != NO_DAY
    the_list = f"in the list of {day_date(tier.submitted_day)}" if handed_in else ""
    missing = f"no valid target {the_list}" if handed_in else f"no list handed in within {tier.list_valid} days"
    found = f"{_targets(tier.valid)} {the_list}" if tier.valid else missing
    rest = _left_out(tier, "en") if handed_in else ""
    need = {Tier.A: tier.rows.a_up, Tier.B: tier.rows.b_up}.get(tier.tier, 1)
    if tier.rule in {"list_a", "list_b"}:
        return f"{found} (>= {need}){rest}"
    if tier.rule == "list_c":
        return f"{found} (B needs {tier.rows.b_up}){rest}"
    if tier.rule == "verbal_yes":
        return f"said yes to a list, but {missing}{rest}"
    if tier.rule == "none":
        refused = "refused to hand in a list" if tier.willingness is Willingness.REFUSED else missing
        return f"{refused if not handed_in else missing}{rest}"
    kept = {Tier.A: tier.rows.a_down, Tier.B: tier.rows.b_down}.get(tier.tier, 1)
    return f"held, {found}; leaves {tier.tier} only below {kept} at two month-ends{rest}"


def _japanese(tier: PartnerTier) -> str:
    if tier.override:
        why = f"（{tier.override.reason}）" if tier.override.reason else ""
        return f"手動設定、{day_date(tier.override.until)}まで{why}"
    handed_in = tier.submitted_day != NO_DAY
    the_list = f"{day_date(tier.submitted_day)}提出のリスト" if handed_in else ""
    missing = f"{the_list}に有効な打診先なし" if handed_in else f"{tier.list_valid}日以内のリスト提出なし"
    found = f"{the_list}に有効な打診先{tier.valid}件" if tier.valid else missing
    rest = _left_out(tier, "ja") if handed_in else ""
    need = {Tier.A: tier.rows.a_up, Tier.B: tier.rows.b_up}.get(tier.tier, 1)
    if tier.rule in {"list_a", "list_b"}:
        return f"{found}（基準{need}件以上）{rest}"
    if tier.rule == "list_c":
        return f"{found}（Bは{tier.rows.b_up}件から）{rest}"
    if tier.rule == "verbal_yes":
        return f"リスト提出の意思あり、{missing}{rest}"
    if tier.rule == "none":
        refused = "リスト提出を辞退" if tier.willingness is Willingness.REFUSED else missing
        return f"{refused if not handed_in else missing}{rest}"
    kept = {Tier.A: tier.rows.a_down, Tier.B: tier.rows.b_down}.get(tier.tier, 1)
    return f"維持中、{found}（2回連続の月末に{kept}件未満で降格）{rest}"


def _targets(n: int) -> str:
    return f"{counted(n, 'valid target')}"


def _left_out(tier: PartnerTier, language: Language) -> str:
    total = sum(n for _, n in tier.excluded)
    if total == 0:
        return ""
    names = _EXCLUDED[language]
    if language == "ja":
        return f"、除外{total}件（{'、'.join(f'{names[why][0]}{n}' for why, n in tier.excluded)}）"
    parts = ", ".join(f"{n} {names[why][n != 1]}" for why, n in tier.excluded)
    return f"; {counted(total, 'row')} excluded ({parts})"


def _fitting(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
