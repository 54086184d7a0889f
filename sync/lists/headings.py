"""Which row holds the headings, and what each heading means: in Japanese or English, as partners and their tools write them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, zip_longest

from rapidfuzz import fuzz, process

from sync.lists.cells import name_in
from sync.lists.sheet import Cell

NEAR_THE_TOP = 30  # rows looked at: titles, notes and addresses stand above the headings
ALIKE = 90  # of 100: below, two headings are two things
WEAK = 50.0  # of 100: a heading that any surer one of the same meaning stands above


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
    CONTACT_NAME = "contact_name"  # a person of the target: kept nowhere but in the record that is made of the row
    CONTACT_LAST_NAME = "contact_last_name"
    CONTACT_FIRST_NAME = "contact_first_name"
    CONTACT_EMAIL = "contact_email"
    CONTACT_TITLE = "contact_title"


WORDS: dict[Column, tuple[str, ...]] = {
    Column.NAME: (
        "会社名", "企業名", "法人名", "会社名称", "企業名称", "法人名称", "商号", "社名", "貴社名", "店舗名", "屋号", "紹介先", "紹介先企業", "紹介先会社名", "取引先名", "取引先", "顧客名",
        "ターゲット企業", "ターゲット", "対象企業", "候補先", "候補企業", "リスト企業", "施設名", "会社名/取引先名", "会社",
        "company", "company name", "account", "account name", "company / account", "target", "target name", "target company", "target account",
        "prospect", "prospect name", "prospect company", "prospect company name", "prospect account", "customer", "customer name", "customer company",
        "customer account", "end customer", "end customer name", "end user", "end user company", "organization", "organisation", "organization name",
        "business name", "lead company", "referred company", "referral company", "associated company", "primary company", "company legal name",
    ),
    Column.CORPORATE_NUMBER: ("法人番号", "会社法人等番号", "インボイス番号", "登録番号", "corporate number", "corporate id", "company number", "registration number"),
    Column.DOMAIN: (
        "url", "hp", "ホームページ", "ウェブサイト", "webサイト", "サイト", "サイトurl", "企業url", "会社url", "ドメイン", "会社ドメイン名", "ウェブサイトurl",
        "domain", "domain name", "website", "website url", "web site", "web", "web address", "homepage", "company domain", "company domain name",
        "company website", "company url", "account website", "account domain", "customer website", "customer domain", "prospect website",
        "prospect domain", "target website", "target domain", "organization website", "business website",
    ),
    Column.PHONE: (
        "電話番号", "電話", "tel", "代表電話", "代表電話番号", "連絡先電話番号", "会社電話番号", "phone", "phone number", "telephone", "telephone number",
        "company phone", "company phone number", "account phone", "main phone", "business phone", "customer phone", "prospect phone", "office phone",
    ),
    Column.PREFECTURE: (
        "都道府県", "県", "都道府県名", "都道府県/地域", "prefecture", "state", "state/province", "state/region", "province", "billing state",
        "billing state/province", "company state", "company state/region", "account state", "shipping state/province", "mailing state/province",
    ),
    Column.CITY: (
        "市区町村", "市区郡", "市町村", "市区町村名", "city", "town", "billing city", "company city", "account city", "shipping city", "mailing city",
    ),
    Column.ADDRESS: (
        "住所", "所在地", "本社住所", "本社所在地", "店舗住所", "町名・番地", "address", "street", "street address", "location", "billing street",
        "billing address", "company address", "company street address", "account address", "shipping street", "shipping address", "mailing street",
        "address line 1",
    ),
    Column.LISTED_ON: (
        "リスト提出日", "提出日", "リスト日付", "リストアップ日", "掲載日", "登録日", "案件登録日", "記入日", "申請日",
        "listed on", "list date", "submitted on", "submitted at", "submitted", "submitted date", "submission date", "date submitted", "registered on",
        "registration date", "date registered", "deal registration date", "deal registered on", "deal submitted", "lead submitted", "referral date",
        "referred on",
    ),
    Column.PARTNER: (
        "パートナー", "パートナー名", "パートナー会社", "代理店", "代理店名", "紹介元", "紹介会社", "紹介者会社", "partner", "partner name",
        "partner company", "partner company name", "partner account", "partner account name", "partner organization", "referrer", "referring partner",
        "reseller", "reseller name", "channel partner", "referred by", "sourced by partner",
    ),
    Column.CONTACT_NAME: (
        "担当者", "担当者名", "先方担当者", "先方担当者名", "ご担当者", "ご担当者名", "ご担当者様", "担当者氏名", "氏名", "お名前", "連絡先名", "contact", "contact name",
        "contact person", "contact full name", "full name", "primary contact", "primary contact name", "prospect contact", "customer contact", "lead name",
    ),
    Column.CONTACT_LAST_NAME: ("姓", "担当者姓", "last name", "contact last name", "lead last name", "prospect last name", "surname", "family name"),
    Column.CONTACT_FIRST_NAME: ("名", "first name", "contact first name", "lead first name", "prospect first name", "given name"),
    Column.CONTACT_EMAIL: (
        "メール", "メールアドレス", "eメール", "担当者メールアドレス", "担当者メール", "email", "e-mail", "email address", "mail", "contact email",
        "contact email address", "lead email", "prospect email", "customer email", "work email", "business email",
    ),
    Column.CONTACT_TITLE: ("役職", "役職名", "部署・役職", "肩書", "title", "job title", "contact title", "contact job title", "position"),
}  # fmt: skip
# What a column is taken for where no other says it better: exports name a deal beside its company, and when a row was typed in beside when it was handed in.
WEAKER: dict[Column, tuple[str, ...]] = {
    Column.NAME: (
        "名称",
        "name",
        "deal name",
        "deal",
        "opportunity name",
        "opportunity",
        "deal registration name",
        "案件名",
        "商談名",
    ),
    Column.LISTED_ON: (
        "日付",
        "作成日",
        "作成日時",
        "date",
        "created",
        "created date",
        "created on",
        "created at",
        "create date",
        "date created",
    ),
}


# What is like one of the words above by its letters, and means another thing.
OTHER_THINGS = (
    "submitted by", "created by", "registered by", "deal registration number", "deal registration id", "registration id", "date of birth", "email 2",
    "email opt out", "update date", "due date",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Headings:
    """The row of headings (counted from 1), the place of each column that is understood, and the headings that are not."""

    row: int
    places: dict[Column, int]
    texts: dict[Column, str]
    unused: tuple[str, ...]


def find_headings(rows: Sequence[Sequence[Cell]]) -> Headings | None:
    """The row near the top of which most headings are understood, a name among them; None where there is none.

    Of two equal rows the first counts: what stands below may be an example. Headings may be written over two rows (電話 above 番号): two rows
    are read as one where that makes more of them out than either row alone.
    """
    best: Headings | None = None
    top = rows[: NEAR_THE_TOP + 1]
    for number, row in enumerate(top[:NEAR_THE_TOP], start=1):
        found = _read(number, row)
        if Column.NAME in found.places and (best is None or len(found.places) > len(best.places)):
            best = found
    for number, (above, below) in enumerate(pairwise(top), start=2):
        found = _read(number, _joined(above, below), exactly=True)
        if Column.NAME in found.places and (best is None or len(found.places) > len(best.places)):
            best = found
    return best


def has_headings(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether the rows are a list at all."""
    return find_headings(rows) is not None


