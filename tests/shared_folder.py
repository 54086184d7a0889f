"""The knowledge folder beside the project: golden shapes that tests use where it is present."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """The path inside the shared folder; skips the test, saying so, where the folder is absent (as on a user's machine)."""
    path = FOLDER.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs shared/{'/'.join(parts)} beside the project, which is not part of it")
    return path
