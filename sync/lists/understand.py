"""What a list says: a target a row, or the reason why a row says nothing. Pure; equal files make equal lists."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from models.vocabulary import Target
from sync.lists.cells import CellError, day_in, name_in, place_in, text_in
from sync.lists.date_order import DateOrder
from sync.lists.encodings import UnreadableListError
from sync.lists.formulas import Place
from sync.lists.headings import Column, Headings, find_headings, heading_text
from sync.lists.people import Person, email_in, person
from sync.lists.sheet import Cell, Sheet
from sync.mapping.identity import corporate_number, domain
from sync.mapping.names import name_key, phone_key

NO_RESULT = "a formula that has no result in the file, or an error such as #N/A"
NOBODY = Person()
NAMES_OF_A_PERSON = (Column.CONTACT_NAME, Column.CONTACT_LAST_NAME, Column.CONTACT_FIRST_NAME)
_BELOW_LISTS = re.compile(
    r"(?:(?:総?合計|小計|総計|計|以上|(?:grand |sub)?total|sum)[\s:]*[\d,]*\s*[件社店]?|※.*|[(\[]?注\d*[)\]:].*|(?:note|nb)\s*:.*)$"
)
LONGEST = 255  # characters of a name; a longer one is a note


@dataclass(frozen=True, slots=True)
class ListRow:
    """One target on the list. `number` is the row as the file shows it; `partner` what the row itself says, where the file has such a column."""

    number: int
    target: Target
    listed_on: date | None
    partner: str = ""
    person: Person = NOBODY


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out, and why: column and reason, without the value."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class AttackList:
    """A file as it was understood. `notes` are values that were left empty while their rows count; `same_as` rows that stand there twice.

    `reckoned` are rows whose name is what a formula gave when the file was last saved; `beside` sheets that hold a list and were not read.
    """

    where: str
    headings: Headings
    rows: tuple[ListRow, ...]
    bad: tuple[BadRow, ...]
    notes: tuple[BadRow, ...]
    same_as: dict[int, int]
    reckoned: tuple[int, ...] = ()
    beside: tuple[str, ...] = ()


def understand(sheet: Sheet, name: str, dates: DateOrder | None = None) -> AttackList:
    """The list in the sheet; `dates` is the order of days such as 04/01/2026. UnreadableListError where no row of headings can be found, or where no row holds a target."""
    headings = find_headings(sheet.rows)
    if headings is None:
        raise UnreadableListError(
            f"{name}, {sheet.where}, has no row of headings with a company's name among its first rows; name a column 会社名 or company"
            + (f", or say which sheet is meant: --sheet {sheet.beside[0]!r}." if sheet.beside else ".")
        )
    rows: list[ListRow] = []
    bad: list[BadRow] = []
    notes: list[BadRow] = []
    named = headings.places[Column.NAME]
    last = max(
        (row + 1 for row, place in sheet.formulas if place == named), default=0
    )  # may stand below all that has a value
    below = [*sheet.rows[headings.row :], *([[]] * (last - max(len(sheet.rows), headings.row)))]
    for number, cells in enumerate(below, start=headings.row + 1):
        blank = all(cell is None or not str(cell).strip() for cell in cells)
        if (blank and (number - 1, named) not in sheet.formulas) or _repeats_headings(cells, headings):
            continue
        try:
            row, left_empty = _row(_Reader(number, cells, headings, sheet.formulas), dates)
        except CellError as e:
            bad.append(BadRow(number, str(e)))
            continue
        rows.append(row)
        notes += left_empty
    if not rows and not bad:
        raise UnreadableListError(
            f"{name} has headings in row {headings.row} and nothing below them; give the list with its rows."
        )
    kept, same_as = _once(rows)
    reckoned = tuple(row.number for row in kept if (row.number - 1, named) in sheet.formulas)
    return AttackList(sheet.where, headings, tuple(kept), tuple(bad), tuple(notes), same_as, reckoned, sheet.beside)


def _row(read: "_Reader", dates: DateOrder | None) -> tuple[ListRow, list[BadRow]]:
    """(the row, what of it could not be read). CellError where it names no company or its date is none."""
    headings = read.headings
    read.require_result(Column.NAME)
    name = name_in(read.cell(Column.NAME))
    if not name:
        raise CellError(f"{headings.texts[Column.NAME]}: there is no name")
    if len(name) > LONGEST:
        raise CellError(f"{headings.texts[Column.NAME]}: longer than {LONGEST} characters, so no name")
    if not name_key(name):
        raise CellError(f"{headings.texts[Column.NAME]}: no name is left without the legal form and marks")
    if _is_formula(name):
        raise CellError(f"{headings.texts[Column.NAME]}: a formula, not a name")
    read.require_result(Column.LISTED_ON)
    try:
        listed_on = day_in(read.cell(Column.LISTED_ON), dates)
    except CellError as e:
        raise CellError(f"{headings.texts[Column.LISTED_ON]}: {e}") from e
    prefecture, city = place_in(read.text(Column.ADDRESS))
    target = Target(
        name=name,
        corporate_number=read.checked(
            Column.CORPORATE_NUMBER, corporate_number, "the check digit is wrong, or it has not 13 digits"
        ),
        domain=read.checked(Column.DOMAIN, domain, "no company's own web address"),
        phone=read.checked(Column.PHONE, _phone, "no telephone number"),
        prefecture=read.text(Column.PREFECTURE) or prefecture,
        city=read.text(Column.CITY) or city,
    )
    if _is_no_company(name) and not any((target.corporate_number, target.domain, target.phone, target.prefecture)):
        raise CellError(f"{headings.texts[Column.NAME]}: a sum, or a note about the list, not a name")
    whole, last, first = (
        read.checked(column, _no_formula, "a formula, not a name") or "" for column in NAMES_OF_A_PERSON
    )
    who = person(
        whole,
        last,
        first,
        read.checked(Column.CONTACT_EMAIL, email_in, "no e-mail address"),
        read.checked(Column.CONTACT_TITLE, _no_formula, "a formula, not a title") or "",
    )
    return ListRow(read.number, target, listed_on, name_in(read.cell(Column.PARTNER)), who), read.left_empty


class _Reader:
    """The cells of one row by what they mean."""

    def __init__(self, number: int, cells: Sequence[Cell], headings: Headings, formulas: frozenset[Place]) -> None:
        self.number = number
        self.headings = headings
        self._cells = cells
        self._formulas = formulas
        self.left_empty: list[BadRow] = []

    def require_result(self, column: Column) -> None:
        """CellError where the cell is a formula that says nothing."""
        if self._says_nothing(column):
            raise CellError(f"{self.headings.texts[column]}: {NO_RESULT}; open the file in Excel, mend and save it")

    def _says_nothing(self, column: Column) -> bool:
        return (self.number - 1, self.headings.places.get(column)) in self._formulas and not text_in(self.cell(column))

    def cell(self, column: Column) -> Cell:
        place = self.headings.places.get(column)
        return self._cells[place] if place is not None and place < len(self._cells) else None

    def text(self, column: Column) -> str:
        return text_in(self.cell(column))[:LONGEST]

    def checked(self, column: Column, form: Callable[[str], str | None], otherwise: str) -> str | None:
        """The value in its one form; where it has none the row still counts, and it is said."""
        text = self.text(column)
        if self._says_nothing(column):
            self.left_empty.append(BadRow(self.number, f"{self.headings.texts[column]}: {NO_RESULT}; left empty"))
        if not text or text in {"-", "ー", "なし", "n/a", "N/A", "#N/A"}:
            return None
        found = form(text)
        if found is None:
            self.left_empty.append(BadRow(self.number, f"{self.headings.texts[column]}: {otherwise}; left empty"))
        return found


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet into which the CRM's records are exported would reckon with it."""
    return text[:1] in ("=", "@") or (text[:1] in ("+", "-") and any(c in text for c in "(|!"))


