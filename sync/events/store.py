"""Stores facts, all in the caller's transaction: what is equal is not touched, events are only ever added.

Which step may repeat: all of it. An event is found again by its fact (entry, milestone, source record, change), so the same
facts a second time add nothing. A fact that vanished or says another day is retracted; what it says now is asserted under the
next id of the same fact. Ids are drawn from the fact and how often it was asserted, never from chance or a clock.

What a partner, an entry, a source or an activity said before it changed is kept beside it (`past_fact`), so that everything can be
seen as it was known at any moment.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from models.partners import BEGINNING, MappingVersion
from models.vocabulary import aware
from sync.events import statements
from sync.events.now import ACTIVITIES, ENTRIES, ENTRY_SOURCES, PARTNERS, SOURCES, Kept, keep_now
from sync.events.staging import stage
from sync.events.target_numbers import number_targets
from sync.events.targets import targets_of_events, targets_staged
from sync.mapping.facts import Facts

_MANY = 500  # changes after which what the planner knows of a table is out of date
_FIRST_MOMENT = datetime.fromisoformat(BEGINNING)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a storing changed. `changed`: rows of partners, entries, their records, and activities that were written.

    `targets`: numbers of the companies of which an entry came, went, became another's or moved; of some partners only.
    """

    asserted: dict[str, int] = field(default_factory=dict)  # by milestone
    retracted: dict[str, int] = field(default_factory=dict)
    changed: int = 0
    targets: frozenset[int] = frozenset()

    @property
    def nothing(self) -> bool:
        return not (self.changed or self.asserted or self.retracted)


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands."""

    partners: dict[str, int]  # by type
    entries: int
    events: dict[str, int]  # by milestone
    activities: int


def store(
    connection: Connection,
    workspace: str,
    facts: Facts,
    *,
    run_id: str,
    known_at: datetime,
    mapping_hash: str,
    first_load: bool = False,
    partners: Collection[str] | None = None,
) -> Changes:
    """Stores the facts as known at `known_at` (aware). Nothing is committed here.

    `partners`: the facts are all there is to say of these partners, and say nothing of others; without it, of all of them.
    With `first_load`, what the CRM's history dates is known since the CRM's stamp, and marked as reconstructed; what is known of
    partners, entries and activities holds for every earlier moment too.
    """
    stage(connection, facts)
    number_targets(connection, workspace, facts.entries)
    known_at = aware(known_at, "known_at")
    scope = None if partners is None else sorted(partners)
    moved = set() if scope is None else targets_staged(connection, workspace, scope)
    since = _FIRST_MOMENT if first_load else known_at
    changed = sum(
        _kept(connection, kept, workspace, since, scope)
        for kept in (PARTNERS, SOURCES, ENTRIES, ENTRY_SOURCES, ACTIVITIES)
    )
    log = {"known_at": known_at, "mapping_hash": mapping_hash, "run_id": run_id}
    _keep_aside(connection, "standing", statements.STANDING, workspace, scope)
    retracted = _pairs(connection, statements.RETRACT, log)
    _keep_aside(connection, "retracted", statements.RETRACTED, workspace, None)
    asserted = _pairs(connection, statements.ASSERT, {**log, "workspace": workspace, "first_load": first_load})
    if sum(asserted.values()) > _MANY:
        _let_planner_see(connection, "event")
    if scope is not None and (asserted or retracted):
        moved |= targets_of_events(connection, workspace, known_at, scope)
    return Changes(asserted, retracted, changed, frozenset(moved))


def count(connection: Connection, workspace: str, partners: Collection[str] | None = None) -> Counts:
    """What stands of these partners, or of all."""
    scope = None if partners is None else sorted(partners)
    given = {"workspace": workspace}
    by_type = _pairs(connection, *_scoped(statements.PARTNERS_BY_TYPE, given, scope))
    entries, activities = (
        _pairs(connection, *_scoped(statements.ROWS_OF_NOW.format(table=table, scope="{scope}"), given, scope))
        for table in ("entry", "activity")
    )
    events = _pairs(connection, *_scoped(statements.STANDING_COUNTS, given, scope, "e."))
    return Counts(by_type, sum(entries.values()), events, sum(activities.values()))


def remember_mapping(connection: Connection, workspace: str, mapping_hash: str, content: str, now: datetime) -> None:
    """Keeps the mapping's text under its hash, so that any event can be read with the rules it was made by."""
    version = insert(MappingVersion).values(
        workspace=workspace, mapping_hash=mapping_hash, content=content, first_used_at=aware(now, "now")
    )
    connection.execute(version.on_conflict_do_nothing())


def _kept(connection: Connection, kept: Kept, workspace: str, since: datetime, scope: list[str] | None) -> int:
    changed = keep_now(connection, kept, workspace, since, scope)
    if changed > _MANY:
        _let_planner_see(connection, kept.name)
    return changed


def _let_planner_see(connection: Connection, table: str) -> None:
    """The planner must not take a filled table for an empty one: the next run may come before PostgreSQL looks by itself."""
    connection.execute(text(f"analyze sakigake.{table}"))


def _scoped(
    statement: str, given: dict[str, Any], scope: list[str] | None, alias: str = ""
) -> tuple[str, dict[str, Any]]:
    if scope is None:
        return statement.format(scope="true"), given
    return statement.format(scope=f"{alias}partner_id = any(:partners)"), {**given, "partners": scope}


def _keep_aside(connection: Connection, name: str, statement: str, workspace: str, scope: list[str] | None) -> None:
    """A temporary table of this transaction, with what the planner must know of it."""
    connection.execute(text(f"drop table if exists pg_temp.{name}"))  # of an earlier store in the same transaction
    made, given = _scoped(statement, {"workspace": workspace}, scope, "e.")
    connection.execute(text(made), given)
    connection.execute(text(f"analyze {name}"))


def _pairs(connection: Connection, statement: str, given: dict[str, Any]) -> dict[str, int]:
    return {str(name): int(n) for name, n in connection.execute(text(statement), given)}
