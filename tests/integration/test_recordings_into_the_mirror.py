"""What real servers sent goes over HTTP, through the connector, into PostgreSQL: every field comes out as it went in."""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from jobs import database as db
from jobs.wiring import connect_with
from sync.connector import Connector
from sync.described import FieldType
from sync.mirror.names import column_names, table_name
from sync.mirror.pull import Pull, pull_object
from sync.mirror.schema import BOOKKEEPING
from sync.records import ReadSpec
from tests import recorded_hubspot, recorded_salesforce
from tests.conftest import scratch_database
from tests.recorded_hubspot import listing, property_of, recorded, sent_links, sent_owners, sent_records, serving
from tests.recorded_salesforce import COMPOUND, answering, as_sent, described_by, readable
from tests.salesforce_org import org
from tests.scripted_http import Answer, Asked
from tests.shared_folder import shared

Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
Kinds = Mapping[str, FieldType]
Expected = Mapping[str, Mapping[str, Any]]  # by record id, then by field

HUBSPOT_TYPES = {
    "number": FieldType.NUMBER,
    "bool": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}
SALESFORCE_TYPES = {
    "boolean": FieldType.BOOLEAN,
    "int": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
}
LISTS = {
    "userId": FieldType.INTEGER,
    "userIdIncludingInactive": FieldType.INTEGER,
    "displayOrder": FieldType.INTEGER,
    "createdAt": FieldType.DATETIME,
    "updatedAt": FieldType.DATETIME,
    "archived": FieldType.BOOLEAN,
    "teams": FieldType.JSON,
    "stages": FieldType.JSON,
}
HUBSPOT_RECORDS = sent_records()
OWNERS = sent_owners()
LINKS = sent_links()
SALESFORCE_PAGES = recorded_salesforce.recorded_pages()
DESCRIPTIONS = recorded_salesforce.recorded_descriptions()


@pytest.fixture(scope="module")
def connect(postgres_server: str, database_template: str) -> Iterator[Connect]:
    """One database for the module: each test mirrors into a schema of its own."""
    for url in scratch_database(postgres_server, database_template):
        engine = db.engine(url)
        yield connect_with(engine)
        engine.dispose()


class Place:
    """A schema of the mirror, filled by real pulls and read back with plain SQL."""

    serial = itertools.count(1)

    def __init__(self, connect: Connect) -> None:
        self.connect = connect
        self.schema = f"recorded_{next(self.serial)}"

    def pull(self, connector: Connector, spec: ReadSpec, *, full: bool = False) -> Any:
        pull = Pull("main", self.schema, self.schema, "run", lambda: datetime.now(UTC))
        return pull_object(self.connect, connector, pull, spec, full=full)

    def ask(self, query: str, *given: Any) -> list[dict[str, Any]]:
        with self.connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), given).fetchall()

    def table(self, name: str) -> list[dict[str, Any]]:
        query = sql.SQL("select *, xmin::text as _written from {} t order by t::text").format(
            sql.Identifier(self.schema, table_name(name))
        )
        with self.connect() as conn, conn.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    def parked(self) -> set[tuple[str, str]]:
        rows = self.ask("select record_id, field from sakigake.parked where connection = %s", self.schema)
        return {(row["record_id"], row["field"]) for row in rows}

    def columns(self, name: str) -> dict[str, tuple[str, str | None]]:
        """Each column's type and comment, by its name."""
        rows = self.ask(
            """select attname, format_type(atttypid, atttypmod) as type, col_description(attrelid, attnum) as comment
            from pg_attribute where attrelid = %s::regclass and attnum > 0""",
            f'"{self.schema}"."{table_name(name)}"',
        )
        return {row["attname"]: (row["type"], row["comment"]) for row in rows}


@pytest.fixture
def place(connect: Connect) -> Place:
    return Place(connect)


def meant(sent: Any, kind: FieldType) -> Any:
    """What was sent, as its type means it."""
    if sent is None or (sent == "" and kind is not FieldType.TEXT):
        return None
    match kind:
        case FieldType.INTEGER:
            return int(sent)
        case FieldType.NUMBER:
            return Decimal(str(sent)).as_tuple()  # with every digit that was written
        case FieldType.BOOLEAN:
            return {"true": True, "false": False}[str(sent).lower()]
        case FieldType.DATE:
            return date.fromisoformat(sent)
        case FieldType.DATETIME:
            # one recorded reply carries a computed instant as milliseconds
            return datetime.fromtimestamp(int(sent) / 1000, UTC) if sent.isdigit() else datetime.fromisoformat(sent)
        case FieldType.TEXT | FieldType.JSON:
            return sent


