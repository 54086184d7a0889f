"""One version of the mapping's facts, as they are compared with another's: from the tables where they stand, else derived anew."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from jobs.steps.columns import columns_of
from models.vocabulary import LISTS, Activity, Entry, Partner, RecordRef
from sync.connector import HistoryRow
from sync.events import read
from sync.events.entry_columns import EntryColumns
from sync.mapping.compare import Said
from sync.mapping.depends import dependants
from sync.mapping.derive import derive
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.matching import Decision
from sync.mapping.needs import needs
from sync.mapping.reader import MirrorReader, MirrorRow
from sync.mirror.read import Mirror


@dataclass(frozen=True, slots=True)
class Side:
    """Facts of one version. `records`: those of each partner or entry. `unmoved`: events by rule that are left out of `said`, on both sides."""

    partners: Sequence[Partner]
    entries: Sequence[Entry] | EntryColumns
    events: read.EventColumns
    activities: Sequence[Activity]
    said: Sequence[Said]
    records: dict[tuple[str, str], list[RecordRef]] = field(default_factory=dict)  # by (subject, its id)
    issues: dict[str, int] = field(default_factory=dict)
    unmoved: Mapping[str, int] = field(default_factory=dict)

    @property
    def entry_ids(self) -> set[str]:
        return set(self.entries.ids) if isinstance(self.entries, EntryColumns) else {e.entry_id for e in self.entries}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a version reads and that nobody pulled: what it is, where, and the rules that read it."""

    what: str  # object, field, history or association
    place: str
    rules: tuple[str, ...]


def nothing() -> Side:
    """The facts of no mapping at all."""
    return Side((), (), columns_of((), ()), (), ())


def stored(conn: SqlConnection, raw: Connection[Any], workspace: str, as_of: date, known_at: datetime) -> Side:
    """The facts as they stand in the tables."""
    partners, entries = read.partners(conn, workspace), read.entries(conn, workspace)
    rows = raw.execute(
        """select e.fact_id, e.entry_id, e.milestone, e.occurred_on, e.rule, e.connection || '.' || e.object || '/' || e.record_id
        from sakigake.event e where e.workspace = %s and e.op = 'assert' and not exists (
            select from sakigake.event r where r.workspace = e.workspace and r.supersedes = e.event_id)""",
        (workspace,),
    )
    return Side(
        partners,
        entries,
        read.visible_events(conn, workspace, as_of, known_at),
        read.activities(conn, workspace, as_of),
        [Said(*row) for row in rows],
        _records(partners, entries),
    )


def derived(rules: Rules, reader: MirrorReader, as_of: date, decisions: Sequence[Decision]) -> Side:
    """The facts that a version makes of the mirror, by what people decided on records."""
    facts = derive(rules, reader, decisions)
    issues: dict[str, int] = {}
    for issue in facts.issues:
        issues[issue.kind.value] = issues.get(issue.kind.value, 0) + issue.count
    return Side(
        facts.partners,
        facts.entries,
        columns_of(
            facts.entries,
            (
                (e.entry_id, e.milestone, e.occurred_on, e.source.connection)
                for e in facts.events
                if e.occurred_on <= as_of
            ),
        ),
        [a for a in facts.activities if a.occurred_on <= as_of],
        [Said(e.event_id, e.entry_id, e.milestone.value, e.occurred_on, e.rule, str(e.source)) for e in facts.events],
        _records(facts.partners, facts.entries),
        dict(sorted(issues.items())),
    )


def _records(partners: Iterable[Partner], entries: Iterable[Entry]) -> dict[tuple[str, str], list[RecordRef]]:
    found = {("partner", p.partner_id): list(p.sources) for p in partners}
    found.update((("entry", e.entry_id), list(e.sources or (e.source,))) for e in entries)
    return found


class Lenient:
    """The mirror for a version that may read what nobody pulled yet: that reads as empty, and `missing` tells of it."""

    def __init__(
        self, conn: Connection[Any], workspace: str, mirror: Mirror, rules: Rules, pulled_by: Rules | None
    ) -> None:
        self._mirror = mirror
        self._fields: dict[tuple[str, str], set[str]] = {
            (connection, name): set(columns or ())
            for connection, name, columns in conn.execute(
                "select connection, object, description -> 'columns' from sakigake.mirror_object where workspace = %s",
                (workspace,),
            )
        }
        self.missing = tuple(self._lacks(rules, pulled_by))

    def rows(
        self, connection: str, object_name: str, fields: Sequence[str], *, deleted: bool = False
    ) -> Iterator[MirrorRow]:
        held = self._fields.get((connection, object_name), set())
        there = [f for f in fields if f in held]
        if len(there) == len(fields):
            yield from self._mirror.rows(connection, object_name, fields, deleted=deleted)
            return
        for row in self._mirror.rows(connection, object_name, there, deleted=deleted):
            yield row._replace(values={f: row.values.get(f) for f in fields})

    def history(self, connection: str, object_name: str, fields: Sequence[str]) -> Iterator[HistoryRow]:
        return self._mirror.history(connection, object_name, fields)

    def associations(
        self, connection: str, from_object: str, to_object: str
    ) -> Iterator[tuple[str, str, str | None, str]]:
        return self._mirror.associations(connection, from_object, to_object)

    def _lacks(self, rules: Rules, pulled_by: Rules | None) -> Iterator[Missing]:
        read_before = needs(pulled_by) if pulled_by is not None else None
        for connection, objects in needs(rules).items():
            for name, spec in objects.items():
                place = f"{connection}.{name}"
                if connection == LISTS and (connection, name) not in self._fields:
                    continue  # nothing was imported yet, which says what there is to say
                if (connection, name) not in self._fields:
                    yield Missing("object", place, _readers(rules, connection, name))
                    continue
                for f in spec.fields:
                    if f not in self._fields[connection, name]:
                        yield Missing("field", f"{place}.{f}", _readers(rules, connection, name, f))
                if read_before is None:
                    continue
                before = read_before.get(connection, {}).get(name)
                for f in set(spec.history) - set(before.history if before else ()):
                    yield Missing("history", f"{place}.{f}", _readers(rules, connection, name, f))
                for other in set(spec.associations) - set(before.associations if before else ()):
                    yield Missing("association", f"{place} to {other}", _readers(rules, connection, name))


def _readers(rules: Rules, connection: str, name: str, field_name: str = "") -> tuple[str, ...]:
    return tuple(dependants(rules, connection, name, field_name)["rules"])
