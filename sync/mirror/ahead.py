"""Reads and prepares pages while those before them are being stored: the CRM, we and PostgreSQL work at the same time.

Two sessions take turns. In one a batch is stored; in the other the next one waits, told apart and staged in a transaction of its own, which
holds no lock that storing could wait for. A batch is one page; or, where pages come quicker than they can be stored, those that came
meanwhile, with the cursor of the last. Batches are stored in their order, and never more than two are held.
"""

import contextvars
import gc
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any

import psycopg
from psycopg import Connection

from sync.mirror.land import Sorted, rows_of, sort_out
from sync.mirror.place import Place
from sync.mirror.rows import Rows
from sync.mirror.schema import MirrorTable
from sync.mirror.staging import prepare_session
from sync.records import Page

BATCH = 100_000  # values: of a batch that has as many, no more pages are awaited
HAND_OVER, LOOK_FOR_CYCLES = 0.0002, 50_000  # seconds; objects made: see `_for_two_threads`
Sessions = tuple[Connection[Any], Connection[Any]]


@dataclass
class Ready:
    """A batch with all that could be done beforehand; `transaction` is open in `conn` and belongs to who stores it.

    `page` is all of its `pages` as one.
    """

    pages: Sequence[Page]
    page: Page
    conn: Connection[Any]
    place: Place
    rows: Rows
    told_apart: Sorted | None
    transaction: ExitStack = field(default_factory=ExitStack)


def ahead(
    pages: Callable[[Callable[[], Connection[Any]]], Iterator[Page]],
    sessions: Sessions,
    table: MirrorTable,
    place: Callable[[], Place],
    *,
    loading: bool,
) -> Generator[Ready, None, None]:
    """Each batch, ready to be stored; what reading raised comes after the pages before it.

    `pages` is given the session in which it may look things up: what it sees there lacks what is just being stored.
    """
    _for_two_threads()
    free: SimpleQueue[Connection[Any] | None] = SimpleQueue()
    ready: SimpleQueue[Ready | BaseException | None] = SimpleQueue()
    for conn in sessions:
        free.put(conn)
    reader = _Reader(pages, table, place, free, ready, loading=loading)
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(reader.run,), name="read ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            free.put(item.conn)
    finally:
        free.put(None)  # behind it nothing more is read
        reader.stop.set()
        thread.join()
        while not ready.empty():
            left = ready.get()
            if isinstance(left, Ready):
                with suppress(psycopg.Error):  # the session may be gone, which is why we are here
                    left.transaction.close()


def _for_two_threads() -> None:
    """Lets a thread that has its answer go on within a fraction of a millisecond, and looks for cycles less often, for the whole process.

    Storing a page is some ten short questions to PostgreSQL. By Python's default the thread that makes the next page's lines keeps the
    interpreter for five milliseconds after each of the answers came: longer than PostgreSQL needs for all of them together. And pages are
    many small mappings in no cycle: to look for one at every 700 of them takes a tenth of the time.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), HAND_OVER))
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, LOOK_FOR_CYCLES), *older)


class _Reader:
    """The thread's side."""

    def __init__(
        self,
        pages: Callable[[Callable[[], Connection[Any]]], Iterator[Page]],
        table: MirrorTable,
        place: Callable[[], Place],
        free: "SimpleQueue[Connection[Any] | None]",
        ready: "SimpleQueue[Ready | BaseException | None]",
        *,
        loading: bool,
    ) -> None:
        self._pages = pages
        self._table = table
        self._place = place
        self._free = free
        self._ready = ready
        self._loading = loading
        self._session: Connection[Any]  # the one whose turn it is
        self.stop = threading.Event()

    def run(self) -> None:
        try:
            self._read()
        except BaseException as e:  # noqa: BLE001 - raised again where the pages are stored
            self._ready.put(e)
        else:
            self._ready.put(None)

    def _read(self) -> None:
        if not self._next_session():
            return
        batch = _Batch()
        try:
            for page in self._pages(lambda: self._session):
                if self.stop.is_set() or not self._took(batch, page):
                    return
        finally:  # also where reading failed: what came before is stored
            if batch.pages and not self.stop.is_set():
                self._put(batch)

    def _took(self, batch: "_Batch", page: Page) -> bool:
        """Whether more pages are wanted behind this one."""
        if batch.pages and not batch.takes(page):
            self._put(batch)
            if not self._next_session():
                return False
        batch.add(page)
        if not _only_records(page):
            self._put(batch)
            return self._stored() and self._next_session()
        if batch.records * max(len(self._table.columns), 1) < BATCH and not self._idle():
            return True
        self._put(batch)
        return self._next_session()

    def _put(self, batch: "_Batch") -> None:
        """Gives the batch on, and begins it anew."""
        self._ready.put(self._prepared(batch.taken(), self._session))

    def _idle(self) -> bool:
        """Whether nothing is being stored."""
        return not self._free.empty()

    def _next_session(self) -> bool:
        conn = self._free.get()
        if conn is not None:
            self._session = conn
        return conn is not None

    def _stored(self) -> bool:
        """Waits until all is stored: what follows may rest on it. False where nothing more will be stored."""
        conn = self._free.get()
        if conn is None or (last := self._free.get()) is None:
            return False
        self._free.put(conn)
        self._free.put(last)
        return True

    def _prepared(self, pages: Sequence[Page], conn: Connection[Any]) -> Ready:
        page = pages[0] if len(pages) == 1 else _as_one(pages)
        place, rows = self._place(), rows_of(self._table, page)
        made = Ready(pages, page, conn, place, rows, None)
        if len(rows):
            _ = rows.lines
        made.transaction.enter_context(conn.transaction())
        try:
            prepare_session(conn, place)
            if len(rows) and not self._loading:
                made.told_apart = sort_out(conn, self._table, rows)
        except BaseException:
            made.transaction.close()
            raise
        return made


class _Batch:
    """Pages that are stored together. No record is in two of them: each of its versions is stored, and kept in its history."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self._ids: set[str] = set()

    @property
    def records(self) -> int:
        return sum(len(p.records) for p in self.pages)

    def takes(self, page: Page) -> bool:
        return _only_records(page) and self._ids.isdisjoint([r.id for r in page.records])

    def add(self, page: Page) -> None:
        self.pages.append(page)
        self._ids.update([r.id for r in page.records])

    def taken(self) -> Sequence[Page]:
        """The pages, and the batch empty again."""
        pages, self.pages, self._ids = self.pages, [], set()
        return pages


def _as_one(pages: Sequence[Page]) -> Page:
    covered = [p.covered_until for p in pages if p.covered_until is not None]
    return replace(
        pages[-1],
        records=tuple(r for p in pages for r in p.records),
        history=tuple(h for p in pages for h in p.history),
        associations=tuple(a for p in pages for a in p.associations),
        loaded=any(p.loaded for p in pages),
        covered_until=covered[-1] if covered else None,
    )


def _only_records(page: Page) -> bool:
    """Whether what follows can be read before it is stored. A page of nothing but its cursor may tell of a job that is begun: it is kept first."""
    return bool(page.records) and not (page.file or page.gone or page.forgotten or page.refreshed)
