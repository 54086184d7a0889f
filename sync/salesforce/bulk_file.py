"""One page of a bulk job's results: a CSV file that is streamed, counted, and opened again where that is needed."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import Any

import requests

from sync.deadline import within
from sync.errors import BadReply, Retry
from sync.records import CrmRecord
from sync.salesforce import bulk_jobs
from sync.salesforce.bulk_jobs import Job
from sync.salesforce.client import Client
from sync.salesforce.describe import Facts
from sync.salesforce.failures import unreachable
from sync.salesforce.rows import key, whole_number
from sync.salesforce.runs import Truncated
from sync.salesforce.stamps import moment

BLOCK = 1 << 17  # bytes
_LONGEST_HEADER = 1 << 20
_TRIES = 3  # of a reply that breaks off before its header line is over
_TIMES = 4  # a file may take longer than another reply
_START = 40  # bytes: the id that comes first, and so no two pages alike
_BOM = b"\xef\xbb\xbf"
csv.field_size_limit(1 << 27)  # a long text area holds 131,072 characters, a rich one more; the module refuses those


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job was asked for: where its rows belong, and what its file must hold."""

    object: str
    about: str
    columns: tuple[str, ...]
    facts: Facts
    integers: frozenset[str] = frozenset()


class BulkFile:
    """A `sync.records.RecordFile`. The first reply is opened at once, because its headers say how many records and where to go on."""

    def __init__(self, client: Client, job: Job, asked: Asked, locator: str | None, most: int) -> None:
        self._client, self._job, self._asked, self._locator, self._most = client, job, asked, locator, most
        self._told: tuple[int, str | None] | None = None
        self._ready: tuple[requests.Response, Iterator[bytes]] | None = self._opened()
        self.id, self.version = "Id", asked.facts.stamp
        self.deleted = "IsDeleted" if asked.facts.has_deleted else None
        self.merged_into = "MasterRecordId" if asked.facts.has_master else None

    def close(self) -> None:
        """Lets go of a reply that nobody read."""
        ready, self._ready = self._ready, None
        if ready is not None:
            ready[0].close()

    def blocks(self) -> Iterator[bytes]:
        ready, self._ready = self._ready, None
        reply, body = ready if ready is not None else self._opened()
        with closing(reply):
            yield from body

    def cells(self) -> Iterator[list[str]]:
        """The rows, cell by cell in the order of `columns`. Truncated at the end unless there were `count`."""
        text = io.TextIOWrapper(
            io.BufferedReader(_Readable(self.blocks()), BLOCK), "utf-8", errors="surrogateescape", newline=""
        )
        read = 0
        try:
            for row in csv.reader(text, strict=True):
                if len(row) != len(self.columns):
                    raise self._cut(read)
                read += 1
                yield row
        except csv.Error as e:
            raise self._cut(read) from e
        if read != self.count:
            raise self._cut(read)

    def records(self) -> Iterator[CrmRecord]:
        at = {name: n for n, name in enumerate(self.columns)}
        wanted = [(name, n, name in self._asked.integers) for name, n in at.items()]
        identity, stamp = at[self.id], at[self.version]
        deleted = at[self.deleted] if self.deleted else None
        master = at[self.merged_into] if self.merged_into else None
        for row in self.cells():
            merged = row[master] if master is not None else ""
            yield CrmRecord(
                id=key(row[identity], self._asked.object),
                version=moment(row[stamp]),
                values={name: (whole_number(row[n]) if whole else row[n]) or None for name, n, whole in wanted},
                deleted=deleted is not None and row[deleted] == "true",
                merged_into=key(merged, self._asked.object) if merged else None,
            )

    def _opened(self) -> tuple[requests.Response, Iterator[bytes]]:
        """A reply whose header line has been read and checked, and the rest of it."""
        for attempt in range(1, _TRIES + 1):
            reply = bulk_jobs.results(self._client, self._job, self._asked.about, self._locator, self._most)
            with ExitStack() as unread, suppress(*([Retry] if attempt < _TRIES else [])):
                unread.callback(reply.close)
                told = _told(reply, self._asked.about)
                if self._told not in (None, told):
                    raise BadReply(
                        f"A page of results of the bulk {self._asked.about} changed between two readings.",
                        remedy="Try again; the job is read from this page on.",
                    )
                body = self._body(reply)
                unread.pop_all()
                self._told = told
                self.count, self.next = told
                return reply, body
        raise AssertionError("the loop returns or raises")

    def _body(self, reply: requests.Response) -> Iterator[bytes]:
        """Reads and checks the header line; gives the rest."""
        pieces = self._bounded(self._pieces(reply))
        head = b""
        for piece in pieces:
            head += piece
            if len(head.partition(b"\n")[2]) >= _START or len(head) > _LONGEST_HEADER:
                break
        line, found, rest = head.removeprefix(_BOM).partition(b"\n")
        names = next(csv.reader([line.decode("utf-8", "replace").rstrip("\r")]), []) if found else []
        by_lower = {name.lower(): name for name in self._asked.columns}
        known = [by_lower.get(name.lower()) for name in names]
        if sorted(n or "" for n in known) != sorted(self._asked.columns):
            raise BadReply(
                f"The results of the bulk {self._asked.about} begin with other columns than were asked for.",
                remedy="Try again later; a missing value is never read as an empty one.",
            )
        self.columns: tuple[str, ...] = tuple(n for n in known if n)
        self.start = rest[:_START] if self.columns[0] == "Id" else b""
        return _chain(rest, pieces)

    def _pieces(self, reply: requests.Response) -> Iterator[bytes]:
        try:
            yield from reply.iter_content(BLOCK)
        except requests.RequestException as e:
            raise unreachable(e, self._client.transport.url, f"results of the bulk {self._asked.about}") from e

    def _bounded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The pieces, all of them within the time of a file. Between two of them the thread is free to do something else."""
        transport = self._client.transport
        end = transport.monotonic() + _TIMES * transport.deadline
        while True:
            with within(max(end - transport.monotonic(), 0.0)):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def _cut(self, read: int) -> Truncated:
        return Truncated(
            f"A page of results of the bulk {self._asked.about} promised {self.count} records and held {read} whole ones.",
            remedy="Try again; the job is read from this page on.",
        )


def _told(reply: requests.Response, about: str) -> tuple[int, str | None]:
    """(records in this page, locator of the next one)."""
    count, locator = reply.headers.get("Sforce-NumberOfRecords"), reply.headers.get("Sforce-Locator")
    if count is None or not count.isdecimal() or not locator:
        missing = "how many records it holds" if count is None or not count.isdecimal() else "where the next one begins"
        raise BadReply(
            f"A page of results of the bulk {about} does not say {missing}.",
            remedy="A proxy between may remove the headers Sforce-NumberOfRecords and Sforce-Locator; let them pass.",
        )
    return int(count), None if locator == "null" else locator


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


class _Readable(io.RawIOBase):
    """An iterator of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n


def columns_of(facts: Facts, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*facts.columns(), *fields)))
