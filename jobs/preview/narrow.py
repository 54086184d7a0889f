"""`mapping diff` where little of the mapping changes: what stands is taken as it stands, and only what the changed rules say is read anew.

The result is the one that deriving everything gives. Where that could differ (another partner or entry rule, an activity, the newest
list's day), `narrowed` has no answer, and everything is derived. Entries of several sources are joined anew by their days.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from psycopg import Connection

from jobs.preview.ground import Ground
from jobs.preview.lenient import Lenient
from jobs.preview.records import stored_records
from jobs.preview.regroup import (
    Shared,
    activities_after,
    entries_after,
    events_after,
    records_after,
    regroup,
    shared_records,
)
from jobs.preview.sides import Side
from jobs.preview.told import Changed, changed_milestones, issues_after, paths_of, told_anew
from models.vocabulary import LISTS, Event, Milestone, Partner
from sync.events import read
from sync.events.entry_columns import entry_columns
from sync.events.ids import Ids
from sync.events.standing import newest_imported, standing_counts, standing_events, told_by_another
from sync.mapping.derive import with_list_of
from sync.mapping.facts import Issues
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.matching import Decision
from sync.mapping.partners import derive_partners
from sync.mapping.said import said_of


def narrowed(
    ground: Ground, old: Rules, new: Rules, reader: Lenient, sure: Callable[[], object] = lambda: None
) -> tuple[Side, Side] | None:
    """Both sides, as far as they may differ, where the stored facts are those of `old`; None where everything has to be derived.

    `sure` is called as soon as there will be an answer, before most of the work.
    """
    conn, raw, workspace, decisions, as_of = ground.conn, ground.raw, ground.workspace, ground.decisions, ground.as_of
    changed = changed_milestones(old, new)
    if changed is None or (changed and not _alone(raw, workspace, old, changed)):
        return None
    issues, paths = Issues(), paths_of(changed)
    partners = read.partners(conn, workspace)
    partners_after = _partners(old, new, reader, decisions, partners, changed, issues, newest_imported(raw, workspace))
    if partners_after is None:
        return None
    sure()
    shared = shared_records(raw, workspace, decisions) if paths else Shared()
    entries, records = entry_columns(conn, workspace, as_of), stored_records(raw, workspace)
    told = list(told_anew(new, reader, changed, records, issues))
    stays = read.visible_events(conn, workspace, as_of, ground.known_at, besides=paths)
    went = read.visible_events(conn, workspace, as_of, ground.known_at, rules=paths) if paths else None
    activities = read.activities(conn, workspace, as_of)
    unmoved = standing_counts(raw, workspace, paths)
    names = read.connections(conn, workspace)
    was = Side(
        partners, entries, stays if went is None else _together(stays, went), activities,
        standing_events(raw, workspace, paths), records, unmoved=unmoved,
    )  # fmt: skip
    if shared.alone:
        found = regroup(raw, workspace, new, reader, shared, decisions, paths, told)
        renamed = {own: now for own, now in found.now.items() if own != now}
        told = [replace(e, entry_id=renamed[e.entry_id]) if e.entry_id in renamed else e for e in told]
        activities = activities_after(activities, found)
        entries = entries_after(raw, workspace, entries, activities, found)
        stays, records = events_after(stays, names, found), records_after(records, found)
    numbers = {name: at for at, name in enumerate(names, 1)}
    becomes = Side(
        partners_after, entries, _with(stays, [e for e in told if e.occurred_on <= as_of], numbers), activities,
        said_of(told), records, issues_after(raw, workspace, changed, issues), unmoved,
    )  # fmt: skip
    return was, becomes


def _alone(raw: Connection[Any], workspace: str, old: Rules, changed: Changed) -> bool:
    """Whether each changed rule is the only one of its object, its events stand under its present name."""
    places = [(rule.connection, rule.object) for rule in old.entries]
    if any(places.count(places[i]) > 1 for i in changed):
        return False
    for i, milestones in changed.items():
        for milestone in milestones:
            rule = old.entries[i].milestones.get(milestone)
            told_by = (rule.linked_object if rule is not None else None) or places[i][1]
            path = f"entries[{i}].milestones.{milestone.value}"
            if told_by_another(raw, workspace, (places[i][0], told_by), milestone, path):
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
    imported: Mapping[str, date],
) -> list[Partner] | None:
    """As the new rules see them. None where the day of the newest list rests on events that change, or on another field than before.

    `imported`: of each partner the day of its newest list from a file.
    """
    found = derive_partners(new, reader, issues, decisions).partners
    dated = [bool(rule.attributes.submitted_on) for rule in new.partners]
    listed = [new.entries[i].connection for i, milestones in changed.items() if Milestone.LISTED in milestones]
    if LISTS in listed:
        return None
    if all(dated):
        return [with_list_of(p, imported.get(p.partner_id)) for p in found]
    if listed or dated != [bool(rule.attributes.submitted_on) for rule in old.partners]:
        return None
    by_field = {(r.connection, r.object) for r, says in zip(new.partners, dated, strict=True) if says}
    stood = {p.partner_id: p.submitted_on for p in before}
    return [
        with_list_of(p, imported.get(p.partner_id))
        if any((s.connection, s.object) in by_field for s in p.sources)
        else replace(p, submitted_on=stood.get(p.partner_id))
        for p in found
    ]


def _together(stays: read.EventColumns, went: read.EventColumns) -> read.EventColumns:
    """Events of both; their ids are put into one list."""
    ids, place = Ids.joined([Ids.of(stays.entry_ids), Ids.of(went.entry_ids)]).distinct()
    entry = np.concatenate((stays.entry, went.entry + len(stays.entry_ids)))
    histories = tuple(dict.fromkeys((*stays.histories, *went.histories)))
    of = np.array([histories.index(name) for name in went.histories], np.int64)
    told = 2 * of[went.told >> 1] + (went.told & 1) if len(went) else went.told
    return read.EventColumns(
        ids,
        place[entry],
        np.concatenate((stays.milestone, went.milestone)),
        np.concatenate((stays.occurred_on, went.occurred_on)),
        np.concatenate((stays.connection, went.connection)),
        np.concatenate((stays.told, told)),
        histories,
    )


def _with(stays: read.EventColumns, events: Sequence[Event], numbers: Mapping[str, int]) -> read.EventColumns:
    """The same with these events besides."""
    n = len(events)
    codes = {m: i for i, m in enumerate(read.MILESTONES)}
    said = said_of(events)
    histories = dict[str, int]()
    told = [histories.setdefault(source.partition("/")[0], len(histories)) for source in said.source]
    return _together(
        stays,
        read.EventColumns(
            *Ids.of(e.entry_id for e in events).distinct(),
            np.fromiter((codes[e.milestone] for e in events), np.int8, n),
            np.array([e.occurred_on for e in events], "datetime64[D]"),
            np.fromiter((numbers.get(e.source.connection, 0) for e in events), np.int64, n),
            2 * np.array(told, np.int64) + said.made,
            tuple(histories),
        ),
    )
