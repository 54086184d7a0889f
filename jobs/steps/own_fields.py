"""Whether the fields we are about to write are ours to write: there, of our type, and editable by us. Asked before the first byte."""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from jobs.wiring import Workspace
from models.catalogue import CatalogueField, Kind
from sync.described import FieldDescription, FieldType
from sync.errors import PermissionMissing, Stop
from sync.mirror.schema import remembered
from sync.writeback.plan import Wanted

PROVISION = "Mend it with: sakigake provision"
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
FITTING = {
    Kind.CHOICE: (FieldType.TEXT,),
    Kind.TEXT: (FieldType.TEXT,),
    Kind.INTEGER: _NUMBERS,
    Kind.NUMBER: _NUMBERS,
    Kind.PERCENT: _NUMBERS,
    Kind.DATE: (FieldType.DATE,),
    Kind.FLAG: (FieldType.BOOLEAN,),
}


def require_own_fields(conn: Connection[Any], workspace: Workspace, wanted: Iterable[Wanted]) -> None:
    """Passes where each of them is editable and of our type, as the mirror remembers; the CRM is asked only where one is not.

    PermissionMissing for a field that is read-only for us, Stop for one of another type, which is somebody else's.
    """
    asked: dict[tuple[str, str], dict[str, CatalogueField]] = {}
    for want in wanted:
        asked.setdefault((want.record.connection, want.record.object), {})[want.field.name] = want.field
    for (connection, name), fields in asked.items():
        row = conn.execute(
            "select description from sakigake.mirror_object where workspace = %s and connection = %s and object = %s",
            (workspace.name, connection, name),
        ).fetchone()
        connector = workspace.connectors[connection]
        api = {connector.api_name(f, workspace.settings.prefix): f for f in fields.values()}
        held = remembered(row[0]) if row else None
        if held is not None and not any(_fault(held.field(n), f) for n, f in api.items()):
            continue
        if held is None:
            continue  # the live read tells what is missing
        now = connector.describe(name)
        for n, f in api.items():
            if fault := _fault(now.field(n), f):
                raise fault


def _fault(there: FieldDescription | None, field: CatalogueField) -> Stop | None:
    if there is None:
        return None  # the live read tells what is missing
    if there.type not in FITTING[field.kind]:
        return Stop(
            f"The field {there.name} holds {there.crm_type} where ours is a {field.kind}, so it belongs to somebody else.",
            remedy="Rename one of the two: `prefix:` in sakigake.yaml is what the names of our fields begin with.",
        )
    if not there.writable:
        return PermissionMissing(f"The field {there.name} is read-only for our user.", remedy=PROVISION)
    return None
