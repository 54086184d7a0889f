"""Objects of more fields than one query may ask for: read in portions, and joined by id.

A query asks for the first portion, in order and page by page as ever; each page is then completed by queries of the other portions for its
ids, five to a composite call. Every portion carries the record's stamp, and only portions of one stamp make a row: a record that changed in
between is read again whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from models.counted import agreeing, counted
from sync.errors import SyncError, Unreachable
from sync.salesforce import soql
from sync.salesforce.client import Client, page_of
from sync.salesforce.describe import Facts
from sync.salesforce.ids import chunks
from sync.salesforce.rows import key
from sync.salesforce.runs import Truncated, pages_of
from sync.salesforce.stamps import moment

TOO_COMPLICATED = "QUERY_TOO_COMPLICATED"
LONGEST = 80_000  # characters of field names in one query; SOQL allows 100,000 with all that stands beside them
IDS = 400  # in one query
AT_ONCE = 5  # queries that fit one composite call
TRIES = 5  # of a record that changes while its portions are read
Row = Mapping[str, Any]


def portions(facts: Facts, fields: Sequence[str]) -> list[tuple[str, ...]]:
    """The fields as they are asked for, one tuple a query; beside each go the columns that every query asks for.

    As many as the CRM was found to need (`facts.portions`), and more where their names are too long for one query.
    """
    always = set(facts.columns())
    names = [n for n in dict.fromkeys(fields) if n not in always]
    count = max(1, min(facts.portions, len(names)))
    while True:
        size = -(-len(names) // count) or 1
        found = [tuple(names[at : at + size]) for at in range(0, len(names), size)] or [()]
        if size == 1 or all(sum(len(n) + 2 for n in one) <= LONGEST for one in found):
            return found
        count += 1


def narrower(facts: Facts, error: SyncError, fields: Sequence[str]) -> int | None:
    """How many portions to try after this error; None where it says nothing of too many fields, or each stands alone already."""
    if error.code != TOO_COMPLICATED or facts.portions >= len(set(fields)):
        return None
    return 2 * max(facts.portions, len(portions(facts, fields)))


def completed(
    client: Client, object_name: str, facts: Facts, fields: Sequence[str], rows: Sequence[Row], about: str
) -> list[Row]:
    """The rows of a query of the first portion, in their order, with all other fields. What was purged meanwhile is left out.

    Unreachable, so that the next run tries again, where a record keeps changing.
    """
    first, *others = portions(facts, fields)
    if not others:
        return list(rows)
    order = [key(row["Id"], object_name) for row in rows]
    waiting = dict(zip(order, rows, strict=True))
    whole: dict[str, Row] = {}
    for _ in range(TRIES):
        found = [dict[str, Row]() for _ in others]
        asked = [(at, some) for at in range(len(others)) for some in chunks(waiting, IDS)]
        for at, row in _queried(client, object_name, facts, others, asked, about):
            found[at][key(row["Id"], object_name)] = row
        moved: list[str] = []
        for record, row in waiting.items():
            rest = [one.get(record) for one in found]
            if None in rest:
                continue  # purged since the first portion was read
            if {moment(r[facts.stamp]) for r in rest if r is not None} == {moment(row[facts.stamp])}:
                whole[record] = {k: v for r in (row, *rest) if r is not None for k, v in r.items()}
            else:
                moved.append(record)
        if not moved:
            return [whole[i] for i in order if i in whole]
        anew = [(0, some) for some in chunks(moved, IDS)]
        waiting = {
            key(row["Id"], object_name): row for _, row in _queried(client, object_name, facts, [first], anew, about)
        }
    raise Unreachable(
        f"{counted(len(waiting), 'record')} of {object_name} changed each time {agreeing(len(waiting), 'its', 'their')} fields were read, which takes {1 + len(others)} queries.",
        remedy="The next run reads them again; mirroring fewer fields of the object makes do with fewer queries.",
    )


def _queried(
    client: Client,
    object_name: str,
    facts: Facts,
    of: Sequence[tuple[str, ...]],
    asked: Iterable[tuple[int, Sequence[str]]],
    about: str,
) -> Iterator[tuple[int, Row]]:
    """(portion, row) for each record of these ids that is there, deleted or not."""
    left = iter(asked)
    while some := list(islice(left, AT_ONCE)):
        queries = {
            f"q{n}": client.query_path(soql.these(object_name, facts, of[at], ids), deleted=True)
            for n, (at, ids) in enumerate(some)
        }
        bodies = client.composite(queries, about)
        for n, (at, ids) in enumerate(some):
            for page, _, _ in pages_of(client, page_of(bodies[f"q{n}"], about), about):
                for row in page:
                    if key(row["Id"], object_name) not in set(ids):
                        raise Truncated(
                            f"The {about} brought records that nobody asked for.", remedy="Try again later."
                        )
                    yield at, row
