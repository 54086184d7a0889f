"""What the CRMs should hold, where that may differ from what they do: results joined to what was confirmed, and to the mirror.

PostgreSQL leaves out what is as it was confirmed, so that a quiet workspace costs one query a place, whatever its size.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import set_json_loads

from jobs.wiring import Workspace
from models.catalogue import BY_NAME, CatalogueField, fields_of
from models.vocabulary import RecordRef
from sync.writeback.calm import Last, waits
from sync.writeback.guards import Known
from sync.writeback.live import as_kept
from sync.writeback.plan import Cell, Kept, Stored, Wanted, same, worth_writing
from sync.writeback.scalars import of_json

_RECORDS = {
    "partner": """(select connection, object, record_id, partner_id as subject_id from sakigake.partner_source
        where workspace = %(workspace)s)""",
    "entry": """(select connection, object, record_id, entry_id as subject_id from sakigake.entry_source
        where workspace = %(workspace)s)""",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One object that is written back to, with the fields that it gets."""

    connection: str
    object: str
    subject: str
    fields: tuple[CatalogueField, ...]


@dataclass(slots=True)
class Found:
    """Fields that may have to be written, what was confirmed of them, how many persons' values are kept, and how many estimates wait."""

    wanted: list[Wanted] = field(default_factory=list)
    confirmed: dict[Cell, Stored] = field(default_factory=dict)
    kept: int = 0
    calm: int = 0
    moved_on: list[Cell] = field(default_factory=list)  # withheld once, and of another value by now


def places(workspace: Workspace) -> Iterator[Place]:
    """Every object that the mapping writes back to."""
    targets = workspace.rules.write_back
    for subject, named in (("partner", targets.partner), ("entry", targets.entry)):
        known = fields_of(subject)  # type: ignore[arg-type]
        for place, chosen in named.items():
            connection, _, object_name = place.partition(".")
            fields = tuple(f for f in known if chosen == "default" or f.name in chosen)
            yield Place(connection, object_name, subject, fields)


def find(
    conn: Connection[Any],
    workspace: Workspace,
    kept: Mapping[Cell, Kept],
    withheld: Mapping[Cell, tuple[Stored, str]],
    now: datetime,
) -> Found:
    """What may have to be written. `kept` are values of persons that stay for now: while the mirror shows them, nobody is asked.
    `withheld` are values that are not to be offered as they are. `now` is by the CRM's clock: estimates turn back only after a while.
    """
    found = Found()
    wavering: list[Wanted] = []
    for place in places(workspace):
        connector = workspace.connectors[place.connection]
        seen = _overwritten(conn, workspace, place)
        records: dict[str, RecordRef] = {}  # one for all fields of a record
        also = [
            *seen,
            *((r.id, n) for r, n in withheld if (r.connection, r.object) == (place.connection, place.object)),
        ]
        for record_id, name, value, why, confirmed, known, before, changed_at in _results(conn, workspace, place, also):
            what = BY_NAME[name]
            record = records.get(record_id)
            if record is None:
                record = records[record_id] = RecordRef(place.connection, place.object, record_id)
            want = Wanted(record, what, as_kept(connector, what, value), why)
            if known:
                found.confirmed[want.cell] = confirmed
            if withheld and want.cell in withheld and not same(what, withheld[want.cell][0], want.value):
                found.moved_on.append(want.cell)
            there = seen.get((record_id, name), confirmed) if seen else confirmed
            if known and not worth_writing(what, confirmed, want.value) and same(what, there, confirmed):
                continue
            theirs = kept.get(want.cell) if kept else None
            if theirs is not None and (record_id, name) in seen and same(what, theirs.theirs, there):
                found.kept += 1
                continue
            last = Last(before, changed_at) if changed_at is not None else None
            if last and same(what, there, confirmed) and waits(what, last, confirmed, want.value, now):
                wavering.append(want)
            else:
                found.wanted.append(want)
    moved = {
        w.record for w in found.wanted if w.field.name == "milestone"
    }  # what happened to it is news, and not wavering
    found.wanted += [w for w in wavering if w.record in moved]
    found.calm = sum(w.record not in moved for w in wavering)
    return found


