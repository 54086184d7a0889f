"""A preset's mapping made to speak of a real CRM: each name that the CRM lacks is replaced by what looks like it there, or left out.

The preset's layout and comments stay. Every choice is told with what it rests on, so that a person can decide.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from sync.connector import FieldDescription, FieldType, ObjectDescription
from sync.mapping.likeness import (
    ANSWERS,
    INDUSTRIES,
    MILESTONES,
    OBJECTS,
    PARTNER,
    ROLES,
    best,
    field_for,
    likeness,
    meaning_of,
)
from sync.mapping.rules import IMPORTED

Describe = Callable[[str], ObjectDescription | None]
"""An object of the connection by its name; None where our user sees none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One name: where it stands, what the preset says, and what is proposed (empty: nothing looks like it). `why` is what it rests on."""

    path: str
    preset: str
    proposed: str
    why: str


@dataclass(slots=True)
class Proposal:
    """The mapping as text, the choices that differ from the preset, and stages that no milestone was found for."""

    text: str = ""
    choices: list[Choice] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def propose(preset: str, describe: Describe, objects: Sequence[tuple[str, str]]) -> Proposal:
    """`preset` is the text of a mapping.yaml of one connection; `objects` are (name, label) of the custom objects that there are."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(preset)
    found = Proposal()
    _Proposer(document, describe, objects, found).run()
    out = io.StringIO()
    yaml.dump(document, out)
    found.text = out.getvalue()
    return found


