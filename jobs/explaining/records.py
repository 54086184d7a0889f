"""A source record as the mirror holds it, or held it at a past moment: the very values, and the run and page that brought them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from models.vocabulary import RecordRef
from sync.mirror.names import table_name

CHANGES = 20  # of a record's history that are shown, the newest


class Records:
    """Reads records with the values of some fields. `schema_of` maps a connection to its schema; without `known_at` it is now."""

    def __init__(
        self, conn: Connection[Any], workspace: str, schema_of: Callable[[str], str], known_at: datetime | None
    ) -> None:
        self._conn = conn
        self._workspace = workspace
        self._schema_of = schema_of
        self._known_at = known_at

    def record(self, ref: RecordRef, fields: Iterable[str]) -> dict[str, Any] | None:
        """The record as a document; None where the mirror has no such object or record, or had none yet.

        `exact` is false where the values of a time before our first reading are told by the CRM's own history, as far as it goes.
        """
        found = self._conn.execute(
            "select description -> 'columns', stale from sakigake.mirror_object where workspace = %s and connection = %s and object = %s",
            (self._workspace, ref.connection, ref.object),
        ).fetchone()
        if found is None:
            return None
        columns: dict[str, str] = found[0] or {}
        names = sorted({f for f in fields if f in columns})
        place = sql.Identifier(self._schema_of(ref.connection), table_name(ref.object))
        row = self._conn.execute(
            sql.SQL(
                "select {}, _version, _deleted, _merged_into, _first_seen_at, _changed_at from {} where id = %s"
            ).format(
                sql.SQL(", ").join(
                    [sql.SQL("id"), *(sql.SQL("{}::text").format(sql.Identifier(columns[f])) for f in names)]
                ),
                place,
            ),
            (ref.id,),
        ).fetchone()
        if row is None:
            return None
        now = dict(zip(names, row[1:], strict=False))
        version, deleted, merged_into, first_seen_at, changed_at = row[1 + len(names) :]
        changes = self._changes(ref, names)
        moment = self._known_at
        exact = moment is None or first_seen_at <= moment
        values = dict(now)
        if moment is not None:
            values |= _as_of(changes, moment, exact=exact)
        brought = changed_at if moment is None or changed_at <= moment else _came(changes, moment, first_seen_at)
        run, page = self._page(ref, brought)
        return {
            "record": str(ref),
            "values": values,
            "now": {f: now[f] for f in names if now[f] != values[f]},
            "exact": exact,
            "stale": sorted(f for f in names if f in (found[1] or {})),
            "version": version.isoformat(),
            "deleted": deleted,
            "merged_into": merged_into,
            "first_seen_at": first_seen_at.isoformat(),
            "landed_at": brought.isoformat() if brought else None,
            "run": run,
            "page": page,
            "changes": [
                {
                    "field": c[0],
                    "change": c[1],
                    "old": c[2],
                    "new": c[3],
                    "changed_at": c[4].isoformat(),
                    "first_seen_at": c[5].isoformat(),
                    "origin": c[6],
                }
                for c in changes
                if moment is None or (c[5] if exact else c[4]) <= moment
            ][-CHANGES:],
        }

    def change(self, ref: RecordRef, change_id: str) -> dict[str, Any] | None:
        """The row of the CRM's history by which an event was dated; None where a field dated it."""
        row = self._conn.execute(
            sql.SQL(
                """select field, old_value, new_value, changed_at, first_seen_at, origin from {}
                where object = %s and record_id = %s and change_id = %s order by field limit 1"""
            ).format(sql.Identifier(self._schema_of(ref.connection), "field_history")),
            (ref.object, ref.id, change_id),
        ).fetchone()
        if row is None:
            return None
        return {
            "field": row[0],
            "old": row[1],
            "new": row[2],
            "changed_at": row[3].isoformat(),
            "first_seen_at": row[4].isoformat(),
            "origin": row[5],
        }

    def _changes(self, ref: RecordRef, names: Sequence[str]) -> list[Any]:
        return self._conn.execute(
            sql.SQL(
                """select field, change_id, old_value, new_value, changed_at, first_seen_at, origin from {}
                where object = %s and record_id = %s and field = any(%s) order by changed_at, first_seen_at, change_id"""
            ).format(sql.Identifier(self._schema_of(ref.connection), "field_history")),
            (ref.object, ref.id, list(names)),
        ).fetchall()

    def _page(self, ref: RecordRef, at: datetime | None) -> tuple[str | None, int | None]:
        row = self._conn.execute(
            """select run_id, page from sakigake.landing
            where workspace = %s and connection = %s and object = %s and landed_at = %s order by page limit 1""",
            (self._workspace, ref.connection, ref.object, at),
        ).fetchone()
        return (row[0], row[1]) if row else (None, None)


def _as_of(changes: Iterable[Any], moment: datetime, *, exact: bool) -> dict[str, str | None]:
    """The values before what came after the moment: by what we saw when we were reading already, else by the CRM's own history."""
    held: dict[str, str | None] = {}
    for field, _change, old, _new, changed_at, first_seen_at, origin in changes:
        after = (
            (origin == "observed" and first_seen_at > moment) if exact else (origin == "crm" and changed_at > moment)
        )
        if after:
            held.setdefault(field, old)
    return held


def _came(changes: Iterable[Any], moment: datetime, first_seen_at: datetime) -> datetime | None:
    """When what the record held at the moment was stored."""
    seen = [c[5] for c in changes if c[6] == "observed" and c[5] <= moment]
    return max(seen) if seen else (first_seen_at if first_seen_at <= moment else None)
