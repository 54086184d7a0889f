"""What milestones that differ say of the mirror, of entries that stand: read anew, with what was met on the way."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg import Connection

from jobs.mapping_changed import Changed, paths_of
from jobs.mapping_lenient import Lenient
from models.vocabulary import Event, Milestone, RecordRef
from sync.mapping.entries import known_stages, report_unmapped
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.milestones import EntryKey, MilestoneReader, read_linked
from sync.mapping.rules import EntryRule
from sync.mapping.selection import selector
from sync.mapping.stages import read_history


def told_anew(
    new: Rules,
    reader: Lenient,
    raw: Connection[Any],
    workspace: str,
    changed: Changed,
    own: Mapping[RecordRef, str],
    issues: Issues,
) -> Iterator[Event]:
    """What the changed milestones say now. Stages that nobody names are noted, as deriving everything would.

    `own`: the entry that a record is by itself, where it may be one with another source's; the events are that entry's.
    """
    for index, milestones in changed.items():
        rule = new.entries[index]
        known = known_stages(rule)
        named = [m for m in milestones if m in rule.milestones]
        history = read_history(reader, rule.connection, rule.object, sorted(known))
        readers = [
            MilestoneReader(new, index, m, history, read_linked(new, reader, rule, rule.milestones[m])) for m in named
        ]
        keys = {
            record: EntryKey(entry_id, partner_id, index)
            for record, entry_id, partner_id in raw.execute(
                "select record_id, entry_id, partner_id from sakigake.entry_source where workspace = %s and connection = %s and object = %s",
                (workspace, rule.connection, rule.object),
            )
        }
        fits = selector(rule.where, reader, rule.connection, rule.object, new.zone)
        for row in reader.rows(rule.connection, rule.object, _fields(new, rule, named)):
            if not fits(row):
                continue
            ref = RecordRef(rule.connection, rule.object, row.id)
            report_unmapped(index, known, history, ref, row.values, issues)
            if (key := keys.get(row.id)) is not None:
                key = replace(key, entry_id=own[ref]) if ref in own else key
                for one in readers:
                    yield from one.events(key, ref, row.values, issues)
        for one in readers:
            one.report_history(issues)


def _fields(new: Rules, rule: EntryRule, named: Sequence[Milestone]) -> list[str]:
    """What of the entry's own record these milestones, the conditions and the stages read."""
    found = {*rule.where.fields(), *known_stages(rule), new.created_field(rule.connection, rule.object)}
    for milestone in named:
        of = rule.milestones[milestone]
        found.add(of.reason)
        found |= {of.linked.field} if of.linked is not None else {of.at, of.stage[0] if of.stage else None}
    return sorted(name for name in found if name)


def issues_after(raw: Connection[Any], workspace: str, changed: Changed, issues: Issues) -> dict[str, int]:
    """What stands of rules that did not change, and what was met now. Partners were looked at anew."""
    anew = [f"entries[{i}].milestones" for i in changed]  # stages that nobody names
    counts = Counter(
        dict(
            raw.execute(
                "select kind, count(*) from sakigake.mapping_issue where workspace = %s and not rule = any(%s) and not rule like 'partners%%' group by 1",
                (workspace, [*anew, *paths_of(changed)]),
            ).fetchall()
        )
    )
    for issue in issues.listed():
        counts[issue.kind.value] += issue.count
    return dict(sorted(counts.items()))
