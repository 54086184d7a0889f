"""Sandboxes in threads of the tests' own process, and companies whose mirrors they fill."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs import database as db
from jobs.presets.writing import write_preset
from sandbox.server import running
from sandbox.settings import SandboxSettings
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox
from tests.acceptance.in_process import Company

AT_ONCE = {
    "salesforce_bulk_step_s": 0.0
}  # bulk jobs are done when they are made: a skipped wait lets no real time pass
SMALL = SandboxSettings(
    partners=10, months=5, entries=60, future_days=10, hubspot_search_lag_s=0.05, limits=False, **AT_ONCE
)
PAGES = SandboxSettings(
    partners=4,
    months=2,
    entries=10,
    future_days=0,
    hubspot_search_lag_s=0.05,
    limits=False,
    **AT_ONCE,
    rows={"Opportunity": 4500, "hubspot.tasks": 350},  # three pages of a query, four of a list
)
QUARTER = 15 / 1440  # of an hour, in days: beyond any overlap


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with running(SMALL) as url:
        yield Sandbox(url, os.getpid())


@pytest.fixture(scope="module")
def world_of_pages() -> Iterator[Sandbox]:
    with running(PAGES) as url:
        yield Sandbox(url, os.getpid())


@contextmanager
def company_of(world: Sandbox, folder: Path, url: str) -> Iterator[Company]:
    write_preset("sandbox", folder, sandbox_url=world.url)
    engine = db.engine(url)
    try:
        yield Company(world, folder, url, engine)
    finally:
        engine.dispose()


@pytest.fixture
def newcomer(world: Sandbox, tmp_path: Path, database_url: str) -> Iterator[Company]:
    """Its first load is still to come."""
    world.reset()
    with company_of(world, tmp_path, database_url) as made:
        yield made


@pytest.fixture
def reader_of_pages(world_of_pages: Sandbox, tmp_path: Path, database_url: str) -> Iterator[Company]:
    """Its first load, of several pages, is still to come."""
    world_of_pages.reset()
    with company_of(world_of_pages, tmp_path, database_url) as made:
        yield made


@pytest.fixture(scope="module")
def loaded_database(
    world: Sandbox, tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str
) -> Iterator[str]:
    """The name of a database whose mirror is the world as it began, to be copied."""
    with scratch(postgres_server, database_template) as url:
        world.reset()
        with company_of(world, tmp_path_factory.mktemp("loaded"), url) as company:
            company.clean()
            assert company.differences() == []
        yield url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def company(world: Sandbox, tmp_path: Path, postgres_server: str, loaded_database: str) -> Iterator[Company]:
    """Loaded a quarter of an hour ago."""
    world.reset()
    world.advance(QUARTER)
    world.control("POST", "calls/reset")
    with scratch(postgres_server, loaded_database) as url, company_of(world, tmp_path, url) as made:
        yield made