def held(found: Any, kind: FieldType, sent: Any) -> Any:
    """What the mirror holds, in the same form: a text column keeps a nested value as JSON."""
    if kind is FieldType.NUMBER and isinstance(found, Decimal):
        return found.as_tuple()
    return json.loads(found) if kind is FieldType.TEXT and isinstance(sent, (dict, list)) else found


def assert_mirrored(
    place: Place, object_name: str, kinds: Kinds, sent: Expected, *, parked: frozenset[tuple[str, str]] = frozenset()
) -> None:
    """Every field of every record, in a column of its type; parked is what the test says, and nothing else."""
    columns = column_names(kinds)
    types = place.columns(object_name)
    assert {columns[n]: types[columns[n]][0] for n in kinds} == {columns[n]: k.value for n, k in kinds.items()}
    rows = {row["id"]: row for row in place.table(object_name)}
    assert rows.keys() == sent.keys()
    for record, values in sent.items():
        for name, kind in kinds.items():
            value = None if (record, name) in parked else values.get(name)
            found = rows[record][columns[name]]
            assert held(found, kind, value) == meant(value, kind), (record, name)
    assert place.parked() == parked


def assert_settled(place: Place, connector: Connector, spec: ReadSpec) -> None:
    """The same replies again, as changes and as a whole reading, rewrite no row."""
    before = place.table(spec.object)
    assert before
    for full in (False, True):
        again = place.pull(connector, spec, full=full)
        assert again.read == len(before)
        assert not again.altered
        assert again.touched == 0
    assert place.table(spec.object) == before


def need(folder: str) -> None:
    shared("recordings", folder)


# HubSpot


def known_properties(object_name: str) -> list[dict[str, Any]]:
    """The recorded description, where there is one."""
    if object_name not in ("contacts", "deals"):
        return []
    rows: list[dict[str, Any]] = recorded(f"metadata-{object_name}-properties-sampled")["results"]
    return rows


@pytest.mark.parametrize("sent", HUBSPOT_RECORDS, ids=[sent.where for sent in HUBSPOT_RECORDS])
def test_recorded_hubspot_records_are_mirrored_with_every_field(sent: recorded_hubspot.Sent, place: Place) -> None:
    need("hubspot")
    fields = tuple(dict.fromkeys(name for row in sent.rows for name in row["properties"]))
    known = {row["name"]: row for row in known_properties(sent.object)}
    properties = [*known.values(), *(property_of(n) for n in fields if n not in known)]
    kinds = {p["name"]: HUBSPOT_TYPES.get(p["type"], FieldType.TEXT) for p in properties}
    spec = ReadSpec(sent.object, tuple(kinds))
    answer = listing(sent.rows, **{f"properties__{sent.object}": {"results": properties}})
    with serving(lambda asked: Answer({"results": []}) if "/pipelines/" in asked.path else answer(asked)) as (crm, _):
        counts = place.pull(crm, spec)
        assert counts.inserted == len(sent.rows)
        assert_mirrored(place, sent.object, kinds, {r["id"]: r["properties"] for r in sent.rows})
        stamp = "lastmodifieddate" if sent.object == "contacts" else "hs_lastmodifieddate"
        for row in place.table(sent.object):
            one = next(r for r in sent.rows if r["id"] == row["id"])
            stamped = datetime.fromisoformat(one["properties"].get(stamp) or one["updatedAt"])
            assert (row["_version"], row["_deleted"]) == (stamped, one.get("archived", False))
        assert_settled(place, crm, spec)


def test_a_recorded_blank_is_null_where_its_column_is_a_number_and_nothing_is_parked(place: Place) -> None:
    """Owners' ids are numbers in some accounts; cleared ones were recorded as blanks."""
    need("hubspot")
    name = "hubspot_owner_id"
    (sent,) = (sent for sent in HUBSPOT_RECORDS if sent.where == "meeting_all#0")
    values = {row["id"]: {name: row["properties"].get(name)} for row in sent.rows}
    assert "" in {one[name] for one in values.values()}
    described = {"results": [{**property_of(name), "type": "number"}]}
    with serving(listing(sent.rows, properties__meetings=described)) as (crm, _):
        place.pull(crm, ReadSpec("meetings", (name,)))
    assert_mirrored(place, "meetings", {name: FieldType.NUMBER}, values)


