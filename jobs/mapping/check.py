"""A workspace's mapping against its CRMs, before anything is read by it: a stage that is misspelt would take back every event it made.

Checked where a person asks for it, and by the first run of each version of the mapping.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg import Connection

from jobs.errors import ConfigError
from models.catalogue import CATALOGUE, LIST_ROW_KEY
from models.vocabulary import LISTS
from sync.connector import Connector, ObjectDescription
from sync.documents import Problem, advice
from sync.errors import ObjectMissing
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.needs import needs
from sync.mapping.rules import FromObject


def unknown_connections(rules: Rules, connections: Mapping[str, object]) -> list[Problem]:
    """Rules that read from a connection which sakigake.yaml does not have; in the order of the file."""
    return sorted(_unknown(rules, connections), key=lambda problem: problem.line)


def _unknown(rules: Rules, connections: Mapping[str, object]) -> Iterator[Problem]:
    groups: dict[str, Sequence[FromObject]] = {
        "partners": rules.partners,
        "entries": rules.entries,
        "activities": rules.activities,
        "deals_all_channels": rules.deals_all_channels,
        "customers": rules.customers,
    }
    places: dict[str, list[tuple[str | int, ...]]] = {}
    for group, found in groups.items():
        for index, rule in enumerate(found):
            if rule.connection not in connections and rule.connection != LISTS:
                places.setdefault(rule.connection, []).append((group, index, "from"))
    for name, paths in places.items():  # one sentence a connection: it is one thing to mend
        readers = f"{len(paths)} rules read" if len(paths) > 1 else "this rule reads"
        said = f"sakigake.yaml has no connection '{name}', from which {readers}; {advice(name, connections)}"
        yield rules.problem(paths[0], said)


def own_names(connectors: Mapping[str, Connector], prefix: str) -> frozenset[str]:
    """What our fields are called in these CRMs."""
    return frozenset(c.api_name(field, prefix) for c in connectors.values() for field in (*CATALOGUE, LIST_ROW_KEY))


def problems_with(rules: Rules, connectors: Mapping[str, Connector], prefix: str) -> list[Problem]:
    """Everything that the mapping names and the CRMs do not have. Connections that are not in `connectors` are left out.
    `prefix` is that of our own fields.

    Raises SyncError where a CRM does not answer or does not let us in.
    """
    from sync.lists.source import ListSource  # reads spreadsheets, which few who know connections by name need
    from sync.mapping.check import check
    from sync.mapping.check_labels import labelled

    descriptions: dict[tuple[str, str], ObjectDescription] = {}
    absent: dict[tuple[str, str], str | None] = {}
    for connection, specs in needs(rules).items():
        for name in specs:
            described = ListSource(()) if connection == LISTS else connectors.get(connection)
            if described is None:
                absent[connection, name] = None
                continue
            try:
                descriptions[connection, name] = described.describe(name)
            except ObjectMissing as e:
                absent[connection, name] = str(e)
    labels = {}
    for pair in labelled(rules):
        connector = connectors.get(pair[0])
        known = None if connector is None else connector.labels(*pair[1:])
        if known is not None:
            labels[pair] = known
    return check(rules, descriptions, absent, labels, own_names(connectors, prefix))


def require_fitting(
    conn: Connection[Any], workspace: str, rules: Rules, connectors: Mapping[str, Connector], prefix: str
) -> None:
    """Passes where facts were made by this version of the mapping before, or the CRMs have all it names; ConfigError lists what they lack."""
    known = conn.execute(
        "select from sakigake.mapping_version where workspace = %s and mapping_hash = %s", (workspace, rules.hash)
    ).fetchone()
    if known is None and (problems := problems_with(rules, connectors, prefix)):
        raise ConfigError("\n".join(str(problem) for problem in problems))
