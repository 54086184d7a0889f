"""What a rule of a version of the mapping says, and which fields of a record it reads."""

from typing import Any

from models.vocabulary import RecordRef
from sync.mapping.depends import uses
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.grammar import path_text


def says(rules: Rules, path: str) -> dict[str, Any]:
    """The rule's line in the file of that version, as it is written there."""
    line = rules.line_of(path)
    lines = rules.text.splitlines()
    written = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return {"rule": path, "mapping_hash": rules.hash, "line": line, "says": written}


def fields_read(rules: Rules, path: str, source: RecordRef) -> set[str]:
    """The fields of the source's object that the rule reads; all that any rule reads of it where the rule reads another object."""
    there = [u for u in uses(rules) if (u.connection, u.object) == (source.connection, source.object)]
    mine = {u.field for u in there if path_text(u.path).startswith(path)}
    made = rules.created_field(source.connection, source.object)
    return (mine or {u.field for u in there}) | ({made} if made else set())


def partner_fields(rules: Rules, source: RecordRef) -> set[str]:
    """The fields of a partner's record that partner rules read."""
    return {
        u.field
        for u in uses(rules)
        if (u.connection, u.object) == (source.connection, source.object) and u.path[0] == "partners"
    }


def milestone_rules(rules: Rules) -> list[str]:
    """The paths of all milestone rules."""
    return [f"entries[{i}].milestones.{m.value}" for i, e in enumerate(rules.entries) for m in e.milestones]
