"""Which cells of a workbook are formulas: only their last results are read, and a reader has to know that they are such."""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO
from xml.parsers import expat

_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})$")
_ROOT = "_rels/.rels"
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError)
Place = tuple[int, int]  # row and column of a cell, each counted from 0
Attributes = Mapping[str, str]


def formulas_in(data: bytes, sheet: str) -> frozenset[Place]:
    """The places of the sheet's formulas; none where the workbook has none, or is of a kind that does not tell."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            part = _part_of(parts, sheet)
            if part is None or not _holds_one(parts, part):
                return frozenset()
            cells = _Cells()
            with parts.open(part) as file:
                _each(file, cells.begun)
            return frozenset(cells.formulas)
    except (*_DAMAGED, expat.ExpatError):  # what another library reads and this does not: the list is read all the same
        return frozenset()


class _Cells:
    """Formulas as a sheet's elements begin, one after the other. A cell names its place; one that does not stands to the right of the one before it."""

    def __init__(self) -> None:
        self.formulas: list[Place] = []
        self._row = self._column = -1

    def begun(self, tag: str, said: Attributes) -> None:
        if tag == "c":
            met = _PLACE.match(said.get("r", ""))
            if met:
                self._row, self._column = int(met[2]) - 1, _column(met[1])
            else:
                self._column += 1
        elif tag == "f":
            self.formulas.append((self._row, self._column))
        elif tag == "row":
            number = said.get("r", "")
            self._row, self._column = int(number) - 1 if number.isdigit() else self._row + 1, -1


def _part_of(parts: zipfile.ZipFile, sheet: str) -> str | None:
    """The file in the workbook that holds the sheet, by the relations that the workbook's own parts tell (ECMA-376, part 2)."""
    if _ROOT not in parts.namelist():
        return None
    book = next((leads_to for kind, leads_to in _related(parts, _ROOT, "").values() if kind == "officeDocument"), None)
    if book is None:
        return None
    ids: list[str] = []

    def begun(tag: str, said: Attributes) -> None:
        if tag == "sheet" and said.get("name") == sheet:
            ids.extend(value for key, value in said.items() if key.endswith(":id"))

    with parts.open(book) as file:
        _each(file, begun)
    folder, _, name = book.rpartition("/")
    known = _related(parts, posixpath.join(folder, "_rels", f"{name}.rels"), folder)
    return known[ids[0]][1] if ids and ids[0] in known else None


def _related(parts: zipfile.ZipFile, path: str, folder: str) -> dict[str, tuple[str, str]]:
    """Id of each relation -> (the last word of its kind, the part that it leads to)."""
    found: dict[str, tuple[str, str]] = {}

    def begun(tag: str, said: Attributes) -> None:
        if tag == "Relationship":
            leads_to = posixpath.normpath(posixpath.join("/", folder, said.get("Target", "")))
            found[said.get("Id", "")] = (said.get("Type", "").rpartition("/")[2], leads_to.lstrip("/"))

    with parts.open(path) as file:
        _each(file, begun)
    return found


def _each(file: IO[bytes], begun: Callable[[str, Attributes], None]) -> None:
    """Tells of each element as it begins, without its prefix. ValueError for a document type: no workbook has one, and those can explode."""

    def refuse(*_: object) -> None:
        raise ValueError("a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, said: begun(name.rpartition(":")[2], said)
    parser.StartDoctypeDeclHandler = refuse
    parser.ParseFile(file)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _holds_one(parts: zipfile.ZipFile, name: str) -> bool:
    """Looked for before the slower reading, since most lists have none; piece by piece, since a sheet may be large."""
    with parts.open(name) as file:
        before = b""
        while piece := file.read(1 << 20):
            if _FORMULA.search(before + piece):
                return True
            before = piece[-2:]
    return False
