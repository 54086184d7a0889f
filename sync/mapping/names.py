"""Names, telephone numbers and places of companies, in the one form in which two spellings of the same thing are equal.

Two forms of a name: `name_key` takes away what says nothing about which company it is (width, case, blanks, the legal form), and
may join records together with a telephone number or a place; `loose_key` also takes kana and long vowels for the same, and only
ever leads to a suggestion.
"""

import re
import unicodedata
from functools import lru_cache

import jaconv
import phonenumbers

_FORMS = (
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "相互会社",
    "一般社団法人",
    "一般財団法人",
    "公益社団法人",
    "公益財団法人",
    "社会福祉法人",
    "特定非営利活動法人",
    "医療法人社団",
    "医療法人財団",
    "医療法人",
    "学校法人",
    "宗教法人",
    "税理士法人",
    "弁護士法人",
    "司法書士法人",
    "社会保険労務士法人",
    "農事組合法人",
    "協同組合",
)
_SHORT = "株|有|同|資|名|相|一社|一財|公社|公財|福|特非|医|学|宗|税|弁"
# the kana that banks write: before the name カ), behind it (カ
_KANA = "カ|ユ|ド|シ|メ"
_LATIN = (
    r"(?:co\.?,? ?ltd|company,? limited|k\.?k|inc|incorporated|llc|l\.l\.c|ltd|limited|corp|corporation|g\.?k|y\.?k)"
)
_LEGAL = re.compile(
    rf"{'|'.join(_FORMS)}|\((?:{_SHORT})\)|^(?:{_KANA})\)|\((?:{_KANA})\)?$|[,\s]+{_LATIN}\.?(?=$|\s)|^k\.?k\.?\s+"
)
_DIGITS = re.compile(r"\d+")
_PREFECTURE = re.compile(r"^(?P<plain>.{2,3})[都府県]$")


@lru_cache(maxsize=65536)
def name_key(name: str | None) -> str:
    """The name without its legal form, blanks and punctuation, after NFKC (㈱, full-width letters, half-width kana) and in small letters.

    Empty where nothing is left, as of a name that is only a legal form: such a name tells no company from another.
    """
    if not name:
        return ""
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    while (bare := _LEGAL.sub(" ", plain).strip()) != plain:
        plain = bare
    return plain if plain.isalnum() else "".join(c for c in plain if unicodedata.category(c)[0] in "LNM")


@lru_cache(maxsize=65536)
def loose_key(name: str | None) -> str:
    """`name_key` with hiragana as katakana, and without long vowels: サーバー is サーバ, ひかり is ヒカリ."""
    return jaconv.hira2kata(name_key(name)).replace("ー", "")


def numbers_in(key: str) -> tuple[str, ...]:
    """The numbers in a name: 第2 and 第3 are two shops, however alike the rest is."""
    return tuple(_DIGITS.findall(key))


@lru_cache(maxsize=65536)
def phone_key(text: str | None, region: str = "JP") -> str | None:
    """The number as +81 and nine digits more, or None where it is no telephone number. An extension is no part of it."""
    if not text:
        return None
    try:
        parsed = phonenumbers.parse(unicodedata.normalize("NFKC", text).replace("内線", " ext "), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    parsed.extension = None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def place_key(prefecture: str | None, city: str | None) -> str | None:
    """Prefecture and city without blanks, 東京 as 東京都; None where one of them is not known."""
    one, other = (
        re.sub(r"\s", "", unicodedata.normalize("NFKC", part or "")).casefold() for part in (prefecture, city)
    )
    if not (one and other):
        return None
    if found := _PREFECTURE.match(one):
        one = found["plain"]
    return f"{one} {other}"
