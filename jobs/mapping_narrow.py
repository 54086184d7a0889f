"""`mapping diff` where little of the mapping changes: what stands is taken as it stands, and only what the changed rules say is read anew.

The result is the one that deriving everything gives. Where that could differ (another partner or entry rule, an activity, an entry that
stands in two CRMs, whose records are joined by their days), `narrowed` has no answer, and everything is derived.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from jobs.mapping_lenient import Lenient
from jobs.mapping_records import stored_records
from jobs.mapping_sides import Side
from models.vocabulary import Event, Milestone, Partner, RecordRef
from sync.events import read
from sync.events.entry_columns import entry_columns
from sync.events.standing import standing_counts, standing_events
from sync.mapping.entries import known_stages, report_unmapped
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.matching import Decision
from sync.mapping.milestones import EntryKey, MilestoneReader, read_linked
from sync.mapping.partners import derive_partners
from sync.mapping.rules import EntryRule
from sync.mapping.said import said_of
from sync.mapping.selection import selector
from sync.mapping.stages import read_history

_STANDS = """e.workspace = %(w)s and e.op = 'assert' and not exists (
    select from sakigake.event r where r.workspace = e.workspace and r.supersedes = e.event_id)"""
Changed = dict[int, tuple[Milestone, ...]]  # entry rule -> its milestones that differ


@dataclass(frozen=True, slots=True)
class Moment:
    """Up to when facts count, and as known when."""

    as_of: date
    known_at: datetime


def narrowed(
    conn: SqlConnection,
    raw: Connection[Any],
    workspace: str,
    old: Rules,
    new: Rules,
    reader: Lenient,
    decisions: Sequence[Decision],
    moment: Moment,
) -> tuple[Side, Side] | None:
    """Both sides, as far as they may differ, where the stored facts are those of `old`; None where everything has to be derived."""
    changed = _changed(old, new)
    if changed is None or (changed and not _alone(raw, workspace, old, changed)):
        return None
    before = read.partners(conn, workspace)
    issues = Issues()
    after = _partners(old, new, reader, decisions, before, changed, issues)
    if after is None:
        return None
    paths = [f"entries[{i}].milestones.{m.value}" for i, milestones in changed.items() for m in milestones]
    told = list(_told(new, reader, raw, workspace, changed, issues))
    entries = entry_columns(conn, workspace, moment.as_of)
    stays = read.visible_events(conn, workspace, moment.as_of, moment.known_at, besides=paths)
    went = read.visible_events(conn, workspace, moment.as_of, moment.known_at, rules=paths) if paths else None
    activities = read.activities(conn, workspace, moment.as_of)
    unmoved = standing_counts(raw, workspace, paths)
    records = stored_records(raw, workspace)
    numbers = {name: at for at, name in enumerate(read.connections(conn, workspace), 1)}
    was = Side(
        before, entries, stays if went is None else _together(stays, went), activities, standing_events(raw, workspace, paths),
        records, unmoved=unmoved,
    )  # fmt: skip
    becomes = Side(
        after, entries, _with(stays, [e for e in told if e.occurred_on <= moment.as_of], numbers), activities,
        said_of(told), records, _issues(raw, workspace, changed, paths, issues), unmoved,
    )  # fmt: skip
    return was, becomes


def _changed(old: Rules, new: Rules) -> Changed | None:
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


def _alone(raw: Connection[Any], workspace: str, old: Rules, changed: Changed) -> bool:
    """Whether each changed rule is the only one of its object, its events stand under its present name, and no list has two sources."""
    places = [(rule.connection, rule.object) for rule in old.entries]
    if any(places.count(places[i]) > 1 for i in changed):
        return False
    several = raw.execute(
        """select exists (select from sakigake.entry_source where workspace = %s group by partner_id
            having count(distinct connection) > 1)""",
        (workspace,),
    ).fetchone()
    if several is None or several[0]:
        return False
    for i, milestones in changed.items():
        for milestone in milestones:
            rule = old.entries[i].milestones.get(milestone)
            told_by = (rule.linked_object if rule is not None else None) or places[i][1]
            other = raw.execute(
                f"""select exists (select from sakigake.event e where e.connection = %(c)s and e.object = %(o)s
                    and e.milestone = %(m)s and e.rule <> %(rule)s and {_STANDS})""",  # noqa: S608
                {
                    "w": workspace,
                    "c": places[i][0],
                    "o": told_by,
                    "m": milestone.value,
                    "rule": f"entries[{i}].milestones.{milestone.value}",
                },
            ).fetchone()
            if other is None or other[0]:
                return False
    return True


def _partners(
    old: Rules,
    new: Rules,
    reader: Lenient,
    decisions: Sequence[Decision],
    before: Sequence[Partner],
    changed: Changed,
    issues: Issues,
) -> list[Partner] | None:
    """As the new rules see them. None where the day of the newest list rests on events that change, or on another field than before."""
    found = derive_partners(new, reader, issues, decisions).partners
    dated = [bool(rule.attributes.submitted_on) for rule in new.partners]
    if all(dated):
        return list(found)
    listed = any(Milestone.LISTED in milestones for milestones in changed.values())
    if listed or dated != [bool(rule.attributes.submitted_on) for rule in old.partners]:
        return None
    by_field = {(r.connection, r.object) for r, says in zip(new.partners, dated, strict=True) if says}
    stood = {p.partner_id: p.submitted_on for p in before}
    return [
        p
        if any((s.connection, s.object) in by_field for s in p.sources)
        else replace(p, submitted_on=stood.get(p.partner_id))
        for p in found
    ]


def _told(
    new: Rules, reader: Lenient, raw: Connection[Any], workspace: str, changed: Changed, issues: Issues
) -> Iterator[Event]:
    """What the changed milestones say now. Stages that nobody names are noted, as deriving everything would."""
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


def _issues(
    raw: Connection[Any], workspace: str, changed: Changed, paths: Sequence[str], issues: Issues
) -> dict[str, int]:
    """What stands of rules that did not change, and what was met now. Partners were looked at anew."""
    anew = [f"entries[{i}].milestones" for i in changed]  # stages that nobody names
    counts = Counter(
        dict(
            raw.execute(
                "select kind, count(*) from sakigake.mapping_issue where workspace = %s and not rule = any(%s) and not rule like 'partners%%' group by 1",
                (workspace, [*anew, *paths]),
            ).fetchall()
        )
    )
    for issue in issues.listed():
        counts[issue.kind.value] += issue.count
    return dict(sorted(counts.items()))


def _together(stays: read.EventColumns, went: read.EventColumns) -> read.EventColumns:
    """Events of both; their ids are put into one list."""
    ids, place = _places(stays.entry_ids, went.entry_ids)
    return read.EventColumns(
        ids,
        np.concatenate((stays.entry, place[went.entry])),
        np.concatenate((stays.milestone, went.milestone)),
        np.concatenate((stays.occurred_on, went.occurred_on)),
        np.concatenate((stays.connection, went.connection)),
    )


def _with(stays: read.EventColumns, events: Sequence[Event], numbers: Mapping[str, int]) -> read.EventColumns:
    """The same with these events besides."""
    n = len(events)
    ids = sorted({e.entry_id for e in events})
    at = {entry_id: i for i, entry_id in enumerate(ids)}
    codes = {m: i for i, m in enumerate(read.MILESTONES)}
    return _together(
        stays,
        read.EventColumns(
            ids,
            np.fromiter((at[e.entry_id] for e in events), np.int64, n),
            np.fromiter((codes[e.milestone] for e in events), np.int8, n),
            np.array([e.occurred_on for e in events], "datetime64[D]"),
            np.fromiter((numbers.get(e.source.connection, 0) for e in events), np.int64, n),
        ),
    )


def _places(first: list[str], second: list[str]) -> tuple[list[str], Any]:
    """(all ids once, the place there of each id of the second list)."""
    at = {entry_id: i for i, entry_id in enumerate(first)}
    ids = list(first)
    for entry_id in second:
        if entry_id not in at:
            at[entry_id] = len(ids)
            ids.append(entry_id)
    return ids, np.array([at[i] for i in second], np.int64)