@pytest.mark.parametrize("sent", OWNERS, ids=[sent.where for sent in OWNERS])
def test_recorded_owners_are_mirrored_with_every_field(sent: recorded_hubspot.Sent, place: Place) -> None:
    need("hubspot")
    fields = tuple(dict.fromkeys(name for row in sent.rows for name in row))
    spec = ReadSpec("owners", fields)
    with serving(listing(sent.rows)) as (crm, _):
        place.pull(crm, spec)
        kinds = {name: LISTS.get(name, FieldType.TEXT) for name in fields}
        assert_mirrored(place, "owners", kinds, {row["id"]: row for row in sent.rows})
        assert_settled(place, crm, spec)


@pytest.mark.parametrize("kind", ["deals", "contacts"])
def test_recorded_pipelines_are_mirrored_with_their_stages(kind: str, place: Place) -> None:
    told = recorded(f"metadata-{kind}-external-pipelines")["results"]
    fields = tuple(dict.fromkeys(name for row in told for name in row))
    spec = ReadSpec(f"pipelines_{kind}", fields)
    with serving(listing(told)) as (crm, _):
        place.pull(crm, spec)
        kinds = {name: LISTS.get(name, FieldType.TEXT) for name in fields}
        assert_mirrored(place, spec.object, kinds, {row["id"]: row for row in told})
        assert_settled(place, crm, spec)


@pytest.mark.parametrize(("where", "of", "to", "rows"), LINKS, ids=[one[0] for one in LINKS])
def test_recorded_links_are_mirrored_with_every_type_and_label(
    where: str, of: str, to: str, rows: list[dict[str, Any]], place: Place
) -> None:
    need("hubspot")
    assert where != "absent"
    ids = sorted({row["from"]["id"] for row in rows})
    stamp = "2026-05-01T07:25:37.000Z"
    records = [{"id": i, "properties": {}, "createdAt": stamp, "updatedAt": stamp, "archived": False} for i in ids]
    described = {"results": [property_of("createdate")]}
    linked = {"results": rows}
    spec = ReadSpec(of, (), (), (to,))
    with serving(listing(records, **{f"{of}__{to}__batch__read": linked, f"properties__{of}": described})) as (crm, _):
        counts = place.pull(crm, spec)
        expected = [
            (of, row["from"]["id"], to, str(other["toObjectId"]), str(t["typeId"]), t["category"], t["label"])
            for row in rows
            for other in row["to"]
            for t in other["associationTypes"]
        ]
        links = place.table("association")
        keys = ("from_object", "from_id", "to_object", "to_id", "type_id", "category", "label")
        assert sorted((tuple(row[k] for k in keys) for row in links), key=str) == sorted(expected, key=str)
        assert counts.links == len(expected) > 0
        assert_settled(place, crm, spec)
        assert place.table("association") == links


# Salesforce


def known_fields(object_name: str) -> dict[str, dict[str, Any]]:
    """The fields of the recorded descriptions of that object; the fullest tells last."""
    told = [d["fields"] for _, d in DESCRIPTIONS if d is not None and d["name"] == object_name]
    return {f["name"]: f for fields in sorted(told, key=len) for f in fields}


@pytest.mark.parametrize("sent", SALESFORCE_PAGES, ids=[sent.where for sent in SALESFORCE_PAGES])
def test_recorded_salesforce_pages_are_mirrored_with_every_field(sent: recorded_salesforce.Sent, place: Place) -> None:
    need("salesforce")
    description = described_by(sent.fields, sent.object, known_fields(sent.object))
    types = {f["name"]: SALESFORCE_TYPES.get(f["type"], FieldType.TEXT) for f in description["fields"]}
    kinds = {name: types[name] for name in sent.fields}
    spec = ReadSpec(sent.object, sent.fields)
    expected = {long(row["Id"]): json.loads(as_sent(row), parse_float=str) for row in sent.unique}
    with org(answering(description, sent.rows)) as place_of_org:
        crm = place_of_org.connector()
        place.pull(crm, spec)
        assert_mirrored(place, sent.object, kinds, expected)
        for row in place.table(sent.object):
            one = expected[row["id"]]
            stamped = datetime.fromisoformat(one["SystemModstamp"])
            assert (row["_version"], row["_deleted"], row["_merged_into"]) == (stamped, one["IsDeleted"], None)
        assert_settled(place, crm, spec)


def long(record_id: str) -> str:
    """The 18 letters of an id: the last three tell which of the others are capitals."""
    if len(record_id) == 18:
        return record_id
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    fives = (record_id[i : i + 5] for i in (0, 5, 10))
    return record_id + "".join(letters[sum(1 << n for n, c in enumerate(five) if c.isupper())] for five in fives)