def _joined(above: Sequence[Cell], below: Sequence[Cell]) -> list[Cell]:
    """Each column's headings as one; the same word in both rows is one cell merged over them."""
    pairs = ((heading_text(a), heading_text(b)) for a, b in zip_longest(above, below))
    return [a if a == b else f"{a}{b}" for a, b in pairs]


def _read(number: int, row: Sequence[Cell], *, exactly: bool = False) -> Headings:
    """The row as headings; `exactly`: what is merely like a known one means nothing."""
    places: dict[Column, int] = {}
    texts: dict[Column, str] = {}
    sure: dict[Column, float] = {}
    unused: dict[int, str] = {}
    for place, cell in enumerate(row):
        text = heading_text(cell)
        if not text:
            continue
        column, score = meaning(text)
        if column is None or (exactly and score not in (WEAK, 100.0)):
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
    if key in _WEAKER:
        return _WEAKER[key], WEAK
    if len(key) < 4 or key in _OTHER:  # short words are alike by chance
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


def _keys(words: dict[Column, tuple[str, ...]]) -> dict[str, Column]:
    return {heading_key(word): column for column, some in words.items() for word in some}


_KNOWN, _WEAKER = _keys(WORDS), _keys(WEAKER)
_OTHER = frozenset(heading_key(word) for word in OTHER_THINGS)
