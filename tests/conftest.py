"""What every test may lean on: one PostgreSQL for the whole run, a fresh migrated database per test, a closed network."""

import contextlib
import gc
import os
import shutil
import signal
import socket
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: two workers share two cores

import hypothesis
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url

from jobs import beside
from jobs import database as db

gc.set_threshold(20_000, 20, 20)  # four thousand tests are many objects and little garbage

_RUN = "SAKIGAKE_TEST_RUN"  # made once by the first process; workers inherit it
_SCRATCH = "SAKIGAKE_TEST_SCRATCH"
_TEMPLATE_LOCK = 7_203_115

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    if _RUN not in os.environ:
        os.environ[_RUN] = uuid.uuid4().hex[:8]
        os.environ[_SCRATCH] = str(choose_scratch_folder())
        config.stash[_FIRST] = True
    # a shell starts background jobs with ctrl-C ignored, and children would inherit it: here it has to reach them
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    close_network()


def pytest_collection_finish() -> None:
    """What imports and collected tests consist of stays to the end: looking through it for garbage again and again finds none."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first process outlives the workers: it takes away what they shared."""
    if not config.stash.get(_FIRST, False):
        return
    if _EXTERNAL:
        with contextlib.suppress(psycopg.OperationalError), _admin(_EXTERNAL) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(_template())))
    shutil.rmtree(_home(), ignore_errors=True)
    del os.environ[_RUN], os.environ[_SCRATCH]


_FIRST = pytest.StashKey[bool]()
# A DATABASE_URL in the environment is the server to make scratch databases on; the code under test must not see it.
_EXTERNAL = os.environ.pop("DATABASE_URL", None) or os.environ.get("SAKIGAKE_TEST_DATABASE_URL")
if _EXTERNAL:
    os.environ["SAKIGAKE_TEST_DATABASE_URL"] = _EXTERNAL  # workers start from our environment
for _name in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[_name]  # libpq would read them
os.environ.pop("SAKIGAKE_HOME", None)


@pytest.fixture(autouse=True, scope="session")
def no_process_beside() -> Iterator[None]:
    """There are as many workers as processors, so that a process beside would be in the way; who tests one says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "processors", lambda: 1)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server that all workers share, started by the first of them that needs it."""
    if _EXTERNAL:
        with db.database(_home(), _EXTERNAL) as url:
            yield url
        return
    with db.database(_home(), None) as url:
        with _admin(url) as admin:  # what is thrown away needs no care for power cuts
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            admin.execute("SELECT pg_reload_conf()")
            # each login stretches the password anew, four thousand times unless told: here it guards nothing
            admin.execute("SET scram_iterations = 1")
            address = make_url(url)
            admin.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(address.username or ""), address.password)
            )
        yield url


@pytest.fixture(scope="session")
def database_template(postgres_server: str) -> str:
    """A migrated database to copy, made once for all workers."""
    name = _template()
    with _admin(postgres_server) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [_TEMPLATE_LOCK])
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            making = f"{name}_making"
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            db.upgrade(_at(postgres_server, making))
            admin.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name))
            )
    return name


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """A database of this test's own, without tables."""
    yield from scratch_database(postgres_server, "template1")


@pytest.fixture
def database_url(postgres_server: str, database_template: str) -> Iterator[str]:
    """A database of this test's own, migrated and empty."""
    yield from scratch_database(postgres_server, database_template)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on this test's own database."""
    made = db.engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for SAKIGAKE_HOME that any account can walk to; pytest's own tmp_path is closed to all but its owner."""
    with tempfile.TemporaryDirectory(prefix="sakigake-", dir=scratch_folder(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


def scratch_database(server: str, template: str) -> Iterator[str]:
    name = f"sakigake_test_{os.environ[_RUN]}_{uuid.uuid4().hex[:12]}"
    # as files: a third of the work of going through the log, block by block, where nothing is flushed anyway
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with _admin(server) as admin:
        admin.execute(create)
    yield _at(server, name)
    with _admin(server) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _admin(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True, connect_timeout=10)


def _at(url: str, name: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)


def _template() -> str:
    return f"sakigake_test_{os.environ[_RUN]}_template"


def _home() -> Path:
    return scratch_folder() / f"sakigake-tests-{os.environ[_RUN]}"


def scratch_folder() -> Path:
    return Path(os.environ[_SCRATCH])


def choose_scratch_folder() -> Path:
    """Memory where there is plenty, since making clusters is mostly writing; else the folder for temporary files."""
    memory = Path("/dev/shm")
    if memory.is_mount() and os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > 4 * 2**30:
        return memory
    return Path(tempfile.gettempdir())


def close_network() -> None:
    """Only this machine answers: a test that would reach the internet fails, with the address it wanted."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def refuse(address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and not (str(host).startswith("127.") or host in {"localhost", "::1"}):
            raise PermissionError(f"Tests may not leave this machine, and this one wants to reach {host}.")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse(address)
        return connect_ex(self, address)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign,assignment]
