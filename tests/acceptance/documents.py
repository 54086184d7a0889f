"""The documents that docs/json.md promises."""

import re
from pathlib import Path

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def documented(command: str) -> set[str]:
    """The keys of the command's document; those in parentheses are of the documents inside."""
    row = next(line for line in DOCUMENTS.read_text("utf-8").splitlines() if line.startswith(f"| `{command}` |"))
    keys = row.split("|")[2]
    while (outer := re.sub(r"\([^()]*\)", "", keys)) != keys:
        keys = outer
    return set(re.findall(r"`([a-z_]+)`", keys))
