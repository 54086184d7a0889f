"""100,000 entries as a mirror holds them (or fewer), in three worlds: one connection; two CRMs with targets that stand in both; one CRM and imported lists."""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import sql

from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.lists.source import DESCRIPTION as ROWS
from sync.mirror.schema import described, ensure_schema, ensure_table

ENTRIES, PARTNERS = 100_000, 100
NOW = datetime(2026, 10, 31, tzinfo=UTC)
_TEXT, _DATE, _TIME = FieldType.TEXT, FieldType.DATE, FieldType.DATETIME
_STAGES = ("Listed", "Requested", "Agreed", "Lost")

CONFIG = """
workspaces:
  main:
    connections:
      salesforce:
        crm: salesforce
        url: https://bench.example
        auth: {client_id: x, client_secret: {env: NOT_READ}}
      hubspot:
        crm: hubspot
        url: https://bench.example
        auth: {token: {env: NOT_READ}}
"""
_HEAD = """
timezone: Asia/Tokyo
partners:
  - from: salesforce.Account
    name: Name
    match_on: {domain: Website}
    attributes: {industry: Industry}
"""
_COMPANIES = "  - {from: hubspot.companies, name: name, match_on: {domain: domain}, attributes: {industry: kind}}\n"
_ENTRY = """
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
"""
_DEALS = """
  - from: hubspot.deals
    partner: {association: companies}
    target: {name: name, domain: domain}
    milestones:
      listed: {enters: {stage: Listed}}
      requested: {enters: {stage: Requested}}
      agreed: {enters: {stage: Agreed}}
      lost: {enters: {stage: Lost}}
"""
_LISTS = "\n  - from: lists.row\n"
_BACK = """
write_back:
  partner: {salesforce.Account: default}
  entry: {salesforce.Entry: default}
"""


@dataclass(frozen=True, slots=True)
class World:
    """How many entries there are, how many of them in HubSpot and in lists, and the mapping of it."""

    name: str
    deals: int = 0
    rows: int = 0
    entries: int = ENTRIES
    partners: int = PARTNERS

    @property
    def mapping(self) -> str:
        several = self.deals > 0
        return (
            _HEAD + (_COMPANIES if several else "") + _ENTRY + (_DEALS if several else "") + (_LISTS if self.rows else "") + _BACK
        )  # fmt: skip


WORLDS = (World("one connection"), World("two CRMs", deals=30_000), World("imported lists", rows=5_000))


def fill(conn: Any, world: World) -> None:
    """Makes the mirror of it. A tenth of the deals and of the rows name a company that the same partner's list has in Salesforce."""
    chance = random.Random(7)
    ensure_schema(conn, "salesforce", workspace="main", connection="salesforce")
    accounts = [(f"A{i:04}", *_company(i)) for i in range(world.partners)]
    texts = ("Name", "Website", "Industry")
    _object(conn, "salesforce", "Account", dict.fromkeys(texts, _TEXT), accounts)
    mine = world.entries - world.deals - world.rows
    entries = list(_entries(chance, mine, world.partners))
    fields = {**dict.fromkeys(("Name", "Website", "Partner", "Status"), _TEXT)}
    fields |= dict.fromkeys(("ListedOn", "RequestedOn", "AgreedOn", "LostOn"), _DATE)
    _object(conn, "salesforce", "Entry", fields, entries)
    if world.deals:
        _fill_hubspot(conn, chance, world, entries)
    if world.rows:
        _fill_lists(conn, chance, world, entries)


def _company(i: int) -> tuple[str, str, str]:
    return f"株式会社{i}", f"https://p{i}.example", "consulting" if i % 2 else "other"


def _entries(chance: random.Random, n: int, partners: int) -> Iterator[tuple[Any, ...]]:
    for i in range(n):
        depth, days = _story(chance)
        partner = f"A{chance.randrange(partners):04}"
        yield f"E{i:06}", f"店{i}", f"t{i}.example", partner, _STAGES[depth], *days


def _story(chance: random.Random) -> tuple[int, list[date | None]]:
    listed = date(2025, 1, 1) + timedelta(days=chance.randrange(600))
    depth = chance.randrange(4)
    return depth, [listed, *(listed + timedelta(days=7 * n) if depth >= n else None for n in (1, 2, 3))]


