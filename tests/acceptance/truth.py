"""What is true, by the sandbox's own ledger, held against what our database and our fields say."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from models.catalogue import BY_NAME, CatalogueField, Kind
from models.vocabulary import LISTS
from sync.mapping.loading import load_mapping
from sync.mapping.needs import needs

Place = tuple[str, str, str]  # connection, object, id
NOT_IN_THE_LEDGER = frozenset({"CreatedDate"})  # Salesforce keeps it beside a record's fields
WORKED_OUT: Mapping[
    str, Callable[[Mapping[str, Any]], Any]
] = {  # fields that Salesforce derives from others when it is asked
    "IsWon": lambda fields: fields.get("StageName") == "Closed Won"
}
FACTS = (
    "partner",
    "partner_source",
    "entry",
    "entry_source",
    "past_fact",
    "event",
    "activity",
    "subject_result",
    "tier_change",
    "computation",
)
JOURNAL = ("change", "written", "parked", "mapping_version")


def connected(url: str) -> psycopg.Connection[Any]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=True, connect_timeout=10)


@dataclass(frozen=True)
class Ledger:
    """The sandbox's truth at one moment. Its two CRMs are called what the preset calls its connections."""

    records: Mapping[Place, Mapping[str, Any]]
    writes: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Ledger":
        records = {(r["crm"], r["object"], r["id"]): r for r in document["records"]}
        return cls(records, tuple(document["writes"]))

    def values(self, place: Place) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = self.records[place]["fields"]
        return fields

    @property
    def last_seq(self) -> int:
        return max((int(w["seq"]) for w in self.writes), default=0)

    def written_since(self, seq: int) -> list[Mapping[str, Any]]:
        """Writes to records, in order; making fields and rights is Salesforce's write to other objects."""
        known = {place[:2] for place in self.records if place[1] not in ("CustomField", "FieldPermissions")}
        return [
            w
            for w in self.writes
            if w["seq"] > seq
            and (w["crm"], w["object"]) in known
            and not str(w["object"]).startswith(("Permission", "CustomField", "FieldPermissions"))
        ]


# mirror


