"""The views for BI tools over a year of days, with 100 partners and 10,000 entries: `python -m bench.views`.

One day is computed; the days before it are copies of it, with a computation an hour, as many as there can be where something changes all the
time. Prints how long PostgreSQL takes for each view whole, and how long for one day of it where it has days; the best of three.
"""

import tempfile
from pathlib import Path
from typing import Any

import psycopg
from rich import box
from rich.console import Console
from rich.table import Table

from bench.apart import empty_database
from bench.computing import PARTNERS, SMALL, fill
from jobs import database
from jobs.steps.compute import compute
from tests.numbers_world import AS_OF, workspace_on

DAYS, A_DAY, TIMES = 364, 24, 3
_COMPUTATIONS = """insert into sakigake.computation (workspace, run_id, as_of, known_at, pooled_known_at, mapping_hash, code_version, settings_hash,
        seed, input_watermark, indicators, computed_at)
    select workspace, d || '/' || h, as_of - d, known_at - make_interval(days => d, hours => h), pooled_known_at, mapping_hash, code_version,
        settings_hash, seed, input_watermark, indicators, computed_at - make_interval(days => d, hours => h)
    from sakigake.computation, generate_series(1, %(days)s) d, generate_series(0, %(hours)s - 1) h"""
_REPORTS = """insert into sakigake.report (workspace, kind, run_id, as_of, known_at, mapping_hash, code_version, n, document, computed_at)
    select workspace, kind, d || '/0', as_of - d, known_at - make_interval(days => d), mapping_hash, code_version, n, document,
        computed_at - make_interval(days => d)
    from sakigake.report, generate_series(1, %(days)s) d where kind <> 'leading' or d %% 7 = 0"""
_PARTNER_DAYS = """insert into sakigake.partner_day (workspace, day, partner_id, type, fields, inputs, run_id)
    select workspace, day - d, partner_id, type, fields, inputs, d || '/0' from sakigake.partner_day, generate_series(1, %(days)s) d"""
_VIEWS = """select table_name, max(column_name) filter (where column_name in ('as_of', 'day')) from information_schema.columns
    where table_schema = 'sakigake' and table_name like 'bi\\_%' group by table_name order by table_name"""


def main() -> None:
    with empty_database() as url, tempfile.TemporaryDirectory() as folder:
        engine = database.engine(url)
        with workspace_on(engine, Path(folder)) as workspace, workspace.connect() as conn:
            fill(conn, SMALL)
            conn.commit()
            compute(workspace, "newest", AS_OF, None, None)
            for statement in (_COMPUTATIONS, _REPORTS, _PARTNER_DAYS):
                conn.execute(statement, {"days": DAYS, "hours": A_DAY})
            conn.execute("analyze")
            conn.commit()
            told(conn)
        engine.dispose()


def told(conn: psycopg.Connection[Any]) -> None:
    title = f"Views, {PARTNERS} partners, {SMALL:,} entries, {DAYS + 1} days"
    shown = Table("view", "rows", "ms", "one day, ms", title=title, box=box.SIMPLE_HEAD)
    for column in shown.columns[1:]:
        column.justify = "right"
    for view, day in conn.execute(_VIEWS).fetchall():
        rows = conn.execute(f"select count(*) from sakigake.{view}").fetchone()
        one = (
            taken(conn, f"select * from sakigake.{view} where {day} = '{AS_OF}'::date - 30")
            if _has_days(view)
            else None
        )
        whole = taken(conn, f"select * from sakigake.{view}")
        shown.add_row(view, f"{rows[0] if rows else 0:,}", f"{whole:.0f}", "" if one is None else f"{one:.0f}")
    Console(width=100).print(shown)


def _has_days(view: str) -> bool:
    return view.endswith("_day") or view == "bi_computation"


def taken(conn: psycopg.Connection[Any], query: str) -> float:
    """Milliseconds that PostgreSQL takes for a query, the best of some."""
    found = []
    for _ in range(TIMES):
        row = conn.execute(f"explain (analyze, timing off, format json) {query}").fetchone()
        assert row is not None
        found.append(row[0][0]["Planning Time"] + row[0][0]["Execution Time"])
    return min(found)


if __name__ == "__main__":
    main()
