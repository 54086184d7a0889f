"""Which code computes: what makes results differ though nobody touched a record, the mapping or a setting."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = (
    "indicators", "models", "sync/events", "sync/mapping", "jobs/steps", "jobs/calendar.py", "jobs/months.py", "jobs/settings_numbers.py",
)  # fmt: skip
"""What results come from, from records read to values kept: folders with all below them, and files."""
LIBRARIES = ("numpy", "scipy", "holidays")
"""Whose next version may say another number, or another holiday."""


def computing_version(root: Path = ROOT) -> str:
    """The package's version and a digest of the sources under `root`, such as `0.1.0+5f2c9a1b03de`.

    It changes with every edit there and with the libraries that compute, wherever it is installed; how lines end does not matter.
    """
    digest = hashlib.sha256("".join(f"{name} {version(name)}\n" for name in LIBRARIES).encode())
    for path in _files(root):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return f"{version('sakigake')}+{digest.hexdigest()[:12]}"


def _files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        place = root / name
        yield from sorted(place.rglob("*.py"), key=Path.as_posix) if place.is_dir() else [place]


CODE_VERSION = computing_version()
"""Of the code as it was when this process began."""
