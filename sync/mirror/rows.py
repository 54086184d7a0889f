"""A page's records as COPY takes them: one line a record, and a hash of each line, by which an unchanged row is known again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from operator import itemgetter
from typing import Any

from psycopg import Connection, sql

from sync.connector import CrmRecord, FieldType, Value
from sync.mirror.schema import MirrorTable
from sync.mirror.shapes import SHAPES, odd
from sync.mirror.text import storable

Row = tuple[str | None, ...]
NULL = "\\N"
# the two columns that say when a row was stored are left to their defaults, which the session sets: so a line holds no time of ours
STATE = ("_version", "_deleted", "_merged_into")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_HASH = 8  # bytes: PostgreSQL's bigint


def newest(records: Sequence[CrmRecord]) -> list[CrmRecord]:
    """One version of each id: the newest, of equal ones the last; in (version, id) order, so that a crash leaves a prefix."""
    best: dict[str, CrmRecord] = {}
    for record in records:
        held = best.get(record.id)
        if held is None or record.version >= held.version:
            best[record.id] = record
    return sorted(best.values(), key=lambda r: (r.version, r.id))


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines for COPY in its text format, in the order of the records: the values, the state, then the hash.

    `hashes` has None where a value had to be changed to be stored at all: such a row is compared by its values.
    """

    lines: list[bytes]
    hashes: list[int | None]
    escaped: list[tuple[str, str, str, str]]  # record, field, cause, text

    def block(self) -> bytes:
        """All lines as one piece."""
        return b"".join(self.lines)


