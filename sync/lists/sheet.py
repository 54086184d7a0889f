"""An Excel or CSV file as rows of cells. What cannot be read is refused with one sentence, before anything is kept."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from sync.lists.encodings import UnreadableListError, decoded
from sync.lists.formulas import Place, formulas_in

Cell = str | int | float | bool | date | datetime | None
EXCEL = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
TEXT = frozenset({".csv", ".tsv", ".txt"})
LARGEST = 64 << 20  # bytes of a file, or unpacked of a workbook: an attack list is a few hundred kilobytes
MOST_ROWS = 200_000
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # begins .xls, and every Office file that is encrypted


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows as in the file, empty ones included: row 1 is `rows[0]`. `where` says how it was read, such as `sheet 一覧` or `CP932`.

    `formulas` are the places, row and column counted from 0, whose value is what a formula gave last. `beside` are the workbook's other
    sheets that hold a list. `file_hash` is the SHA-256 of the very bytes that the rows were read from.
    """

    rows: list[list[Cell]]
    where: str
    formulas: frozenset[Place] = frozenset()
    beside: tuple[str, ...] = ()
    file_hash: str = ""


IsList = Callable[[Sequence[Sequence[Cell]]], bool]


def read_sheet(
    path: Path, sheet: str | None = None, encoding: str | None = None, is_list: IsList = lambda _rows: True
) -> Sheet:
    """The file's rows; of a workbook the sheet asked for, or the first that shows and is a list, or the first with anything in it.

    `encoding` is that of a text, such as cp1252, where a person says it. `is_list` tells whether rows are a list at all: a cover sheet is
    none. The file is read once, so that somebody who saves it meanwhile changes nothing. Raises UnreadableListError.
    """
    data = _bytes_of(path)
    if not data.strip():
        raise UnreadableListError(f"{path.name} is empty; give a list with a row of headings.")
    kind = path.suffix.lower()
    if kind not in EXCEL | TEXT:
        raise UnreadableListError(f"{path.name} is neither Excel nor CSV by its name; save it as .xlsx or .csv.")
    looks_like_excel = data[:4] == b"PK\x03\x04" or data.startswith(_OLD_OFFICE)
    if kind in TEXT and looks_like_excel:
        raise UnreadableListError(f"{path.name} holds a workbook, not text; rename it to .xlsx, or save it as CSV.")
    if kind in EXCEL and not looks_like_excel:
        raise UnreadableListError(
            f"{path.name} is no workbook in spite of its name; save it as .xlsx, or name it .csv if it is text."
        )
    found = _of_text(path.name, data, kind, encoding) if kind in TEXT else _of_workbook(path.name, data, sheet, is_list)
    if len(found.rows) > MOST_ROWS:
        raise UnreadableListError(f"{path.name} has more than {MOST_ROWS:,} rows; split it, or give the list alone.")
    return replace(found, file_hash=hashlib.sha256(data).hexdigest())


def _bytes_of(path: Path) -> bytes:
    """All of the file, or the refusal of one that is too large: no more than that is ever held."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
            size = file.seek(0, io.SEEK_END) if len(data) > LARGEST and file.seekable() else len(data)
    except FileNotFoundError as e:
        raise UnreadableListError(f"There is no file {path}.") from e
    except OSError as e:
        raise UnreadableListError(f"{path} cannot be read ({e.strerror}); give a file that you may read.") from e
    if size > LARGEST:
        raise UnreadableListError(
            f"{path.name} has {size >> 20} MB, more than the {LARGEST >> 20} MB of any list; give the list alone."
        )
    return data


def _of_text(name: str, data: bytes, kind: str, encoding: str | None) -> Sheet:
    text, encoding = decoded(name, data, encoding)
    delimiter = "\t" if kind == ".tsv" else _delimiter(text)
    text = text.replace("\x00", "\ufffd")  # a NUL stands in no list, and the rows around it are still rows
    if '"' in text and (line := _unclosed(text, delimiter)):
        raise UnreadableListError(
            f"{name}: the quote that opens in line {line} is not closed where its cell ends, so that rows would run into each other; "
            "mend that line, or save the list as CSV once more."
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows: list[list[Cell]] = [list(row) for row in islice(reader, MOST_ROWS + 1)]
    except csv.Error as e:
        raise UnreadableListError(f"{name} is no CSV from line {reader.line_num} on: {e}; save it again as CSV.") from e
    return Sheet(rows, encoding)


def _unclosed(text: str, delimiter: str) -> int | None:
    """The line where a cell begins whose quote is closed in another row's place, or never. `5" pipe` and `"a" b` harm no other row."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begun = reader.line_num + 1
        try:
            next(reader)
        except StopIteration:
            return None
        except csv.Error as e:
            if "limit" not in str(e) and ("end of data" in str(e) or reader.line_num > begun):
                return begun


