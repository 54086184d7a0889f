"""An organisation whose partners have Campaigns, and a workspace that makes members of them out of lists."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs import database as db
from jobs.list_import import Imported, import_list
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.presets.writing import write_preset
from jobs.progress import NoProgress
from jobs.settings import load
from jobs.steps.provision import provision
from jobs.steps.undo import undo_run
from jobs.wiring import open_workspace
from models.vocabulary import Step
from sandbox.server import running
from sandbox.settings import SandboxSettings
from sync.mapping.names import name_key
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox
from tests.acceptance.truth import connected

WORLD = SandboxSettings(
    partners=20, months=4, entries=80, future_days=0, salesforce_entries="campaign_members", salesforce_bulk_step_s=0.0, limits=False
)  # fmt: skip


@dataclass
class Campaigns:
    """An organisation whose partners have Campaigns, and the workspace that reads it."""

    sandbox: Sandbox
    folder: Path
    url: str
    engine: Engine
    partners: list[str] = field(default_factory=list)  # with one Campaign each

    def opened(self) -> Any:
        return open_workspace(load(self.folder / "sakigake.yaml"), self.folder, self.engine)

    def cycle(self) -> None:
        with self.opened() as ready:
            run_cycle(ready, steps=(Step.PULL, Step.MAP))

    def take_in(self, names: list[str], partner: str, **more: Any) -> Imported:
        path = self.folder / "list.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["会社名", "電話番号"], *([n, phone(n)] for n in names)])
        return self.take_in_file(path, partner, **more)

    def take_in_file(self, path: Path, partner: str, **more: Any) -> Imported:
        given = {"listed_on": None, "sheet": None, "who": "RevOps", "dry_run": False, **more}
        with self.opened() as ready:
            return import_list(ready, path, partner=partner, **given)

    def undo(self, run: str | None, **more: Any) -> dict[str, Any]:
        with self.opened() as ready:
            return undo_run(ready, str(run), "the wrong file", NoProgress(), **more)

    def act(self, action: str, object_name: str, **more: Any) -> str:
        return str(self.sandbox.act(action=action, crm="salesforce", object=object_name, **more)["id"])

    def lead(self, name: str, **more: Any) -> str:
        fields = {"Company": name, "LastName": "山田", "Phone": phone(name), **more}
        return self.act("create", "Lead", fields=fields)

    def standing(self, object_name: str, **held: Any) -> list[dict[str, Any]]:
        return [
            r for r in self.sandbox.ledger()["records"]
            if (r["crm"], r["object"], r["deleted"]) == ("salesforce", object_name, False)
            and all(r["fields"].get(k) == v for k, v in held.items())
        ]  # fmt: skip

    def members(self, lead: str) -> list[dict[str, Any]]:
        return self.standing("CampaignMember", LeadId=lead)

    def campaign(self, partner: str) -> str:
        (one,) = self.standing("Campaign", Partner__c=partner.partition("/")[2])
        return str(one["id"])

    def one(self, query: str, *given: Any) -> Any:
        with connected(self.url) as conn:
            row = conn.execute(query, given).fetchone()
        return row[0] if row else None


def phone(name: str) -> str:
    """One of its own for each company, however it is written."""
    key = name_key(name)
    return f"03-{sum(ord(c) * 7**i for i, c in enumerate(key)) % 8000 + 2000}-{len(key):04d}"


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str
) -> Iterator[Campaigns]:
    folder = tmp_path_factory.mktemp("members")
    with running(WORLD) as url, scratch(postgres_server, database_template) as address:
        write_preset("salesforce-campaign", folder, sandbox_url=url)
        mapping, settings = folder / "mapping.yaml", folder / "sakigake.yaml"
        mapping.write_text(mapping.read_text("utf-8").replace("    # create: ", "    create: "), "utf-8")
        settings.write_text(settings.read_text("utf-8").replace("first_plan: hold", "first_plan: deliver"), "utf-8")
        engine = db.engine(address)
        made = Campaigns(Sandbox(url, os.getpid()), folder, address, engine)
        with made.opened() as ready:
            provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
            with ready.connect() as conn:
                activate(conn, ready.name, ready.rules, who="RevOps", reason="members", preview=None)
        made.cycle()
        named = {r["fields"]["Partner__c"] for r in made.standing("Campaign")}
        made.partners = [f"salesforce.Account/{i}" for i in sorted(named)]
        yield made
        engine.dispose()
