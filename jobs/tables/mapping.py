"""What a mapping covers, as tables a person enjoys reading."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.speech import Speech
from jobs.tables.shape import number, table
from models.counted import agreeing
from models.vocabulary import LISTS
from sync.mapping.coverage import FILLED

_SIZE = re.compile(r"(\d+) (?:to (\d+)|and more)")
VALUES = 12  # values of a field before "and n more"; --all shows them
_MEANS = (
    "partner-sourced",
    "other channels",
    "won deal",
    "ignored",
)  # what a value means beside rules, types and milestones


def coverage(out: Console, document: Mapping[str, Any], *, every: bool, language: str = "en") -> None:
    """Rules, values, fields and what needs a person, in that order: what has to be done stands last, where the eye is."""
    shown = _Coverage(out, document, Speech(language))
    shown.rules()
    shown.values(VALUES if not every else None)
    shown.links()
    if every:
        shown.fields()
    shown.findings()


class _Coverage:
    """One document, and the language in which it is told."""

    def __init__(self, out: Console, document: Mapping[str, Any], say: Speech) -> None:
        self._out, self._document, self._say = out, document, say

    def _rule(self, path: str) -> str:
        """A rule or a part of one, with the line of the file on which it stands."""
        line = self._document["lines"].get(path)
        return path if line is None else self._say("{path} (line {line})", path=path, line=line)

    def _named(self, paths: Iterable[str]) -> str:
        return ", ".join(map(self._rule, paths))

    def rules(self) -> None:
        say = self._say
        out, document = self._out, self._document
        right = (say("line"), say("records"))
        shown = table(say("What each rule takes"), say("object"), say("rule"), *right, right=right)
        for taken in document["rules"]:
            rule = taken["rule"] or say("(no rule of {part})", part=taken["part"])
            place = f"{taken['connection']}.{taken['object']}"
            shown.add_row(place, rule, number(taken["line"]), number(taken["records"]))
        out.print(shown)

    def values(self, most: int | None) -> None:
        say = self._say
        names = (say("field"), say("value"), say("records"), say("mapped to"))
        shown = table(say("Values that rules compare"), *names, right=names[2:3])
        for of in self._document["fields"]:
            if not of["values"]:
                continue
            for at, value in enumerate(of["values"][:most]):
                meaning = ", ".join(map(self._meaning, value["mapped_to"])) or (
                    say("NOTHING") if value["unmapped"] else "-"
                )
                place = f"{of['connection']}.{of['object']}.{of['field']}" if at == 0 else ""
                label = f" ({value['label']})" if value["label"] not in ("", value["value"]) else ""
                named = self._value(value["value"])
                shown.add_row(place, named + label, number(value["records"]), meaning)
            rest = of["values"][most:] if most is not None else []
            more = sum(value["records"] for value in rest) + of["more"]
            if more:
                shown.add_row("", say("(other values)"), number(more), say("shown by --all") if rest else "-")
            shown.add_section()
        if shown.row_count:
            self._out.print(shown)

    def _value(self, value: str) -> str:
        """As the CRM writes it; numbers of employees by the size that they make."""
        if value in ("", FILLED):
            return self._say(value or "(empty)")
        size = _SIZE.fullmatch(value)
        if size is None:
            return value
        low, high = size.groups()
        return self._say("{low} and more" if high is None else "{low} to {high}", low=low, high=high)

    def _meaning(self, word: str) -> str:
        return self._say(word) if word in _MEANS else self._rule(word)

    def links(self) -> None:
        say, document = self._say, self._document
        if not document["links"]:
            return
        names = (say("from"), say("to"), say("label"), say("links"), say("followed by"))
        shown = table(say("Associations that rules follow"), *names, right=names[3:4])
        for link in document["links"]:
            place = (f"{link['connection']}.{link['object']}", link["to_object"], link["label"] or say("(none)"))
            shown.add_row(*place, number(link["links"]), self._named(link["followed_by"]) or "-")
        self._out.print(shown)

    def fields(self) -> None:
        say = self._say
        right = (say("records"), say("filled"), say("lowest"), say("highest"))
        shown = table(say("Fields that rules read"), say("field"), *right, say("read by"), right=right)
        for of in self._document["fields"]:
            place = f"{of['connection']}.{of['object']}.{of['field']}"
            ends = (of["lowest"][:10] or "-", of["highest"][:10] or "-")
            shown.add_row(place, number(of["records"]), number(of["filled"]), *ends, self._named(of["read_by"]))
        self._out.print(shown)

    def findings(self) -> None:
        lines = [
            *self._nothing(),
            *self._unmapped(),
            *self._unlinked(),
            *self._without_partner(),
            *self._contradictory(),
            *self._duplicates(),
        ]
        for heading, sentence in lines:
            apart = "" if self._say.language == "ja" else " "
            self._out.print(f"[yellow]{self._say(heading)}[/]{apart}{escape(sentence)}")
        if not lines:
            self._out.print(
                self._say("Every value is mapped, every record has its partner, and no date contradicts another.")
            )

    def _nothing(self) -> list[tuple[str, str]]:
        """Rules of partners and entries that take nothing: of an object that holds records, or since it holds none."""
        say, held = self._say, _held(self._document)
        lines: list[tuple[str, str]] = []
        empty: dict[str, None] = {}
        for taken in self._document["rules"]:
            place = f"{taken['connection']}.{taken['object']}"
            if taken["part"] not in ("partners", "entries") or taken["connection"] == LISTS or not taken["rule"]:
                continue
            if not held[place]:
                empty[place] = None
            elif not taken["records"]:
                text = "{rule} takes none of the {n} {n:record|records} of {place} that are there; see its `where`, and the rules before it"
                told = say(text, rule=self._rule(taken["rule"]), n=number(held[place]), place=place)
                lines.append(("Takes nothing:", told))
        if empty:
            holds = agreeing(len(empty), "{places} holds no record", "{places} hold no record")
            lines.append(("Nothing there yet:", say(holds, places=", ".join(empty))))
        return lines

    def _unmapped(self) -> list[tuple[str, str]]:
        text = "{field} {value}, {n} {n:record|records}, such as {example}; no rule names it"
        return [
            (
                "Unmapped:",
                self._say(
                    text, field=f"{one['connection']}.{one['object']}.{one['field']}", value=repr(one["value"]), n=number(one["records"]),
                    example=one["example"],
                ),
            )
            for one in self._document["unmapped"]["list"]
        ]  # fmt: skip

    def _unlinked(self) -> list[tuple[str, str]]:
        links = self._document["links"]
        linked = {(one["connection"], one["object"], one["to_object"]) for one in links if one["links"]}
        text = "{object} has no link to {to} that bears {label}, which {rules} follows"
        return [
            (
                "No such label:",
                self._say(
                    text, object=f"{link['connection']}.{link['object']}", to=link["to_object"], label=repr(link["label"]),
                    rules=self._named(link["followed_by"]),
                ),
            )
            for link in links
            if not link["links"]
            and (link["connection"], link["object"], link["to_object"]) in linked  # or nothing is linked yet
        ]  # fmt: skip

    def _without_partner(self) -> list[tuple[str, str]]:
        text = "{n} {n:record|records} by {rule}, such as {example}"
        return [
            (
                f"{one['kind'].replace('_', ' ').capitalize()}:",
                self._say(text, n=number(one["records"]), rule=self._rule(one["rule"]), example=one["examples"][0]),
            )
            for one in self._document["without_partner"]["list"]
        ]

    def _contradictory(self) -> list[tuple[str, str]]:
        say, lines = self._say, []
        for one in self._document["contradictory_dates"]["list"]:
            text = (
                "{n} {n:entry|entries} {milestone} after today, such as {record} ({on}, {than_on})"
                if one["is"] == "after"
                else "{n} {n:entry|entries} {milestone} before {than}, such as {record} ({on}, {than_on})"
            )
            example = one["examples"][0]
            told = {
                "n": number(one["entries"]),
                "milestone": self._milestone(one["milestone"]),
                "than": self._milestone(one["than"]),
            }
            lines.append(("Contradictory dates:", say(text, **told, **example)))
        return lines

    def _milestone(self, name: str) -> str:
        """In English by the mapping's own word."""
        return name if self._say.language == "en" else self._say.name(name)

    def _duplicates(self) -> list[tuple[str, str]]:
        say, lines = self._say, []
        entries, partners = self._document["duplicates"]["entries"], self._document["duplicates"]["partners"]
        if entries["targets"]:
            by = ", ".join(
                say("{n} by {mark}", n=number(n), mark=say(mark.replace("_", " "))) for mark, n in entries["by"].items()
            )
            text = "{n} {n:target stands|targets stand} twice on one partner's list ({by}), such as {example}"
            example = say(" and ").join(entries["examples"][0])
            lines.append(("Duplicates:", say(text, n=number(entries["targets"]), by=by, example=example)))
        if partners["records"]:
            text = "{n} {n:record is a partner that stands|records are partners that stand} twice in one object, such as {example}"
            example = partners["list"][0]["examples"][0]
            lines.append(("Duplicates:", say(text, n=number(partners["records"]), example=example)))
        return lines


