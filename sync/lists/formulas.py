"""Which cells of a workbook are formulas: only their last results are read, and a reader has to know that they are such."""

import io
import re
import zipfile
import zlib

_FORMULA = re.compile(rb"<f[ >/]")
Place = tuple[int, int]  # row and column of a cell, each counted from 0


def formulas_in(data: bytes, sheet: str) -> frozenset[Place]:
    """The places of the sheet's formulas; none where the workbook has none, or is of a kind that does not tell."""
    if not _has_any(data):
        return frozenset()
    from openpyxl import load_workbook  # slow to import, and most lists have no formula

    try:
        book = load_workbook(io.BytesIO(data), read_only=True)
        return frozenset(
            (cell.row - 1, cell.column - 1)
            for row in book[sheet].iter_rows()
            for cell in row
            if cell.data_type == "f" and cell.row is not None and cell.column is not None
        )
    except Exception:  # noqa: BLE001  (what another library reads and this one does not: the list is read all the same)
        return frozenset()


def _has_any(data: bytes) -> bool:
    """Looked for before the slower reading; most lists have none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            names = [n for n in parts.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
            return any(_holds_one(parts, name) for name in names)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError):
        return False


def _holds_one(parts: zipfile.ZipFile, name: str) -> bool:
    """Piece by piece, since a sheet may be large."""
    with parts.open(name) as file:
        before = b""
        while piece := file.read(1 << 20):
            if _FORMULA.search(before + piece):
                return True
            before = piece[-2:]
    return False
