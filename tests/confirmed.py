"""What the CRMs confirmed, one value a field."""

from typing import Any

from models.vocabulary import RecordRef
from sync.writeback.changes import Connect


def confirmed_values(conn: Connect, workspace: str) -> dict[tuple[RecordRef, str], Any]:
    """The newest value that each CRM confirmed, by record and catalogue name."""
    rows = conn.execute(
        "select connection, object, record_id, field, value from sakigake.written where workspace = %s", (workspace,)
    )
    return {(RecordRef(r[0], r[1], r[2]), r[3]): r[4] for r in rows}
