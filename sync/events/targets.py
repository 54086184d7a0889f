"""Which entries are for the same target company: what one partner does with it may take it from another's list."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection, text

Conn = psycopg.Connection[Any]

_STAGED = """
    select n.target_number from sakigake.entry n
    where n.workspace = :w and n.removed_at is null and n.partner_id = any(:partners)
        and not exists (select from staged_entry s where s.entry_id = n.entry_id)
    union
    select told.number from staged_entry s
    left join sakigake.entry n on n.workspace = :w and n.entry_id = s.entry_id and n.removed_at is null
    cross join lateral (values (n.target_number), (coalesce(s.target_number, n.target_number))) told (number)
    where n.entry_id is null or (n.partner_id, n.target) is distinct from (s.partner_id, s.target)"""


def targets_staged(connection: Connection, workspace: str, scope: list[str]) -> set[int]:
    """The targets of which an entry of these partners comes, goes or becomes another's by what is staged and numbered, before it is kept."""
    moved = connection.execute(text(_STAGED), {"w": workspace, "partners": scope})
    return {int(number) for (number,) in moved if number is not None}


def targets_of_events(connection: Connection, workspace: str, known_at: datetime, scope: list[str]) -> set[int]:
    """The targets of these partners' entries of which something came to be known, or was taken back, at that moment."""
    rows = connection.execute(
        text(
            """select distinct t.target_number from sakigake.event e join sakigake.entry t using (workspace, entry_id)
            where e.workspace = :w and e.partner_id = any(:partners) and e.known_at = :known_at and t.target_number is not null"""
        ),
        {"w": workspace, "partners": scope, "known_at": known_at},
    )
    return {int(number) for (number,) in rows}


def partners_after(conn: Conn, workspace: str, targets: Collection[int]) -> frozenset[str]:
    """The partners with an entry for one of these targets."""
    rows = conn.execute(
        "select distinct partner_id from sakigake.entry where workspace = %s and target_number = any(%s) and removed_at is null",
        (workspace, sorted(targets)),
    )
    return frozenset(str(name) for (name,) in rows)


class Rival(NamedTuple):
    """Another partner's entry for a target, by its number."""

    entry_id: str
    partner_id: str
    number: int


def rivals(conn: Conn, workspace: str, only: Collection[str], numbers: Sequence[int]) -> list[Rival]:
    """Entries for these targets of others than these partners, as they now stand, in the order of their ids."""
    rows = conn.execute(
        """select e.entry_id, e.partner_id, e.target_number from sakigake.entry e
        join sakigake.partner p on (p.workspace, p.partner_id) = (e.workspace, e.partner_id) and p.removed_at is null
        where e.workspace = %s and e.target_number = any(%s) and e.partner_id <> all(%s) and e.removed_at is null order by 1""",
        (workspace, list(numbers), sorted(only)),
    )
    return [Rival(*row) for row in rows]
