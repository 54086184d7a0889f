"""Which field, stage or object of a CRM looks like what a mapping speaks of: words in its name and label, in Japanese and English, and its type.

Nothing here is certain. What comes of it is proposed to a person, with the words that it rests on.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sync.described import FieldDescription, FieldType, ObjectDescription

_DAYS = (FieldType.DATE, FieldType.DATETIME)
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_BLANK = re.compile(r"[\s_\-・/]+")
Words = Mapping[str, int]  # a word in its plain form: how much it says

MILESTONES: Mapping[str, Words] = {
    "listed": {"掲載": 3, "リスト": 1, "listed": 3, "登録": 1, "新規": 2, "open": 2, "new": 2, "未着手": 3, "notcontacted": 5, "sent": 1},
    "requested": {"打診": 3, "依頼": 2, "リクエスト": 3, "request": 3},
    "agreed": {"合意": 3, "承諾": 2, "同意": 2, "agree": 3, "accept": 2, "responded": 2},
    "executed": {"実施": 3, "実行": 3, "アプローチ": 3, "execut": 3, "approach": 2, "contacted": 3, "working": 2},
    "deal": {"商談": 3, "deal": 2, "opportunity": 3, "converted": 3, "appointment": 2},
    "won": {"受注": 4, "成約": 4, "won": 4},
    "lost": {"見送": 3, "失注": 4, "辞退": 3, "不成立": 3, "lost": 4, "declin": 3, "notconverted": 6, "reject": 3},
}  # fmt: skip
OBJECTS: Mapping[str, Words] = {
    "entries": {
        "アタックリスト": 5,
        "attacklist": 5,
        "targetlist": 4,
        "ターゲット": 2,
        "紹介": 2,
        "referral": 3,
        "introduc": 2,
        "リスト": 1,
    }
}
PARTNER: Words = {"パートナー": 3, "partner": 3, "代理店": 3, "紹介元": 3, "reseller": 2, "agency": 2, "alliance": 1}
ANSWERS: Mapping[str, Words] = {
    "refused": {"なし": 3, "拒否": 3, "断": 2, "refus": 3, "no": 1},
    "unknown": {"不明": 3, "未確認": 3, "unknown": 3},
    "verbal_yes": {"口頭": 3, "あり": 2, "ok": 1, "verbal": 3, "yes": 2},
}
INDUSTRIES: Mapping[str, Words] = {
    "sales_agency": {"営業代行": 3, "salesagency": 3},
    "consulting": {"コンサル": 3, "consult": 3},
    "real_estate": {"不動産": 3, "realestate": 3},
    "opening_support": {"開業": 3, "opening": 2},
    "restaurant_services": {"飲食": 3, "restaurant": 3, "food": 1},
}


class Role(NamedTuple):
    """What a field is for: the words it is told by, and which fields can serve."""

    words: Words
    kind: str = "text"  # text, day, number, choice, link


ROLES: Mapping[str, Role] = {
    "name": Role({"name": 1, "名": 1, "会社名": 2, "企業名": 3, "company": 2, "target": 1, "紹介先": 1, "対象": 1}),
    "corporate_number": Role({"法人番号": 5, "corporatenumber": 5, "houjin": 4}),
    "domain": Role({"website": 3, "domain": 4, "ドメイン": 4, "サイト": 3, "ホームページ": 3, "url": 2}),
    "phone": Role({"phone": 3, "電話": 3, "tel": 1}),
    "prefecture": Role({"都道府県": 4, "prefecture": 4, "state": 2}),
    "city": Role({"市区町村": 4, "city": 3}),
    "industry": Role({"業種": 4, "industry": 4}, "choice"),
    "employees": Role({"従業員": 4, "社員数": 4, "employees": 4}, "number"),
    "contract": Role({"契約": 3, "contract": 3, "形態": 1}, "choice"),
    "willingness": Role({"提出意": 4, "willing": 4, "意向": 3, "意思": 3}, "choice"),
    "submitted_on": Role({"提出日": 4, "最終提出": 3, "submitted": 3, "リスト": 1, "attacklist": 1}, "day"),
    "joined_on": Role({"開始日": 3, "契約日": 3, "since": 3, "joined": 3, "start": 2, "パートナー": 1, "partner": 1}, "day"),
    "partner": Role(PARTNER, "link"),
    "stage": Role({"ステータス": 4, "状況": 3, "status": 3, "stage": 3, "ステージ": 4, "フェーズ": 3, "段階": 3}, "choice"),
    "reason": Role({"理由": 4, "reason": 4, "loss": 1, "見送": 1, "失注": 1}),
    "source": Role({"leadsource": 4, "リードソース": 4, "経路": 3, "source": 2, "流入": 2, "channel": 2}, "choice"),
    "flag": Role(PARTNER, "choice"),
}  # fmt: skip


class Likeness(NamedTuple):
    """How much something looks like what is sought, and the words that say so."""

    score: int
    words: tuple[str, ...]


def plain(text: str) -> str:
    """Width, case, blanks and joints do not matter."""
    return _BLANK.sub("", unicodedata.normalize("NFKC", text).casefold())


def likeness(words: Words, *texts: str) -> Likeness:
    """Words found in any of the texts, each counted once."""
    together = "\n".join(plain(text) for text in texts)
    met = tuple(word for word in words if word in together)
    return Likeness(sum(words[word] for word in met), met)


def best(words: Words, options: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], Likeness] | None:
    """The (value, label) that looks most like it; the first of equals. None where none does."""
    found = [((value, label), likeness(words, value, label)) for value, label in options]
    return max((pair for pair in found if pair[1].score), key=lambda pair: pair[1].score, default=None)


def meaning_of(value: str, label: str, among: Mapping[str, Words]) -> str | None:
    """Which of several meanings a value has; None where two are equally likely, or none is."""
    scores = sorted(((likeness(words, value, label).score, name) for name, words in among.items()), reverse=True)
    (first, name), (second, _) = scores[0], scores[1]
    return name if first > second else None


def serves(field: FieldDescription, kind: str, target: str = "") -> bool:
    """Whether a field of this type can play the part; `target` is the object that a link should lead to."""
    match kind:
        case "day":
            return field.type in _DAYS
        case "number":
            return field.type in _NUMBERS
        case "choice":
            return bool(field.options) or field.type is FieldType.BOOLEAN
        case "link":
            return target in field.references
        case _:
            return (
                field.type is FieldType.TEXT
                and not field.references
                and field.name.lower() not in ("id", "hs_object_id")
            )


def field_for(
    role: Role, found: ObjectDescription, taken: Iterable[str] = (), target: str = ""
) -> tuple[FieldDescription, Likeness] | None:
    """The field of the object that looks most like the role, other than those that are taken."""
    held = set(taken)
    scored = [
        (f, likeness(role.words, f.name, f.label))
        for f in found.fields
        if f.name not in held and serves(f, role.kind, target)
    ]
    if role.kind == "link" and len(scored) == 1:  # the only way to that object
        return scored[0][0], Likeness(max(scored[0][1].score, 1), (f"leads to {target}",))
    return max((pair for pair in scored if pair[1].score), key=lambda pair: pair[1].score, default=None)
