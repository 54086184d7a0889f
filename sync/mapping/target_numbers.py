"""One number for one target company: of 64 bits, the same wherever it is told."""

from collections.abc import Iterator
from hashlib import blake2b

from models.vocabulary import Target
from sync.mapping.names import name_key, phone_key


def target_number(entry_id: str, target: Target) -> int:
    """The number of an entry's target: by corporate number, else domain, else name with phone; else the entry's own."""
    return next(numbers_of(target), None) or _number(f"entry {entry_id}")


def numbers_of(target: Target) -> Iterator[int]:
    """The number by each mark that the target has, from strong to weak."""
    if target.corporate_number:
        yield _number(f"number {target.corporate_number}")
    if target.domain:
        yield _number(f"domain {target.domain}")
    name, phone = name_key(target.name), phone_key(target.phone)
    if name and phone:
        yield _number(f"name {phone} {name}")


def _number(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
