"""What is left: deals of all channels, and activities of objects that are there."""

from collections.abc import Iterator

from ruamel.yaml.comments import CommentedMap

from sync.described import ObjectDescription
from sync.mapping.likeness import MILESTONES, PARTNER, ROLES, best, field_for
from sync.mapping.proposals.ground import Ground, holds, in_a_line, text_of


class Rest:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def deals(self) -> Iterator[CommentedMap]:
        """Rules that cannot stand."""
        for index, rule in self.ground.rules("deals_all_channels"):
            name = rule["from"].split(".", 1)[1]
            described = self.ground.describe(name)
            if described is not None and not self._sourced(f"deals_all_channels[{index}]", rule, name, described):
                yield rule

    def _sourced(self, path: str, rule: CommentedMap, name: str, described: ObjectDescription) -> bool:
        """Whether the rule can stand."""
        for key in list(rule.get("where", {})):
            found = described.field(key)
            if found is None:
                self.ground.say(f"{path}.where.{key}", key, "", f"nothing in {name} looks like it")
                return False
            if not holds(found, rule["where"][key]):
                chosen = best(PARTNER, found.options)
                new = chosen[0][0] if chosen else None
                if new is None:
                    return False
                rule["where"][key] = new
        ((key, values),) = rule["partner_sourced"].items()
        new_field = self.ground.field(f"{path}.partner_sourced", name, key, "source")
        found = described.field(new_field) if new_field else None
        if found is None:
            return False
        if not holds(found, values):
            chosen = best(PARTNER, found.options)
            if chosen is None:
                self.ground.say(
                    f"{path}.partner_sourced", text_of(values), "", f"no value of '{found.label}' looks like partners"
                )
                return False
            values = [chosen[0][0]]
            self.ground.say(f"{path}.partner_sourced", key, f"{found.name}: {chosen[0][0]}", f"'{chosen[0][1]}'")
        rule["partner_sourced"] = in_a_line({found.name: values})
        self._won(f"{path}.won", rule, described)
        return not (rule.get("at") and described.field(rule["at"]) is None)

    def _won(self, path: str, rule: CommentedMap, described: ObjectDescription) -> None:
        """By the preset's field where it serves, else by the stage that looks like won; without one nothing is said of it."""
        ((key, values),) = rule.get("won", {"": None}).items()
        if not key or holds(described.field(key), values):
            return
        staged = field_for(ROLES["stage"], described)
        stage = described.field(self.ground.renamed.get((described.name, key), key)) or (staged[0] if staged else None)
        chosen = best(MILESTONES["won"], stage.options) if stage else None
        if stage is None or chosen is None:
            self.ground.say(path, f"{key}: {text_of(values)}", "", f"nothing in {described.name} looks like won")
            del rule["won"]
            return
        self.ground.say(path, f"{key}: {text_of(values)}", f"{stage.name}: {chosen[0][0]}", f"'{chosen[0][1]}'")
        rule["won"] = in_a_line({stage.name: chosen[0][0]})

    def activities(self) -> Iterator[CommentedMap]:
        """Rules of objects that our user does not see."""
        yield from (
            rule
            for _, rule in self.ground.rules("activities")
            if self.ground.describe(rule["from"].split(".", 1)[1]) is None
        )

    def approaches(self) -> None:
        """Milestones that an activity tells go where none of the rules that are left leads to an entry."""
        reached = {rule["kind"] for _, rule in self.ground.rules("activities") if "entry" in rule}
        for index, rule in self.ground.rules("entries"):
            for milestone, of in list(rule["milestones"].items()):
                if "activity" in of and of["activity"]["kind"] not in reached:
                    self.ground.say(
                        f"entries[{index}].milestones.{milestone}",
                        of["activity"]["kind"],
                        "",
                        "no activity tells of it",
                    )
                    del rule["milestones"][milestone]
