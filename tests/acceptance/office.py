"""One workspace, ready to deliver, for all tests of a file: each begins with new values for the same fields."""

# ruff: noqa: F811 (fixtures are imported)
from collections.abc import Iterator

import pytest

from jobs import database as db
from jobs.presets.writing import write_preset
from tests.acceptance.conftest import scratch
from tests.acceptance.desk import Sandbox
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.writing import Office, quick, ready_office


@pytest.fixture(scope="module")
def office(
    world: Sandbox, tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str
) -> Iterator[Office]:
    """Its fields are made, and the first plan is delivered."""
    folder = tmp_path_factory.mktemp("office")
    world.reset()
    with scratch(postgres_server, database_template) as url, pytest.MonkeyPatch.context() as patch:
        write_preset("sandbox", folder, sandbox_url=world.url)
        quick(patch)
        engine = db.engine(url)
        made = Office(world, folder, url, engine)
        ready_office(made)
        yield made
        engine.dispose()
