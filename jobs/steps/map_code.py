"""Whether the code that makes facts of records is still the one by which they were made: another version may read the same records otherwise."""

import hashlib
import unicodedata
from functools import cache
from importlib.resources import files

_ROOMS = ("sync.mapping", "sync.events")


@cache
def mapping_code() -> str:
    """A hash of what decides on facts: our code of the mapping and of events, and the tables of Unicode by which names are compared."""
    found = hashlib.sha256(unicodedata.unidata_version.encode())
    for room in _ROOMS:
        for file in sorted(files(room).iterdir(), key=lambda one: one.name):
            if file.name.endswith(".py"):
                found.update(f"\n{room}/{file.name}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]
