"""Issues of the mapping, kept by record, so that what is mapped again replaces its own and the counts stay exact."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection

from sync.events.staging import storable
from sync.mapping.facts import Met


def keep_issues(
    conn: Connection[Any],
    workspace: str,
    met: Iterable[Met],
    mapped: Mapping[tuple[str, str], Iterable[str]] | None = None,
) -> None:
    """These issues in place of those that the mapped records, (connection, object) -> ids, or all records had."""
    if mapped is None:
        conn.execute("delete from sakigake.mapping_issue where workspace = %s", (workspace,))
    for (connection, name), ids in (mapped or {}).items():
        conn.execute(
            """delete from sakigake.mapping_issue
            where workspace = %s and connection = %s and object = %s and record_id = any(%s)""",
            (workspace, connection, name, sorted(ids)),
        )
    conn.execute("drop table if exists pg_temp.met_issue")
    conn.execute("create temporary table met_issue (like sakigake.mapping_issue) on commit drop")
    with conn.cursor() as cursor, cursor.copy("copy met_issue from stdin") as copy:
        for one in met:
            value = storable(one.value) or ""
            place = hashlib.sha256(f"{one.kind}\0{one.rule}\0{one.field}\0{value}".encode()).hexdigest()[:16]
            ref = one.ref
            copy.write_row(
                (workspace, ref.connection, ref.object, ref.id, place, one.kind.value, one.rule, one.field, value)
            )
    conn.execute("insert into sakigake.mapping_issue select * from met_issue on conflict do nothing")


def count_issues(conn: Connection[Any], workspace: str) -> dict[str, int]:
    """How many of each kind, in the order of their names."""
    rows = conn.execute(
        "select kind, count(*) from sakigake.mapping_issue where workspace = %s group by kind order by kind",
        (workspace,),
    )
    return {str(kind): int(n) for kind, n in rows}
