"""A workbook whose wanted sheet is whole, and another one damaged."""

import io
import struct
import zipfile

from openpyxl import Workbook

from sync.lists.sheet import read_sheet


def _damaged(data: bytes, part: str) -> bytes:
    """The same with one part's packed bytes overwritten."""
    at = zipfile.ZipFile(io.BytesIO(data)).getinfo(part)
    name, extra = struct.unpack_from("<HH", data, at.header_offset + 26)
    begun = at.header_offset + 30 + name + extra
    return data[:begun] + b"\xff" * at.compress_size + data[begun + at.compress_size :]


def test_a_damaged_sheet_beside_the_wanted_one_does_not_stop_its_reading(tmp_path):
    book = Workbook()
    book.active.title = "list"
    book.active.append(["company"])
    book.active.append(["Acme"])
    book.create_sheet("other").append(["note"])
    written = io.BytesIO()
    book.save(written)
    path = tmp_path / "list.xlsx"
    path.write_bytes(_damaged(written.getvalue(), "xl/worksheets/sheet2.xml"))
    assert read_sheet(path, "list").rows == [["company"], ["Acme"]]
