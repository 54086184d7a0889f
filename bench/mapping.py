"""Mapping one changed entry, against mapping everything: work in proportion to the partner it touches, not to the workspace.

Partners have a hundred entries each, so that ten times the workspace is ten times the partners.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from psycopg import Connection

from bench.apart import empty_database
from bench.measure import Row, seconds
from jobs.database import engine
from jobs.settings import WorkspaceSettings
from jobs.steps.map import map_facts
from jobs.wiring import Workspace, connect_with
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.mapping.loading import load_mapping
from sync.mirror.schema import ensure_schema, ensure_table

SMALL, LARGE, OF_A_PARTNER, ROUNDS = 10_000, 100_000, 100, 5
NOW = datetime(2026, 10, 31, tzinfo=UTC)
MAPPING = """
timezone: Asia/Tokyo
created: {salesforce: CreatedDate}
partners:
  - {from: salesforce.Account, where: {Type: Partner}, name: Name, match_on: {domain: Website}}
entries:
  - from: salesforce.Entry__c
    partner: Partner__c
    target: {name: TargetName__c, domain: TargetWebsite__c}
    milestones:
      listed: {at: ListedOn__c}
      requested: {at: RequestedOn__c}
      agreed: {enters: {Status__c: Agreed}, at: AgreedOn__c}
    ignored: {Status__c: [Listed, Requested]}
"""
OBJECTS = {
    "Account": {"Name": "text", "Type": "text", "Website": "text"},
    "Entry__c": {
        "Partner__c": "text", "TargetName__c": "text", "TargetWebsite__c": "text", "Status__c": "text",
        "ListedOn__c": "date", "RequestedOn__c": "date", "AgreedOn__c": "date", "CreatedDate": "timestamp with time zone",
    },
}  # fmt: skip
FILL = {
    "Account": """select 'A' || i, '株式会社' || i, 'Partner', 'p' || i || '.example' from generate_series(0, %(partners)s - 1) i""",
    "Entry__c": """select 'E' || i, 'A' || i / %(each)s, '対象' || i, 't' || i || '.example',
        case i %% 3 when 0 then 'Listed' when 1 then 'Requested' else 'Agreed' end, date '2026-01-01' + i %% 200,
        case when i %% 3 > 0 then date '2026-01-08' + i %% 200 end, case when i %% 3 > 1 then date '2026-01-20' + i %% 200 end,
        timestamptz '2026-01-01' from generate_series(0, %(entries)s - 1) i""",
}


def measure() -> Iterator[Row]:
    taken = {}
    for entries in (SMALL, LARGE):
        with empty_database() as url:
            opened = engine(url)
            taken[entries] = whole, one = _mapped(_workspace(opened), entries)
            opened.dispose()
        print(f"map {entries:,} entries: {whole:.2f} s for all of them, {one * 1000:.0f} ms for one that changed")
    whole, one = taken[LARGE]
    yield Row("map one changed entry of 100,000", 1 / one, "a second", "mapping everything", whole / one, 20.0)
    growth = taken[SMALL][1] / one
    yield Row("map one changed entry, 10,000 to 100,000 entries", 1 / one, "a second", "the same work", growth, 0.3)


def _workspace(opened: Any) -> Workspace:
    given = {
        "url": "http://127.0.0.1:1",
        "crm": "salesforce",
        "auth": {"client_id": "x", "client_secret": {"env": "X"}},
    }
    settings = WorkspaceSettings.model_validate({"mapping": "mapping.yaml", "connections": {"salesforce": given}})
    clock = cast("Any", SimpleNamespace(crm_now=lambda: NOW))
    return Workspace(
        "bench", settings, load_mapping(MAPPING, "mapping.yaml"), opened, connect_with(opened), {"salesforce": clock}
    )


def _mapped(workspace: Workspace, entries: int) -> tuple[float, float]:
    """Seconds of the first mapping, and the least of some in which one entry's date had moved."""
    with workspace.connect() as conn:
        ensure_schema(conn, "salesforce", workspace="bench", connection="salesforce")
        for name in OBJECTS:
            _fill(conn, name, entries)
        report: dict[str, Any] = {}
        whole = seconds(lambda: report.update(map_facts(workspace, "run-0", None)))
        _ended(conn, "run-0", report)
        ones = []
        for n in range(1, ROUNDS + 1):
            at = NOW + timedelta(hours=n)
            conn.execute(
                "update salesforce.entry__c set requestedon__c = '2026-09-01'::date + %s, _changed_at = %s where id = 'E777'",
                (n, at),
            )
            _landed(conn, "Entry__c", f"run-{n}", at)
            ones.append(seconds(lambda n=n: report.update(map_facts(workspace, f"run-{n}", report["input"]))))
            assert report["looked_at"] == 1, report
            assert sum(report["asserted"].values()) == 1, report
            _ended(conn, f"run-{n}", report)
    return whole, min(ones)


def _fill(conn: Connection[Any], name: str, entries: int) -> None:
    fields = [FieldDescription(f, FieldType(kind), f, kind) for f, kind in OBJECTS[name].items()]
    table, _ = ensure_table(conn, "salesforce", ObjectDescription(name, name, tuple(fields)), fields)
    columns = ", ".join(table.columns[f.name][0] for f in fields)
    given = {"entries": entries, "partners": entries // OF_A_PARTNER, "each": OF_A_PARTNER}
    conn.execute(
        f"insert into salesforce.{table.name} (id, {columns}, _version, _first_seen_at, _changed_at) select f.*, %(at)s, %(at)s, %(at)s from ({FILL[name]}) f",
        {**given, "at": NOW},
    )
    conn.execute(f"analyze salesforce.{table.name}")
    description = {
        "columns": {f.name: table.columns[f.name][0] for f in fields},
        "fields": [{"name": f.name, "type": f.type.value} for f in fields],
    }
    conn.execute(
        """insert into sakigake.mirror_object (workspace, connection, object, table_name, description, fields, loaded, updated_at)
        values ('bench', 'salesforce', %s, %s, %s, %s, true, %s)""",
        (name, f"salesforce.{table.name}", json.dumps(description), json.dumps([f.name for f in fields]), NOW),
    )
    _landed(conn, name, "run-0", NOW)


def _landed(conn: Connection[Any], name: str, run: str, at: datetime) -> None:
    conn.execute(
        """insert into sakigake.landing (workspace, connection, object, run_id, page, landed_at, records)
        values ('bench', 'salesforce', %s, %s, 1, %s, 1)""",
        (name, run, at),
    )
    conn.execute("update sakigake.mirror_object set last_changed_run_id = %s where object = %s", (run, name))


def _ended(conn: Connection[Any], run: str, report: dict[str, Any]) -> None:
    conn.execute(
        "insert into sakigake.run (workspace, run_id, started_at, status) values ('bench', %s, now(), 'succeeded')",
        (run,),
    )
    conn.execute(
        """insert into sakigake.run_step (workspace, run_id, step, started_at, status, counts)
        values ('bench', %s, 'map', now(), 'succeeded', %s)""",
        (run, json.dumps(report)),
    )
