"""Values of a list's cells: dates as partners write them, and texts without what spreadsheets add to them."""

import re
import unicodedata
from datetime import date, datetime, timedelta

from sync.lists.date_order import DateOrder
from sync.lists.sheet import Cell

# The first day of each era (内閣官房, 元号); the era of a date is the last that began before it.
ERAS = {"明治": 1868, "大正": 1912, "昭和": 1926, "平成": 1989, "令和": 2019}
_LETTERS = {
    "m": "明治",
    "t": "大正",
    "s": "昭和",
    "h": "平成",
    "r": "令和",
    "㍾": "明治",
    "㍽": "大正",
    "㍼": "昭和",
    "㍻": "平成",
    "㋿": "令和",
}
_ERA = re.compile(rf"^({'|'.join(ERAS)}|[mtshr])\.?(元|\d{{1,2}})[年./-](\d{{1,2}})[月./-](\d{{1,2}})日?$")
_DAY = re.compile(r"^(\d{4})[年./-](\d{1,2})[月./-](\d{1,2})日?(?:[t ].*)?$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_SHORT = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?:,? +\d{1,2}:.*)?$")  # a time of the day may follow
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = re.compile(
    rf"^(?:[a-z]+, )?(?:(?P<m>{'|'.join(_MONTHS)})[a-z]*\.?[ -](?P<d>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?[ -](?P<m2>{'|'.join(_MONTHS)})[a-z]*\.?),?[ -](?P<y>\d{{4}})(?:,? .*)?$"
)
_SERIAL = re.compile(r"^\d{4,5}(?:\.\d+)?$")
_EPOCH = date(1899, 12, 30)  # Excel's day 0, its 29 February 1900 left out
_OLDEST, _NEWEST = date(2000, 1, 1), date(2100, 1, 1)
_PREFECTURES = (
    "北海道",
    "青森県",
    "岩手県",
    "宮城県",
    "秋田県",
    "山形県",
    "福島県",
    "茨城県",
    "栃木県",
    "群馬県",
    "埼玉県",
    "千葉県",
    "東京都",
    "神奈川県",
    "新潟県",
    "富山県",
    "石川県",
    "福井県",
    "山梨県",
    "長野県",
    "岐阜県",
    "静岡県",
    "愛知県",
    "三重県",
    "滋賀県",
    "京都府",
    "大阪府",
    "兵庫県",
    "奈良県",
    "和歌山県",
    "鳥取県",
    "島根県",
    "岡山県",
    "広島県",
    "山口県",
    "徳島県",
    "香川県",
    "愛媛県",
    "高知県",
    "福岡県",
    "佐賀県",
    "長崎県",
    "熊本県",
    "大分県",
    "宮崎県",
    "鹿児島県",
    "沖縄県",
)
# cities in whose names stand the letters that usually end a city, a county or a town
_ODD_CITIES = "大和郡山市|郡山市|郡上市|蒲郡市|小郡市|四日市市|廿日市市|野々市市|市川市|市原市|東村山市|武蔵村山市|羽村市|田村市|村山市|村上市|大村市|町田市|大町市|十日町市"
_CITY = re.compile(rf"^({_ODD_CITIES}|.+?郡.+?[町村]|[^区町村]+?市[^市町村]{{1,4}}区|.+?[市区町村])")


class CellError(ValueError):
    """A value that says nothing; the message is the reason, in a few words, without the value itself."""


def text_in(cell: Cell) -> str:
    """The cell as one line of text: full-width letters and digits made plain, line ends and controls made blanks."""
    if cell is None or isinstance(cell, bool):
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    plain = unicodedata.normalize("NFKC", str(cell))
    if not plain.isprintable():  # which most are: nothing of the categories below, looked for at once
        plain = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in plain)
    return " ".join(plain.split())


def name_in(cell: Cell) -> str:
    """A company's name, kept as written but for line ends and the apostrophe by which Excel says that a cell is text."""
    if cell is None or isinstance(cell, bool):
        return ""
    kept = str(cell)
    if not kept.isprintable():
        kept = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in kept)
    return " ".join(kept.split()).removeprefix("'")


def day_in(cell: Cell, order: DateOrder | None = None) -> date | None:
    """The day: a date, 2026-04-01, 2026/4/1, 2026年4月1日, 20260401, 令和8年4月1日, R8.4.1, 令和元年5月1日, April 1, 2026, or Excel's number of a day.

    04/01/2026 is read in the order that was said. None where the cell is empty. CellError where it is no day between 2000 and 2100.
    """
    if isinstance(cell, datetime):
        return _within(cell.date())
    if isinstance(cell, date):
        return _within(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _of_number(float(cell))
    text = text_in(cell).casefold()
    if not text:
        return None
    for sign, era in _LETTERS.items():
        if len(sign) == 1 and not sign.isascii():
            text = text.replace(sign, era)
    if found := _ERA.match(text.replace(" ", "")):
        era = _LETTERS.get(found[1], found[1])
        return _made(ERAS[era] + (1 if found[2] == "元" else int(found[2])) - 1, int(found[3]), int(found[4]))
    if found := _DAY.match(text) or _COMPACT.match(text):
        return _made(int(found[1]), int(found[2]), int(found[3]))
    if found := _NAMED.match(text):
        month = _MONTHS.index(found["m"] or found["m2"]) + 1
        return _made(int(found["y"]), month, int(found["d"] or found["d2"]))
    if found := _SHORT.match(text):
        return _in_order([int(part) for part in found.groups()], order)
    if _SERIAL.match(text):
        return _of_number(float(text))
    raise CellError("the date is not understood; write it as 2026-04-01")


def place_in(address: str) -> tuple[str | None, str | None]:
    """(prefecture, city) that an address begins with, each None where it does not."""
    plain = re.sub(r"^〒?\s*\d{3}-?\d{4}\s*", "", text_in(address)).replace(" ", "")
    prefecture = next((p for p in _PREFECTURES if plain.startswith(p)), None)
    rest = plain.removeprefix(prefecture or "")
    found = _CITY.match(rest)
    return prefecture, found[1] if found else None


def _of_number(number: float) -> date:
    """Excel's number of a day, or 20260401 written as a number."""
    if 20000101 <= number < 21000101 and number.is_integer():
        return day_in(str(int(number))) or _EPOCH
    if not 0 < number < 100_000:
        raise CellError("the date is a number that is no day; write it as 2026-04-01")
    return _within(_EPOCH + timedelta(days=int(number)))


def _in_order(parts: list[int], order: DateOrder | None) -> date:
    """A day written with its year last."""
    if order is None:
        raise CellError(
            "nobody can tell month and day apart; say how the file writes them: --dates mdy (04/01 is the 1st of April) or --dates dmy"
        )
    month, day = parts[:2] if order is DateOrder.MDY else parts[1::-1]
    year = parts[2] if parts[2] >= 100 else 2000 + parts[2]
    try:
        return _made(year, month, day)
    except CellError as e:
        raise CellError(f"{e}, as --dates {order} reads it") from e


def _made(year: int, month: int, day: int) -> date:
    try:
        return _within(date(year, month, day))
    except ValueError as e:
        if isinstance(e, CellError):
            raise
        raise CellError("there is no such day in the calendar") from e


def _within(day: date) -> date:
    if not _OLDEST <= day < _NEWEST:
        raise CellError("the day lies before 2000 or after 2099")
    return day
