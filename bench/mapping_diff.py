"""`mapping diff` of 100,000 entries on real mirrored rows, against deriving the facts of one version alone: what no preview can do without."""

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from psycopg import sql

from bench.apart import empty_database
from bench.measure import Row
from jobs import settings as settings_of
from jobs.database import engine, upgrade
from jobs.mapping_diff import preview
from jobs.mapping_versions import activate
from jobs.pipeline import run_cycle
from jobs.wiring import Workspace, connect_with
from models.vocabulary import Step
from sync.connector import Connector, FieldDescription, FieldType, ObjectDescription
from sync.mapping.derive import derive
from sync.mapping.grammar import load_mapping
from sync.mirror.read import Mirror
from sync.mirror.schema import described, ensure_schema, ensure_table

ENTRIES, PARTNERS = 100_000, 100
DEMAND = 0.25  # two versions derived, compared and computed, in at most four times what one takes to derive
DEMAND_ONE_RULE = 1.0  # one rule that changes: no more than deriving one version takes
NOW = datetime(2026, 10, 31, tzinfo=UTC)
CONFIG = """
workspaces:
  main:
    connections:
      salesforce:
        crm: salesforce
        url: https://bench.example
        auth: {client_id: x, client_secret: {env: NOT_READ}}
"""
MAPPING = """
timezone: Asia/Tokyo
partners:
  - from: salesforce.Account
    name: Name
    match_on: {domain: Website}
    attributes: {industry: Industry}
partner_types: {growth: {industry: [consulting]}}
entries:
  - from: salesforce.Entry
    partner: Partner
    target: {name: Name, domain: Website}
    milestones:
      listed: {at: ListedOn}
      requested: {enters: {Status: Requested}, at: RequestedOn}
      agreed: {enters: {Status: Agreed}, at: AgreedOn}
      lost: {at: LostOn}
write_back:
  partner: {salesforce.Account: default}
  entry: {salesforce.Entry: default}
"""
ONE_RULE = MAPPING.replace("agreed: {enters: {Status: Agreed}, at: AgreedOn}", "agreed: {at: LostOn}")
OTHER = MAPPING.replace(
    "partner: Partner", "where: {ListedOn: {since: 2025-02-01}}\n    partner: Partner"
)  # every entry is looked at
_DAYS = ("ListedOn", "RequestedOn", "AgreedOn", "LostOn")


class Clock:
    """All that mapping asks of a CRM is what time it is."""

    connection = "salesforce"

    def crm_now(self) -> datetime:
        return NOW

    def calls(self) -> dict[str, int]:
        return {}

    def quota(self) -> tuple[None, None]:
        return None, None


def measure() -> Iterator[Row]:
    with empty_database() as url:
        upgrade(url)
        opened = engine(url)
        connect = connect_with(opened)
        settings = settings_of.read(CONFIG).workspaces["main"]
        old, one_rule, new = load_mapping(MAPPING), load_mapping(ONE_RULE), load_mapping(OTHER)
        with connect() as conn:
            _fill(conn)
            activate(conn, "main", old, who="bench", reason="", preview=None)
        workspace = Workspace("main", settings, old, opened, connect, {"salesforce": cast("Connector", Clock())})
        run_cycle(workspace, steps=[Step.MAP])
        with connect() as conn, conn.transaction():
            alone = _processor(lambda: derive(old, Mirror(conn, "main", settings.schema_of)))
        taken = {}
        for what, rules in (("one rule changes", one_rule), ("every entry is looked at", new)):
            document: dict[str, Any] = {}
            taken[what] = _processor(
                lambda rules=rules, into=document: into.update(preview(opened, "main", settings, rules))
            )
            told = ", ".join(f"{document['events'][kind]:,} {kind}" for kind in ("gained", "lost", "moved"))
            print(
                f"mapping diff of {ENTRIES:,} entries, {what}: {taken[what]:.1f} s of processor time, "
                f"deriving one version alone {alone:.1f} s; events: {told}; {len(document['tier_changes'])} tiers"
            )
        opened.dispose()
    one = taken["one rule changes"]
    yield Row(
        "mapping diff, one rule of 100,000 entries", ENTRIES / one, "entries/s", "deriving one version", alone / one, DEMAND_ONE_RULE,
    )  # fmt: skip
    every = taken["every entry is looked at"]
    yield Row(
        "mapping diff, 100,000 entries", ENTRIES / every, "entries/s", "deriving one version", alone / every, DEMAND
    )


def _processor(act: Callable[[], Any]) -> float:
    """Seconds of processor time, PostgreSQL's left out: beside other work, wall time tells nothing."""
    began = time.process_time()
    act()
    return time.process_time() - began


def _fill(conn: Any) -> None:
    chance = random.Random(7)
    ensure_schema(conn, "salesforce", workspace="main", connection="salesforce")
    accounts = [
        (f"A{i:04}", f"株式会社{i}", f"https://p{i}.example", "consulting" if i % 2 else "other")
        for i in range(PARTNERS)
    ]
    _object(conn, "Account", ("Name", "Website", "Industry"), (), accounts)
    entries = []
    for i in range(ENTRIES):
        listed = date(2025, 1, 1) + timedelta(days=chance.randrange(600))
        depth = chance.randrange(4)
        later = [listed + timedelta(days=7 * n) if depth >= n else None for n in (1, 2, 3)]
        status = ("Listed", "Requested", "Agreed", "Lost")[depth]
        entries.append(
            (f"E{i:06}", f"店{i}", f"t{i}.example", f"A{chance.randrange(PARTNERS):04}", status, listed, *later)
        )
    _object(conn, "Entry", ("Name", "Website", "Partner", "Status"), _DAYS, entries)


def _object(conn: Any, name: str, texts: tuple[str, ...], days: tuple[str, ...], rows: list[Any]) -> None:
    fields = [
        *(FieldDescription(n, FieldType.TEXT, n, "string") for n in texts),
        *(FieldDescription(n, FieldType.DATE, n, "date") for n in days),
    ]
    description = ObjectDescription(name, name, tuple(fields))
    table, _ = ensure_table(conn, "salesforce", description, fields)
    columns = ["id", *(table.columns[f.name][0] for f in fields), "_version", "_first_seen_at", "_changed_at"]
    statement = sql.SQL("copy {} ({}) from stdin").format(
        table.identifier, sql.SQL(", ").join(sql.Identifier(c) for c in columns)
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((*row, NOW, NOW, NOW))

    kept = described(description, fields, table, NOW)
    conn.execute(
        """insert into sakigake.mirror_object (workspace, connection, object, table_name, description, fields, loaded, updated_at)
        values ('main', 'salesforce', %s, %s, %s, %s, true, %s)""",
        (name, table.name, json.dumps(kept, default=str), json.dumps([f.name for f in fields]), NOW),
    )
    conn.execute(sql.SQL("analyze {}").format(table.identifier))