# descriptions


def assert_guessable(place: Place, object_name: str, fields: Sequence[tuple[str, FieldType, str, str]]) -> None:
    """Each (API name, type, label, help) has the column that its lower-case name is, with label and help beside it.

    But for the record's own id, whose column `id` every table has: the field of that name is told apart by a suffix.
    """
    columns = place.columns(object_name)
    ours = {"id", *BOOKKEEPING}
    own = {name for name in columns if re.fullmatch(r"id_[0-9a-f]{6}", name)}
    assert len(own) == sum(name.lower() == "id" for name, *_ in fields)
    assert columns.keys() - ours - own == {name.lower() for name, *_ in fields} - {"id"}
    for name, kind, label, hint in fields:
        column = own.copy().pop() if name.lower() == "id" else name.lower()
        assert columns[column] == (kind.value, f"{label}: {hint}" if hint else label)


@pytest.mark.parametrize(("where", "told"), DESCRIPTIONS, ids=[where for where, _ in DESCRIPTIONS])
def test_every_field_of_a_recorded_salesforce_description_has_a_column(where: str, told: Any, place: Place) -> None:
    need("salesforce")
    fields = [f for f in told["fields"] if f["type"] not in COMPOUND]
    spec = ReadSpec(told["name"], tuple(f["name"] for f in fields))
    with org(answering(readable(told), [])) as place_of_org:
        place.pull(place_of_org.connector(), spec)
    assert_guessable(
        place,
        told["name"],
        [
            (f["name"], SALESFORCE_TYPES.get(f["type"], FieldType.TEXT), f["label"], f.get("inlineHelpText") or "")
            for f in fields
        ],
    )
    (comment,) = place.ask("select obj_description(%s::regclass) as said", f'"{place.schema}"."{told["name"].lower()}"')
    assert comment["said"] == told["label"]


@pytest.mark.parametrize(
    "name",
    [
        "metadata-contacts-properties-sampled",
        "metadata-deals-properties-sampled",
        "custom__create__4-response-batch-create-properties",
        "custom__update__3-response-batch-create-properties",
    ],
)
def test_every_property_of_a_recorded_hubspot_description_has_a_column(name: str, place: Place) -> None:
    told = recorded(name)["results"]
    spec = ReadSpec("contacts", tuple(row["name"] for row in told))

    def answer(asked: Asked) -> Answer:
        return Answer({"results": told if "/properties/" in asked.path else [], "portalId": 1})

    with serving(answer) as (crm, _):
        place.pull(crm, spec)
    assert_guessable(
        place,
        "contacts",
        [
            (r["name"], HUBSPOT_TYPES.get(r["type"], FieldType.TEXT), r["label"], r.get("description") or "")
            for r in told
        ],
    )


def test_the_widest_recorded_description_is_one_table_whose_rows_hold_every_field(place: Place) -> None:
    """A record with a value of its type in each of the 246 fields that can be read."""
    need("salesforce")
    told = max((d for _, d in DESCRIPTIONS), key=lambda d: len(d["fields"]))
    fields = [f for f in told["fields"] if f["type"] not in COMPOUND]
    assert len(fields) > 240
    kinds = {f["name"]: SALESFORCE_TYPES.get(f["type"], FieldType.TEXT) for f in fields}
    made = {
        FieldType.BOOLEAN: itertools.cycle([True, False]),
        FieldType.INTEGER: itertools.count(0),
        FieldType.NUMBER: (f"@@{n}.50@@" for n in itertools.count(0)),
        FieldType.DATE: (str(date(2026, 1, 1) + timedelta(days=n)) for n in itertools.count(0)),
        FieldType.DATETIME: (f"2026-05-01T07:25:{n:02d}.000+0000" for n in itertools.count(0)),
        FieldType.TEXT: (f"値 {n}\t\\N" for n in itertools.count(0)),
    }
    record = {f["name"]: next(made[kinds[f["name"]]]) for f in fields}
    record |= {"attributes": {"type": told["name"], "url": ""}, "Id": "001000000000001AAA"}
    record |= {"MasterRecordId": None, "IsDeleted": False}
    with org(answering(readable(told), [record])) as place_of_org:
        place.pull(place_of_org.connector(), ReadSpec(told["name"], tuple(kinds)))
    expected = json.loads(as_sent(record), parse_float=str)
    assert_mirrored(place, told["name"], kinds, {str(record["Id"]): expected})