def _delimiter(text: str) -> str:
    """The one that stands most often in the lines near the top: a title or a note has none of them."""
    head = text.splitlines()[:30]
    return max(",\t;", key=lambda mark: sum(line.count(mark) for line in head))


def _of_workbook(name: str, data: bytes, wanted: str | None, is_list: IsList) -> Sheet:
    _refuse_bombs(name, data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        if wanted is not None and wanted not in book.sheet_names:
            raise UnreadableListError(f"{name} has no sheet {wanted!r}; it has {', '.join(book.sheet_names)}.")
        filled = {
            one: rows for one, rows in _sheets(book, wanted) if any(c not in (None, "") for row in rows for c in row)
        }
    except PasswordError as e:
        raise UnreadableListError(f"{name} is protected by a password; save it without one, and try again.") from e
    except CalamineError as e:
        if data.startswith(_OLD_OFFICE):
            raise UnreadableListError(
                f"{name} is encrypted, or damaged; open it, save it as .xlsx without a password, and try again."
            ) from e
        raise UnreadableListError(
            f"{name} is damaged: no sheet can be read from it; open it and save it again as .xlsx."
        ) from e
    lists = [one for one, rows in filled.items() if is_list(rows)]
    shown = _shown(book)
    chosen = wanted if wanted in filled else next((one for one in (*lists, *filled) if one in shown or not shown), None)
    if chosen is None:
        raise UnreadableListError(
            f"{name} has no sheet with anything in it; give a list with a row of headings."
            if not lists
            else f"{name} holds its list in a hidden sheet alone; give --sheet {lists[0]!r} where that one is meant."
        )
    beside = tuple(one for one in lists if one != chosen)
    return Sheet(filled[chosen], f"sheet {chosen}", formulas_in(data, chosen), beside)


def _shown(book: CalamineWorkbook) -> list[str]:
    """The sheets that are tables, and not hidden."""
    return [
        m.name for m in book.sheets_metadata if "work" in str(m.typ).lower() and "hidden" not in str(m.visible).lower()
    ]


def _sheets(book: CalamineWorkbook, wanted: str | None) -> Iterator[tuple[str, list[list[Cell]]]]:
    """(name, rows) of the sheet that is wanted, or of all tables in the order of the workbook."""
    tables = [m.name for m in book.sheets_metadata if "work" in str(m.typ).lower()] or book.sheet_names
    for one in [wanted] if wanted is not None else tables:
        yield one, _rows(book.get_sheet_by_name(one))


def _refuse_bombs(name: str, data: bytes) -> None:
    if not data.startswith(b"PK"):
        return
    try:
        unpacked = sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as e:
        raise UnreadableListError(
            f"{name} is damaged: no sheet can be read from it; open it and save it again as .xlsx."
        ) from e
    if unpacked > 8 * LARGEST:
        raise UnreadableListError(f"{name} unpacks to {unpacked >> 20} MB, more than any list; give the list alone.")


def _rows(sheet: CalamineSheet) -> list[list[Cell]]:
    rows = [[_cell(value) for value in row] for row in islice(sheet.iter_rows(), MOST_ROWS + 1)]
    _fill_merged(rows, sheet.merged_cell_ranges or ())
    return rows


def _fill_merged(rows: list[list[Cell]], ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    """A value over several rows is meant for each of them. Over several columns it is one value: a title, not a row of headings."""
    for (top, left), (bottom, _) in ranges:
        if top < len(rows) and left < len(rows[top]):
            for row in rows[top + 1 : bottom + 1]:
                row += [None] * (left + 1 - len(row))
                row[left] = rows[top][left]


def _cell(value: object) -> Cell:
    if isinstance(value, time | timedelta):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value  # type: ignore[return-value]
