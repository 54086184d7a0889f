"""How often our fields change: whole cycles over simulated days with normal activity, one cycle a day, against a sandbox of its own.

    python -m bench.sixty_days [DAYS [PARTNERS [ENTRIES]]]

Prints fields written per partner and day, by field, the ten most frequent reasons, how near the busiest day came to the guards, and by how much
each table grew a day.
`back` counts writes that took a field back to its value before last within two weeks: of an estimate that is flicker, and there is to be
none. A count goes back when one record comes and another leaves, a flag when its record moves on: they say what is, at once.
"""

import os
import sys
import tempfile
import urllib.request
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import structlog
from psycopg import sql
from rich.console import Console
from rich.table import Table

from jobs.database import database, engine, upgrade
from jobs.pipeline import run_cycle
from jobs.presets.writing import write_preset
from jobs.settings import load
from jobs.steps.provision import provision
from jobs.wiring import Workspace, connect_with, open_workspace
from models.catalogue import BY_NAME
from sandbox.server import running
from sandbox.settings import SandboxSettings

DAYS, PARTNERS, ENTRIES = 60, 100, 2400  # the world of the demo
SOON = timedelta(days=14)


def main() -> int:
    given = [int(text) for text in sys.argv[1:]]
    days, partners, entries = (*given, *(DAYS, PARTNERS, ENTRIES)[len(given) :])
    settings = SandboxSettings(limits=False, hubspot_search_lag_s=0.0, partners=partners, entries=entries)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    with (
        tempfile.TemporaryDirectory() as folder,
        running(settings) as address,
        database(Path(folder) / "home", os.environ.get("DATABASE_URL")) as url,
    ):
        Path(folder).chmod(0o711)
        upgrade(url)
        write_preset("sandbox", Path(folder), sandbox_url=address)
        opened = engine(url)
        with open_workspace(
            load(Path(folder) / "sakigake.yaml"), Path(folder), opened, home=Path(folder) / "home"
        ) as ready:
            provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
            first = run_cycle(ready)
            before = _sizes(ready)
            for _ in range(days):
                _advance(address)
                run_cycle(ready)
            _tell(ready, first.run, days)
            _tell_growth(before, _sizes(ready), days)
        opened.dispose()
    return 0


def _advance(address: str) -> None:
    request = urllib.request.Request(
        f"{address}/_sandbox/advance", data=b'{"days": 1}', headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        reply.read()


def _tell(ready: Workspace, first: str, days: int) -> None:
    with connect_with(ready.engine)() as conn:
        changes = conn.execute(
            """select c.run_id, c.connection, c.object, c.record_id, c.field, c.old, c.new, c.why, r.as_of
            from sakigake.change c join sakigake.run r using (workspace, run_id)
            where c.status = 'confirmed' and c.run_id <> %s order by r.started_at, c.seq""",
            (first,),
        ).fetchall()
        subjects = dict(
            conn.execute(
                """select connection || record_id, 'partner' from sakigake.partner_source
                union select connection || record_id, 'entry' from sakigake.entry_source"""
            ).fetchall()
        )
        partners = conn.execute("select count(*) from sakigake.partner").fetchone()
        known = conn.execute("select count(distinct (connection, record_id)) from sakigake.written").fetchone()
    assert partners
    assert known
    kinds: Counter[tuple[str, str]] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    back: Counter[str] = Counter()
    seen: dict[tuple[str, str, str], list[tuple[date, Any]]] = {}
    for _, connection, _, record, field, old, new, why, as_of in changes:
        kinds[subjects.get(connection + record, "entry"), field] += 1
        reasons[field, _reason(why)] += 1
        history = seen.setdefault((connection, record, field), [(as_of - 2 * SOON, old)])
        back[field] += len(history) > 1 and new == history[-2][1] and as_of - history[-1][0] <= SOON
        history.append((as_of, new))
    total = Counter[str]()
    for (subject, _), n in kinds.items():
        total[subject] += n
    out = Console(width=140)
    out.print(
        f"{days} days, {partners[0]} partners, {known[0]:,} records written at all, {len(changes):,} fields written"
    )
    for subject, n in total.items():
        out.print(f"{subject} records: {n:,} fields, {n / partners[0] / days:.3f} per partner and day")
    shown = Table("field", "of", "", "written", "per partner and day", "back")
    for (subject, field), n in kinds.most_common():
        estimate = "estimate" if BY_NAME[field].calm else "fact"
        shown.add_row(field, subject, estimate, f"{n:,}", f"{n / partners[0] / days:.4f}", f"{back[field]:,}")
    out.print(shown)
    shown = Table("reason", "field", "times")
    for (field, why), n in reasons.most_common(10):
        shown.add_row(why, field, f"{n:,}")
    out.print(shown)
    wavered = sum(n for field, n in back.items() if BY_NAME[field].calm)
    out.print(f"back to the value before last within two weeks: {back.total():,} times, {wavered:,} of them estimates")
    by_run: dict[str, list[Any]] = {}
    for change in changes:
        by_run.setdefault(change[0], []).append(change)
    busiest = max(len({(c[1], c[3]) for c in some}) for some in by_run.values())
    moved = max(sum(c[4] == "tier" and c[5] is not None for c in some) for some in by_run.values())
    out.print(
        f"busiest day: {busiest:,} records of {known[0]:,} changed ({busiest / known[0]:.0%}), {moved} tiers moved"
    )


def _sizes(ready: Workspace) -> dict[str, int]:
    """Bytes of each of our tables without dead rows, with its indexes."""
    with connect_with(ready.engine)() as conn:
        conn.autocommit = True
        names = [
            name for (name,) in conn.execute("select relname from pg_stat_user_tables where schemaname = 'sakigake'")
        ]
        for name in names:
            conn.execute(sql.SQL("vacuum full sakigake.{}").format(sql.Identifier(name)))
        sizes = conn.execute(
            "select relname, pg_total_relation_size(relid) from pg_stat_user_tables where schemaname = 'sakigake'"
        )
        return dict(sizes.fetchall())


def _tell_growth(before: dict[str, int], after: dict[str, int], days: int) -> None:
    grown = sorted(((after[name] - size) / days / 1024, name) for name, size in before.items() if after[name] > size)
    shown = Table("table", "KiB a day")
    for size, name in reversed(grown):
        shown.add_row(name, f"{size:,.1f}")
    Console(width=140).print(shown)


def _reason(why: str) -> str:
    """The sentence without its numbers, so that equal reasons count as one."""
    return "".join("#" if c.isdigit() else c for c in why)


if __name__ == "__main__":
    sys.exit(main())
