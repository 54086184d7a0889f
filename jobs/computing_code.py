"""Which code computes: what makes facts and results differ though nobody touched a record, the mapping or a setting."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAPPING_SOURCES = ("models", "sync/events", "sync/mapping")
"""What facts come from, from records read to events kept: folders with all below them."""
SOURCES = (
    *MAPPING_SOURCES,
    "indicators",
    "jobs/steps",
    "jobs/calendar.py",
    "jobs/months.py",
    "jobs/settings_numbers.py",
)
"""What results come from, from records read to values kept."""
LIBRARIES = ("numpy", "scipy", "holidays")
"""Whose next version may say another number, or another holiday."""


def computing_version(root: Path = ROOT) -> str:
    """The package's version and a digest of the sources under `root`, such as `0.1.0+5f2c9a1b03de`.

    It changes with every edit there and with the libraries that compute, wherever it is installed; how lines end does not matter.
    """
    return f"{version('sakigake')}+{_digest(root, SOURCES, (f'{name} {version(name)}' for name in LIBRARIES))}"


def mapping_version(root: Path = ROOT) -> str:
    """A digest of the sources of facts under `root`, and of the tables of Unicode by which names are compared."""
    return _digest(root, MAPPING_SOURCES, (f"Unicode {unicodedata.unidata_version}",))


def _digest(root: Path, sources: Sequence[str], beside: Iterator[str] | Sequence[str]) -> str:
    digest = hashlib.sha256("".join(f"{one}\n" for one in beside).encode())
    for path in _files(root, sources):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _files(root: Path, sources: Sequence[str]) -> Iterator[Path]:
    for name in sources:
        place = root / name
        yield from sorted(place.rglob("*.py"), key=Path.as_posix) if place.is_dir() else [place]


CODE_VERSION = computing_version()
"""Of the code as it was when this process began."""
MAPPING_CODE = mapping_version()
"""Of the part of it that maps."""
