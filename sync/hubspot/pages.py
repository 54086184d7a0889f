"""What of one object is new: a first load by lists, then windows of time by search. Every page carries where to go on.

    list       all live records by id                         after, started
    archived   all archived ones, which are deleted records    after, started
    changes    windows of time, and now and then a sweep       watermark, confirmed, swept, windows, sweep_after

`watermark`: every stamp up to it has been searched for. `confirmed`: every stamp up to it has been searched for an hour later, when
the index had settled. Both are times of HubSpot's own clock at which a reading began, never the newest stamp seen: search shows
records late, and some carry a stamp of the future.
"""

from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from typing import Any

from sync.connector import KnownVersions
from sync.described import ObjectDescription
from sync.errors import BadReply
from sync.hubspot.describe import list_kind
from sync.hubspot.listing import list_objects
from sync.hubspot.reading import PAGE, Gathered, Reading, fit
from sync.hubspot.search import newest, search
from sync.hubspot.small import small_list
from sync.hubspot.transport import Transport
from sync.hubspot.values import moment
from sync.records import Cursor, Page, ReadSpec

OVERLAP = timedelta(minutes=5)  # read again every time: what the index had not shown yet
SETTLED = timedelta(hours=1)  # after this long the index is believed
SWEEP_EVERY = timedelta(hours=6)  # archived records have no feed: the whole list is read this often
SWEEP_OVERLAP = timedelta(days=1)
JUMP = timedelta(minutes=1)  # the CRM's clock went on by more than our own: a machine slept, or a sandbox advanced
State = dict[str, Any]


