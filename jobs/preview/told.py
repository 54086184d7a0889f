"""Which milestones differ between two versions of the mapping, where nothing else does on which entries and events rest; and what they say
of entries that stand: read anew, with what was met on the way.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Connection

from jobs.preview.lenient import Lenient
from jobs.preview.records import EntryRecords
from models.vocabulary import Event, Milestone, RecordRef
from sync.mapping.entries import Unmapped, known_stages
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.identity import record_id
from sync.mapping.milestones import EntryKey, MilestoneReader, read_linked
from sync.mapping.rules import EntryRule
from sync.mapping.selection import selector
from sync.mapping.stages import read_history

Changed = dict[int, tuple[Milestone, ...]]  # entry rule -> its milestones that differ


def changed_milestones(old: Rules, new: Rules) -> Changed | None:
    """The milestones that differ; None where anything else does on which entries and events rest."""
    loose = {
        "sizes",
        "partner_types",
        "language",
        "write_back",
        "customers",
        "deals_all_channels",
        "partners",
        "entries",
    }
    if old.model_dump(exclude=loose) != new.model_dump(exclude=loose) or len(old.entries) != len(new.entries):
        return None
    own = {"attributes"}
    if [p.model_dump(exclude=own) for p in old.partners] != [p.model_dump(exclude=own) for p in new.partners]:
        return None
    found: Changed = {}
    for index, (was, now) in enumerate(zip(old.entries, new.entries, strict=True)):
        beside = {"milestones", "ignored", "create"}
        if was.model_dump(exclude=beside) != now.model_dump(exclude=beside):
            return None
        differ = tuple(m for m in Milestone if was.milestones.get(m) != now.milestones.get(m))
        if any(of is not None and of.activity is not None for m in differ for of in _both(was, now, m)):
            return None
        if differ or was.ignored != now.ignored:
            found[index] = differ
    return found


def _both(was: EntryRule, now: EntryRule, milestone: Milestone) -> tuple[Any, Any]:
    return was.milestones.get(milestone), now.milestones.get(milestone)


def paths_of(changed: Changed) -> list[str]:
    """The paths of these milestones in the mapping."""
    return [f"entries[{i}].milestones.{m.value}" for i, milestones in changed.items() for m in milestones]


def told_anew(
    new: Rules,
    reader: Lenient,
    changed: Changed,
    records: EntryRecords,
    issues: Issues,
) -> Iterator[Event]:
    """What the changed milestones say now, of the entry that each of the `records` is by itself. Stages that nobody names are noted,
    as deriving everything would. Whose the entries are is left open.
    """
    for index, milestones in changed.items():
        rule = new.entries[index]
        connection, name = rule.connection, rule.object
        named = [m for m in milestones if m in rule.milestones]
        history = read_history(reader, connection, name, sorted(known_stages(rule)))
        readers = [
            MilestoneReader(new, index, m, history, read_linked(new, reader, rule, rule.milestones[m])) for m in named
        ]
        unmapped = Unmapped(index, rule, history)
        entries = records.of(connection, name)
        fits = selector(rule.where, reader, connection, name, new.zone)
        for row in reader.rows(connection, name, _fields(new, rule, named)):
            if not fits(row):
                continue
            ref = RecordRef(connection, name, row.id)
            unmapped.report(ref, row.values, issues)
            telling = [one for one in readers if not one.silent(row.id, row.values)]
            if telling and row.id in entries:
                key = EntryKey(record_id("entry", ref), "", index)
                for one in telling:
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
