"""A workspace of one CRM that has one object, Thing: partners and entries stand in it, told apart by Kind. For tests of what comes after the wire."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs import settings
from jobs.wiring import Workspace, connect_with
from sync.connector import Connector
from sync.described import FieldDescription, FieldType
from sync.mapping.loading import load_mapping

MAPPING = """
timezone: Asia/Tokyo
partners:
  - {from: fake.Thing, where: {Kind: partner}, name: Name, attributes: {industry: Industry}}
partner_types:
  growth: {industry: [consulting]}
entries:
  - from: fake.Thing
    where: {Kind: entry}
    partner: Partner
    milestones:
      listed: {at: ListedOn}
      deal: {at: DealOn}
write_back:
  partner: {fake.Thing: [tier, listed_90d]}
"""
TEXTS = ("Kind", "Name", "Industry", "Partner")


def config(**guards: Any) -> str:
    """sakigake.yaml with these guards."""
    return f"""
workspaces:
  main:
    connections:
      fake:
        crm: salesforce
        url: https://fake.example
        auth: {{client_id: x, client_secret: {{env: NOT_READ}}}}
    guards: {{{", ".join(f"{name}: {value}" for name, value in guards.items())}}}
"""


def fields(texts: Sequence[str], days: Sequence[str]) -> tuple[FieldDescription, ...]:
    return (
        *(FieldDescription(n, FieldType.TEXT, n, "string") for n in texts),
        *(FieldDescription(n, FieldType.DATE, n, "date") for n in days),
    )


def workspace_of(
    engine: Engine,
    crm: Connector,
    mapping: str = MAPPING,
    *,
    folder: Path | None = None,
    home: Path | None = None,
    **guards: Any,
) -> Workspace:
    """With `folder`, the mapping is read from the file mapping.yaml there, which is made."""
    given, rules = settings.read(config(**guards)).workspaces["main"], load_mapping(mapping)
    if folder is not None:
        path = folder / "mapping.yaml"
        path.write_text(mapping, "utf-8")
        rules = load_mapping(mapping, str(path))
    more = {name: at for name, at in (("folder", folder), ("home", home)) if at is not None}
    return Workspace("main", given, rules, engine, connect_with(engine), {"fake": crm}, **more)