def _fill_hubspot(conn: Any, chance: random.Random, world: World, entries: list[tuple[Any, ...]]) -> None:
    """Four tenths of the partners stand there too; each deal has its company, and a history of its stages."""
    ensure_schema(conn, "hubspot", workspace="main", connection="hubspot")
    companies = [(f"{500 + i}", *_company(i)) for i in range(world.partners * 4 // 10)]
    _object(conn, "hubspot", "companies", dict.fromkeys(("name", "domain", "kind"), _TEXT), companies)
    both = [e for e in entries if int(e[3][1:]) < len(companies)]
    deals, links, history = [], [], []
    for i in range(world.deals):
        depth, days = _story(chance)
        twin = both[i] if i < world.deals // 10 else None
        company = int(twin[3][1:]) if twin else chance.randrange(len(companies))
        deals.append((f"{7000000 + i}", f"案件{i}", twin[2] if twin else f"d{i}.example", _STAGES[depth]))
        links.append(("deals", deals[-1][0], "companies", f"{500 + company}", "1", "HUBSPOT_DEFINED", None, NOW))
        for at in range(depth + 1):
            day = datetime.combine(days[at] or date(2025, 1, 1), datetime.min.time(), UTC)
            old = _STAGES[at - 1] if at else None
            history.append(("deals", deals[-1][0], "stage", f"{at}", old, _STAGES[at], day, NOW, "crm"))
    _object(conn, "hubspot", "deals", dict.fromkeys(("name", "domain", "stage"), _TEXT), deals)
    _copy(
        conn,
        "hubspot",
        "association",
        ("from_object", "from_id", "to_object", "to_id", "type_id", "category", "label", "seen_at"),
        links,
    )
    told = (
        "object",
        "record_id",
        "field",
        "change_id",
        "old_value",
        "new_value",
        "changed_at",
        "first_seen_at",
        "origin",
    )
    _copy(conn, "hubspot", "field_history", told, history)


def _fill_lists(conn: Any, chance: random.Random, world: World, entries: list[tuple[Any, ...]]) -> None:
    """Three tenths of the partners handed in a list."""
    ensure_schema(conn, "lists", workspace="main", connection="lists")
    handed = world.partners * 3 // 10
    known = [e for e in entries if int(e[3][1:]) < handed]
    rows = []
    for i in range(world.rows):
        twin = known[i] if i < world.rows // 10 else None
        partner = twin[3] if twin else f"A{chance.randrange(handed):04}"
        held = {
            "partner": f"salesforce.Account/{partner}", "name": f"店舗{i}", "domain": twin[2] if twin else f"l{i}.example",
            "listed_on": date(2026, 9, 1), "row_number": i, "file": "list.csv", "file_hash": "0" * 64,
        }  # fmt: skip
        rows.append((f"R{i:05}", *(held.get(f.name) for f in ROWS.fields)))
    _table(conn, "lists", ROWS, rows)


def _object(conn: Any, connection: str, name: str, fields: dict[str, FieldType], rows: Iterable[Any]) -> None:
    described = tuple(FieldDescription(f, kind, f, kind.name.lower()) for f, kind in fields.items())
    _table(conn, connection, ObjectDescription(name, name, described), rows)


def _table(conn: Any, connection: str, description: ObjectDescription, rows: Iterable[Any]) -> None:
    fields = list(description.fields)
    table, _ = ensure_table(conn, connection, description, fields)
    columns = ["id", *(table.columns[f.name][0] for f in fields), "_version", "_first_seen_at", "_changed_at"]
    _copy(conn, connection, table.name, columns, ((*row, NOW, NOW, NOW) for row in rows))
    kept = described(description, fields, table, NOW)
    conn.execute(
        """insert into sakigake.mirror_object (workspace, connection, object, table_name, description, fields, loaded, updated_at)
        values ('main', %s, %s, %s, %s, %s, true, %s)""",
        (
            connection,
            description.name,
            table.name,
            json.dumps(kept, default=str),
            json.dumps([f.name for f in fields]),
            NOW,
        ),
    )


def _copy(conn: Any, schema: str, table: str, columns: Iterable[str], rows: Iterable[Any]) -> None:
    place = sql.Identifier(schema, table.rpartition(".")[2])
    names = sql.SQL(", ").join(sql.Identifier(c) for c in columns)
    with conn.cursor() as cursor, cursor.copy(sql.SQL("copy {} ({}) from stdin").format(place, names)) as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute(sql.SQL("analyze {}").format(place))
