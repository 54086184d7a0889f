"""A workspace's mapping against its CRMs, before anything is read by it: a stage that is misspelt would take back every event it made.

Checked where a person asks for it, and by the first run of each version of the mapping.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from psycopg import Connection

from jobs.errors import ConfigError
from jobs.settings import WorkspaceSettings
from models.catalogue import CATALOGUE, LIST_ROW_KEY
from models.vocabulary import LISTS
from sync.connector import Connector
from sync.described import ObjectDescription
from sync.documents import Problem
from sync.errors import ObjectMissing, PermissionMissing, SyncError
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.loading import Looked
from sync.mapping.needs import needs

T = TypeVar("T")
PATIENCE = 20.0  # seconds of trying again: a person waits for the answer, and HubSpot's limit of ten seconds is to pass


def own_names(connectors: Mapping[str, Connector], prefix: str) -> frozenset[str]:
    """What our fields are called in these CRMs."""
    return frozenset(c.api_name(field, prefix) for c in connectors.values() for field in (*CATALOGUE, LIST_ROW_KEY))


def problems_with(rules: Rules, connectors: Mapping[str, Connector], prefix: str) -> list[Problem]:
    """Everything that the mapping names and the CRMs do not have. Connections that are not in `connectors` are left out.
    `prefix` is that of our own fields.

    Raises SyncError where a CRM does not answer or does not let us in.
    """
    problems, silent = held_against(rules, connectors, prefix)
    for errors in silent.values():
        raise errors[0]
    return problems


def held_against(
    rules: Rules, connectors: Mapping[str, Connector], prefix: str
) -> tuple[list[Problem], dict[str, list[SyncError]]]:
    """(everything that the mapping names and the CRMs do not have, what kept us from looking, by connection).

    Of an object that could not be looked at nothing is said.
    """
    from sync.lists.source import ListSource  # reads spreadsheets, which few who know connections by name need
    from sync.mapping.check import check
    from sync.mapping.check_labels import labelled

    descriptions: dict[tuple[str, str], ObjectDescription] = {}
    absent: dict[tuple[str, str], str | None] = {}
    silent: dict[str, list[SyncError]] = {}

    def asked(connection: str, ask: Callable[[], T]) -> T | None:
        """What the CRM says; nothing more is asked of one that does not answer, or does not let us in."""
        met = silent.get(connection, [])
        if met and not isinstance(met[-1], PermissionMissing):  # of one object alone
            return None
        try:
            return ask()
        except ObjectMissing:
            raise
        except SyncError as e:
            silent.setdefault(connection, []).append(e)
            return None

    for connection, specs in needs(rules).items():
        for name in specs:
            source = ListSource(()) if connection == LISTS else connectors.get(connection)
            absent[connection, name] = None
            try:
                described = asked(connection, partial(source.describe, name)) if source is not None else None
            except ObjectMissing as e:
                absent[connection, name] = str(e)
                continue
            if described is not None:
                descriptions[connection, name] = described
                del absent[connection, name]
    labels = {}
    for pair in labelled(rules):
        connector = connectors.get(pair[0])
        known = None if connector is None else asked(pair[0], partial(connector.labels, *pair[1:]))
        if known is not None:
            labels[pair] = known
    return check(rules, descriptions, absent, labels, own_names(connectors, prefix)), silent


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a mapping, in the order of its file; and of each connection that could not be looked into, why not."""

    problems: tuple[Problem, ...]
    silent: Mapping[str, tuple[str, ...]]

    @property
    def exit_code(self) -> int:
        """2 where the mapping is to be mended, 1 where that could not be told of all of it, otherwise 0."""
        return 2 if self.problems else 1 if self.silent else 0

    def document(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "ok": not self.problems and not self.silent,
            "problems": [str(p) for p in self.problems],
            "unreachable": [
                {"connection": name, "cause": cause} for name, causes in self.silent.items() for cause in causes
            ],
        }


def checked(looked: Looked, settings: WorkspaceSettings, folder: Path) -> Checked:
    """Everything that is wrong at once: in the mapping itself, and with each CRM that can be looked into."""
    from jobs.wiring import open_connector  # loads the vendors' libraries

    silent: dict[str, list[str]] = {}
    with ExitStack() as stack:
        connectors: dict[str, Connector] = {}
        for name, given in settings.connections.items():
            try:
                connectors[name] = connector = open_connector(name, given, folder, retry_for=PATIENCE)
            except ConfigError as e:  # its secret is not there
                silent.setdefault(name, []).append(str(e))
            else:
                stack.callback(connector.close)
        found, errors = held_against(looked.meant, connectors, settings.prefix)
    for name, met in errors.items():
        silent.setdefault(name, []).extend(dict.fromkeys(str(e) for e in met))
    once = {str(problem): problem for problem in (*looked.problems, *found)}
    return Checked(
        tuple(sorted(once.values(), key=lambda problem: problem.line)), {k: tuple(v) for k, v in silent.items()}
    )


def require_fitting(
    conn: Connection[Any], workspace: str, rules: Rules, connectors: Mapping[str, Connector], prefix: str
) -> None:
    """Passes where facts were made by this version of the mapping before, or the CRMs have all it names; ConfigError lists what they lack."""
    known = conn.execute(
        "select from sakigake.mapping_version where workspace = %s and mapping_hash = %s", (workspace, rules.hash)
    ).fetchone()
    if known is None and (problems := problems_with(rules, connectors, prefix)):
        raise ConfigError("\n".join(str(problem) for problem in problems))
