"""`mapping diff` of 100,000 entries on real mirrored rows, against deriving the facts of one version alone: what no preview can do without."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from psycopg import sql

from bench.apart import empty_database
from bench.measure import Row, seconds
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
OTHER = MAPPING.replace("agreed: {enters: {Status: Agreed}, at: AgreedOn}", "agreed: {at: LostOn}").replace(
    "lost: {at: LostOn}", "lost: {at: AgreedOn}"
)
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
        old, new = load_mapping(MAPPING), load_mapping(OTHER)
        with connect() as conn:
            _fill(conn)
            activate(conn, "main", old, who="bench", reason="", preview=None)
        workspace = Workspace("main", settings, old, opened, connect, {"salesforce": cast("Connector", Clock())})
        run_cycle(workspace, steps=[Step.MAP])
        with connect() as conn, conn.transaction():
            alone = seconds(lambda: derive(old, Mirror(conn, "main", settings.schema_of)))
        taken = seconds(lambda: preview(opened, "main", settings, new))
        document = preview(opened, "main", settings, new)
        print(
            f"mapping diff of {ENTRIES:,} entries: {taken:.1f} s, deriving one version alone {alone:.1f} s; "
            f"{document['events']['moved']:,} events moved, {len(document['tier_changes'])} tiers"
        )
        opened.dispose()
    yield Row(
        "mapping diff, 100,000 entries", ENTRIES / taken, "entries/s", "deriving one version", alone / taken, DEMAND
    )


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