def _is_no_company(name: str) -> bool:
    """Whether it is what stands below lists: 合計, 以上, ※..., Total."""
    return _BELOW_LISTS.match(text_in(name).casefold()) is not None


def _no_formula(text: str) -> str | None:
    return None if _is_formula(text) else text


def _phone(text: str) -> str | None:
    """As written, where it is a telephone number: a leading 0 that a spreadsheet dropped is put back."""
    bare = f"0{text}" if text.isdigit() and not text.startswith("0") and len(text) in {9, 10} else text
    return bare if phone_key(bare) else None


def _repeats_headings(cells: Sequence[Cell], headings: Headings) -> bool:
    """Printed lists repeat their headings on each page."""
    named = headings.places[Column.NAME]
    if named >= len(cells) or heading_text(cells[named]) not in headings.texts.values():
        return False  # as of nearly every row is told by one cell
    told = [heading_text(cells[place]) for place in headings.places.values() if place < len(cells)]
    return len(told) > 1 and Counter(told) == Counter(headings.texts.values())


def _once(rows: Sequence[ListRow]) -> tuple[list[ListRow], dict[int, int]]:
    """(each target once, its first row; further row -> the row it repeats)."""
    first: dict[tuple[str, ...], int] = {}
    kept: list[ListRow] = []
    same_as: dict[int, int] = {}
    for row in rows:
        key = (name_key(row.partner), *target_key(row.target))
        if key in first:
            same_as[row.number] = first[key]
        else:
            first[key] = row.number
            kept.append(row)
    return kept, same_as


def target_key(target: Target) -> tuple[str, ...]:
    """What makes two rows of one list the same target: the strongest mark that a row has, or its name with what tells branches apart."""
    if target.corporate_number:
        return ("number", target.corporate_number, name_key(target.name))
    if target.domain:
        return ("domain", target.domain, name_key(target.name))
    return ("name", name_key(target.name), phone_key(target.phone) or "", target.prefecture or "", target.city or "")