def mapped_fields(folder: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """What the desk's mapping names of the CRMs: fields by connection and object."""
    rules = load_mapping((folder / "mapping.yaml").read_text("utf-8"), "mapping.yaml")
    crms = ((c, specs) for c, specs in needs(rules).items() if c != LISTS)
    return {(c, name): spec.fields for c, specs in crms for name, spec in specs.items()}


def mirror_differences(
    conn: psycopg.Connection[Any], ledger: Ledger, mapped: Mapping[tuple[str, str], Iterable[str]]
) -> list[str]:
    """Where the mirror is not the truth: ids, deletions, merges, and every value the mapping reads. Nothing means equal."""
    found: list[str] = []
    places = {
        (c, o): t for c, o, t in conn.execute("select connection, object, table_name from sakigake.mirror_object")
    }
    assert places.keys() == mapped.keys()
    for (connection, name), fields in mapped.items():
        schema, table = places[connection, name].split(".")
        truth = {place[2]: r for place, r in ledger.records.items() if place[:2] == (connection, name)}
        types = dict(
            conn.execute(
                "select column_name, data_type from information_schema.columns where table_schema = %s and table_name = %s",
                (schema, table),
            ).fetchall()
        )
        columns = {f: column(f) for f in fields if f not in NOT_IN_THE_LEDGER}
        query = sql.SQL("select id, _deleted, _merged_into, {} from {}").format(
            sql.SQL(", ").join(sql.Identifier(c) for c in columns.values()), sql.Identifier(schema, table)
        )
        rows = {row[0]: row[1:] for row in conn.execute(query)}
        where = f"{connection}.{name}"
        found += [f"{where}/{i} is missing" for i in truth.keys() - rows.keys()]
        found += [f"{where}/{i} is not in the CRM" for i in rows.keys() - truth.keys()]
        for i in truth.keys() & rows.keys():
            deleted, merged_into, *values = rows[i]
            if deleted != truth[i]["deleted"]:
                found.append(f"{where}/{i} deleted: {deleted}, in the CRM {truth[i]['deleted']}")
            if merged_into != truth[i]["merged_into"]:
                found.append(f"{where}/{i} merged into {merged_into}, in the CRM into {truth[i]['merged_into']}")
            if truth[i]["deleted"]:
                continue  # nobody shows the values of what is gone
            for (field, where_to), value in zip(columns.items(), values, strict=True):
                told = truth[i]["fields"]
                expected = typed(WORKED_OUT[field](told) if field in WORKED_OUT else told.get(field), types[where_to])
                if value != expected:
                    found.append(f"{where}/{i} {field}: {value!r}, in the CRM {expected!r}")
    return found


def column(field: str) -> str:
    """As the README promises BI users: the API name in small letters."""
    return re.sub(r"[^0-9a-z_]", "_", field.lower())


def typed(value: Any, kind: str) -> Any:
    """A value of the ledger as a column of that type gives it back."""
    if value is None or (value == "" and kind != "text"):
        return None
    match kind:
        case "numeric" | "bigint":
            return Decimal(str(value))
        case "boolean":
            return value if isinstance(value, bool) else value == "true"
        case "date":
            return date.fromisoformat(str(value)[:10])
        case "timestamp with time zone":
            return datetime.fromisoformat(str(value))
    return str(value)


def row_versions(conn: psycopg.Connection[Any]) -> dict[str, frozenset[tuple[str, str]]]:
    """The row versions of every table of facts: a row that was written again, even with the same values, has another."""
    tables = [("sakigake", t) for t in (*FACTS, *JOURNAL)]
    for (full_name,) in conn.execute("select table_name from sakigake.mirror_object").fetchall():
        schema, table = full_name.split(".")
        tables += [(schema, table), (schema, "field_history"), (schema, "association")]
    return {
        f"{schema}.{table}": frozenset(
            conn.execute(
                sql.SQL("select ctid::text, xmin::text from {}").format(sql.Identifier(schema, table))
            ).fetchall()
        )
        for schema, table in tables
    }


# write-back


def field_differences(conn: psycopg.Connection[Any], ledger: Ledger) -> list[str]:
    """Where a field of ours is not what was computed, beyond the smallest step worth writing. Nothing means equal.

    An estimate that was written a short while ago may still stand, by as much as it is allowed to waver.
    """
    found: list[str] = []
    (today,) = conn.execute("select max(as_of) from sakigake.computation").fetchone() or (None,)
    written = {
        ((w["crm"], w["object"], w["id"]), name.lower()): datetime.fromisoformat(w["at"]).date()
        for w in ledger.writes
        for name in w["fields"]
    }
    for place, field, value in _wanted(conn):
        record = ledger.records.get(place)
        if record is None or record["deleted"]:
            found.append(f"{'.'.join(place[:2])}/{place[2]} is mapped, and not in the CRM")
            continue
        held = {name.lower(): v for name, v in record["fields"].items()}.get(ours(place[0], field.name))
        if field.kind is Kind.FLAG and place[0] == "salesforce" and held is None:
            held = False  # a checkbox is never empty; the ledger keeps only what was set
        on = written.get((place, ours(place[0], field.name)))
        rests = on is not None and today is not None and (today - on).days <= field.calm and wavers(field, held, value)
        if not alike(field, held, value) and not rests:
            found.append(f"{'.'.join(place[:2])}/{place[2]} {field.name}: computed {value!r}, in the CRM {held!r}")
    return found


def _wanted(conn: psycopg.Connection[Any]) -> Iterator[tuple[Place, CatalogueField, Any]]:
    for query in (
        """select s.connection, s.object, s.record_id, r.field, r.value from sakigake.partner_source s
        join sakigake.field_result r on r.workspace = s.workspace and r.subject = 'partner' and r.subject_id = s.partner_id""",
        """select e.connection, e.object, e.record_id, r.field, r.value from sakigake.entry_source e
        join sakigake.field_result r on r.workspace = e.workspace and r.subject = 'entry' and r.subject_id = e.entry_id""",
    ):
        rows = conn.execute(query).fetchall()
        assert rows
        for connection, name, record_id, field, value in rows:
            yield (connection, name, record_id), BY_NAME[field], value


def ours(connection: str, field: str) -> str:
    """Our field's API name in small letters."""
    return f"sakigake_{field}__c" if connection == "salesforce" else f"sakigake_{field}"


def alike(field: CatalogueField, held: Any, computed: Any) -> bool:
    if held in (None, "") or computed is None:
        return held in (None, "") and computed is None
    if field.kind in (Kind.INTEGER, Kind.NUMBER, Kind.PERCENT):
        difference = abs(Decimal(str(held)) - Decimal(str(computed)))
        return difference == 0 or difference < field.step
    if field.kind is Kind.DATE and field.step:
        days = abs((date.fromisoformat(str(held)) - date.fromisoformat(str(computed))).days)
        return days == 0 or days < field.step
    if field.kind is Kind.FLAG:
        return str(held).lower() == str(computed).lower()
    return str(held) == str(computed)


def wavers(field: CatalogueField, held: Any, computed: Any) -> bool:
    """Whether the two are so near, for an estimate, that the one may stand for the other for a while: under three steps, or one is empty."""
    if not field.calm or held in (None, "") or computed is None or field.kind is Kind.TEXT:
        return bool(field.calm)
    return alike(replace(field, step=3 * field.step), held, computed)


def strangers(writes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Fields in these writes that are not ours."""
    return {name for w in writes for name in w["fields"] if not name.lower().startswith("sakigake_")}


def idle_writes(before: Ledger, after: Ledger) -> list[str]:
    """Fields written since with the value they already held, going by the ledger's own order."""
    held = {place: dict(record["fields"]) for place, record in before.records.items()}
    found = []
    for w in after.written_since(before.last_seq):
        record = held.setdefault((w["crm"], w["object"], w["id"]), {})
        for name, value in w["fields"].items():
            if _text(record.get(name)) == _text(value):
                found.append(f"write {w['seq']} of {w['crm']}.{w['object']}/{w['id']} {name}")
            record[name] = value
    return found


def repeated_writes(writes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Values that a field was given more than once."""
    times = Counter(
        (w["crm"], w["object"], w["id"], name, _text(value)) for w in writes for name, value in w["fields"].items()
    )
    return [f"{key[0]}.{key[1]}/{key[2]} {key[3]}: {n} times" for key, n in times.items() if n > 1]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{Decimal(str(value)):f}" if isinstance(value, int | float) else str(value)


def content_changes(before: Ledger, after: Ledger, fields: Mapping[tuple[str, str], Iterable[str]]) -> dict[str, int]:
    """How many records of each mirrored object are new, gone or other in what the mapping reads."""
    found: dict[str, int] = defaultdict(int)
    for place, record in after.records.items():
        if place[:2] not in fields:
            continue
        old = before.records.get(place)
        if old is None or _content(old, fields[place[:2]]) != _content(record, fields[place[:2]]):
            found[f"{place[0]}.{place[1]}"] += 1
    return found


def _content(record: Mapping[str, Any], fields: Iterable[str]) -> tuple[Any, ...]:
    return (record["deleted"], record["merged_into"], *(_text(record["fields"].get(f)) for f in fields))
