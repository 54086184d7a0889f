"""Stores facts, all in the caller's transaction: what is equal is not touched, events are only ever added.

Which step may repeat: all of it. An event is found again by its fact (entry, milestone, source record, change), so the same
facts a second time add nothing. A fact that vanished or says another day is retracted; what it says now is asserted under the
next id of the same fact. Ids are drawn from the fact and how often it was asserted, never from chance or a clock.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, column, delete, exists, func, literal, or_, select, table, text, update
from sqlalchemy.dialects.postgresql import insert

from models.base import Base
from models.partners import ActivityRow, EntryRow, MappingVersion, PartnerRow, PartnerSource
from models.vocabulary import aware
from sync.events import statements
from sync.events.staging import stage
from sync.mapping.facts import Facts

_MANY = 500  # events after which what the planner knows of the log is out of date


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands now, and what this storing changed."""

    partners: dict[str, int]  # by type
    entries: int
    events: dict[str, int]  # standing, by milestone
    activities: int
    asserted: dict[str, int] = field(default_factory=dict)  # by milestone
    retracted: dict[str, int] = field(default_factory=dict)
    changed: int = 0  # rows of partners, sources, entries and activities that were written

    @property
    def wrote_nothing(self) -> bool:
        return not (self.changed or self.asserted or self.retracted)


def store(
    connection: Connection,
    workspace: str,
    facts: Facts,
    *,
    run_id: str,
    known_at: datetime,
    mapping_hash: str,
    first_load: bool = False,
) -> Counts:
    """Stores the facts as known at `known_at` (aware). Nothing is committed here.

    With `first_load`, what the CRM's history dates is known since the CRM's stamp, and marked as reconstructed.
    """
    stage(connection, facts)
    known_at = aware(known_at, "known_at")
    changed = (
        _state(connection, _PARTNERS, workspace, known_at)
        + _sources(connection, workspace)
        + _state(connection, _ENTRIES, workspace, known_at)
        + _state(connection, _ACTIVITIES, workspace, known_at)
    )
    log = {"workspace": workspace, "known_at": known_at, "mapping_hash": mapping_hash, "run_id": run_id}
    _keep_aside(connection, "standing", statements.STANDING, workspace)
    retracted = _pairs(connection, statements.RETRACT, {k: v for k, v in log.items() if k != "workspace"})
    _keep_aside(connection, "retracted", statements.RETRACTED, workspace)
    asserted = _pairs(connection, statements.ASSERT, {**log, "first_load": first_load})
    if sum(asserted.values()) > _MANY:
        connection.execute(text("analyze sakigake.event"))  # the planner must not take a filled log for an empty one
    return Counts(
        partners=_partners_by_type(connection, workspace),
        entries=_standing(connection, EntryRow, workspace),
        events=_pairs(connection, statements.STANDING_COUNTS, {"workspace": workspace}),
        activities=_standing(connection, ActivityRow, workspace),
        asserted=asserted,
        retracted=retracted,
        changed=changed,
    )


def remember_mapping(connection: Connection, workspace: str, mapping_hash: str, content: str, now: datetime) -> None:
    """Keeps the mapping's text under its hash, so that any event can be read with the rules it was made by."""
    version = insert(MappingVersion).values(
        workspace=workspace, mapping_hash=mapping_hash, content=content, first_used_at=aware(now, "now")
    )
    connection.execute(version.on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of what is now seen, the staged table that feeds it, and its columns."""

    model: type[Base]
    staged: str
    key: tuple[str, ...]
    said: tuple[str, ...]
    known: bool = False  # the row says since when we have known it

    @property
    def table(self) -> Table:
        found = self.model.__table__
        assert isinstance(found, Table)
        return found


_RECORD = ("connection", "object", "record_id")
_PARTNERS = _Kept(
    PartnerRow,
    "staged_partner",
    ("partner_id",),
    ("name", "type", "willingness", "submitted_on", "joined_on", "attributes"),
)
_SOURCES = _Kept(PartnerSource, "staged_source", _RECORD, ("partner_id", "matched_by"))
_ENTRIES = _Kept(EntryRow, "staged_entry", ("entry_id",), ("partner_id", *_RECORD, "target"))
_ACTIVITIES = _Kept(
    ActivityRow,
    "staged_activity",
    ("activity_id",),
    ("partner_id", "entry_id", "kind", "occurred_on", *_RECORD, "rule"),
    known=True,
)


def _state(connection: Connection, kept: _Kept, workspace: str, known_at: datetime) -> int:
    """New rows in, changed or returning rows over the old ones, vanished ones marked with when; equal rows untouched.

    What vanished stays as a row: history and lineage still name it.
    """
    changed = _upsert(connection, kept, workspace, known_at)
    now, staged = kept.table, table(kept.staged, *(column(name) for name in kept.key))
    still = exists().where(*(staged.c[name] == now.c[name] for name in kept.key))
    gone = update(now).where(now.c.workspace == workspace, now.c.removed_at.is_(None), ~still)
    return changed + connection.execute(gone.values(removed_at=known_at)).rowcount


def _sources(connection: Connection, workspace: str) -> int:
    """A record that is no partner any more is no place to write to: its row goes."""
    changed = _upsert(connection, _SOURCES, workspace, None)
    now, staged = _SOURCES.table, table(_SOURCES.staged, *(column(name) for name in _SOURCES.key))
    still = exists().where(*(staged.c[name] == now.c[name] for name in _SOURCES.key))
    return changed + connection.execute(delete(now).where(now.c.workspace == workspace, ~still)).rowcount


def _upsert(connection: Connection, kept: _Kept, workspace: str, known_at: datetime | None) -> int:
    now = kept.table
    names = (*kept.key, *kept.said)
    staged = table(kept.staged, *(column(name) for name in names))
    extra = ("known_at",) if kept.known else ()
    rows = select(literal(workspace), *(staged.c[name] for name in names), *(literal(known_at) for _ in extra))
    new = insert(now).from_select(["workspace", *names, *extra], rows)
    over = {name: new.excluded[name] for name in (*kept.said, *extra)}
    differs = [now.c[name].is_distinct_from(new.excluded[name]) for name in kept.said]
    if "removed_at" in now.c:
        over["removed_at"] = literal(None, now.c.removed_at.type)
        differs.append(now.c.removed_at.is_not(None))
    upsert = new.on_conflict_do_update(index_elements=["workspace", *kept.key], set_=over, where=or_(*differs))
    return connection.execute(upsert, execution_options={"preserve_rowcount": True}).rowcount


def _keep_aside(connection: Connection, name: str, statement: str, workspace: str) -> None:
    """A temporary table of this transaction, with what the planner must know of it."""
    connection.execute(text(f"drop table if exists pg_temp.{name}"))  # of an earlier store in the same transaction
    connection.execute(text(statement), {"workspace": workspace})
    connection.execute(text(f"analyze {name}"))


def _standing(connection: Connection, model: type[EntryRow | ActivityRow], workspace: str) -> int:
    rows = select(func.count()).where(model.workspace == workspace, model.removed_at.is_(None))
    return int(connection.execute(rows).scalar_one())


def _partners_by_type(connection: Connection, workspace: str) -> dict[str, int]:
    rows = select(PartnerRow.type, func.count()).where(
        PartnerRow.workspace == workspace, PartnerRow.removed_at.is_(None)
    )
    return {kind: int(n) for kind, n in connection.execute(rows.group_by(PartnerRow.type).order_by(PartnerRow.type))}


def _pairs(connection: Connection, statement: str, given: dict[str, Any]) -> dict[str, int]:
    return {str(name): int(n) for name, n in connection.execute(text(statement), given)}
