"""Which row holds the headings, and what each heading means: in Japanese or English, as partners and their tools write them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz, process

from sync.lists.cells import name_in
from sync.lists.sheet import Cell

NEAR_THE_TOP = 30  # rows looked at: titles, notes and addresses stand above the headings
ALIKE = 90  # of 100: below, two headings are two things


class Column(StrEnum):
    """What a column of a list may hold."""

    NAME = "name"
    CORPORATE_NUMBER = "corporate_number"
    DOMAIN = "domain"
    PHONE = "phone"
    PREFECTURE = "prefecture"
    CITY = "city"
    ADDRESS = "address"  # prefecture and city are read out of it
    LISTED_ON = "listed_on"
    PARTNER = "partner"  # whose list the row is on, where a file holds those of several


WORDS: dict[Column, tuple[str, ...]] = {
    Column.NAME: (
        "会社名", "企業名", "法人名", "商号", "社名", "貴社名", "店舗名", "屋号", "紹介先", "紹介先企業", "紹介先会社名", "取引先名", "取引先", "顧客名",
        "ターゲット企業", "ターゲット", "対象企業", "候補先", "候補企業", "リスト企業", "施設名", "名称",
        "company", "company name", "account", "account name", "target", "target name", "target company", "prospect", "prospect name",
        "customer", "customer name", "organization", "organisation", "business name", "lead company", "name",
    ),
    Column.CORPORATE_NUMBER: ("法人番号", "会社法人等番号", "インボイス番号", "登録番号", "corporate number", "corporate id", "company number", "registration number"),
    Column.DOMAIN: (
        "url", "hp", "ホームページ", "ウェブサイト", "webサイト", "サイト", "サイトurl", "企業url", "会社url", "ドメイン",
        "domain", "website", "web site", "web", "homepage", "company domain", "company website",
    ),
    Column.PHONE: ("電話番号", "電話", "tel", "代表電話", "代表電話番号", "連絡先電話番号", "phone", "phone number", "telephone", "company phone"),
    Column.PREFECTURE: ("都道府県", "県", "都道府県名", "prefecture", "state", "state/province", "province"),
    Column.CITY: ("市区町村", "市区郡", "市町村", "市区町村名", "city", "town"),
    Column.ADDRESS: ("住所", "所在地", "本社住所", "本社所在地", "店舗住所", "address", "street address", "location"),
    Column.LISTED_ON: (
        "リスト提出日", "提出日", "リスト日付", "リストアップ日", "掲載日", "登録日", "記入日", "作成日", "日付",
        "listed on", "list date", "submitted on", "submitted", "submission date", "date", "created", "created date", "created on", "registered on", "registration date",
    ),
    Column.PARTNER: ("パートナー", "パートナー名", "代理店", "代理店名", "紹介元", "紹介会社", "紹介者会社", "partner", "partner name", "partner company", "referrer", "reseller", "referred by"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Headings:
    """The row of headings (counted from 1), the place of each column that is understood, and the headings that are not."""

    row: int
    places: dict[Column, int]
    texts: dict[Column, str]
    unused: tuple[str, ...]


def find_headings(rows: Sequence[Sequence[Cell]]) -> Headings | None:
    """The row near the top of which most headings are understood, a name among them; None where there is none.

    Of two equal rows the first counts: what stands below may be an example.
    """
    best: Headings | None = None
    for number, row in enumerate(rows[:NEAR_THE_TOP], start=1):
        found = _read(number, row)
        if Column.NAME in found.places and (best is None or len(found.places) > len(best.places)):
            best = found
    return best


def _read(number: int, row: Sequence[Cell]) -> Headings:
    places: dict[Column, int] = {}
    texts: dict[Column, str] = {}
    sure: dict[Column, float] = {}
    unused: dict[int, str] = {}
    for place, cell in enumerate(row):
        text = heading_text(cell)
        if not text:
            continue
        column, score = meaning(text)
        if column is None:
            unused[place] = text
            continue
        if column in places and sure[column] >= score:
            unused[place] = text  # the first of two equal ones counts
            continue
        if column in places:
            unused[places[column]] = texts[column]
        places[column], texts[column], sure[column] = place, text, score
    return Headings(number, places, texts, tuple(unused[place] for place in sorted(unused)))


def meaning(heading: str) -> tuple[Column | None, float]:
    """(what the heading means, how surely it does, of 100)."""
    key = heading_key(heading)
    if not key:
        return None, 0.0
    if key in _KNOWN:
        return _KNOWN[key], 100.0
    if len(key) < 4:  # short words are alike by chance
        return None, 0.0
    found = process.extractOne(key, _KNOWN.keys(), scorer=fuzz.ratio, score_cutoff=ALIKE)
    return (None, 0.0) if found is None else (_KNOWN[found[0]], found[1])


def heading_text(cell: Cell) -> str:
    """A heading as written, in one line and without what would steer a terminal."""
    return name_in(cell) if isinstance(cell, str) else ""


def heading_key(text: str) -> str:
    """A heading without width, case, blanks, marks such as 必須 or ※, and what stands in brackets."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    bare, depth = [], 0
    for letter in plain:
        if letter in "([{<【「":
            depth += 1
        elif letter in ")]}>】」":
            depth = max(0, depth - 1)
        elif depth == 0 and unicodedata.category(letter)[0] in "LNM":
            bare.append(letter)
    return "".join(bare).removeprefix("必須").removesuffix("必須").removesuffix("任意")


_KNOWN = {heading_key(word): column for column, words in WORDS.items() for word in words}
