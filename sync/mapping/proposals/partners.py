"""Who is a partner, by what the CRM has to tell them from others, and what their attributes mean."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from sync.described import FieldType, ObjectDescription
from sync.mapping.likeness import ANSWERS, INDUSTRIES, PARTNER, best, likeness, meaning_of
from sync.mapping.proposals.ground import Choice, Ground, holds, in_a_line


class Partners:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def propose(self, path: str, rule: CommentedMap) -> None:
        name = rule["from"].split(".", 1)[1]
        self._who_is_partner(f"{path}.where", rule, name)
        if "name" in rule:
            self.ground.replace(rule, "name", f"{path}.name", name, "name")
        for part in ("match_on", "attributes"):
            for key in list(rule.get(part, {})):
                used = [str(v) for k, v in rule[part].items() if k != key and isinstance(v, str)]
                self.ground.replace(rule[part], key, f"{path}.{part}.{key}", name, key, used)
            if part in rule and not rule[part]:
                del rule[part]
        for key, meanings in (("willingness", ANSWERS), ("industry", INDUSTRIES)):
            if key in rule.get("attributes", {}):
                self._translate(f"{path}.attributes.{key}", rule["attributes"], key, name, meanings)

    def _who_is_partner(self, path: str, rule: CommentedMap, object_name: str) -> None:
        described = self.ground.describe(object_name)
        where = rule.get("where", {})
        if described is None or all(holds(described.field(name), values) for name, values in where.items()):
            return
        chosen = _flag(described)
        preset = ", ".join(where)
        if chosen is None:
            self.ground.say(path, preset, "", f"nothing in {object_name} tells partners from others: say how")
            return
        name, value, why = chosen
        rule["where"] = in_a_line({name: value})
        self.ground.say(path, preset, f"{name}: {value}", why)

    def _translate(self, path: str, attributes: CommentedMap, key: str, object_name: str, meanings: Any) -> None:
        """What the CRM's words mean here, where they are others."""
        described = self.ground.describe(object_name)
        found = described.field(str(attributes[key])) if described and isinstance(attributes[key], str) else None
        options = [(v, label) for v, label in (found.options if found else ()) if v not in meanings]
        words = {value: word for value, label in options if (word := meaning_of(value, label, meanings))}
        if found is None or not words:
            return
        attributes[key] = in_a_line({"field": found.name, "values": in_a_line(words)})
        self.ground.say(
            path, found.name, ", ".join(f"{v}: {w}" for v, w in words.items()), f"the values of '{found.label}'"
        )


def without_words(grounds: Sequence[Ground]) -> None:
    """Types are left without words that no partner's field can hold in any of the connections."""
    if not grounds:
        return
    possible: set[str] = set()
    for ground in grounds:
        for _, rule in ground.rules("partners"):
            attribute = rule.get("attributes", {}).get("industry")
            described = ground.describe(rule["from"].split(".", 1)[1])
            if attribute is None or described is None:
                return
            name, values = (attribute, {}) if isinstance(attribute, str) else (attribute["field"], attribute["values"])
            found = described.field(name)
            if found is None or not found.options:
                return
            possible |= {values.get(value, value) for value, _ in found.options}
    document, proposal = grounds[0].document, grounds[0].found
    types = document.get("partner_types", {})
    for kind, axes in list(types.items()):
        words = axes.get("industry", [])
        kept = [word for word in words if word in possible]
        if len(kept) < len(words):
            gone = ", ".join(word for word in words if word not in possible)
            path = f"partner_types.{kind}.industry"
            proposal.choices.append(Choice(None, path, gone, "", "no value of the industry looks like it"))
            words[:] = kept
        if "industry" in axes and not kept:
            del types[kind]


def _flag(described: ObjectDescription) -> tuple[str, str, str] | None:
    """(field, value, why) of the choice that tells partners from others."""
    scored: list[tuple[int, str, str, str]] = []
    for f in described.fields:
        own = likeness(PARTNER, f.name, f.label)
        if f.type is FieldType.BOOLEAN and own.score:
            scored.append((own.score + 1, f.name, "true", f"'{f.label}': {', '.join(own.words)}"))
        elif f.options and (chosen := best(PARTNER, f.options)):
            kind = likeness({"type": 2, "種別": 2, "区分": 2, "タイプ": 2}, f.name, f.label).score
            scored.append((chosen[1].score + kind, f.name, chosen[0][0], f"'{f.label}' can be '{chosen[0][1]}'"))
    top = max(scored, key=lambda row: row[0], default=None)
    return None if top is None else top[1:]