class Pages:
    """The pages of one object since a cursor."""

    def __init__(
        self,
        transport: Transport,
        spec: ReadSpec,
        known: KnownVersions,
        now: datetime,
        describe: Callable[[str], ObjectDescription],
    ) -> None:
        self._reading = Reading(transport, spec, known, describe)
        self._transport = transport
        self._spec = spec
        self._now = now

    def since(self, cursor: Cursor | None) -> Iterator[Page]:
        if list_kind(self._spec.object) is not None:
            yield from small_list(self._transport, self._spec, cursor, self._now, SWEEP_EVERY)
            return
        state = dict(cursor) if cursor else {"phase": "list", "after": None, "started": self._now.isoformat()}
        phase = state.get("phase")
        if phase == "list":
            state = yield from self._first(state)
            phase = "archived"
        if phase == "archived":
            yield from self._first_archived(state)
            return
        if phase != "changes":
            raise BadReply(
                f"The cursor of {self._spec.object} names the phase {phase!r}, which this version does not know.",
                remedy="Read the object from the start: `sakigake run --full`.",
            )
        yield from self._changes(state)

    def _first(self, state: State) -> Generator[Page, None, State]:
        _, overflow = fit(self._reading.asked)
        for listed in list_objects(self._reading, state["after"], history=self._spec.history):
            got = self._reading.gather(listed.rows, inline_history=True, overflow=overflow)
            state = {**state, "after": listed.after, "phase": "list" if listed.after is not None else "archived"}
            yield _page(got, state)
        return state

    def _first_archived(self, state: State) -> Iterator[Page]:
        started = state["started"]
        for listed in list_objects(self._reading, state["after"], archived=True, history=self._spec.history):
            got = self._reading.gather(listed.rows, inline_history=True, archived=True)
            if listed.after is not None:
                yield _page(got, {**state, "after": listed.after})
                continue
            # lists read the records themselves, not the index: what carries a stamp of before the start has been seen
            begun = _time(started)
            done = {
                "phase": "changes",
                "watermark": started,
                "confirmed": (begun - OVERLAP).isoformat(),
                "swept": started,
            }
            yield _page(got, done, loaded=True, covered_until=begun)

    def _changes(self, state: State) -> Iterator[Page]:
        if state.get("windows"):  # a reading that was cut off goes on with the bounds it had
            state = yield from self._windows(state)
        state = yield from self._windows(self._planned(state))
        told = self._transport.clock
        if told is not None and told - self._now > JUMP:
            self._now = told
            state = yield from self._windows(self._planned(state))
        due = state.get("sweep_due") or state.get("sweep_after") is not None
        if due or self._now - _time(state["swept"]) >= SWEEP_EVERY:
            yield from self._sweep(state)

    def _planned(self, state: State) -> State:
        """Which windows to read now, and what will be known behind them.

        The delayed one covers only what the fast one does not: a stamp an hour old that is read now is read late enough.
        """
        low = _time(state["watermark"]) - OVERLAP
        confirmed, settled = _time(state["confirmed"]), self._now - SETTLED
        windows: list[dict[str, Any]] = []
        if confirmed < min(settled, low):
            windows.append(_window(confirmed, min(settled, low)))
        if low < self._now:
            windows.append({**_window(low, self._now), "read_to": state["watermark"]})
        reached = {
            "watermark": max(_time(state["watermark"]), self._now).isoformat(),
            "confirmed": max(confirmed, settled).isoformat(),
        }
        return {**state, "windows": windows, "reached": reached}

    def _windows(self, state: State) -> Generator[Page, None, State]:
        """Reads each window to its end. The cursor holds the windows still to read, the first of them with the last id seen."""
        kept = {k: v for k, v in state.items() if k not in ("windows", "reached")}
        done: State = {**kept, **state["reached"]}
        until = _time(done["watermark"])
        if not state["windows"]:
            yield _page(Gathered(), done, loaded=True, covered_until=until)
        for rows, left, expected in self._groups(state["windows"]):
            if left and not rows:
                continue
            got = self._reading.gather(rows)
            if left:
                yield _page(got, {**state, "windows": left}, loaded=True, expected=expected)
            else:
                yield _page(got, done, loaded=True, covered_until=until, expected=expected)
        return done

    def _groups(self, windows: list[dict[str, Any]]) -> Iterator[tuple[list[Any], list[dict[str, Any]], int | None]]:
        """(rows of about one page, windows still to read behind them, records this window has in all)."""
        for place, window in enumerate(windows):
            later = windows[place + 1 :]
            news = self._news(window)
            if news is not None:
                yield news, later, len(news)
                continue
            rows: list[Any] = []
            expected: int | None = None
            for found in search(self._reading, _time(window["low"]), _time(window["high"]), window["last"]):
                expected = len(found.rows) + found.left if expected is None else expected
                rows += found.rows
                if found.left == 0:
                    yield rows, later, expected
                elif len(rows) >= PAGE:
                    yield rows, [{**window, "last": found.last}, *later], expected
                    rows = []

    def _news(self, window: dict[str, Any]) -> list[Any] | None:
        """What is new in a window of which a part was read before, by one call; None where it has to be read whole.

        After a large write of ours that part holds thousands of records that have not moved since. The newest page shows all that
        is stamped since; of the rest it is enough that HubSpot counts as many as the mirror holds. What counting could miss, a
        record that came late while another left, the delayed window reads once it has settled.
        """
        if window.get("read_to") is None or window["last"] is not None:
            return None
        low, read_to = _time(window["low"]), _time(window["read_to"])
        rows, total = newest(self._reading, low, _time(window["high"]))
        if not rows and total > 0:
            return None  # the plain search says what is wrong with that
        if total <= len(rows):
            return rows
        records = [self._reading.record(row) for row in rows]
        if min(r.version for r in records) >= read_to:
            return None
        known, name = self._reading.known, self._spec.object
        fresh = [r.id for r in records if r.version >= read_to]
        moved = sum(low <= v < read_to for v in known(name, fresh).values())
        held = known.count(name, low, read_to - timedelta(milliseconds=1)) - moved
        return rows if held == total - len(fresh) else None

    def _sweep(self, state: State) -> Iterator[Page]:
        """The archived list, whole, since it has no filter by time; only what was archived since the last sweep goes on."""
        began = state.get("sweep_began") or self._now.isoformat()
        since = _time(state["swept"]) - SWEEP_OVERLAP
        for listed in list_objects(self._reading, state.get("sweep_after"), archived=True):
            rows = [r for r in listed.rows if (moment(r.get("archivedAt")) or self._now) >= since]
            got = self._reading.gather(rows, archived=True)
            if listed.after is not None:
                yield _page(got, {**state, "sweep_after": listed.after, "sweep_began": began}, loaded=True)
            else:
                kept = {k: v for k, v in state.items() if k not in ("sweep_after", "sweep_began", "sweep_due")}
                yield _page(got, {**kept, "swept": began}, loaded=True)


def _page(got: Gathered, cursor: Cursor, **more: Any) -> Page:
    return Page(tuple(got.records), cursor, tuple(got.history), tuple(got.links), **more)


def _window(low: datetime, high: datetime) -> dict[str, Any]:
    return {"low": low.isoformat(), "high": high.isoformat(), "last": None}


def _time(text: str) -> datetime:
    found = moment(text)
    if found is None:
        raise BadReply(
            f"A cursor holds {text!r} where a time was due.", remedy="Read from the start: `sakigake run --full`."
        )
    return found
