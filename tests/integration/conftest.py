"""What several files of tests start from, built once: a home with a cluster in it, and a database where numbers are computed."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs import database as db
from tests.acceptance.conftest import scratch
from tests.conftest import scratch_folder
from tests.integration.holders import Holder
from tests.numbers_world import computed, settled, steady_facts


@pytest.fixture(scope="session")
def cluster_to_copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sakigake-", dir=scratch_folder(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with Holder(Path(folder) / "home") as holder:
            assert holder.url
            holder.leave()
        yield Path(folder) / "home"


@pytest.fixture
def built_home(home: Path, cluster_to_copy: Path) -> Path:
    """A home whose cluster is there and at rest."""
    subprocess.run(["cp", "-a", cluster_to_copy, home], check=True)
    return home


@pytest.fixture(scope="session")
def computed_database(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, database_template: str
) -> Iterator[str]:
    """The name of a database where steady facts are computed, to be copied."""
    with scratch(postgres_server, database_template) as url:
        made = db.engine(url)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp("computed"))
            computed(made, steady_facts())
        made.dispose()
        yield url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def steady(
    computed_database: str, postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A place where steady facts are computed."""
    with scratch(postgres_server, computed_database) as url:
        made = db.engine(url)
        yield settled(made, tmp_path, url, monkeypatch)
        made.dispose()
