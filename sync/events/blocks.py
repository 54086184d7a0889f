"""Rows that leave PostgreSQL put together: a message for thousands of rows, since Python's cost is a message.

A query groups its rows by what few of them differ in, and sends for each group the ids as one text and every other column as one array,
which numpy takes whole. PostgreSQL scans, joins and puts together in parallel, where it has processors to spare.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

# In the binary form an array of one dimension begins with its dimensions, whether one value is null, the type, length and first index;
# then each value after its length. No value may be null, which has no width.
_HEADER = 20
_NUMBERS = {width: np.dtype([("length", ">i4"), ("value", f">i{width}")]) for width in (1, 4, 8)}


def blocks(cursor: "psycopg.Cursor[Any]", query: str, given: Any, columns: int) -> list[tuple[bytes, ...]]:
    """What a query of groups sends, each column as the bytes of its binary form."""
    cursor.execute("set local work_mem = '256MB'")  # millions of rows are grouped in memory rather than on disk
    with cursor.copy(f"copy ({query}) to stdout (format binary)", given) as copy:
        copy.set_types(["bytea"] * columns)
        return list(copy.rows())


def numbers(sent: list[bytes], width: int = 4) -> npt.NDArray[np.int64]:
    """The values of arrays of whole numbers (or of dates; or, of width 1, of truth), one behind the other."""
    if not sent:
        return np.zeros(0, np.int64)
    whole = b"".join([array[_HEADER:] for array in sent])
    return np.frombuffer(whole, _NUMBERS[width])["value"].astype(np.int64)


def counts(sent: list[bytes], width: int = 4) -> list[int]:
    """How many values each of the arrays holds."""
    return [(len(array) - _HEADER) // _NUMBERS[width].itemsize for array in sent]
