"""What things of a CRM are called in PostgreSQL: names a person can guess, such as salesforce.opportunity.stagename."""

import hashlib
import re
from collections.abc import Iterable

LONGEST = 63  # bytes, PostgreSQL's NAMEDATALEN less one
# the record's own id, and what PostgreSQL keeps for itself; our bookkeeping columns start with an underscore
RESERVED = frozenset({"id", "tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"})


def table_name(object_name: str) -> str:
    """`AttackListEntry__c` -> `attacklistentry__c`, `2-123` -> `2_123`."""
    return _fit(re.sub(r"[^0-9a-z_]", "_", object_name.lower()), object_name)


def column_names(fields: Iterable[str]) -> dict[str, str]:
    """API name -> column. Names that differ only in case, or that are ours, get a suffix made from the name itself.

    The answer for one field never depends on the others but for a clash, and then not on their order.
    """
    names = list(fields)
    plain = {f: re.sub(r"[^0-9a-z_]", "_", f.lower()) for f in names}
    taken = [plain[f] for f in names]
    return {
        f: _fit(column, f)
        if taken.count(column) == 1 and column not in RESERVED and not column.startswith("_")
        else _suffixed(column, f)
        for f, column in plain.items()
    }


def typed_name(column: str, kind: str) -> str:
    """The column of a field that changed its type: `closedon` -> `closedon__datetime`. No CRM ends a name so."""
    return _fit(f"{column}__{kind}", f"{column} as {kind}")


def index_name(table: str, column: str) -> str:
    """`opportunity` and `stagename` -> `opportunity_stagename_index`."""
    return _fit(f"{table}_{column}_index", f"{table}.{column}")


def _fit(name: str, original: str) -> str:
    return name if len(name.encode()) <= LONGEST else _suffixed(name, original)


def _suffixed(name: str, original: str) -> str:
    mark = hashlib.sha256(original.encode()).hexdigest()[:6]
    return f"{name[: LONGEST - 7]}_{mark}"