class _Proposer:
    def __init__(self, document: Any, describe: Describe, objects: Sequence[tuple[str, str]], found: Proposal) -> None:
        self._document = document
        self._describe = describe
        self._objects = objects
        self._found = found
        self._renamed: dict[tuple[str, str], str] = {}  # (object, field of the preset) -> field of the CRM

    def run(self) -> None:
        for index, rule in self._crm_entries():
            self._entry_object(f"entries[{index}]", rule)
        for index, rule in enumerate(self._document["partners"]):
            self._partner(f"partners[{index}]", rule)
        self._types()
        for index, rule in self._crm_entries():
            self._entry(f"entries[{index}]", rule)
        self._deals()
        self._activities()

    def _say(self, path: str, preset: str, proposed: str, why: str) -> None:
        self._found.choices.append(Choice(path, preset, proposed, why))

    # objects and fields

    def _entry_object(self, path: str, rule: CommentedMap) -> None:
        connection, name = rule["from"].split(".", 1)
        if self._describe(name) is not None or not self._objects:
            return
        chosen = best(OBJECTS["entries"], self._objects)
        if chosen is None:
            return
        (new, label), like = chosen
        self._say(f"{path}.from", name, new, f"'{label}': {', '.join(like.words)}")
        rule["from"] = f"{connection}.{new}"
        places: dict[str, Any] = self._document.get("write_back", {}).get("entry", {})
        if f"{connection}.{name}" in places:
            _rename(places, f"{connection}.{name}", f"{connection}.{new}")
        for activity in self._document.get("activities", []):
            reference = activity.get("entry")
            if isinstance(reference, dict) and reference.get("association") == name:
                reference["association"] = new

    def _field(
        self, path: str, object_name: str, name: str, role: str, *, taken: Iterable[str] = (), target: str = ""
    ) -> str | None:
        """The field that plays this part; None where none does."""
        described = self._describe(object_name)
        known = self._renamed.get((object_name, name))
        if described is None or known is not None:
            return known or name
        if described.field(name) is not None:
            return name
        chosen = field_for(ROLES[role], described, taken, target)
        if chosen is None:
            self._say(path, name, "", f"nothing in {object_name} looks like it")
            return None
        self._renamed[object_name, name] = chosen[0].name
        self._say(path, name, chosen[0].name, f"'{chosen[0].label}': {', '.join(chosen[1].words)}")
        return chosen[0].name

    def _replace(
        self, holder: CommentedMap, key: str, path: str, object_name: str, role: str, taken: Iterable[str] = ()
    ) -> None:
        """Of a key that names a field; the key goes where no field plays the part."""
        new = self._field(path, object_name, str(holder[key]), role, taken=taken)
        if new is None:
            del holder[key]
        else:
            holder[key] = new

    # partners

    def _partner(self, path: str, rule: CommentedMap) -> None:
        name = rule["from"].split(".", 1)[1]
        self._who_is_partner(f"{path}.where", rule, name)
        if "name" in rule:
            self._replace(rule, "name", f"{path}.name", name, "name")
        for part in ("match_on", "attributes"):
            for key in list(rule.get(part, {})):
                used = [str(v) for k, v in rule[part].items() if k != key and isinstance(v, str)]
                self._replace(rule[part], key, f"{path}.{part}.{key}", name, key, used)
            if part in rule and not rule[part]:
                del rule[part]
        for key, meanings in (("willingness", ANSWERS), ("industry", INDUSTRIES)):
            if key in rule.get("attributes", {}):
                self._translate(f"{path}.attributes.{key}", rule["attributes"], key, name, meanings)

    def _who_is_partner(self, path: str, rule: CommentedMap, object_name: str) -> None:
        described = self._describe(object_name)
        where = rule.get("where", {})
        if described is None or all(_holds(described.field(name), values) for name, values in where.items()):
            return
        chosen = _flag(described)
        preset = ", ".join(where)
        if chosen is None:
            self._say(path, preset, "", f"nothing in {object_name} tells partners from others: say how")
            return
        name, value, why = chosen
        rule["where"] = CommentedMap({name: value})
        rule["where"].fa.set_flow_style()
        self._say(path, preset, f"{name}: {value}", why)

    def _translate(self, path: str, attributes: CommentedMap, key: str, object_name: str, meanings: Any) -> None:
        """What the CRM's words mean here, where they are others."""
        described = self._describe(object_name)
        found = described.field(str(attributes[key])) if described and isinstance(attributes[key], str) else None
        options = [(v, label) for v, label in (found.options if found else ()) if v not in meanings]
        words = {value: word for value, label in options if (word := meaning_of(value, label, meanings))}
        if found is None or not words:
            return
        attributes[key] = CommentedMap({"field": found.name, "values": CommentedMap(words)})
        attributes[key].fa.set_flow_style()
        attributes[key]["values"].fa.set_flow_style()
        self._say(path, found.name, ", ".join(f"{v}: {w}" for v, w in words.items()), f"the values of '{found.label}'")

    def _types(self) -> None:
        """Types are left without words that no partner's field can hold."""
        possible: set[str] = set()
        for rule in self._document["partners"]:
            attribute = rule.get("attributes", {}).get("industry")
            described = self._describe(rule["from"].split(".", 1)[1])
            if attribute is None or described is None:
                return
            name, values = (attribute, {}) if isinstance(attribute, str) else (attribute["field"], attribute["values"])
            found = described.field(name)
            if found is None or not found.options:
                return
            possible |= {values.get(value, value) for value, _ in found.options}
        types = self._document.get("partner_types", {})
        for kind, axes in list(types.items()):
            words = axes.get("industry", [])
            kept = [word for word in words if word in possible]
            if len(kept) < len(words):
                gone = [word for word in words if word not in possible]
                self._say(
                    f"partner_types.{kind}.industry", ", ".join(gone), "", "no value of the industry looks like it"
                )
                words[:] = kept
            if "industry" in axes and not kept:
                del types[kind]

    # entries

    def _crm_entries(self) -> Iterator[tuple[int, CommentedMap]]:
        """The entry rules that read a CRM: what imported lists hold is known."""
        yield from ((i, rule) for i, rule in enumerate(self._document["entries"]) if rule["from"] != IMPORTED)

    def _entry(self, path: str, rule: CommentedMap) -> None:
        name = rule["from"].split(".", 1)[1]
        partners = self._document["partners"][0]["from"].split(".", 1)[1]
        self._partner_link(f"{path}.partner", rule, name, partners)
        self._entry_where(f"{path}.where", rule, name)
        for key in list(rule.get("target", {})):
            used = [str(v) for k, v in rule["target"].items() if k != key]
            self._replace(rule["target"], key, f"{path}.target.{key}", name, key, used)
        stages: dict[tuple[str, str], dict[str, list[str]]] = {}
        for milestone in list(rule["milestones"]):
            self._milestone(f"{path}.milestones.{milestone}", rule, name, milestone, stages)
        if "ignored" in rule:
            self._ignored(f"{path}.ignored", rule, name, stages)

    def _partner_link(self, path: str, rule: CommentedMap, name: str, partners: str) -> None:
        reference = rule["partner"]
        if isinstance(reference, str):
            rule["partner"] = self._field(path, name, reference, "partner", target=partners) or reference
        elif "then" in reference:
            between = reference.get("object") or reference["field"].removesuffix("Id")
            new = self._field(path, between, reference["then"], "partner", target=partners)
            reference["then"] = new or reference["then"]

    def _entry_where(self, path: str, rule: CommentedMap, name: str) -> None:
        where = rule.get("where")
        described = self._describe(name)
        if where is None or described is None:
            return
        for key in [k for k in where if k not in ("and", "or", "not", "related")]:
            if (name, key) in self._renamed:
                _rename(where, key, self._renamed[name, key])
                continue
            found = described.field(key)
            if found is not None and not _holds(found, where[key]) and (chosen := best(PARTNER, found.options)):
                self._say(
                    f"{path}.{key}", str(where[key]), chosen[0][0], f"'{chosen[0][1]}': {', '.join(chosen[1].words)}"
                )
                where[key] = chosen[0][0]
        related = where.get("related")
        if isinstance(related, dict):
            for key in list(related["where"]):
                there = related.get("object") or str(related["by"]).removesuffix("Id")
                if (there, key) in self._renamed:
                    _rename(related["where"], key, self._renamed[there, key])

    def _milestone(
        self,
        path: str,
        rule: CommentedMap,
        name: str,
        milestone: str,
        stages: dict[tuple[str, str], dict[str, list[str]]],
    ) -> None:
        of = rule["milestones"][milestone]
        if "activity" in of:
            return
        there = name
        if "linked" in of:
            linked = self._linked(f"{path}.linked", of, name)
            if linked is None:
                del rule["milestones"][milestone]
                return
            there = linked
        if "enters" in of:
            self._enters(f"{path}.enters", of, there, milestone, stages)
        if "at" in of:
            described = self._describe(there)
            if described is not None and described.field(of["at"]) is None:
                self._date(f"{path}.at", of, there, milestone)
        if "reason" in of:
            self._replace(of, "reason", f"{path}.reason", name, "reason")
        if "at" not in of and "enters" not in of:
            self._say(path, milestone, "", "neither a stage nor a date shows it")
            del rule["milestones"][milestone]

    def _linked(self, path: str, of: CommentedMap, name: str) -> str | None:
        """The object that the link leads to; None where there is no such link."""
        linked = of["linked"]
        target = of.get("object")
        if isinstance(linked, str):
            target = target or linked.removesuffix("__c").removesuffix("Id")
            new = self._field(path, name, linked, "partner", target=target)
            if new is None:
                return None
            of["linked"] = new
            of.setdefault("object", target)
            return str(target)
        return str(target or linked.get("association") or "")

    def _enters(
        self,
        path: str,
        of: CommentedMap,
        there: str,
        milestone: str,
        stages: dict[tuple[str, str], dict[str, list[str]]],
    ) -> None:
        ((name, values),) = of["enters"].items()
        new = self._field(path, there, name, "stage")
        described = self._describe(there)
        found = described.field(new) if described is not None and new is not None else None
        if found is None:
            if new is None:
                del of["enters"]
            return
        if not _holds(found, values):
            by_meaning = stages.setdefault((there, found.name), _by_milestone(found))
            chosen = by_meaning.get(milestone, [])
            self._say(path, _text(values), ", ".join(chosen), f"values of '{found.label}' that look like it")
            if not chosen:
                del of["enters"]
                return
            values = chosen[0] if len(chosen) == 1 else chosen
        of["enters"] = CommentedMap({found.name: values})
        of["enters"].fa.set_flow_style()

    def _date(self, path: str, of: CommentedMap, there: str, milestone: str) -> None:
        described = self._describe(there)
        days = (
            [f for f in described.fields if f.type in (FieldType.DATE, FieldType.DATETIME) and f.custom]
            if described
            else []
        )
        chosen = best(MILESTONES[milestone], [(f.name, f.label) for f in days])
        if chosen is None:
            self._say(path, of["at"], "", f"no date of {there} looks like it")
            del of["at"]
            return
        self._say(path, of["at"], chosen[0][0], f"'{chosen[0][1]}': {', '.join(chosen[1].words)}")
        of["at"] = chosen[0][0]

    def _ignored(
        self, path: str, rule: CommentedMap, name: str, stages: dict[tuple[str, str], dict[str, list[str]]]
    ) -> None:
        """Stages whose milestone something else tells are meant to say nothing; what looks like no milestone is left to a person."""
        named = {
            str(v)
            for of in rule["milestones"].values()
            for values in of.get("enters", {}).values()
            for v in _listed(values)
        }
        for key in list(rule["ignored"]):
            new = self._renamed.get((name, key), key)
            by_meaning = stages.get((name, new))
            if by_meaning is not None:
                told = [m for m, of in rule["milestones"].items() if "enters" not in of or "linked" in of]
                silent = [v for m in told for v in by_meaning.get(m, []) if v not in named]
                self._say(f"{path}.{key}", _text(rule["ignored"][key]), ", ".join(silent), "told by something else")
                del rule["ignored"][key]
                if silent:
                    rule["ignored"][new] = silent
            elif new != key:
                _rename(rule["ignored"], key, new)
        if not rule["ignored"]:
            del rule["ignored"]
        for (there, f), by_meaning in stages.items():
            self._found.left += [f"{there}.{f}: {value}" for value in by_meaning.get("", []) if there == name]

    # the rest

    def _deals(self) -> None:
        kept = []
        for index, rule in enumerate(self._document.get("deals_all_channels", [])):
            path, name = f"deals_all_channels[{index}]", rule["from"].split(".", 1)[1]
            described = self._describe(name)
            if described is None or self._sourced(path, rule, name, described):
                kept.append(rule)
        if kept:
            self._document["deals_all_channels"][:] = kept
        else:
            self._document.pop("deals_all_channels", None)

    def _sourced(self, path: str, rule: CommentedMap, name: str, described: ObjectDescription) -> bool:
        """Whether the rule can stand."""
        for key in list(rule.get("where", {})):
            found = described.field(key)
            if found is None:
                self._say(f"{path}.where.{key}", key, "", f"nothing in {name} looks like it")
                return False
            if not _holds(found, rule["where"][key]):
                chosen = best(PARTNER, found.options)
                new = chosen[0][0] if chosen else None
                if new is None:
                    return False
                rule["where"][key] = new
        ((key, values),) = rule["partner_sourced"].items()
        new_field = self._field(f"{path}.partner_sourced", name, key, "source")
        found = described.field(new_field) if new_field else None
        if found is None:
            return False
        if not _holds(found, values):
            chosen = best(PARTNER, found.options)
            if chosen is None:
                self._say(
                    f"{path}.partner_sourced", _text(values), "", f"no value of '{found.label}' looks like partners"
                )
                return False
            values = [chosen[0][0]]
            self._say(f"{path}.partner_sourced", key, f"{found.name}: {chosen[0][0]}", f"'{chosen[0][1]}'")
        rule["partner_sourced"] = CommentedMap({found.name: values})
        rule["partner_sourced"].fa.set_flow_style()
        return not (rule.get("at") and described.field(rule["at"]) is None)

    def _activities(self) -> None:
        """Rules of objects that our user does not see are left out."""
        rules = self._document.get("activities", [])
        rules[:] = [rule for rule in rules if self._describe(rule["from"].split(".", 1)[1]) is not None]
        reached = {rule["kind"] for rule in rules if "entry" in rule}
        for index, rule in self._crm_entries():
            for milestone, of in list(rule["milestones"].items()):
                if "activity" in of and of["activity"]["kind"] not in reached:
                    self._say(
                        f"entries[{index}].milestones.{milestone}",
                        of["activity"]["kind"],
                        "",
                        "no activity tells of it",
                    )
                    del rule["milestones"][milestone]


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


def _by_milestone(found: FieldDescription) -> dict[str, list[str]]:
    """The options of a stage field by the milestone that they look like; under "" those that look like none."""
    by_meaning: dict[str, list[str]] = {}
    for value, label in found.options:
        by_meaning.setdefault(meaning_of(value, label, MILESTONES) or "", []).append(value)
    return by_meaning


def _holds(found: FieldDescription | None, values: Any) -> bool:
    """Whether the field is there and can hold these values; a condition in its long form is not looked into."""
    if found is None or isinstance(values, dict):
        return found is not None
    options = {value for value, _ in found.options} or ({"true", "false"} if found.type is FieldType.BOOLEAN else set())
    return not options or all(str(value).lower() in {o.lower() for o in options} for value in _listed(values))


def _listed(values: Any) -> Iterator[Any]:
    yield from values if isinstance(values, list) else [values]


def _text(values: Any) -> str:
    return ", ".join(str(value) for value in _listed(values))


def _rename(holder: Any, old: str, new: str) -> None:
    """Another key in the same place."""
    position = list(holder).index(old)
    value = holder[old]
    del holder[old]
    holder.insert(position, new, value)
