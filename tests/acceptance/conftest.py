"""A sandbox as a real process, and desks to work at: each with a folder that `init` wrote and a database of its own."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.desk import Desk, Sandbox, sandbox_process
from tests.conftest import scratch_database, scratch_folder

MakeDesk = Callable[..., Desk]


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    """One process for all tests of this worker, with a small world."""
    with sandbox_process("--entries", "400") as running:
        yield running


@pytest.fixture(scope="module")
def module_sandbox(sandbox_server: Sandbox) -> Sandbox:
    """The sandbox with its world as it began, for tests that tell one story together."""
    sandbox_server.reset()
    return sandbox_server


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Sandbox:
    """The sandbox with its world as it began."""
    sandbox_server.reset()
    return sandbox_server


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """A folder that any account can walk to, as the account of an embedded server must."""
    with tempfile.TemporaryDirectory(prefix="sakigake-", dir=scratch_folder(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def module_desk(module_folder: Path, postgres_server: str) -> Iterator[Desk]:
    """An empty folder and an empty database."""
    with scratch(postgres_server, "template1") as url:
        yield Desk(module_folder, module_folder / "home", url)


@pytest.fixture
def make_desk(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str
) -> Iterator[MakeDesk]:
    """Makes desks where `init` and `db upgrade` are done, each with a database of its own."""
    with ExitStack() as stack:

        def make(sandbox: Sandbox) -> Desk:
            folder = tmp_path_factory.mktemp("desk")
            desk = Desk(folder, folder / "home", stack.enter_context(scratch(postgres_server, database_template)))
            desk.sakigake("init", "--preset", "sandbox", "--sandbox-url", sandbox.url)
            return desk

        yield make


@contextmanager
def scratch(server: str, template: str) -> Iterator[str]:
    yield from scratch_database(server, template)
