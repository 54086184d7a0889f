"""Companies that buy already, as the mapping's rules tell it: since when, until when, and when that was known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, cast

import psycopg
from sqlalchemy import Connection, text

from models.partners import BEGINNING
from models.vocabulary import RecordRef, aware
from sync.events.target_numbers import numbers_of
from sync.mapping.facts import CustomerFact

Conn = psycopg.Connection[Any]

_SAME = "(s.connection, s.object, s.record_id, s.stands, s.number) = (c.connection, c.object, c.record_id, c.stands, c.number)"
_STATED = "s.stated is not distinct from c.stated"
_NEVER = "date '0001-01-01'"
_GONE = f"""
    update sakigake.customer_mark c set known_until = :known_at,
        until = case when exists (select from staged_customer s where {_SAME}) then coalesce(c.since, {_NEVER}) else :day end
    where c.workspace = :w and c.known_until is null and {{scope}} and not exists (
        select from staged_customer s where {_SAME} and {_STATED})
    returning c.number"""  # noqa: S608 - the names are of our own tables
_CAME = f"""
    insert into sakigake.customer_mark (workspace, connection, object, record_id, stands, number, known_at, since, stated)
    select :w, s.connection, s.object, s.record_id, s.stands, s.number, case when :ever and not exists (
            select from sakigake.customer_mark c where c.workspace = :w and {_SAME}) then '{BEGINNING}' else :known_at end,
        coalesce(s.stated, case when not :ever then cast(:day as date) end), s.stated
    from staged_customer s
    where not exists (
        select from sakigake.customer_mark c where c.workspace = :w and c.known_until is null and {_SAME} and {_STATED})
    on conflict (workspace, connection, object, record_id, stands, number, known_at) do update
        set known_until = null, until = null, since = excluded.since, stated = excluded.stated
    returning number"""  # noqa: S608


class Company(NamedTuple):
    """A target that stands as `customer` or `open_deal`, from day `since` (None: since ever) to the day before `until` (None: still)."""

    number: int
    stands: str
    since: date | None
    until: date | None


def store_customers(
    connection: Connection,
    workspace: str,
    facts: Iterable[CustomerFact],
    known_at: datetime,
    day: date,
    *,
    ever: bool = False,
    of: Mapping[tuple[str, str], Iterable[str]] | None = None,
) -> frozenset[int]:
    """The numbers of targets whose standing changed, on `day` by what is known at `known_at`. Nothing is committed here.

    `ever`: a mapping asks for the first time, so that who comes was so since nobody knows when. `of`: the facts are all there is to say of these
    records, (connection, object) -> ids, and say nothing of others.
    """
    raw = cast("Conn", connection.connection.driver_connection)
    connection.execute(text("drop table if exists pg_temp.staged_customer"))
    connection.execute(
        text(
            "create temporary table staged_customer (connection text, object text, record_id text, stands text, number bigint, stated date,"
            " primary key (connection, object, record_id, stands, number)) on commit drop"
        )
    )
    with raw.cursor() as cursor, cursor.copy("copy staged_customer from stdin") as copy:
        for (source, stands, number), stated in sorted(_stated(facts).items()):
            copy.write_row((source.connection, source.object, source.id, stands, number, stated))
    connection.execute(text("analyze staged_customer"))
    given = {"w": workspace, "known_at": aware(known_at, "known_at"), "day": day, "ever": ever}
    moved: set[int] = set()
    if of is None:
        moved |= _numbers(connection, _GONE.format(scope="true"), given)
    else:
        scope = "c.connection = :connection and c.object = :object and c.record_id = any(:ids)"
        for (name, kind), ids in of.items():
            some = {**given, "connection": name, "object": kind, "ids": sorted(ids)}
            moved |= _numbers(connection, _GONE.format(scope=scope), some)
    return frozenset(moved | _numbers(connection, _CAME, given))


def _stated(facts: Iterable[CustomerFact]) -> dict[tuple[RecordRef, str, int], date | None]:
    """The first day that is stated, for each record, standing and mark."""
    found: dict[tuple[RecordRef, str, int], date | None] = {}
    for fact in facts:
        for number in numbers_of(fact.target):
            place = fact.source, fact.stands, number
            found[place] = min((day for day in (found.get(place), fact.since) if day is not None), default=None)
    return found


def companies(conn: Conn, workspace: str, known_at: datetime, among: Sequence[int] | None = None) -> list[Company]:
    """Companies that bought, or had an open deal of our own, as far as known at `known_at` (aware); `among`: of these targets."""
    rows = conn.execute(
        """select distinct number, stands, since, case when known_until <= %(k)s then until end from sakigake.customer_mark
        where workspace = %(w)s and known_at <= %(k)s and (known_until is null or known_until > %(k)s or until > coalesce(since, '0001-01-01'))
            and (%(among)s::bigint[] is null or number = any(%(among)s))""",
        {"w": workspace, "k": aware(known_at, "known_at"), "among": None if among is None else list(among)},
    )
    return [Company(*row) for row in rows]


def speaking_of(conn: Conn, workspace: str, entry_id: str, known_at: datetime) -> list[str]:
    """The records by which an entry's target was known to have bought, or to have an open deal, and those of other entries for it."""
    rows = conn.execute(
        """select distinct connection || '.' || object || '/' || record_id from (
            select c.connection, c.object, c.record_id from sakigake.entry t
            join sakigake.customer_mark c on (c.workspace, c.number) = (t.workspace, t.target_number)
            where t.workspace = %(w)s and t.entry_id = %(e)s and c.known_at <= %(k)s and (c.known_until is null or c.known_until > %(k)s)
            union all select e.connection, e.object, e.record_id from sakigake.entry t
            join sakigake.entry e on (e.workspace, e.target_number) = (t.workspace, t.target_number)
            where t.workspace = %(w)s and t.entry_id = %(e)s and e.entry_id <> t.entry_id and e.removed_at is null and e.known_at <= %(k)s) f order by 1""",
        {"w": workspace, "e": entry_id, "k": aware(known_at, "known_at")},
    )
    return [str(name) for (name,) in rows]


def _numbers(connection: Connection, statement: str, given: Mapping[str, Any]) -> set[int]:
    return {int(number) for (number,) in connection.execute(text(statement), given)}
