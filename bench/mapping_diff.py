"""`mapping diff` of 100,000 entries, cold: a command of its own process, as a person types it, in three worlds and for each kind of change.

What is rated is seconds on the clock against those demanded; the processor's time, PostgreSQL's included, is printed beside.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from bench.apart import empty_database, postmaster, spent
from bench.mapping_worlds import CONFIG, ENTRIES, NOW, WORLDS, World, fill
from bench.measure import Row
from jobs import settings as settings_of
from jobs.database import engine, upgrade
from jobs.mapping.versions import activate
from jobs.pipeline import run_cycle
from jobs.wiring import Workspace, connect_with
from models.vocabulary import Step
from sync.connector import Connector
from sync.mapping.loading import load_mapping

CHANGES = (
    ("one rule", 5.0, "agreed: {enters: {Status: Agreed}, at: AgreedOn}", "agreed: {at: LostOn}"),
    ("every entry looked at", 8.0, "partner: Partner", "where: {ListedOn: {since: 2025-02-01}}\n    partner: Partner"),
    ("partners by another rule", 8.0, "name: Name\n", "name: Name\n    where: {Industry: consulting}\n"),
)
"""(what changes, seconds demanded, what the mapping says, what it says then)"""
ROUNDS = 2  # the better one counts: what else the machine does takes time, and gives none


class Clock:
    """All that mapping asks of a CRM is what time it is."""

    connection = "salesforce"

    def crm_now(self) -> Any:
        return NOW

    def calls(self) -> dict[str, int]:
        return {}

    def quota(self) -> tuple[None, None]:
        return None, None


def measure() -> Iterator[Row]:
    for world in WORLDS:
        with empty_database() as url, tempfile.TemporaryDirectory() as folder:
            _prepare(url, world)
            (Path(folder) / "sakigake.yaml").write_text(CONFIG, "utf-8")
            for what, demand, was, becomes in CHANGES:
                assert was in world.mapping
                (Path(folder) / "new.yaml").write_text(world.mapping.replace(was, becomes, 1), "utf-8")
                taken, processor = min(_typed(url, folder) for _ in range(ROUNDS))
                print(f"mapping diff, {world.name}, {what}: {taken:.1f} s, {processor:.1f} s of processor time")
                yield Row(
                    f"mapping diff of {ENTRIES:,} entries, {world.name}: {what}", ENTRIES / taken, "entries/s", f"{demand:.0f} s",
                    demand / taken, 1.0,
                )  # fmt: skip


def _prepare(url: str, world: World) -> None:
    """The world mirrored, its mapping in force and mapped by."""
    upgrade(url)
    opened = engine(url)
    connect = connect_with(opened)
    settings = settings_of.read(CONFIG).workspaces["main"]
    rules = load_mapping(world.mapping)
    with connect() as conn:
        fill(conn, world)
        activate(conn, "main", rules, who="bench", reason="", preview=None)
    clocks = {name: cast("Connector", Clock()) for name in settings.connections}
    run_cycle(Workspace("main", settings, rules, opened, connect, clocks), steps=[Step.MAP])
    opened.dispose()


def _typed(url: str, folder: str) -> tuple[float, float]:
    """(seconds on the clock, seconds of processor time) of the command."""
    server = postmaster(url)
    before, began = spent(server), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from jobs.cli import main; main()", "mapping", "diff", "new.yaml", "--json"],
        cwd=folder,
        env={**os.environ, "DATABASE_URL": url, "NOT_READ": "-", "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began, spent(server) - before
