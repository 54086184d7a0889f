"""What a workspace's mapping covers of the records that are mirrored: read from our tables, without any call to a CRM."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from psycopg import Connection

from jobs.errors import ConfigError
from jobs.settings import WorkspaceSettings
from models.vocabulary import LISTS
from sync.events.decisions import standing
from sync.mapping.contradictions import Contradiction, Twice, contradictions, listed_twice
from sync.mapping.coverage import Coverage, coverage
from sync.mapping.derive import derive
from sync.mapping.facts import Facts, IssueKind
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.linkage import linkage
from sync.mapping.needs import needs
from sync.mirror.count import CountingMirror

EXAMPLES = 5  # records shown of a finding; the count is of all


def document(conn: Connection[Any], workspace: str, settings: WorkspaceSettings, rules: Rules) -> dict[str, Any]:
    """Everything that `sakigake mapping coverage --json` prints. ConfigError where something that the mapping reads is not mirrored yet."""
    conn.autocommit = False
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read read only")
        _require_mirrored(conn, workspace, rules)
        mirror = CountingMirror(conn, workspace, settings.schema_of)
        found = coverage(rules, mirror)
        links = [asdict(link) for link in linkage(rules, mirror)]
        decisions = standing(conn, workspace)
        facts = derive(rules, mirror, decisions)
        today = _today(conn, workspace, rules)
        labels = _stage_labels(conn, workspace)
    return {
        "workspace": workspace,
        "mapping": rules.hash,
        "as_of": today.isoformat(),
        "file": rules.filename,
        "rules": [
            {**asdict(taken), "line": rules.line_of(taken.rule) if taken.rule else None} for taken in found.taken
        ],
        "fields": [_field(of, labels) for of in found.fields],
        "links": links,
        "lines": _lines(rules, found, links),
        "unmapped": _unmapped(found),
        "issues": _issues(facts),
        "contradictory_dates": _contradictory(contradictions(facts, today)),
        "duplicates": {
            "entries": _twice(listed_twice(facts, decisions)),
            "partners": _of_kind(facts, IssueKind.PARTNER_DUPLICATE),
        },
        "without_partner": _of_kind(
            facts,
            IssueKind.ENTRY_WITHOUT_PARTNER,
            IssueKind.ENTRY_SEVERAL_PARTNERS,
            IssueKind.ACTIVITY_WITHOUT_PARTNER,
        ),
    }


def _require_mirrored(conn: Connection[Any], workspace: str, rules: Rules) -> None:
    held = {
        (connection, name): set(columns or {})
        for connection, name, columns in conn.execute(
            "select connection, object, description -> 'columns' from sakigake.mirror_object where workspace = %s",
            (workspace,),
        )
    }
    for connection, objects in needs(rules).items():
        for name, spec in objects.items():
            if connection == LISTS and (connection, name) not in held:
                continue  # no list was imported yet
            if (connection, name) not in held:
                raise ConfigError(f"{connection}.{name} is not mirrored yet; read it first: sakigake run --only pull")
            if missing := sorted(set(spec.fields) - held[connection, name]):
                raise ConfigError(
                    f"{connection}.{name} is mirrored without {', '.join(missing)}, or the CRM hides it; "
                    "read it first: sakigake run --only pull"
                )


def _today(conn: Connection[Any], workspace: str, rules: Rules) -> date:
    """The day up to which the CRMs have vouched for what is mirrored."""
    row = conn.execute(
        "select coalesce(max(covered_until), now()) from sakigake.mirror_object where workspace = %s", (workspace,)
    ).fetchone()
    assert row is not None
    day: date = row[0].astimezone(rules.zone).date()
    return day


def _stage_labels(conn: Connection[Any], workspace: str) -> dict[tuple[str, str, str, str], str]:
    """What people call the stages whose ids HubSpot stores, as it described them last: by connection, object, field and id."""
    return {
        (connection, name, field, stage): label
        for connection, name, field, stage, label in conn.execute(
            """select connection, object, field ->> 'name', stage ->> 0, stage ->> 1
            from sakigake.mirror_object, jsonb_array_elements(description -> 'fields') field,
                jsonb_array_elements(coalesce(field -> 'pipelines', '[]')) pipeline, jsonb_array_elements(pipeline -> 2) stage
            where workspace = %s""",
            (workspace,),
        )
    }


def _lines(rules: Rules, found: Coverage, links: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The line of the mapping's file on which each rule, or part of one, stands that the document names."""
    named = {taken.rule for taken in found.taken if taken.rule}
    named |= {path for of in found.fields for path in of.read_by}
    named |= {path for link in links for path in link["followed_by"]}
    return {path: rules.line_of(path) for path in sorted(named)}


def _field(of: Any, labels: Mapping[tuple[str, str, str, str], str]) -> dict[str, Any]:
    shown = asdict(of)
    shown["empty"] = of.records - of.filled
    place = (of.connection, of.object, of.field)
    shown["values"] = [
        {**asdict(v), "mapped_to": list(v.mapped_to), "label": labels.get((*place, v.value), "")} for v in of.values
    ]
    return shown


def _unmapped(found: Coverage) -> dict[str, Any]:
    listed = [
        {
            "connection": of.connection, "object": of.object, "field": of.field, "value": value.value,
            "records": value.records, "example": value.example, "read_by": list(of.read_by),
        }
        for of, value in found.unmapped
    ]  # fmt: skip
    return {"values": len(listed), "records": sum(one["records"] for one in listed), "list": listed}


def _issues(facts: Facts) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for issue in facts.issues:
        counts[issue.kind.value] += issue.count
    return dict(sorted(counts.items()))


def _of_kind(facts: Facts, *kinds: IssueKind) -> dict[str, Any]:
    """Issues of these kinds, counted by rule."""
    listed = [
        {
            "kind": i.kind.value,
            "rule": i.rule,
            "field": i.field,
            "records": i.count,
            "examples": [str(r) for r in i.examples],
        }
        for i in facts.issues
        if i.kind in kinds
    ]
    return {"records": sum(int(str(one["records"])) for one in listed), "list": listed}


def _contradictory(found: Iterable[Contradiction]) -> dict[str, Any]:
    """Counted by what is before what."""
    by_kind: dict[tuple[str, str], list[Contradiction]] = {}
    for one in found:
        by_kind.setdefault((one.milestone.value, one.than.value if one.than else "today"), []).append(one)
    listed = [
        {
            "milestone": milestone,
            "is": "after" if than == "today" else "before",
            "than": than,
            "entries": len(ones),
            "examples": [
                {"record": str(one.entry), "on": one.on.isoformat(), "than_on": one.than_on.isoformat()}
                for one in ones[:EXAMPLES]
            ],
        }
        for (milestone, than), ones in sorted(by_kind.items())
    ]
    return {"entries": sum(int(str(one["entries"])) for one in listed), "list": listed}


def _twice(found: Iterable[Twice]) -> dict[str, Any]:
    groups = list(found)
    by: Mapping[str, int] = Counter(twice.by for twice in groups)
    return {
        "targets": len(groups),
        "entries": sum(len(twice.entries) for twice in groups),
        "by": dict(sorted(by.items())),
        "examples": [[str(ref) for ref in twice.entries] for twice in groups[:EXAMPLES]],
    }