class Rows:
    """The records of a page for one table; each id at most once. What costs is made once, when it is first asked for."""

    def __init__(self, table: MirrorTable, records: Sequence[CrmRecord]) -> None:
        self._table = table
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def some(self, places: Iterable[int]) -> "Rows":
        """The records at these places; their lines are not made anew."""
        chosen = list(places)
        if len(chosen) == len(self.records):
            return self
        part = Rows(self._table, [self.records[i] for i in chosen])
        ids = {r.id for r in part.records}
        told = [e for e in self.lines.escaped if e[0] in ids]
        part.lines = Lines([self.lines.lines[i] for i in chosen], [self.lines.hashes[i] for i in chosen], told)
        return part

    @cached_property
    def odd(self) -> bool:
        """Whether PostgreSQL would take some text for a number or a time that is none."""
        values = [r.values for r in self.records]
        return any(
            odd(kind, [v.get(name) for v in values])
            for name, (_, kind) in self._table.columns.items()
            if kind in SHAPES
        )

    @cached_property
    def lines(self) -> Lines:
        plain, nulls = self._plain()
        whole = len(self._table.columns) + len(STATE)  # tabs within a line: the id stands before them
        escaped: list[tuple[str, str, str, str]] = []
        changed: set[int] = set()
        text = "\n".join(plain)
        # whether any value needs care is seen by counting: what is not ours would be one too many
        counted = (text.count("\t"), text.count("\n"), text.count("\\"))
        if counted != (whole * len(plain), max(len(plain) - 1, 0), sum(nulls)) or "\r" in text or not _storable(text):
            for i, line in enumerate(plain):
                ours = (line.count("\t"), line.count("\\")) == (whole, nulls[i])
                if not ours or "\n" in line or "\r" in line or not _storable(line):
                    plain[i], told = self._careful(self.records[i])
                    if told:
                        escaped += told
                        changed.add(i)
        person = self._layout
        out: list[bytes] = []
        hashes: list[int | None] = []
        for i, line in enumerate(plain):
            encoded = line.encode()
            if i in changed:
                hashes.append(None)
                out.append(encoded + b"\t\\N\n")
                continue
            digest = blake2b(encoded, digest_size=_HASH, person=person).digest()
            hashes.append(number := int.from_bytes(digest, "big", signed=True))
            out.append(b"%b\t%d\n" % (encoded, number))
        return Lines(out, hashes, escaped)

    @cached_property
    def _layout(self) -> bytes:
        """The hash speaks of these columns: where others are wanted, a row is compared anew."""
        told = repr([(name, column, kind.value) for name, (column, kind) in self._table.columns.items()])
        return blake2b(told.encode(), digest_size=16).digest()

    def _plain(self) -> tuple[list[str], list[int]]:
        """(a line for each record as if no value needed care, backslashes of ours in it)."""
        names = list(self._table.columns)
        blank = [kind is not FieldType.TEXT for _, kind in self._table.columns.values()]
        lines: list[str] = []
        nulls: list[int] = []
        stamps: dict[datetime, str] = {}  # many records of a page share one
        pick = itemgetter(*names) if len(names) > 1 else None  # far quicker than asking for each
        for r in self.records:
            try:
                values = pick(r.values) if pick else (r.values.get(names[0]),) if names else ()
            except KeyError:
                values = tuple(r.values.get(n) for n in names)
            if "" in values:
                values = tuple(None if b and v == "" else v for b, v in zip(blank, values, strict=True))
            stamp = stamps.get(r.version) or stamps.setdefault(r.version, r.version.isoformat())
            merged = r.merged_into
            nulls.append(values.count(None) + (merged is None))
            cells = [v if type(v) is str else NULL if v is None else _cell(v) for v in values]
            lines.append(
                "\t".join((r.id, *cells, stamp, "t" if r.deleted else "f", NULL if merged is None else merged))
            )
        return lines, nulls

    def _careful(self, record: CrmRecord) -> tuple[str, list[tuple[str, str, str, str]]]:
        """(the record's line with each value escaped, what of it could not be kept as it is)."""
        told: list[tuple[str, str, str, str]] = []
        (row,) = self._texts([record], told)
        return "\t".join(NULL if cell is None else cell.translate(_ESCAPES) for cell in row), told

    def texts(self, escaped: list[tuple[str, str, str, str]]) -> Iterator[Row]:
        """Each record value by value; `escaped` hears of what had to be changed."""
        return self._texts(self.records, escaped)

    def _texts(self, records: Sequence[CrmRecord], escaped: list[tuple[str, str, str, str]]) -> Iterator[Row]:
        for record in records:
            values: list[str | None] = [record.id]
            for name, (_, kind) in self._table.columns.items():
                value = record.values.get(name)
                text, changed = storable(None if value == "" and kind is not FieldType.TEXT else value)
                if changed and text is not None:
                    escaped.append((record.id, name, "it holds a NUL or a lone surrogate; kept escaped", text))
                values.append(text)
            yield (*values, record.version.isoformat(), "t" if record.deleted else "f", record.merged_into)


def columns_of(table: MirrorTable, *, hashed: bool) -> list[sql.Identifier]:
    """The columns in the order of the lines, with or without their hash."""
    names = ["id", *(column for column, _ in table.columns.values()), *STATE, *(["_hash"] if hashed else [])]
    return [sql.Identifier(n) for n in names]


def copy_block(conn: Connection[Any], into: sql.Composable, table: MirrorTable, block: bytes) -> None:
    """Whole lines by COPY. Raises psycopg.DataError where a value does not fit its column."""
    names = sql.SQL(", ").join(columns_of(table, hashed=True))
    with conn.cursor() as cursor, cursor.copy(sql.SQL("copy {} ({}) from stdin").format(into, names)) as copy:
        copy.write(block)


def copy_rows(
    conn: Connection[Any], into: sql.Composable, columns: Sequence[sql.Identifier], rows: Iterable[Row]
) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(into, sql.SQL(", ").join(columns))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _cell(value: Value) -> str:
    """A value that is no text, as `storable` writes it, so that a row is the same however it came."""
    if type(value) is bool:
        return "true" if value else "false"
    return storable(value)[0] or ""


def _storable(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
