"""Stores the deals of all channels: equal rows untouched, vanished ones marked with when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, text

from models.vocabulary import aware
from sync.mapping.facts import DealAnyChannel

_UPSERT = """
    insert into sakigake.deal_any_channel as d
        (workspace, connection, object, record_id, occurred_on, partner_sourced, known_at, won, won_known_at)
    select :workspace, connection, object, record_id, occurred_on, partner_sourced, :known_at, won,
        case when won is not null then cast(:known_at as timestamptz) end from staged_deal
    on conflict (workspace, connection, object, record_id) do update
        set occurred_on = excluded.occurred_on, partner_sourced = excluded.partner_sourced, won = excluded.won,
            known_at = case when d.removed_at is not null or (d.occurred_on, d.partner_sourced)
                is distinct from (excluded.occurred_on, excluded.partner_sourced) then excluded.known_at else d.known_at end,
            won_known_at = case when d.won is distinct from excluded.won then excluded.won_known_at else d.won_known_at end,
            removed_at = null
        where (d.occurred_on, d.partner_sourced, d.won)
                is distinct from (excluded.occurred_on, excluded.partner_sourced, excluded.won)
            or d.removed_at is not null"""
_GONE = """
    update sakigake.deal_any_channel d set removed_at = :known_at
    where d.workspace = :workspace and d.removed_at is null and not exists (
        select from staged_deal s where (s.connection, s.object, s.record_id) = (d.connection, d.object, d.record_id))"""


_OF = " and d.connection = :connection and d.object = :object and d.record_id = any(:ids)"


@dataclass(frozen=True, slots=True)
class DealCount:
    """Deals of all channels in a span of days, and how many of them a partner brought.

    `judged`: those whose rule says what makes a deal won; of them `won`, and of these `partner_won` that a partner brought.
    """

    all: int
    partner_sourced: int
    judged: int = 0
    won: int = 0
    partner_won: int = 0


def store_deals(
    connection: Connection,
    workspace: str,
    deals: Iterable[DealAnyChannel],
    known_at: datetime,
    *,
    of: Mapping[tuple[str, str], Iterable[str]] | None = None,
) -> int:
    """How many rows were written. Nothing is committed here, and the same deals again write nothing.

    `of`: the deals are all there is to say of these records, (connection, object) -> ids, and say nothing of others.
    """
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    connection.execute(text("drop table if exists pg_temp.staged_deal"))
    connection.execute(
        text(
            "create temporary table staged_deal (connection text, object text, record_id text, occurred_on date,"
            " partner_sourced boolean, won boolean, primary key (connection, object, record_id)) on commit drop"
        )
    )
    with raw.cursor() as cursor, cursor.copy("copy staged_deal from stdin") as copy:
        for deal in deals:
            copy.write_row(
                (
                    deal.source.connection,
                    deal.source.object,
                    deal.source.id,
                    deal.occurred_on,
                    deal.partner_sourced,
                    deal.won,
                )
            )
    connection.execute(text("analyze staged_deal"))
    given = {"workspace": workspace, "known_at": aware(known_at, "known_at")}
    keep = {"preserve_rowcount": True}
    written = connection.execute(text(_UPSERT), given, execution_options=keep).rowcount
    if of is None:
        return written + connection.execute(text(_GONE), given, execution_options=keep).rowcount
    for (name, kind), ids in of.items():
        some = {**given, "connection": name, "object": kind, "ids": sorted(ids)}
        written += connection.execute(text(_GONE + _OF), some, execution_options=keep).rowcount
    return written


def count_deals(connection: Connection, workspace: str) -> int:
    """How many deals of all channels there are now."""
    query = "select count(*) from sakigake.deal_any_channel where workspace = :workspace and removed_at is null"
    return int(connection.execute(text(query), {"workspace": workspace}).scalar_one())


def deals_between(connection: Connection, workspace: str, first: date, last: date, known_at: datetime) -> DealCount:
    """Deals from `first` to `last`, both included, as the mapping now sees them and as far as known at `known_at`.

    The first mapping found what there was, so that its deals count as known since their own day; so do those that were won when a mapping
    first said what won is. A deal that is won no more is not told to have been won before.
    """
    row = connection.execute(
        text(
            """with first as (
                select min(known_at) as told, min(won_known_at) as judged from sakigake.deal_any_channel where workspace = :workspace),
            counted as (
                select partner_sourced, won is not null as judged,
                    coalesce(won, false) and (won_known_at <= :known_at or won_known_at = first.judged) as won
                from sakigake.deal_any_channel, first
                where workspace = :workspace and occurred_on between :first and :last
                    and (removed_at is null or removed_at > :known_at) and (known_at <= :known_at or known_at = first.told))
            select count(*), count(*) filter (where partner_sourced), count(*) filter (where judged),
                count(*) filter (where won), count(*) filter (where won and partner_sourced) from counted"""
        ),
        {"workspace": workspace, "first": first, "last": last, "known_at": aware(known_at, "known_at")},
    ).one()
    return DealCount(*(int(n) for n in row))
