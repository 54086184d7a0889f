"""Records as lines for COPY in its text format, each with a hash by which an unchanged row is known again.

Lines are made column by column: what goes through a column in C costs a third of a loop of ours over its values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter, itemgetter

import numpy as np
from xxhash import xxh3_64_intdigest

from sync.described import FieldType
from sync.mirror.shapes import SHAPES, odd
from sync.mirror.text import storable
from sync.records import CrmRecord
from sync.writes import Value

Columns = Mapping[str, tuple[str, FieldType]]
"""API name → (column, its kind), in the order of the cells."""
Row = tuple[str | None, ...]
Escaped = tuple[str, str, str, str]
"""A value that had to be changed to be stored at all: record, field, cause, text."""
# a row's state behind its values; the two columns that say when it was stored are left to their defaults, which the session sets
STATE = ("_version", "_deleted", "_merged_into")
NULL = "\\N"
_AT_ONCE = 1000  # records: what works on a whole column lets no other thread have its turn meanwhile
_CARE = b"\t\n\\\r\0"  # what COPY reads otherwise than as itself, or not at all
_NO_CARE = bytes(set(range(256)) - set(_CARE))
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_WORDS = {True: "true", False: "false"}
_EXACT = float(1 << 33)  # seconds from 1970, to the year 2242: so far a float tells microseconds apart
_BIGINT = 1 << 63  # PostgreSQL's bigint has a sign


@dataclass(frozen=True, slots=True)
class Lines:
    """One line a record, in their order: the values, the state, then the hash.

    `hashes` has None where a value had to be changed to be stored at all: such a row is compared by its values. `odd` tells whether
    PostgreSQL would take some text for a number or a time that is none.
    """

    lines: list[bytes]
    hashes: list[int | None]
    escaped: list[Escaped]
    odd: bool

    def block(self) -> bytes:
        """All lines as one piece."""
        return b"".join(self.lines)


def lines_of(columns: Columns, records: Sequence[CrmRecord]) -> Lines:
    """The records' lines."""
    seed = _layout(columns)
    lines: list[bytes] = []
    hashes: list[int | None] = []
    escaped: list[Escaped] = []
    is_odd = False
    for start in range(0, len(records), _AT_ONCE):
        some = records[start : start + _AT_ONCE]
        values = _by_column(columns, some)
        kinds = (kind for _, kind in columns.values())
        is_odd = is_odd or any(odd(k, v) for k, v in zip(kinds, values, strict=True) if k in SHAPES)
        plain, changed = _plain(columns, some, values, escaped)
        hashed = [xxh3_64_intdigest(line, seed) - _BIGINT for line in plain]
        lines += [b"%b\t%d\n" % pair for pair in zip(plain, hashed, strict=True)]
        hashes += hashed
        for i in changed:
            hashes[start + i] = None
            lines[start + i] = plain[i] + b"\t\\N\n"
    return Lines(lines, hashes, escaped, is_odd)


def texts(columns: Columns, records: Iterable[CrmRecord], escaped: list[Escaped]) -> Iterator[Row]:
    """Each record value by value, its state behind; `escaped` hears of what had to be changed."""
    for record in records:
        values: list[str | None] = [record.id]
        for name, (_, kind) in columns.items():
            value = record.values.get(name)
            text, changed = storable(None if value == "" and kind is not FieldType.TEXT else value)
            if changed and text is not None:
                escaped.append((record.id, name, "it holds a NUL or a lone surrogate; kept escaped", text))
            values.append(text)
        yield (*values, *_stamps([record.version]), "t" if record.deleted else "f", record.merged_into)


def _layout(columns: Columns) -> int:
    """The hash speaks of these columns: where others are wanted, a row is compared anew."""
    return xxh3_64_intdigest(repr([(name, column, kind.value) for name, (column, kind) in columns.items()]).encode())


def _by_column(columns: Columns, records: Sequence[CrmRecord]) -> list[Sequence[Value]]:
    """The values of each column; an empty text that is none of a text column is no value."""
    names = list(columns)
    values = [r.values for r in records]
    if len(names) < 2:
        found: list[Sequence[Value]] = [[v.get(n) for v in values] for n in names]
    else:
        try:
            found = list(zip(*map(itemgetter(*names), values), strict=True))
        except KeyError:  # a record without some value
            found = [[v.get(n) for v in values] for n in names]
    for at, (_, kind) in enumerate(columns.values()):
        if kind is not FieldType.TEXT and "" in found[at]:
            found[at] = [None if v == "" else v for v in found[at]]
    return found


def _plain(
    columns: Columns, records: Sequence[CrmRecord], values: list[Sequence[Value]], escaped: list[Escaped]
) -> tuple[list[bytes], list[int]]:
    """(lines without their hash, the places of those in which some value had to be changed)."""
    merged = [r.merged_into for r in records]
    cells: list[Iterable[str]] = [map(attrgetter("id"), records), *map(_cells, values)]
    cells.append(_stamps([r.version for r in records]))
    cells.append(["t" if r.deleted else "f" for r in records])
    cells.append([NULL if m is None else m for m in merged])
    lines = list(map("\t".join, zip(*cells, strict=True)))
    nulls = sum(v.count(None) for v in values) + merged.count(None)
    tabs = len(columns) + len(STATE)
    changed: list[int] = []
    # whether any value needs care is seen by counting: what is not ours would be one too many
    if not _as_counted(block := _encoded("\n".join(lines)), (tabs * len(lines), len(lines) - 1, nulls, 0, 0)):
        for i, record in enumerate(records):
            none = sum(v[i] is None for v in values) + (merged[i] is None)
            if not _as_counted(_encoded(lines[i]), (tabs, 0, none, 0, 0)):
                told = len(escaped)
                (row,) = texts(columns, [record], escaped)
                lines[i] = "\t".join(NULL if cell is None else cell.translate(_ESCAPES) for cell in row)
                changed += [i] if len(escaped) > told else []
        block = "\n".join(lines).encode()
    assert block is not None
    return block.split(b"\n"), changed


def _as_counted(text: bytes | None, counts: tuple[int, ...]) -> bool:
    """Whether of what needs care there are as many as these, in the order of `_CARE`."""
    if text is None:
        return False
    left = text.translate(None, _NO_CARE)
    return all(left.count(c) == n for c, n in zip(_CARE, counts, strict=True))


def _encoded(text: str) -> bytes | None:
    """None where it holds what no text column can."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _cells(column: Sequence[Value]) -> Iterable[str]:
    """Values as `storable` writes them, so that a row is the same however it came."""
    kinds = set(map(type, column))
    if kinds == {str}:
        return column  # type: ignore[return-value]
    if kinds == {bool}:
        return [_WORDS[v] for v in column]  # type: ignore[index]
    return [v if type(v) is str else NULL if v is None else storable(v)[0] or "" for v in column]


def _stamps(versions: Sequence[datetime]) -> Iterable[str]:
    """Times for COPY, to the microsecond, in UTC. By numpy, since `isoformat` asks the zone of each for its offset."""
    seconds = np.array([v.timestamp() for v in versions])
    if not (np.abs(seconds) < _EXACT).all():
        return [v.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") for v in versions]
    moments = np.rint(seconds * 1e6).astype(np.int64).view("datetime64[us]")
    return np.datetime_as_string(moments, timezone="UTC").tolist()  # type: ignore[no-any-return]
