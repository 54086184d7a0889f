"""A part of the facts that one version of the mapping makes of the mirror: of some partners, in columns that cost little to hand on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jobs.preview.ground import Ground
from jobs.preview.lenient import Lenient
from jobs.preview.records import EntryRecords, records_of
from jobs.steps.entry_values import columns_of_entries, unplaced_records
from models.vocabulary import Activity, Partner
from sync.events.entry_columns import EntryColumns
from sync.events.ids import Ids
from sync.mapping.derive import derive
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.said import SaidColumns, said_of
from sync.mapping.share import Share


@dataclass(frozen=True, slots=True)
class Part:
    """Facts of a share of the partners. `issues` are counts by cause."""

    partners: Sequence[Partner]
    entries: EntryColumns
    activities: Sequence[Activity]
    said: SaidColumns
    records: EntryRecords
    issues: dict[str, int]


def derive_part(
    ground: Ground,
    rules: Rules,
    reader: Lenient,
    share: Share,
) -> Part:
    """What the version makes of the mirror."""
    facts = derive(rules, reader, ground.decisions, share, bare=True)
    issues: dict[str, int] = {}
    for issue in facts.issues:
        issues[issue.kind.value] = issues.get(issue.kind.value, 0) + issue.count
    activities = [a for a in facts.activities if a.occurred_on <= ground.as_of]
    columns = columns_of_entries(facts.entries, activities, unplaced_records(ground.raw, ground.workspace))
    return Part(
        facts.partners,
        replace(columns, ids=Ids.of(columns.ids)),
        activities,
        said_of(facts.events),
        records_of((e.entry_id, source) for e in facts.entries for source in e.sources or (e.source,)),
        issues,
    )


def shares(entries: Mapping[str, int], first: float = 0.5) -> tuple[Share, Share]:
    """Two shares, by how many entries each partner has: the largest first, each to the share that lacks more. `first` is the first one's part."""
    halves: tuple[set[str], set[str]] = (set(), set())
    have = [0.0, 0.0]
    for partner_id, n in sorted(entries.items(), key=lambda item: (-item[1], item[0])):
        less = int(have[1] < have[0])
        halves[less].add(partner_id)
        have[less] += n / ((1 - first) if less else first)
    named = frozenset(halves[1])
    return Share(named, others=True), Share(named, others=False)
