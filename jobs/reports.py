"""Kept reports: indicators that are not one partner's or entry's, each with the axes it stands on."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection

Conn = Connection[Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a computed result stands on; `n` are sample sizes by name."""

    run_id: str
    as_of: date
    known_at: datetime
    mapping_hash: str
    code_version: str
    computed_at: datetime


def keep(conn: Conn, workspace: str, kind: str, stamp: Stamp, n: dict[str, int], document: dict[str, Any]) -> None:
    """Keeps a report under the run that made it, in place of an earlier one of the same day: cycles of minutes would fill the disk.

    What stood in it before can be worked out again for its axes.
    """
    conn.execute(
        "delete from sakigake.report where workspace = %s and kind = %s and as_of = %s and run_id <> %s",
        (workspace, kind, stamp.as_of, stamp.run_id),
    )
    conn.execute(
        """insert into sakigake.report
            (workspace, kind, run_id, as_of, known_at, mapping_hash, code_version, n, document, computed_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (workspace, kind, run_id) do update set as_of = excluded.as_of, known_at = excluded.known_at,
            mapping_hash = excluded.mapping_hash, code_version = excluded.code_version, n = excluded.n,
            document = excluded.document, computed_at = excluded.computed_at""",
        (
            workspace,
            kind,
            stamp.run_id,
            stamp.as_of,
            stamp.known_at,
            stamp.mapping_hash,
            stamp.code_version,
            json.dumps(n),
            json.dumps(document, ensure_ascii=False),
            stamp.computed_at,
        ),
    )


def newest(conn: Conn, workspace: str, kind: str, as_of: date | None = None) -> tuple[Stamp, dict[str, Any]] | None:
    """The newest report of a kind (of days up to `as_of`, where given) and what it stands on; None where there is none."""
    row = conn.execute(
        """select run_id, as_of, known_at, mapping_hash, code_version, computed_at, document from sakigake.report
        where workspace = %s and kind = %s and (%s::date is null or as_of <= %s)
        order by computed_at desc, run_id desc limit 1""",
        (workspace, kind, as_of, as_of),
    ).fetchone()
    return None if row is None else (Stamp(*row[:6]), row[6])


def kept_at(
    conn: Conn, workspace: str, kind: str, as_of: date, known_at: datetime
) -> tuple[Stamp, dict[str, Any]] | None:
    """The report of a day as the newest computation up to a moment left it; None where that one told of another day, or its report was
    replaced by a later one of its day.
    """
    row = conn.execute(
        """select run_id, as_of, known_at, mapping_hash, code_version, computed_at, document from sakigake.report
        where workspace = %(w)s and kind = %(kind)s and as_of = %(day)s and known_at <= %(at)s and as_of = (
            select c.as_of from sakigake.computation c where c.workspace = %(w)s and c.known_at <= %(at)s
            order by c.known_at desc, c.computed_at desc limit 1)
        order by computed_at desc, run_id desc limit 1""",
        {"w": workspace, "kind": kind, "day": as_of, "at": known_at},
    ).fetchone()
    return None if row is None else (Stamp(*row[:6]), row[6])
