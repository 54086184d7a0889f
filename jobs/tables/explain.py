"""What `explain` shows to a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from jobs.speech import Speech
from jobs.tables.shape import SHOWN, number, short, table, value
from models.catalogue import BY_NAME

BY = {
    "itself": "by itself",
    "corporate_number": "by corporate number",
    "domain": "by domain",
    "name_and_phone": "by name and telephone",
    "name_and_place": "by name and place",
    "decision": "as was decided",
}
"""By what a record is told to be the partner or entry."""
HOW = {
    "now": "",
    "exact": " (as it was computed then)",
    "recomputed": " (computed again for that day, from what was known then)",
    "reconstructed": " (before the first run: from what the CRM's own history dates before then)",
}
_WHY = {
    "existing_customer": "buys already",
    "open_deal": "has an open deal of our own",
    "open_elsewhere": "open with another partner",
}
Row = Mapping[str, Any]


def show(out: Console, found: Row, *, alone: bool, language: str = "en") -> None:
    """Whose the fields are, and the fields; and with one of them `alone`, all that made it."""
    shown = _Explained(out, found, Speech(language))
    shown.identity()
    shown.fields()
    if alone:
        shown.made()
    counted = [e for e in found["events"] if e["counted"]]
    if not (alone and found["activities"] and not counted):
        shown.events(counted if alone and counted else found["events"])
    if alone:
        shown.records()
    shown.writes()
    shown.edits()


class _Explained:
    """One document, and the language in which it is told."""

    def __init__(self, out: Console, found: Row, say: Speech) -> None:
        self._out, self._found, self._say = out, found, say

    def identity(self) -> None:
        """The record and the moment; the records that are one, where there are several, and what persons said of them."""
        out, found, say = self._out, self._found, self._say
        when = found["when"]
        text = (
            "[bold]{record}[/] is partner {id}" if found["subject"] == "partner" else "[bold]{record}[/] is entry {id}"
        )
        out.print(say(text, record=escape(found["record"]), id=found["id"]))
        out.print(
            say(
                "as of {day}{how}, mapping {mapping}, code {code}, {run}", day=when["as_of"], how=say(HOW[when["how"]]),
                mapping=(when["mapping_hash"] or "-")[:12], code=when["code_version"], run=when["run"] or say("no run"),
            )
        )  # fmt: skip
        if found["entry_records"] and len(found["partner_records"]) == 1:
            self._line("Of partner:", found["partner_records"][0]["record"])
        for whose, records in (("One partner:", found["partner_records"]), ("One entry:", found["entry_records"])):
            if len(records) > 1:
                self._line(
                    whose,
                    ", ".join(f"{r['record']} ({say(BY.get(r['matched_by'], r['matched_by']))})" for r in records),
                )
        for d in found["decisions"]:
            text = "{left} and {right} are one" if d["verdict"] == "same" else "{left} and {right} are not one"
            told = {k: d[k] for k in ("left", "right", "who", "reason")}
            said = say(text + ", said {who} on {day}: {reason}", day=d["decided_at"][:10], **told)
            said += "" if d["stands"] else say("; taken back by {id}", id=d["undone_by"])
            self._line("Decided:", f"{said} ({d['decision_id']})")

    def fields(self) -> None:
        say = self._say
        shown = table(say("Fields"), *map(say, ("field", "value", "why", "since run")))
        for r in self._found["fields"]:
            why = "" if r["inputs"].get("why") == r["value"] else r["inputs"].get("why", "")
            shown.add_row(self._label(r["field"]), self._value(r["field"], r["value"]), why, short(r["run"]))
        self._out.print(shown)

    def made(self) -> None:
        """What a field was made of."""
        for field in self._found["fields"]:
            self._line("Formula:", self._sentence(field["formula"]))
            self._inputs(field["inputs"])
            self._line("What would change it:", self._sentence(field["what_would_change"]) + "\n")
            self._counted(field["counted"])
            self._left_out(field["left_out"])
        self._activities()
        self._rules()

    def _line(self, heading: str, said: str) -> None:
        apart = "" if self._say.language == "ja" else " "
        self._out.print(f"[bold]{self._say(heading)}[/]{apart}{escape(said)}")

    def _sentence(self, said: str) -> str:
        end = "。" if self._say.language == "ja" else "."
        return said.rstrip("。.") + end

    def _label(self, field: str) -> str:
        known = BY_NAME.get(field)
        return field if known is None else known.label_ja if self._say.language == "ja" else known.label_en

    def _value(self, field: str, held: Any) -> str:
        """A milestone by its name in Japanese, in English by the mapping's own word."""
        if field == "milestone" and isinstance(held, str) and self._say.language == "ja":
            return self._say.name(held)
        return value(held, self._say)

    def _inputs(self, inputs: Row) -> None:
        plain = {
            k: v for k, v in inputs.items() if k not in ("why", "what_would_change") and not isinstance(v, dict | list)
        }
        if plain:
            self._line("Inputs:", ", ".join(f"{k} {value(v, self._say)}" for k, v in plain.items()))

    def _counted(self, counted: Sequence[Row]) -> None:
        if not counted:
            return
        say, ends = self._say, any(c["end"] for c in counted)
        names = ("day", "target", "record", "counts until", *(["came to"] if ends else []))
        shown = table(say("Counted: {n}", n=number(len(counted))), *map(say, names))
        for c in counted[:SHOWN]:
            day = say("{day} (inferred)", day=c["day"]) if c["inferred"] else c["day"]
            end = say("{end} on {day}", end=self._milestone(c["end"]), day=c["ended_on"]) if c["end"] else "-"
            cells = (day, c["target"] or "-", c["record"] or c["entry"], c["until"] or "-")
            shown.add_row(*cells, *([end] if ends else []))
        self._out.print(shown)
        self._more(counted)

    def _milestone(self, name: str) -> str:
        return name if self._say.language == "en" else self._say.name(name)

    def _left_out(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        say = self._say
        shown = table(say("Left out: {n}", n=number(len(rows))), *map(say, ("target", "record", "why", "told by")))
        for r in rows[:SHOWN]:
            shown.add_row(r["target"] or "-", r["record"] or r["entry"], say(_WHY[r["why"]]), ", ".join(r["by"]) or "-")
        self._out.print(shown)
        self._more(rows)

    def _activities(self) -> None:
        say, activities = self._say, self._found["activities"]
        if activities:
            shown = table(say("Activities"), *map(say, ("day", "kind", "rule", "record")))
            for a in activities[:SHOWN]:
                kind = a["kind"] if say.language == "en" else say.name(a["kind"])
                shown.add_row(a["occurred_on"], kind, a["rule"], a["source"])
            self._out.print(shown)
            self._more(activities)

    def _rules(self) -> None:
        say, rules = self._say, self._found["rules"]
        if rules:
            names = tuple(map(say, ("rule", "version", "line", "says")))
            shown = table(say("Rules of the mapping"), *names, right=names[2:3])
            for r in rules:
                shown.add_row(r["rule"], r["mapping_hash"][:12], number(r["line"]), r["says"] or "-")
            self._out.print(shown)

    def events(self, events: Sequence[Row]) -> None:
        say = self._say
        names = ("occurred", "known", "milestone", "op", "rule", "source", "by ")
        shown = table(say("Events"), *map(say, names))
        for e in events[-SHOWN:]:
            known = (
                say("{day} (from the CRM's history)", day=e["known_at"][:10])
                if e["reconstructed"]
                else e["known_at"][:10]
            )
            gone = "" if e["stands"] or e["op"] == "retract" else say(", taken back")
            change = e["change"]
            by = e["source_change_id"] if change is None else f"{change['old'] or '-'} → {change['new'] or '-'}"
            told = (self._milestone(e["milestone"]), say(e["op"]) + gone, e["rule"], e["source"], by)
            shown.add_row(e["occurred_on"], known, *told)
        self._out.print(shown)
        if len(events) > SHOWN:
            self._out.print(say("... and {n} earlier ones; --json shows all.", n=number(len(events) - SHOWN)))

    def records(self) -> None:
        say, records = self._say, self._found["records"]
        names = tuple(map(say, ("record", "values", "read by run", "page")))
        shown = table(say("Source records"), *names, right=names[3:])
        for r in records[:SHOWN]:
            held = ", ".join(f"{k} {value(v, say)}" for k, v in r["values"].items() if v is not None)
            record = r["record"] + (say(" (deleted)") if r["deleted"] else "")
            shown.add_row(record, held or "-", short(r["run"]), number(r["page"]))
        self._out.print(shown)
        self._more(records)

    def writes(self) -> None:
        say, writes = self._say, self._found["writes"]
        names = ("field", "old", "new ", "status", "when", "who", "plan")
        shown = table(say("Written by us"), *map(say, names))
        for w in writes[-SHOWN:]:
            sides = (value(w["old"], say), value(w["new"], say))
            when = (w["settled_at"] or "-")[:16].replace("T", " ")
            field = w["field"] if say.language == "en" else self._label(w["field"])
            shown.add_row(field, *sides, say(w["status"]), when, w["who"], w["plan"])
        self._out.print(shown)

    def edits(self) -> None:
        say, edits = self._say, self._found["edits"]
        if not edits:
            return
        shown = table(
            say("Written by persons over ours"), *map(say, ("field", "ours", "theirs", "found", "policy", "until"))
        )
        for e in edits[-SHOWN:]:
            sides = (value(e["ours"], say), value(e["theirs"], say))
            found = e["found_at"][:16].replace("T", " ")
            field = e["field"] if say.language == "en" else self._label(e["field"])
            shown.add_row(field, *sides, found, e["policy"], e["keep_until"] or "-")
        self._out.print(shown)

    def _more(self, rows: Sequence[Any]) -> None:
        if len(rows) > SHOWN:
            self._out.print(self._say("... and {n} more; --json shows all.", n=number(len(rows) - SHOWN)))