def _held(document: Mapping[str, Any]) -> Mapping[str, int]:
    """Records of each object, as far as some part of the mapping counts them all."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for taken in document["rules"]:
        counts[f"{taken['connection']}.{taken['object']}", taken["part"]] += taken["records"]
    held: dict[str, int] = defaultdict(int)
    for (place, _), count in counts.items():
        held[place] = max(held[place], count)
    return held


def proposed(out: Console, document: Mapping[str, Any]) -> None:
    """What differs from the preset, what was left out, and what waits for a person."""
    shown = table("Proposed", "connection", "where", "preset", "proposed", "because")
    for choice in document["choices"]:
        shown.add_row(
            choice["connection"] or "all",
            choice["path"],
            choice["preset"],
            choice["proposed"] or "(left out)",
            choice["why"],
        )
    presets = document["presets"]
    several = len(presets) > 1
    named = ", ".join(f"{preset} for {name}" if several else preset for name, preset in presets.items())
    out.print(f"{agreeing(len(presets), 'Preset')} {named}; wrote {document['written'][-1]}.")
    if document["choices"]:
        out.print(shown)
    else:
        whose = "Every CRM has everything that its preset" if several else "The CRM has everything that the preset"
        out.print(f"{whose} names; nothing had to be changed.")
    for value in document["left"]:
        out.print(f"[yellow]To decide:[/] {escape(value)} looks like no milestone; name it, or put it under `ignored`")
    for problem in document["problems"]:
        out.print(f"[yellow]To mend:[/] {escape(problem)}")