def _results(
    conn: Connection[Any], workspace: Workspace, place: Place, also: Sequence[tuple[str, str]]
) -> Iterable[tuple[str, str, Any, str, Any, bool, Any, datetime | None]]:
    """(record, field, value, why, confirmed value, whether one is known; of estimates what that one came from, and when) where they
    differ, and of the cells asked for.
    """
    query = f"""
        select s.record_id, r.field, r.value, coalesce(r.inputs ->> 'why', ''), w.value, w.record_id is not null,
            case when r.field = any(%(calm)s) then w.before end, case when r.field = any(%(calm)s) then w.changed_at end
        from {_RECORDS[place.subject]} s
        join sakigake.field_result r on r.workspace = %(workspace)s and r.subject = %(subject)s and r.subject_id = s.subject_id
            and r.field = any(%(fields)s)
        left join sakigake.written w on w.workspace = %(workspace)s and w.connection = s.connection and w.object = s.object
            and w.record_id = s.record_id and w.field = r.field
        where s.connection = %(connection)s and s.object = %(object)s and (w.record_id is null or w.value is distinct from r.value
            or (s.record_id, r.field) in (select * from unnest(%(records)s::text[], %(names)s::text[])))"""  # noqa: S608 - our own texts
    cursor = conn.cursor()
    set_json_loads(of_json, cursor)
    return cursor.execute(
        query,
        {
            "workspace": workspace.name,
            "subject": place.subject,
            "connection": place.connection,
            "object": place.object,
            "fields": [f.name for f in place.fields],
            "calm": [f.name for f in place.fields if f.calm],
            "records": [record for record, _ in also],
            "names": [name for _, name in also],
        },
    )


def _overwritten(conn: Connection[Any], workspace: Workspace, place: Place) -> dict[tuple[str, str], Stored]:
    """Fields of ours that the mirror shows with another value than was confirmed, in a version since: decoded, by record and field."""
    row = conn.execute(
        """select table_name, description -> 'columns' from sakigake.mirror_object
        where workspace = %s and connection = %s and object = %s""",
        (workspace.name, place.connection, place.object),
    ).fetchone()
    connector, prefix = workspace.connectors[place.connection], workspace.settings.prefix
    columns = dict(row[1] or {}) if row else {}
    shown = [(f, columns[api]) for f in place.fields if (api := connector.api_name(f, prefix)) in columns]
    if row is None or not shown:
        return {}
    pairs = sql.SQL(", ").join(
        sql.SQL("({}, to_jsonb(m.{}))").format(sql.Literal(f.name), sql.Identifier(column)) for f, column in shown
    )
    query = sql.SQL("""
        select w.record_id, w.field, v.value, w.value from sakigake.written w
        join {table} m on m.id = w.record_id and not m._deleted and m._version >= w.crm_at
        cross join lateral (values {pairs}) as v(field, value)
        where w.workspace = %s and w.connection = %s and w.object = %s and v.field = w.field
            and coalesce(v.value, 'null') is distinct from w.value""").format(
        table=sql.Identifier(*row[0].split(".", 1)), pairs=pairs
    )
    found: dict[tuple[str, str], Stored] = {}
    for record_id, name, value, confirmed in conn.execute(query, (workspace.name, place.connection, place.object)):
        there = connector.decode(BY_NAME[name], value)
        if not same(BY_NAME[name], there, confirmed):
            found[record_id, name] = there
    return found


def known(conn: Connection[Any], workspace: Workspace) -> Known:
    """How many records the mapping names, and how many of each field the CRMs hold filled: what the guards take shares of."""
    records = 0
    for place in places(workspace):
        row = conn.execute(
            f"select count(*) from {_RECORDS[place.subject]} s where s.connection = %(connection)s and s.object = %(object)s",  # noqa: S608
            {"workspace": workspace.name, "connection": place.connection, "object": place.object},
        ).fetchone()
        records += row[0] if row else 0
    filled = conn.execute(
        """select field, count(*) from sakigake.written where workspace = %s and value <> 'null' and value <> '""' group by 1""",
        (workspace.name,),
    ).fetchall()
    return Known(records, dict(filled))
