"""Takes out of the facts what they repeat of a record's values: what they count and when stays."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from sync.mirror.place import Place

_OF_THESE = (
    "workspace = %(workspace)s and connection = %(connection)s and object = %(object)s and record_id = any(%(ids)s)"
)
# partners that stand in these records alone: one that stands elsewhere too gets its name from there at the next mapping
_ALONE = """select s.partner_id from sakigake.partner_source s where s.OF_THESE and not exists (select from sakigake.partner_source o
    where o.workspace = s.workspace and o.partner_id = s.partner_id
    and not (o.connection = s.connection and o.object = s.object and o.record_id = any(%(ids)s)))"""
_STATEMENTS = (
    "update sakigake.entry set target = '{}', target_number = null where OF_THESE",
    "update sakigake.entry_source set target = '{}' where OF_THESE",
    "update sakigake.event set reason = null where OF_THESE and reason is not null",
    "update sakigake.partner set name = '', attributes = '{}' where workspace = %(workspace)s and partner_id in (ALONE)",
    """update sakigake.past_fact set said = said || '{"name": "", "attributes": {}}' where workspace = %(workspace)s and kind = 'partner'
        and fact_id in (ALONE)""",
    """update sakigake.past_fact set said = said || '{"target": {}}' where workspace = %(workspace)s and said ? 'target'
        and said ->> 'connection' = %(connection)s and said ->> 'object' = %(object)s and said ->> 'record_id' = any(%(ids)s)""",
    "delete from sakigake.unplaced_entry where OF_THESE",
    "delete from sakigake.mapping_issue where OF_THESE",
)


def blank_facts(conn: Connection[Any], place: Place, object_name: str, ids: Sequence[str]) -> None:
    """Names, targets and reasons that came from these records."""
    given = {"workspace": place.workspace, "connection": place.connection, "object": object_name, "ids": list(ids)}
    alone = _ALONE.replace("s.OF_THESE", _OF_THESE.replace("workspace =", "s.workspace =", 1))
    for statement in _STATEMENTS:
        conn.execute(statement.replace("ALONE", alone).replace("OF_THESE", _OF_THESE), given)
