"""Reads and prepares a page while the one before it is being stored: the CRM, we and PostgreSQL work at the same time.

Two sessions take turns. In one a page is stored; in the other the next page waits, told apart and staged in a transaction of its own, which
holds no lock that storing could wait for. Pages are stored in their order, each with its cursor, and never more than two are held.
"""

import contextvars
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import psycopg
from psycopg import Connection

from sync.connector import Page
from sync.mirror.land import Sorted, rows_of, sort_out
from sync.mirror.place import Place
from sync.mirror.rows import Rows
from sync.mirror.schema import MirrorTable
from sync.mirror.staging import prepare_session

Sessions = tuple[Connection[Any], Connection[Any]]


@dataclass
class Ready:
    """A page with all that could be done beforehand; `transaction` is open in `conn` and belongs to who stores the page."""

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
    """Each page, ready to be stored; what reading it raised comes after the pages before it.

    `pages` is given the session in which it may look things up: what it sees there lacks the page that is just being stored.
    """
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
        for page in self._pages(lambda: self._session):
            if self.stop.is_set():
                return
            self._ready.put(self._prepared(page, self._session))
            if not ((_only_records(page) or self._stored()) and self._next_session()):
                return

    def _next_session(self) -> bool:
        conn = self._free.get()
        if conn is not None:
            self._session = conn
        return conn is not None

    def _stored(self) -> bool:
        """Waits until all pages are stored: what follows may rest on this one. False where none will be stored any more."""
        conn = self._free.get()
        if conn is None or (last := self._free.get()) is None:
            return False
        self._free.put(conn)
        self._free.put(last)
        return True

    def _prepared(self, page: Page, conn: Connection[Any]) -> Ready:
        place, rows = self._place(), rows_of(self._table, page)
        made = Ready(page, conn, place, rows, None)
        if len(rows):
            _ = rows.odd, rows.lines
        made.transaction.enter_context(conn.transaction())
        try:
            if len(rows) and not self._loading:
                prepare_session(conn, place)
                made.told_apart = sort_out(conn, self._table, rows)
        except BaseException:
            made.transaction.close()
            raise
        return made


def _only_records(page: Page) -> bool:
    return not (page.file or page.gone or page.forgotten or page.refreshed)
