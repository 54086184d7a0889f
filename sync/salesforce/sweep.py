"""Everything that lives, by id and version, and single records whole: what the sweep compares and repairs with.

`queryAll` throughout: `query` hides activities of more than a year ago, and a repair has to see what was deleted or merged away.
"""

from collections.abc import Iterator, Sequence

from sync.errors import ObjectMissing, SyncError
from sync.records import CrmRecord, HistoryRow, Identity, Page, ReadSpec
from sync.salesforce import soql
from sync.salesforce.client import Client
from sync.salesforce.describe import Facts
from sync.salesforce.ids import chunks, is_id, long_id
from sync.salesforce.rows import history_row, key, record
from sync.salesforce.runs import pages_of
from sync.salesforce.stamps import moment
from sync.salesforce.wide import completed, portions

FETCHED = 300  # ids in one query
_LOST = {"INVALID_QUERY_LOCATOR"}  # the query has to be begun anew, behind what it brought


def identities(client: Client, object_name: str, facts: Facts) -> Iterator[Sequence[Identity]]:
    """Live records by id, up to 2,000 a call; checked against the number that the first page promises."""
    about = f"sweep of {object_name}"
    after: str | None = None
    resumed_at: str | None = ""
    while True:
        first = client.query(_live(object_name, facts, after), about, deleted=True)
        try:
            for rows, _, _ in pages_of(client, first, about):
                if rows:
                    yield [Identity(key(row["Id"], object_name), moment(row[facts.stamp])) for row in rows]
                    after = key(rows[-1]["Id"], object_name)
        except SyncError as e:
            if e.code not in _LOST or resumed_at == after:
                raise
            resumed_at = after
        else:
            return


def count(client: Client, object_name: str, facts: Facts) -> int:
    """The CRM's own number of live records, archived activities among them."""
    where = " WHERE IsDeleted = false" if facts.has_deleted else ""
    query = f"SELECT COUNT() FROM {object_name}{where}"  # noqa: S608
    return int(client.query(query, f"count of {object_name}", deleted=True)["totalSize"])


def fetch(client: Client, spec: ReadSpec, facts: Facts, ids: Sequence[str]) -> Iterator[Page]:
    """These records, a page for each query. What not even the recycle bin holds is gone."""
    fields = tuple(dict.fromkeys(spec.fields))
    yield from _strangers(ids)
    for some in chunks(dict.fromkeys(long_id(i) for i in ids if is_id(i)), FETCHED):
        query = soql.these(spec.object, facts, portions(facts, fields)[0], some)
        about = f"query of {spec.object}"
        found: dict[str, CrmRecord] = {}
        for rows, _, _ in pages_of(client, client.query(query, about, deleted=True), about):
            whole = completed(client, spec.object, facts, fields, rows, about)
            found |= {r.id: r for r in (record(row, facts, fields, spec.object) for row in whole)}
        gone = tuple(i for i in some if i not in found)
        history = _history(client, spec, [i for i in some if i in found])
        yield Page(tuple(found.values()), {}, history=tuple(history), gone=gone)


def _live(object_name: str, facts: Facts, after: str | None) -> str:
    where = [*(["IsDeleted = false"] if facts.has_deleted else []), *([f"Id > {soql.quoted(after)}"] if after else [])]
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT Id, {facts.stamp} FROM {object_name}{condition} ORDER BY Id"  # noqa: S608


def _strangers(ids: Sequence[str]) -> Iterator[Page]:
    none = tuple(i for i in ids if not is_id(i))
    if none:
        yield Page((), {}, gone=none)


def _history(client: Client, spec: ReadSpec, ids: Sequence[str]) -> Iterator[HistoryRow]:
    if not spec.history or not ids:
        return
    name, parent = soql.history_of(spec.object)
    query = soql.history(name, parent, spec.history, None, None)
    head, order, tail = query.partition(" ORDER BY ")
    about = f"query of {name}"
    query = f"{head} AND {parent} IN {soql.id_list(ids)}{order}{tail}"
    try:
        first = client.query(query, about, deleted=True)
    except ObjectMissing:  # no field of the object is tracked
        return
    for rows, _, _ in pages_of(client, first, about):
        for row in rows:
            yield history_row(row, parent)
