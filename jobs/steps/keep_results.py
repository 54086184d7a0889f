"""Results into our tables: what is said anew where it changed, and a log of what was said until then. All in the caller's transaction.

What stands is a row a partner or entry, with all of its fields: rows cost PostgreSQL more than what is in them.

Of entries only those are looked at of which something else is said than before: what was said of a partner's entries is kept as rows of
one width (`entry_rows.SAID`), and compared whole.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from indicators.inputs import EntryTable, PartnerTable
from jobs.steps.entry_rows import SAID, Said, differing
from jobs.steps.result_lines import BEGIN, END, Ends, entry_blocks, subject_lines
from jobs.steps.results import Language, Row
from jobs.steps.write_results import WRITE
from sync.events.ids import Ids

Conn = Connection[Any]
_ID = 16  # bytes of an entry's id


@dataclass(frozen=True, slots=True)
class Stand:
    """What written values stand on."""

    run_id: str
    as_of: date
    known_at: datetime


@dataclass(frozen=True, slots=True)
class EntriesSaid:
    """What is said of entries, in the words of `basis`."""

    entries: EntryTable
    said: Said
    basis: str
    language: Language
    horizon: int


def keep(
    conn: Conn,
    workspace: str,
    stand: Stand,
    partners: PartnerTable,
    partner_rows: Iterable[Row],
    told: EntriesSaid,
    *,
    only: Collection[str] | None = None,
) -> int:
    """Stores values that changed, removes those of subjects that are gone, and logs what stood before; returns how many values that were.

    `only`: all this is said of these partners and their entries; of others nothing is. Without it, partners not named are gone.
    """
    before = _said_before(conn, workspace, told.basis, only)
    found = _compared(partners, told, before.entries)
    if (
        conn.execute("select from sakigake.subject_result where workspace = %s limit 1", (workspace,)).fetchone()
        is None
    ):
        ends = (workspace,), (stand.run_id,)
        written = _copy(conn, "sakigake.subject_result", partner_rows, told, found, ends=ends)
    else:
        written = _put(conn, workspace, stand, partner_rows, told, found, before, partial=only is not None)
    _keep_said(conn, workspace, told.basis, found.blobs, None if only is not None else partners.ids)
    return written


def _put(
    conn: Conn,
    workspace: str,
    stand: Stand,
    partner_rows: Iterable[Row],
    told: EntriesSaid,
    found: "_Compared",
    before: "_Before",
    *,
    partial: bool,
) -> int:
    """Among what stands already: what differs is written, and what is said no more is removed."""
    conn.execute(
        "create temporary table computed (subject text, subject_id text, value jsonb, inputs jsonb) on commit drop"
    )
    _copy(conn, "computed", partner_rows, told, found)
    conn.execute("set local work_mem = '64MB'")  # of what moved, what stood and what stands
    conn.execute("analyze computed (subject, subject_id)")  # documents cost most, and no plan rests on them
    gone = "s.subject = 'entry' and s.subject_id = any(%(gone)s)"
    removed = gone if partial else "true" if before.words_changed else f"s.subject = 'partner' or ({gone})"
    row = conn.execute(
        WRITE.format(removed=removed),
        {
            "workspace": workspace,
            "run": stand.run_id,
            "as_of": stand.as_of,
            "known_at": stand.known_at,
            "gone": found.gone,
        },
    ).fetchone()
    return int(row[0]) if row else 0


def _copy(
    conn: Conn,
    table: str,
    partner_rows: Iterable[Row],
    told: EntriesSaid,
    found: "_Compared",
    *,
    ends: Ends = ((), ()),
) -> int:
    columns = ", ".join(("workspace", *_SAID, "run_id") if any(ends) else _SAID)
    ids, said = Ids.of(told.entries.ids)[found.changed], told.said[found.changed]
    with conn.cursor() as cursor, cursor.copy(f"copy {table} ({columns}) from stdin (format binary)") as copy:
        copy.write(BEGIN)
        # in the order of the tables' index, into which they go much quicker: entries, then partners
        for block in entry_blocks(ids, said, told.language, told.horizon, found.groups, ends=ends):
            copy.write(block)
        rows = list(partner_rows)  # which may rest on what is worked out meanwhile
        copy.write(b"".join((*subject_lines(rows, ends=ends), END)))
    return len(rows) + int(found.groups[said["milestone"] >= 0].sum())


_SAID = ("subject", "subject_id", "value", "inputs")


def said_partners(conn: Conn, workspace: str, basis: str, partners: Collection[str]) -> set[str]:
    """Those of the partners of whose entries something was said in these words."""
    rows = conn.execute(
        "select partner_id from sakigake.said_entries where workspace = %s and basis = %s and partner_id = any(%s)",
        (workspace, basis, sorted(partners)),
    )
    return {partner_id for (partner_id,) in rows}


@dataclass(frozen=True, slots=True)
class _Before:
    entries: dict[str, tuple[bytes, bytes]]  # by partner: ids, and what was said of each
    words_changed: bool


def _said_before(conn: Conn, workspace: str, basis: str, only: Collection[str] | None) -> _Before:
    """What was said in these words; nothing where the words were others, since all has to be said anew then."""
    rows = conn.execute(
        """select partner_id, basis, ids, said from sakigake.said_entries
        where workspace = %s and (%s::text[] is null or partner_id = any(%s))""",
        (workspace, *[None if only is None else sorted(only)] * 2),
    ).fetchall()
    if not rows or any(row[1] != basis for row in rows):
        return _Before({}, words_changed=True)
    return _Before({row[0]: (row[2], row[3]) for row in rows}, words_changed=False)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Places of entries of which something else is said, and which groups of fields; ids of those of which their partner says nothing any
    more, also where another one does; and what to keep by partner: ids, and what is said.
    """

    changed: NDArray[np.int64]
    groups: NDArray[np.bool_]
    gone: list[str]
    blobs: list[tuple[str, bytes, bytes]]


