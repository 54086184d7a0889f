"""Entries: their object, their partner, their target, and what shows each milestone."""

from typing import Any

from ruamel.yaml.comments import CommentedMap

from sync.described import FieldDescription, FieldType
from sync.mapping.likeness import MILESTONES, OBJECTS, PARTNER, best, meaning_of
from sync.mapping.proposals.ground import Ground, holds, in_a_line, listed, rename, text_of


class Entries:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def find_object(self, path: str, rule: CommentedMap) -> None:
        connection, name = rule["from"].split(".", 1)
        if self.ground.describe(name) is not None or not self.ground.objects:
            return
        chosen = best(OBJECTS["entries"], self.ground.objects)
        if chosen is None:
            return
        (new, label), like = chosen
        self.ground.say(f"{path}.from", name, new, f"'{label}': {', '.join(like.words)}")
        rule["from"] = f"{connection}.{new}"
        places: dict[str, Any] = self.ground.document.get("write_back", {}).get("entry", {})
        if f"{connection}.{name}" in places:
            rename(places, f"{connection}.{name}", f"{connection}.{new}")
        for _, activity in self.ground.rules("activities"):
            reference = activity.get("entry")
            if isinstance(reference, dict) and reference.get("association") == name:
                reference["association"] = new

    def propose(self, path: str, rule: CommentedMap) -> None:
        name = rule["from"].split(".", 1)[1]
        _, partners = next(self.ground.rules("partners"))
        self._partner_link(f"{path}.partner", rule, name, partners["from"].split(".", 1)[1])
        self._entry_where(f"{path}.where", rule, name)
        for key in list(rule.get("target", {})):
            used = [str(v) for k, v in rule["target"].items() if k != key]
            self.ground.replace(rule["target"], key, f"{path}.target.{key}", name, key, used)
        stages: dict[tuple[str, str], dict[str, list[str]]] = {}
        for milestone in list(rule["milestones"]):
            self._milestone(f"{path}.milestones.{milestone}", rule, name, milestone, stages)
        if "ignored" in rule:
            self._ignored(f"{path}.ignored", rule, name, stages)

    def _partner_link(self, path: str, rule: CommentedMap, name: str, partners: str) -> None:
        reference = rule["partner"]
        if isinstance(reference, str):
            rule["partner"] = self.ground.field(path, name, reference, "partner", target=partners) or reference
        elif "then" in reference:
            between = reference.get("object") or reference["field"].removesuffix("Id")
            new = self.ground.field(path, between, reference["then"], "partner", target=partners)
            reference["then"] = new or reference["then"]

    def _entry_where(self, path: str, rule: CommentedMap, name: str) -> None:
        where = rule.get("where")
        described = self.ground.describe(name)
        if where is None or described is None:
            return
        for key in [k for k in where if k not in ("and", "or", "not", "related")]:
            if (name, key) in self.ground.renamed:
                rename(where, key, self.ground.renamed[name, key])
                continue
            found = described.field(key)
            if found is not None and not holds(found, where[key]) and (chosen := best(PARTNER, found.options)):
                self.ground.say(
                    f"{path}.{key}", str(where[key]), chosen[0][0], f"'{chosen[0][1]}': {', '.join(chosen[1].words)}"
                )
                where[key] = chosen[0][0]
        related = where.get("related")
        if isinstance(related, dict):
            for key in list(related["where"]):
                there = related.get("object") or str(related["by"]).removesuffix("Id")
                if (there, key) in self.ground.renamed:
                    rename(related["where"], key, self.ground.renamed[there, key])

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
            described = self.ground.describe(there)
            if described is not None and described.field(of["at"]) is None:
                self._date(f"{path}.at", of, there, milestone)
        if "reason" in of:
            self.ground.replace(of, "reason", f"{path}.reason", name, "reason")
        if "at" not in of and "enters" not in of:
            self.ground.say(path, milestone, "", "neither a stage nor a date shows it")
            del rule["milestones"][milestone]

    def _linked(self, path: str, of: CommentedMap, name: str) -> str | None:
        """The object that the link leads to; None where there is no such link."""
        linked = of["linked"]
        target = of.get("object")
        if isinstance(linked, str):
            target = target or linked.removesuffix("__c").removesuffix("Id")
            new = self.ground.field(path, name, linked, "partner", target=target)
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
        new = self.ground.field(path, there, name, "stage")
        described = self.ground.describe(there)
        found = described.field(new) if described is not None and new is not None else None
        if found is None:
            if new is None:
                del of["enters"]
            return
        if not holds(found, values):
            by_meaning = stages.setdefault((there, found.name), _by_milestone(found))
            chosen = by_meaning.get(milestone, [])
            self.ground.say(path, text_of(values), ", ".join(chosen), f"values of '{found.label}' that look like it")
            if not chosen:
                del of["enters"]
                return
            values = chosen[0] if len(chosen) == 1 else chosen
        of["enters"] = in_a_line({found.name: values})

    def _date(self, path: str, of: CommentedMap, there: str, milestone: str) -> None:
        described = self.ground.describe(there)
        days = (
            [f for f in described.fields if f.type in (FieldType.DATE, FieldType.DATETIME) and f.custom]
            if described
            else []
        )
        chosen = best(MILESTONES[milestone], [(f.name, f.label) for f in days])
        if chosen is None:
            self.ground.say(path, of["at"], "", f"no date of {there} looks like it")
            del of["at"]
            return
        self.ground.say(path, of["at"], chosen[0][0], f"'{chosen[0][1]}': {', '.join(chosen[1].words)}")
        of["at"] = chosen[0][0]

    def _ignored(
        self, path: str, rule: CommentedMap, name: str, stages: dict[tuple[str, str], dict[str, list[str]]]
    ) -> None:
        """Stages whose milestone something else tells are meant to say nothing; what looks like no milestone is left to a person."""
        named = {
            str(v)
            for of in rule["milestones"].values()
            for values in of.get("enters", {}).values()
            for v in listed(values)
        }
        for key in list(rule["ignored"]):
            new = self.ground.renamed.get((name, key), key)
            by_meaning = stages.get((name, new))
            if by_meaning is not None:
                told = [m for m, of in rule["milestones"].items() if "enters" not in of or "linked" in of]
                silent = [v for m in told for v in by_meaning.get(m, []) if v not in named]
                self.ground.say(
                    f"{path}.{key}", text_of(rule["ignored"][key]), ", ".join(silent), "told by something else"
                )
                del rule["ignored"][key]
                if silent:
                    rule["ignored"][new] = silent
            elif new != key:
                rename(rule["ignored"], key, new)
        if not rule["ignored"]:
            del rule["ignored"]
        for (there, f), by_meaning in stages.items():
            place = f"{self.ground.connection}.{there}.{f}"
            self.ground.found.left += [f"{place}: {value}" for value in by_meaning.get("", []) if there == name]


def _by_milestone(found: FieldDescription) -> dict[str, list[str]]:
    """The options of a stage field by the milestone that they look like; under "" those that look like none."""
    by_meaning: dict[str, list[str]] = {}
    for value, label in found.options:
        by_meaning.setdefault(meaning_of(value, label, MILESTONES) or "", []).append(value)
    return by_meaning
