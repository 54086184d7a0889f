"""The history of tiers into our table, in the caller's transaction."""

from collections.abc import Collection, Iterable
from typing import Any

from psycopg import Connection


def keep_tiers(
    conn: Connection[Any],
    workspace: str,
    run_id: str,
    rows: Iterable[tuple[str, Any, str, str | None, str]],
    only: Collection[str] | None = None,
) -> None:
    """The tier history (of the partners `only`) as replayed from what is known now; equal rows stay untouched."""
    conn.execute(
        "create temporary table tiers (partner_id text, since date, tier text, previous text, rule text) on commit drop"
    )
    with conn.cursor() as cursor, cursor.copy("copy tiers from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute(
        """delete from sakigake.tier_change t where workspace = %s and (%s::text[] is null or partner_id = any(%s)) and not exists (
            select from tiers n where n.partner_id = t.partner_id and n.since = t.since)""",
        (workspace, *[None if only is None else sorted(only)] * 2),
    )
    conn.execute(
        """insert into sakigake.tier_change as t (workspace, partner_id, since, tier, previous, rule, run_id)
        select distinct on (partner_id, since) %s, partner_id, since, tier, previous, rule, %s from tiers order by partner_id, since
        on conflict (workspace, partner_id, since) do update
            set tier = excluded.tier, previous = excluded.previous, rule = excluded.rule, run_id = excluded.run_id
            where (t.tier, t.previous, t.rule) is distinct from (excluded.tier, excluded.previous, excluded.rule)""",
        (workspace, run_id),
    )
