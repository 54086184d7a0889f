"""How records are made in a CRM so that a lost answer never makes two: each carries a value of a unique field of ours.

The CRM itself refuses a second record with that value, so making is create-only: nothing that stands there is ever overwritten, be it
that a person has changed it meanwhile. Whether a record is there already is asked by the same value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.writes import Value, WriteOutcome, WriteResult


@dataclass(frozen=True, slots=True)
class Link:
    """A record that the new one is associated with from the start; `label` as the mapping names it."""

    object: str
    id: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class After:
    """A record that is made before this one, and whose id goes into `field`: of `object`, under `key`."""

    field: str
    object: str
    key: str


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be made: its values by API name, the unique one left out, which is `key`. `after`: what has to be made before it."""

    key: str
    values: Mapping[str, Value]
    links: tuple[Link, ...] = ()
    after: tuple[After, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one of them. `cause` names codes and fields, never values; `ours`: every other one will be refused too."""

    key: str
    outcome: WriteOutcome
    id: str | None = None
    cause: str = ""
    fields: tuple[str, ...] = ()
    request_id: str | None = None
    ours: bool = False


class RecordMaker(Protocol):
    """Makes, finds and removes records of one CRM. Errors as those of `Connector`."""

    batch_size: int  # records that one call makes

    def make(self, object_name: str, key_field: str, records: Sequence[NewRecord]) -> list[Made]:
        """One result a record, in order. Never sends again what may have been applied: that is UNKNOWN, and `found` tells."""
        ...

    def found(self, object_name: str, key_field: str, keys: Sequence[str]) -> dict[str, str]:
        """Live records by key, as they stand this moment: key -> id. A key that no record has is left out.

        Stop where the field is not there, not visible, or not unique.
        """
        ...

    def needed(
        self, object_name: str, ids: Sequence[str], by: Sequence[tuple[str, str]], without: Sequence[str]
    ) -> set[str]:
        """Those that live records name, by (object, field) of those records, or that an activity is about, as they stand this moment.

        Records in `without` do not count.
        """
        ...

    def remove(self, object_name: str, ids: Sequence[str]) -> list[WriteResult]:
        """Takes records away, into the CRM's recycle bin or archive; `gone` where one was away before."""
        ...