def _compared(partners: PartnerTable, told: EntriesSaid, before: dict[str, tuple[bytes, bytes]]) -> _Compared:
    ids = Ids.of(told.entries.ids).packed
    order = np.argsort(told.entries.partner, kind="stable")
    bounds = np.searchsorted(told.entries.partner[order], np.arange(len(partners) + 1))
    changed: list[int] = []
    olds: list[bytes] = []
    blobs: list[tuple[str, bytes, bytes]] = []
    dropped: set[bytes] = set()
    for place, partner_id in enumerate(partners.ids):
        mine = order[bounds[place] : bounds[place + 1]]
        now = ids[mine].tobytes(), told.said[mine].tobytes()
        then = before.get(partner_id)
        if now == then:
            continue
        blobs.append((partner_id, *now))
        if then is None:
            changed += mine.tolist()
            olds.append(_NOTHING * len(mine))
            continue
        old = dict(zip(_pieces(then[0], _ID), _pieces(then[1], SAID.itemsize), strict=True))
        for at, entry, said in zip(mine.tolist(), _pieces(now[0], _ID), _pieces(now[1], SAID.itemsize), strict=True):
            if (was := old.pop(entry, _NOTHING)) != said:
                changed.append(at)
                olds.append(was)
        dropped.update(old)
    for partner_id in before.keys() - set(partners.ids):
        dropped.update(_pieces(before[partner_id][0], _ID))
    order = np.argsort(
        changed
    )  # by their ids: rows that come in the order of an index go into it several times as fast
    places = np.array(changed, np.int64)[order]
    emptied = {ids[at].tobytes() for at in places[told.said["milestone"][places] < 0]}
    return _Compared(
        places,
        differing(told.said[places], np.frombuffer(b"".join(olds), SAID)[order]),
        sorted(_name(entry) for entry in dropped | emptied),
        blobs,
    )


_NOTHING = np.array([(-1, *[0] * (len(SAID.descr) - 1))], SAID).tobytes()


def _pieces(whole: bytes, width: int) -> list[bytes]:
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def _name(entry: bytes) -> str:
    n = entry.hex()
    return f"{n[:8]}-{n[8:12]}-{n[12:16]}-{n[16:20]}-{n[20:]}"


def _keep_said(
    conn: Conn, workspace: str, basis: str, blobs: Sequence[tuple[str, bytes, bytes]], standing: Sequence[str] | None
) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.said_entries (workspace, partner_id, basis, ids, said) values (%s, %s, %s, %s, %s)
            on conflict (workspace, partner_id) do update set basis = excluded.basis, ids = excluded.ids, said = excluded.said""",
            [(workspace, partner_id, basis, ids, said) for partner_id, ids, said in blobs],
        )
    if standing is not None:
        conn.execute(
            "delete from sakigake.said_entries where workspace = %s and not partner_id = any(%s)",
            (workspace, list(standing)),
        )
