"""A workspace whose facts are made up and put straight into our tables: what is computed on them needs no CRM."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import Connection
from sqlalchemy import Engine

from jobs.presets.writing import write_preset
from jobs.settings import load
from jobs.steps.compute import compute
from jobs.wiring import Workspace, choose_workspace, connect_with, read_rules
from models.vocabulary import Target
from sync.events.target_numbers import target_number
from tests.fake_crm import FakeCrm
from tests.unit.reference.histories import played

NAME = "main"
AS_OF = date(2026, 10, 31)
NOW = datetime(2026, 10, 31, 10, tzinfo=UTC)
MILESTONES = ("listed", "requested", "agreed", "executed", "deal")
KINDS = ("legacy", "growth1")
_SPACE = uuid.UUID(int=7)


def name_id(text: str) -> str:
    return str(uuid.uuid5(_SPACE, text))


@dataclass
class Facts:
    """Rows for our tables, known two days after they occurred."""

    partners: list[tuple[Any, ...]] = field(default_factory=list)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def partner(self, number: int, kind: str, name: str | None = None) -> str:
        made = name_id(f"partner {number}")
        joined = date(2024, 1, 1)
        self.partners.append((NAME, made, name or f"Partner {number:03}", kind, "verbal_yes", None, joined, "{}"))
        return made

    def entry(self, number: int, partner: str, domain: str | None = None) -> str:
        made = name_id(f"entry {number}")
        target = {} if domain is None else {"domain": domain}
        numbered = target_number(made, Target(**target)) if target else None
        self.entries.append(
            (NAME, made, partner, "salesforce", "AttackListEntry__c", f"a{number:08}", json.dumps(target), numbered)
        )
        return made

    def event(self, entry: str, partner: str, milestone: str, day: date, known: datetime | None = None) -> None:
        told = name_id(f"{entry} {milestone} {day} {len(self.events)}")
        at = known or min(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=2), NOW)
        self.events.append(
            (NAME, told, told, entry, partner, milestone, day, at, "assert", None, "direct", "salesforce",
             "AttackListEntry__c", entry, "f", "r", "h", "run-0")
        )  # fmt: skip

    def store(self, conn: Connection[Any]) -> None:
        for table, columns, rows in (
            ("partner", "workspace, partner_id, name, type, willingness, submitted_on, joined_on, attributes", self.partners),
            ("entry", "workspace, entry_id, partner_id, connection, object, record_id, target, target_number", self.entries),
            ("entry_source", "workspace, entry_id, partner_id, connection, object, record_id, target, matched_by",
             [(*row[:-1], "its own record") for row in self.entries]),
            ("event", "workspace, event_id, fact_id, entry_id, partner_id, milestone, occurred_on, known_at, op, supersedes, evidence, connection, object, record_id, source_change_id, rule, mapping_hash, run_id", self.events),
        ):  # fmt: skip
            with conn.cursor() as cursor, cursor.copy(f"copy sakigake.{table} ({columns}) from stdin") as copy:
                for row in rows:
                    copy.write_row(row)
        conn.execute("analyze sakigake.event")


def steady_facts(entries: int = 600, partners: int = 8, days: int = 500, seed: int = 3) -> Facts:
    """Entries that come evenly over the last days, with rates and lead times of histories.py."""
    rng = np.random.default_rng(seed)
    day, lost = played(rng, rng.integers(0, days, entries))
    owner = rng.integers(0, partners, entries)
    first = AS_OF - timedelta(days=days)
    made = Facts()
    ids = [made.partner(i, KINDS[i % 2]) for i in range(partners)]
    for i in range(entries):
        entry = made.entry(i, ids[owner[i]])
        for k in np.flatnonzero(day[i] <= days):
            made.event(entry, ids[owner[i]], MILESTONES[k], first + timedelta(days=int(day[i, k])))
        if lost[i] <= days:
            made.event(entry, ids[owner[i]], "lost", first + timedelta(days=int(lost[i])))
    return made


def with_short_history(facts: Facts, since: date) -> Facts:
    """The same where changes are known since that day alone: of what came before, the newest milestone counts since the record was made.

    Days of `listed` and `deal` stand in fields.
    """
    made, unseen = dict[str, date](), dict[str, tuple[Any, ...]]()
    kept = []
    for row in facts.events:
        entry, milestone, day = row[3], row[5], row[6]
        made[entry] = min(day, made.get(entry, day))
        if milestone in ("listed", "deal") or day >= since:
            kept.append(row)
        elif entry not in unseen or day >= unseen[entry][6]:
            unseen[entry] = row
    kept += [(*row[:6], made[entry], *row[7:14], "Status__c:created", *row[15:]) for entry, row in unseen.items()]
    return Facts(facts.partners, facts.entries, kept)


@contextmanager
def workspace_on(engine: Engine, folder: Path, **settings: Any) -> Iterator[Workspace]:
    """The sandbox preset's workspace on this database; `settings` are put in the place of those of the file."""
    if not (folder / "sakigake.yaml").exists():
        write_preset("sandbox", folder, sandbox_url="http://127.0.0.1:1")
    _, read = choose_workspace(load(folder / "sakigake.yaml"), None)
    chosen = read.model_validate({**json.loads(read.model_dump_json(by_alias=True)), **settings})
    crm: Any = FakeCrm(now=NOW)
    crm.crm_now = lambda: NOW
    yield Workspace(NAME, chosen, read_rules(chosen, folder), engine, connect_with(engine), {"salesforce": crm})


def settled(engine: Engine, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Commands run in this process find this folder's configuration, and this database."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("SAKIGAKE_HOME", str(folder / "home"))
    with workspace_on(engine, folder):
        return engine


def computed(
    engine: Engine, facts: Facts | None = None, run: str = "run-1", day: date = AS_OF, **settings: Any
) -> dict[str, Any]:
    """Stores the facts, and computes everything as of a day."""
    with workspace_on(engine, Path.cwd(), **settings) as workspace:
        if facts is not None:
            with workspace.connect() as conn:
                facts.store(conn)
        return compute(workspace, run, day, None, None)
