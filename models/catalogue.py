"""The fields that are written back: name, labels, type, unit, rounding and smallest step of each, in both languages.

The catalogue is what lets `sync` and `indicators` stay strangers: the one writes what the other computed, by these names.
A field changes in the CRM only when a reader would care: values are rounded, and a step below `step` is not written.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Literal

Subject = Literal["partner", "entry"]


class Kind(StrEnum):
    """What a CRM needs to know to make the field."""

    CHOICE = "choice"
    TEXT = "text"  # at most 255 characters
    INTEGER = "integer"
    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class CatalogueField:
    """One field of ours. `digits` are decimals kept; `step` is the smallest difference worth writing, in the field's unit;
    of dates it is in days. `calm`: an estimate, which turns back by little only when its value has stood for so many days.
    """

    name: str
    subject: Subject
    kind: Kind
    label_en: str
    label_ja: str
    help_en: str
    help_ja: str
    digits: int = 0
    step: Decimal = Decimal(0)
    choices: tuple[tuple[str, str, str], ...] = ()  # value, label in English, label in Japanese
    unique: bool = False  # no two records hold the same value: the CRM itself refuses the second
    calm: int = 0

    def rounded(self, value: float | Decimal | None) -> Decimal | None:
        """The value as it is shown: `digits` decimals, ties to even."""
        if value is None:
            return None
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-self.digits), rounding=ROUND_HALF_EVEN)

    def label(self, language: str) -> str:
        return self.label_ja if language == "ja" else self.label_en

    def help(self, language: str) -> str:
        return self.help_ja if language == "ja" else self.help_en


_TIERS = (("A", "A", "A"), ("B", "B", "B"), ("C", "C", "C"), ("D", "D", "D"))
_MILESTONES = (
    ("listed", "Listed", "リスト掲載"),
    ("requested", "Requested by name", "バイネーム依頼"),
    ("agreed", "Action agreed", "アクション合意"),
    ("executed", "Action executed", "アクション実施"),
    ("deal", "Deal", "商談"),
    ("won", "Won", "受注"),
    ("lost", "Lost", "見送り"),
)


def _count(milestone: str, english: str, japanese: str) -> CatalogueField:
    return CatalogueField(
        f"{milestone}_90d", "partner", Kind.INTEGER, f"{english} (90 days)", f"{japanese}(90日)",
        f"Entries that reached this milestone in the last 90 days: {english.lower()}.",
        f"直近90日に「{japanese}」へ到達したエントリー数。",
    )  # fmt: skip


def _expected(days: int) -> CatalogueField:
    return CatalogueField(
        f"expected_deals_{days}d", "partner", Kind.NUMBER, f"Expected deals ({days} days)", f"見込み商談数({days}日)",
        f"Deals to expect from this partner within {days} days: entries under way, and entries still to come.",
        f"今後{days}日にこのパートナーから見込まれる商談数。進行中と今後のエントリーを含む。",
        digits=1, step=Decimal("0.5"), calm=14,
    )  # fmt: skip


CATALOGUE: tuple[CatalogueField, ...] = (
    CatalogueField(
        "tier", "partner", Kind.CHOICE, "Partner tier", "優先度",
        "Where to spend time: A weekly meeting, B monthly, C keep in touch, D no push.",
        "時間の使いどころ。A=毎週の定例、B=毎月、C=定期接触、D=プッシュなし。",
        choices=_TIERS,
    ),
    CatalogueField(
        "tier_reason", "partner", Kind.TEXT, "Tier reason", "優先度の理由",
        "Why the tier is what it is, in one sentence.", "優先度の根拠を一文で。",
    ),
    CatalogueField(
        "tier_since", "partner", Kind.DATE, "Tier since", "優先度の開始日",
        "The day the partner came into this tier.", "この優先度になった日。",
    ),
    CatalogueField(
        "attack_list_count", "partner", Kind.INTEGER, "Attack list: valid targets", "アタックリスト有効件数",
        "Valid target companies on the attack list handed in within 180 days.", "180日以内に提出されたアタックリストの有効な件数。",
    ),
    CatalogueField(
        "attack_list_submitted_on", "partner", Kind.DATE, "Attack list handed in on", "アタックリスト提出日",
        "The day the newest attack list was handed in.", "最新のアタックリストが提出された日。",
    ),
    _count("listed", "Listed", "リスト掲載"),
    _count("requested", "Requested by name", "バイネーム依頼"),
    _count("agreed", "Action agreed", "アクション合意"),
    _count("executed", "Action executed", "アクション実施"),
    CatalogueField(
        "deals_90d", "partner", Kind.INTEGER, "Deals (90 days)", "商談(90日)",
        "Deals this partner introduced in the last 90 days.", "直近90日にこのパートナーから生まれた商談数。",
    ),
    CatalogueField(
        "cvr_listed_to_deal", "partner", Kind.PERCENT, "Conversion listed to deal", "CVR(リスト掲載→商談)",
        "Share of listed entries of this partner's type that become a deal within 180 days, in percent.",
        "このタイプのパートナーで、リスト掲載から180日以内に商談になる割合(%)。",
        digits=1, step=Decimal("0.5"), calm=28,
    ),
    CatalogueField(
        "lead_time_days", "partner", Kind.INTEGER, "Lead time listed to deal (days)", "リードタイム(リスト掲載→商談、日)",
        "Median days from listed to deal where it happens, for this partner's type.",
        "このタイプのパートナーで、商談になる場合のリスト掲載から商談までの日数(中央値)。",
        step=Decimal(3), calm=28,
    ),
    _expected(30),
    _expected(90),
    CatalogueField(
        "deals_target_month", "partner", Kind.INTEGER, "Deals wanted this month", "今月の目標商談数",
        "This partner's part of the month's deal target, set on the first of the month.", "今月の商談目標のうち、このパートナーの分担。月初に確定。",
        step=Decimal(1),
    ),
    CatalogueField(
        "stalled_entries", "partner", Kind.INTEGER, "Stalled entries", "停滞エントリー数",
        "Open entries that have waited longer than almost all that moved on.", "通常より長く次の段階へ進んでいないエントリーの数。",
    ),
    CatalogueField(
        "next_regular_meeting_due", "partner", Kind.DATE, "Next regular meeting due", "次回定例の期限",
        "The day by which the next regular meeting should be held; empty where the tier expects none.",
        "次回の定例を実施する期限。定例を予定しない優先度では空欄。",
    ),
    CatalogueField(
        "next_step", "partner", Kind.TEXT, "Next step", "次の一手",
        "What to do next with this partner, in one sentence.", "このパートナーに対する次の一手を一文で。",
    ),
    CatalogueField(
        "milestone", "entry", Kind.CHOICE, "Milestone", "マイルストーン",
        "The milestone this entry stands at.", "このエントリーの現在のマイルストーン。",
        choices=_MILESTONES,
    ),
    CatalogueField(
        "milestone_since", "entry", Kind.DATE, "Milestone since", "マイルストーン到達日",
        "The day this entry came to its milestone.", "現在のマイルストーンに到達した日。",
    ),
    CatalogueField(
        "deal_probability", "entry", Kind.PERCENT, "Deal probability", "商談化確率",
        "Chance that this entry becomes a deal within 180 days, in percent.", "このエントリーが180日以内に商談になる確率(%)。",
        step=Decimal(5), calm=14,
    ),
    CatalogueField(
        "expected_deal_on", "entry", Kind.DATE, "Deal expected on", "商談予定日",
        "If it becomes a deal: the day by which half of such entries have. Empty below 5 %.",
        "商談になる場合、半数が商談になっている日。確率5%未満は空欄。",
        step=Decimal(7), calm=14,
    ),
    CatalogueField(
        "stalled", "entry", Kind.FLAG, "Stalled", "停滞",
        "This entry has waited longer than almost all that moved on.", "通常より長く次の段階へ進んでいない。",
    ),
)  # fmt: skip

BY_NAME = {f.name: f for f in CATALOGUE}

LIST_ROW_KEY = CatalogueField(
    "list_row", "entry", Kind.TEXT, "Row of an imported list", "リスト取込キー",
    "The row of an imported attack list that this record was made from. Nobody needs to edit it.",
    "このレコードの元になった、取り込んだアタックリストの行。編集は不要です。",
    unique=True,
)  # fmt: skip
"""Not computed and never written later: by it a record that we made is found again, and cannot be made twice."""


def fields_of(subject: Subject) -> tuple[CatalogueField, ...]:
    """The catalogue's fields of partners, or of entries, in the order a page shows them."""
    return tuple(f for f in CATALOGUE if f.subject == subject)
