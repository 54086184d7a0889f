"""Imported lists as a source of the mirror: a connection named `lists` with one object, `row`, that no CRM stands behind.

So they are mirrored, mapped, explained and kept like every other record: `select * from lists.row` shows them to any BI tool.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from models.vocabulary import LIST_ROW, LISTS, Crm, RecordRef
from sync.connector import KnownVersions
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.errors import ObjectMissing
from sync.lists.understand import ListRow, target_key
from sync.mapping.identity import stable_id
from sync.records import CrmRecord, Cursor, Page, ReadSpec

_TEXTS = (
    ("partner", "Partner", "whose list it is, as connection.Object/ID"),
    ("name", "Target", ""),
    ("corporate_number", "Corporate number", ""),
    ("domain", "Web address", ""),
    ("phone", "Telephone", ""),
    ("prefecture", "Prefecture", ""),
    ("city", "City", ""),
    ("file", "File", "the name of the file that brought the row"),
    ("file_hash", "Hash of the file", "SHA-256 of its bytes"),
)
DESCRIPTION = ObjectDescription(
    LIST_ROW,
    "Rows of imported attack lists",
    (
        *(FieldDescription(name, FieldType.TEXT, label, "text", help_) for name, label, help_ in _TEXTS),
        FieldDescription("listed_on", FieldType.DATE, "Listed on", "date"),
        FieldDescription("row_number", FieldType.INTEGER, "Row", "number", "as the file shows it"),
    ),
)
SPEC = ReadSpec(LIST_ROW, tuple(f.name for f in DESCRIPTION.fields))


def row_id(partner: RecordRef, row: ListRow) -> str:
    """The same for one target on one partner's lists, whatever file brings it: so that a list may come again."""
    return stable_id("list row", str(partner), *target_key(row.target))


def record(partner: RecordRef, row: ListRow, listed_on: str, file: str, file_hash: str, now: datetime) -> CrmRecord:
    """The row as the mirror keeps it; `now` is by the CRM's clock, as for every other fact."""
    target = row.target
    values = {
        "partner": str(partner), "name": target.name, "corporate_number": target.corporate_number, "domain": target.domain,
        "phone": target.phone, "prefecture": target.prefecture, "city": target.city, "file": file, "file_hash": file_hash,
        "listed_on": listed_on, "row_number": row.number,
    }  # fmt: skip
    return CrmRecord(row_id(partner, row), now, {name: value or None for name, value in values.items()})


class ListSource:
    """What `pull_object` reads the rows from."""

    connection, crm = LISTS, Crm.SALESFORCE

    def __init__(self, records: Sequence[CrmRecord]) -> None:
        self._records = records

    def describe(self, object_name: str) -> ObjectDescription:
        if object_name != LIST_ROW:
            raise ObjectMissing(f"Imported lists have no object {object_name}; they have {LIST_ROW}.")
        return DESCRIPTION

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:
        _ = spec, cursor, known
        yield Page(
            tuple(self._records), {"imported": True}, loaded=True
        )  # one page: all of a file is stored, or nothing
