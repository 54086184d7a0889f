"""Which entries mean one target company, as a number that stands beside each: worked out once, when the target is stored.

Names and telephone numbers are written in many ways, and finding the one form of both costs more than everything else about an entry.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, text

from models.vocabulary import Entry, Target
from sync.mapping.names import name_key, phone_key


def target_number(entry_id: str, target: Target) -> int:
    """A number of 64 bits, the same for the same target company: by corporate number, else domain, else name with phone; else its own."""
    return next(numbers_of(target), None) or _number(f"entry {entry_id}")


def numbers_of(target: Target) -> Iterator[int]:
    """The number by each mark that the target has, from strong to weak."""
    if target.corporate_number:
        yield _number(f"number {target.corporate_number}")
    if target.domain:
        yield _number(f"domain {target.domain}")
    if (name := name_key(target.name)) and (phone := phone_key(target.phone)):
        yield _number(f"name {phone} {name}")


def _number(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def number_targets(connection: Connection, workspace: str, entries: Iterable[Entry]) -> None:
    """Numbers the targets of those of the staged entries that are new, say something else, or were stored without a number."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    rows = raw.execute(
        """select s.entry_id from staged_entry s left join sakigake.entry n on n.workspace = %s and n.entry_id = s.entry_id
        where n.target_number is null or n.target is distinct from s.target""",
        (workspace,),
    )
    new = {entry_id for (entry_id,) in rows}
    if not new:
        return
    connection.execute(text("drop table if exists pg_temp.numbered"))  # a second store in one transaction
    connection.execute(text("create temporary table numbered (entry_id text, number bigint) on commit drop"))
    with raw.cursor() as cursor, cursor.copy("copy numbered from stdin") as copy:
        for entry in entries:
            if entry.entry_id in new:
                copy.write_row((entry.entry_id, target_number(entry.entry_id, entry.target)))
    connection.execute(text("analyze numbered"))
    connection.execute(
        text("update staged_entry s set target_number = b.number from numbered b where b.entry_id = s.entry_id")
    )
    connection.execute(
        text(
            """update sakigake.entry n set target_number = b.number from numbered b
            where n.workspace = :workspace and n.entry_id = b.entry_id and n.target_number is null"""
        ),
        {"workspace": workspace},
    )
