"""The version that results carry changes with the code that computes, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from jobs.computing_code import CODE_VERSION, ROOT, SOURCES, computing_version


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in SOURCES:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, tmp_path / name)
    return tmp_path


def test_it_is_the_packages_version_and_the_same_wherever_the_code_stands(copied: Path):
    assert CODE_VERSION.startswith("0.1.0+")
    (copied / "indicators" / "__pycache__").mkdir()
    (copied / "indicators" / "__pycache__" / "tiers.pyc").write_bytes(b"x")
    path = copied / "indicators" / "tiers.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert computing_version(copied) == CODE_VERSION


@pytest.mark.parametrize(
    "name", ["indicators/tiers.py", "indicators/leading/panel.py", "jobs/months.py", "sync/mapping/derive.py"]
)
def test_one_edit_makes_another(copied: Path, name: str):
    path = copied / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert computing_version(copied) != CODE_VERSION


def test_a_new_file_makes_another(copied: Path):
    (copied / "indicators" / "zeal.py").write_bytes(b"")
    assert computing_version(copied) != CODE_VERSION
