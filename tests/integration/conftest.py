"""A home with a cluster in it, built once: what is not about building need not wait for it."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import scratch_folder
from tests.integration.holders import Holder


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
