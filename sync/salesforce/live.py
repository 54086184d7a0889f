"""Live values of records, 2,000 a call; and where those went that are not there any more."""

from collections.abc import Sequence

from sync.errors import BadReply
from sync.records import LiveRecord
from sync.salesforce import soql
from sync.salesforce.client import Client
from sync.salesforce.ids import chunks, is_id, long_id
from sync.salesforce.rows import key
from sync.salesforce.runs import pages_of

COLLECTION = 2000
_VERIFIED = 300


def read(
    client: Client, object_name: str, ids: Sequence[str], fields: Sequence[str], *, has_master: bool
) -> dict[str, LiveRecord]:
    """An entry for every id asked for, under the id as it was given."""
    given = {i: long_id(i) for i in dict.fromkeys(ids) if is_id(i)}
    found: dict[str, LiveRecord] = {}
    names = list(dict.fromkeys(["Id", *fields]))
    about = f"live values of {object_name}"
    for chunk in chunks(dict.fromkeys(given.values()), COLLECTION):
        rows = client.post(f"composite/sobjects/{object_name}", {"ids": chunk, "fields": names}, about)
        if not isinstance(rows, list) or len(rows) != len(chunk):
            raise BadReply(f"The {about} were answered in part only.", remedy="Try again later.")
        for asked, row in zip(chunk, rows, strict=True):
            if row is None:
                continue
            if key(row.get("Id"), object_name) != asked:
                raise BadReply(f"The {about} came in another order than asked for.", remedy="Try again later.")
            found[asked] = LiveRecord(asked, {f: row.get(f) for f in fields})
    missing = [i for i in given.values() if i not in found]
    found |= _gone(client, object_name, missing, has_master=has_master)
    return {i: found[given[i]] if i in given else LiveRecord(i, missing=True) for i in ids}


def _gone(client: Client, object_name: str, ids: Sequence[str], *, has_master: bool) -> dict[str, LiveRecord]:
    """Records that are not there, with the record each was merged into, where there is one."""
    gone = {i: LiveRecord(i, missing=True) for i in ids}
    if not has_master:
        return gone
    about = f"check of missing records of {object_name}"
    for chunk in chunks(ids, _VERIFIED):
        query = (
            f"SELECT Id, MasterRecordId FROM {object_name} WHERE MasterRecordId != null AND Id IN {soql.id_list(chunk)}"  # noqa: S608
        )
        for rows, _, _ in pages_of(client, client.query(query, about, deleted=True), about):
            for row in rows:
                loser, winner = key(row["Id"], object_name), key(row["MasterRecordId"], object_name)
                gone[loser] = LiveRecord(loser, missing=True, merged_into=winner)
    return gone
