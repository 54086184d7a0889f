"""The facts of both versions of the mapping, as the quickest way there is to them gives them. Every way gives the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from psycopg import sql

from jobs.beside import Answer, Beside
from jobs.preview.beside import Task, work
from jobs.preview.ground import Ground
from jobs.preview.lenient import Lenient
from jobs.preview.narrow import narrowed
from jobs.preview.part import Part, derive_part, shares
from jobs.preview.sides import Side, derived, nothing, stored
from jobs.preview.told import changed_milestones
from sync.events.standing import standing_events
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.partners import derive_partners
from sync.mapping.share import WHOLE, Share
from sync.mirror.names import table_name

if TYPE_CHECKING:
    from jobs.preview.numbers import Numbers

HERE = 0.35  # of the entries are derived here, after what stands has been read and computed on
MANY = 20_000  # records of entries from which a second process is worth its start


def both(
    ground: Ground, old: Rules | None, new: Rules, reader: Lenient, aside: Beside, *, active: bool, stands: bool
) -> "tuple[Side, Numbers, Side]":
    """(facts of the old version, its numbers, facts of the new one). `stands`: the stored facts are those of `old` and this mirror.

    `active`: some version is in force, even where `old`, its text, is lost.
    """
    many = _many(ground, [new] if old is None else [old, new])
    if stands and old is not None and changed_milestones(old, new) is not None:
        told: list[Answer[Part | Numbers]] = []

        def sure() -> None:
            """The numbers of the old version are told beside: not before it is known that nothing else needs the process."""
            if many and aside.begin():
                told.append(aside.ask(work, Task.of(ground, old, None)))

        found = narrowed(ground, old, new, reader, sure)
        if found is not None:
            from jobs.preview.numbers import numbers

            was = cast("Numbers | None", told[0].elsewhere() if told else None)
            return found[0], was or numbers(ground, old, found[0]), found[1]
    if active and old is not None and not stands:
        halves = (Share(frozenset(), others=False), WHOLE) if many else None
        begun = _begin(ground, old, ground.reader(old, old), aside, halves)
        from jobs.preview.numbers import numbers

        after = _Work(ground, new, reader, WHOLE).side()
        before = begun.side()
        return before, numbers(ground, old, before), after
    begun = _begin(ground, new, reader, aside, _halves(ground, new, reader) if many else None)
    from jobs.preview.numbers import numbers  # while the process beside is at work

    before = nothing()
    if active:
        before = replace(stored(ground), said=standing_events(ground.raw, ground.workspace))
    return before, numbers(ground, old or new, before), begun.side()


@dataclass(frozen=True, slots=True)
class _Work:
    """Facts that a version makes of the mirror: of one share here, of the other one in a process beside, where there is one."""

    ground: Ground
    rules: Rules
    reader: Lenient
    here: Share
    there: Share | None = None
    other: "Answer[Part | Numbers] | None" = None

    def side(self) -> Side:
        parts = [self._derive(self.here)]
        if self.there is not None:
            told = cast("Part | None", self.other.elsewhere() if self.other is not None else None)
            parts.append(told or self._derive(self.there))
        return derived(parts, self.ground.as_of)

    def _derive(self, share: Share) -> Part:
        return derive_part(self.ground, self.rules, self.reader, share)


def _begin(ground: Ground, rules: Rules, reader: Lenient, aside: Beside, halves: tuple[Share, Share] | None) -> _Work:
    """The second share is derived beside, from now on, where there is a processor for it."""
    if halves is None or not aside.begin():
        return _Work(ground, rules, reader, WHOLE)
    return _Work(ground, rules, reader, *halves, aside.ask(work, Task.of(ground, rules, halves[1])))


def _halves(ground: Ground, rules: Rules, reader: Lenient) -> tuple[Share, Share]:
    """The partners in two shares, by how many entries each has as far as those that stand tell."""
    partners = derive_partners(rules, reader, Issues(), ground.decisions, alike=False).partners
    stand = ground.raw.execute(
        "select partner_id, count(*) from sakigake.entry where workspace = %s and removed_at is null group by 1",
        (ground.workspace,),
    )
    partners_have = {**dict.fromkeys((p.partner_id for p in partners), 1), **dict(stand.fetchall())}
    return shares(partners_have, HERE)


def _many(ground: Ground, versions: Sequence[Rules]) -> bool:
    """Whether so many records are read that a second process is worth its start."""
    n = 0
    for connection, name in {(rule.connection, rule.object) for rules in versions for rule in rules.entries}:
        place = sql.Identifier(ground.settings.schema_of(connection), table_name(name))
        there = ground.raw.execute("select to_regclass(%s)", (place.as_string(ground.raw),)).fetchone()
        if there and there[0]:
            row = ground.raw.execute(sql.SQL("select count(*) from {}").format(place)).fetchone()
            n += row[0] if row else 0
    return n >= MANY
