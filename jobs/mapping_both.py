"""The facts of both versions of the mapping, as the quickest way there is to them gives them. Every way gives the same."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection, sql
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine

from jobs.mapping_beside import Beside, Task, beside, processors
from jobs.mapping_lenient import Lenient
from jobs.mapping_narrow import Moment, narrowed
from jobs.mapping_part import derive_part, shares
from jobs.mapping_sides import Side, derived, nothing, stored
from jobs.settings import WorkspaceSettings
from jobs.steps.made import Made
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.matching import Decision
from sync.mapping.needs import needs
from sync.mapping.partners import derive_partners
from sync.mapping.share import WHOLE, Share
from sync.mirror.names import table_name
from sync.mirror.read import Mirror

MANY = 20_000  # records of entries from which a second process is worth its start
Tell = Callable[[Rules, Side], Made]


@dataclass(frozen=True, slots=True)
class Ground:
    """What versions are held against: the mirror of one moment, what people decided, and up to when facts count, as known when."""

    engine: Engine
    conn: SqlConnection
    raw: Connection[Any]
    workspace: str
    settings: WorkspaceSettings
    decisions: Sequence[Decision]
    as_of: date
    known_at: datetime

    def reader(self, rules: Rules, pulled_by: Rules) -> Lenient:
        """The mirror as this version reads it."""
        return Lenient(
            self.raw, self.workspace, Mirror(self.raw, self.workspace, self.settings.schema_of), rules, pulled_by
        )


def both(
    ground: Ground, old: Rules | None, new: Rules, reader: Lenient, tell: Tell, *, active: bool, stands: bool
) -> tuple[Side, Made, Side]:
    """(facts of the old version, its results, facts of the new one). `stands`: the stored facts are those of `old` and this mirror.

    `active`: some version is in force, even where `old`, its text, is lost.
    """
    if stands and old is not None:
        moment = Moment(ground.as_of, ground.known_at)
        found = narrowed(ground.conn, ground.raw, ground.workspace, old, new, reader, ground.decisions, moment)
        if found is not None:
            return found[0], tell(old, found[0]), found[1]
    with ExitStack() as stack:
        if active and old is not None and not stands:
            reads_old = ground.reader(old, old)
            apart = (Share(frozenset(), others=False), WHOLE) if _many(ground, old) else None
            work = _begin(stack, ground, old, reads_old, apart)
            after = _Work(ground, new, reader, WHOLE).side()
            before = work.side()
            return before, tell(old, before), after
        halves = _halves(ground, new, reader) if _many(ground, new) else None
        work = _begin(stack, ground, new, reader, halves)
        before = (
            stored(ground.conn, ground.raw, ground.workspace, ground.as_of, ground.known_at) if active else nothing()
        )
        was = tell(old or new, before)  # while the other half is at work
        return before, was, work.side()


@dataclass(frozen=True, slots=True)
class _Work:
    """Facts that a version makes of the mirror: of one share here, of the other one in a process beside, where there is one."""

    ground: Ground
    rules: Rules
    reader: Lenient
    here: Share
    there: Share | None = None
    other: Beside | None = None

    def side(self) -> Side:
        parts = [self._derive(self.here)]
        if self.there is not None:
            parts.append((self.other and self.other.part()) or self._derive(self.there))
        return derived(parts, self.ground.as_of)

    def _derive(self, share: Share) -> Any:
        of = self.ground
        return derive_part(of.raw, of.workspace, self.rules, self.reader, of.as_of, of.decisions, share)


def _begin(
    stack: ExitStack, ground: Ground, rules: Rules, reader: Lenient, halves: tuple[Share, Share] | None
) -> _Work:
    """The second share is derived beside, from now on, where there is a processor for it."""
    if halves is None or processors() < 2:
        return _Work(ground, rules, reader, WHOLE)
    row = ground.raw.execute("select pg_export_snapshot()").fetchone()
    task = Task(
        ground.engine.url.render_as_string(hide_password=False),
        str(row[0]) if row else "",
        ground.workspace,
        {connection: ground.settings.schema_of(connection) for connection in needs(rules)},
        rules.text,
        ground.as_of,
        ground.decisions,
        halves[1],
    )
    return _Work(ground, rules, reader, *halves, stack.enter_context(beside(task)))


def _halves(ground: Ground, rules: Rules, reader: Lenient) -> tuple[Share, Share]:
    """The partners in two shares, of about equally many entries as far as those that stand tell."""
    partners = derive_partners(rules, reader, Issues(), ground.decisions, alike=False).partners
    stand = ground.raw.execute(
        "select partner_id, count(*) from sakigake.entry where workspace = %s and removed_at is null group by 1",
        (ground.workspace,),
    )
    return shares({**dict.fromkeys((p.partner_id for p in partners), 1), **dict(stand.fetchall())})


def _many(ground: Ground, rules: Rules) -> bool:
    """Whether so many records are read that a second process is worth its start."""
    n = 0
    for connection, name in {(rule.connection, rule.object) for rule in rules.entries}:
        place = sql.Identifier(ground.settings.schema_of(connection), table_name(name))
        there = ground.raw.execute("select to_regclass(%s)", (place.as_string(ground.raw),)).fetchone()
        if there and there[0]:
            row = ground.raw.execute(sql.SQL("select count(*) from {}").format(place)).fetchone()
            n += row[0] if row else 0
    return n >= MANY
