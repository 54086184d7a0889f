"""Partners whose facts changed since everything was computed: written with the facts, taken away with the results."""

from collections.abc import Collection
from typing import Any

import psycopg

Conn = psycopg.Connection[Any]
_ALL = "*"


def touch(conn: Conn, workspace: str, partners: Collection[str] | None) -> None:
    """Notes that facts of these partners changed (None: perhaps of all), in the transaction that changed them."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into sakigake.touched_partner (workspace, partner_id) values (%s, %s) on conflict do nothing",
            [(workspace, name) for name in sorted([_ALL] if partners is None else partners)],
        )


def partners(conn: Conn, workspace: str) -> frozenset[str] | None:
    """Those that changed since the last results; None where it may be all of them, or where nobody noted any."""
    rows = conn.execute("select partner_id from sakigake.touched_partner where workspace = %s", (workspace,))
    found = frozenset(name for (name,) in rows)
    return None if _ALL in found or not found else found


def done(conn: Conn, workspace: str) -> None:
    """Results tell of all of them now, in the transaction that keeps these."""
    conn.execute("delete from sakigake.touched_partner where workspace = %s", (workspace,))
