"""Which entries are for the same target company: what one partner does with it may take it from another's list."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection, text

Conn = psycopg.Connection[Any]

_KEEP = """
    with gone as (
        delete from sakigake.entry_target t
        where t.workspace = :w and {scope} and not exists (select from staged_entry s where s.entry_id = t.entry_id)
        returning t.number),
    was as (
        select t.number from sakigake.entry_target t join staged_entry s using (entry_id)
        where t.workspace = :w and (t.number, t.partner_id) is distinct from (s.number, s.partner_id)),
    kept as (
        insert into sakigake.entry_target as t (workspace, entry_id, partner_id, number)
        select :w, entry_id, partner_id, number from staged_entry
        on conflict (workspace, entry_id) do update set partner_id = excluded.partner_id, number = excluded.number
        where (t.partner_id, t.number) is distinct from (excluded.partner_id, excluded.number)
        returning t.number)
    select number from gone union select number from was union select number from kept"""


def keep_targets(connection: Connection, workspace: str, scope: list[str] | None) -> set[int]:
    """Makes the targets of these partners' entries (all, where `scope` is None) what is staged; the numbers of those that moved.

    Within the transaction that staged them; what is equal is not touched. Of everybody nothing is returned.
    """
    mine = "true" if scope is None else "t.partner_id = any(:partners)"
    moved = connection.execute(text(_KEEP.format(scope=mine)), {"w": workspace, "partners": scope})
    return set() if scope is None else {int(number) for (number,) in moved}


def targets_of_events(connection: Connection, workspace: str, known_at: datetime, scope: list[str]) -> set[int]:
    """The targets of these partners' entries of which something came to be known, or was taken back, at that moment."""
    rows = connection.execute(
        text(
            """select distinct t.number from sakigake.event e join sakigake.entry_target t using (workspace, entry_id)
            where e.workspace = :w and e.partner_id = any(:partners) and e.known_at = :known_at"""
        ),
        {"w": workspace, "partners": scope, "known_at": known_at},
    )
    return {int(number) for (number,) in rows}


def partners_after(conn: Conn, workspace: str, targets: Collection[int]) -> frozenset[str]:
    """The partners with an entry for one of these targets."""
    rows = conn.execute(
        "select distinct partner_id from sakigake.entry_target where workspace = %s and number = any(%s)",
        (workspace, sorted(targets)),
    )
    return frozenset(str(name) for (name,) in rows)


def target_numbers(conn: Conn, workspace: str) -> dict[str, int]:
    """Entry -> the number of its target, of all entries that stand."""
    rows = conn.execute("select entry_id, number from sakigake.entry_target where workspace = %s", (workspace,))
    return {str(entry_id): int(number) for entry_id, number in rows}


class Rival(NamedTuple):
    """Another partner's entry for the target of `ours`, one of the entries that are asked about."""

    entry_id: str
    partner_id: str
    ours: str


def rivals(conn: Conn, workspace: str, only: Collection[str]) -> list[Rival]:
    """Other partners' entries for the targets of these partners, in the order of their ids."""
    rows = conn.execute(
        """select r.entry_id, r.partner_id, min(o.entry_id) from sakigake.entry_target o
        join sakigake.entry_target r using (workspace, number)
        where o.workspace = %(w)s and o.partner_id = any(%(only)s) and r.partner_id <> all(%(only)s)
            and exists (select from sakigake.partner p
                where (p.workspace, p.partner_id) = (r.workspace, r.partner_id) and p.removed_at is null)
        group by 1, 2 order by 1""",
        {"w": workspace, "only": sorted(only)},
    )
    return [Rival(*row) for row in rows]
