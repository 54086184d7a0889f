"""What became of an imported list, as tables."""

from collections import Counter

from rich.console import Console
from rich.markup import escape as safe

from jobs.list_import import Imported
from jobs.speech import Speech
from jobs.tables.shape import table
from sync.lists.compare import Standing
from sync.lists.headings import Column

_MEANS = {
    Column.NAME: "the target's name", Column.CORPORATE_NUMBER: "corporate number", Column.DOMAIN: "web address", Column.PHONE: "telephone",
    Column.PREFECTURE: "prefecture", Column.CITY: "city", Column.ADDRESS: "prefecture and city", Column.LISTED_ON: "listed on",
    Column.PARTNER: "whose list it is", Column.CONTACT_NAME: "a person's name", Column.CONTACT_LAST_NAME: "a person's last name",
    Column.CONTACT_FIRST_NAME: "a person's first name", Column.CONTACT_EMAIL: "a person's e-mail address", Column.CONTACT_TITLE: "a person's title",
}  # fmt: skip
_SAYS = {
    Standing.NEW: "new row",
    Standing.ELSEWHERE: "on another partner's list too",
    Standing.LISTED: "on this partner's list already: left out",
    Standing.CUSTOMER: "a customer already: left out",
}
_BY = {
    "row": "the row itself", "corporate_number": "corporate number", "domain": "web address", "name_and_phone": "name and telephone",
    "name_and_place": "name and place", "file": "this very file",
}  # fmt: skip
SHOWN = 30
LEFT_EMPTY = "; left empty"


def show(out: Console, found: Imported, *, dry_run: bool, language: str = "en") -> None:
    """Headings as understood, rows by what became of them, and every row that was left out with its reason."""
    shown = _Imported(out, found, Speech(language), dry_run)
    shown.understood()
    shown.rows()
    shown.known()
    shown.creates()
    shown.outcome()


class _Imported:
    """What became of one file, and the language in which it is told."""

    def __init__(self, out: Console, found: Imported, say: Speech, dry_run: bool) -> None:
        self._out, self._found, self._say, self._dry_run = out, found, say, dry_run

    def understood(self) -> None:
        """What each heading is taken for, and which sheets were not read."""
        out, found, say = self._out, self._found, self._say
        headings = found.read.headings
        told = {"file": safe(found.file), "where": safe(found.read.where), "row": headings.row}
        shown = table(say("{file}, {where}: headings in row {row}", **told), say("heading"), say("is taken for"))
        for column in headings.places:
            shown.add_row(safe(headings.texts[column]), say(_MEANS[column]))
        for text in headings.unused:
            shown.add_row(safe(text), say("(not used)"))
        out.print(shown)
        if others := found.read.beside:
            text = "Not read: {sheets}, which {n:holds a list|hold lists} too; import the file once more with --sheet for each that is meant."
            out.print(say(text, sheets=", ".join(safe(repr(one)) for one in others), n=len(others)))

    def rows(self) -> None:
        """Rows by what became of them, and those that need a look."""
        out, found, say = self._out, self._found, self._say
        shown = table(say("Rows"), say("what"), say("rows"), right=(say("rows"),))
        counts = Counter(j.found.standing for j in found.judged)
        for standing, says in _SAYS.items():
            shown.add_row(say(says), str(counts[standing]))
        shown.add_row(say("the same target twice in the file"), str(len(found.read.same_as)))
        shown.add_row(say("not understood"), str(len(found.bad)))
        out.print(shown)
        if rows := found.read.reckoned:
            text = "The name is what a formula gave when the file was saved in {n} {n:row|rows}: {rows}. See that it is the company's."
            listed = f"{', '.join(map(str, rows[:SHOWN]))}{' ...' if len(rows) > SHOWN else ''}"
            out.print(say(text, n=f"{len(rows):,}", rows=listed))
        self._listed("Rows that were left out", [(b.number, self._reason(b.reason)) for b in found.bad])
        self._listed("Values that were left empty", [(n.number, self._reason(n.reason)) for n in found.read.notes])
        twice = [(n, say("as row {row}", row=f)) for n, f in sorted(found.read.same_as.items())]
        self._listed("Rows that stand there twice", twice)

    def _reason(self, why: str) -> str:
        """Why a row or a value does not count: behind the heading that it is about, where there is one."""
        say = self._say
        told, empty, _ = why.partition(LEFT_EMPTY)
        heading, colon, rest = told.partition(": ")
        if say(told) != told:
            heading, colon, rest = "", "", told
        said = say(rest) if colon or rest else heading
        return f"{heading}{colon}{said}{say(empty)}"

    def known(self) -> None:
        """Targets that somebody has already."""
        say = self._say
        met = []
        for j in self._found.judged:
            if j.found.standing is not Standing.NEW:
                by = say("by {mark}", mark=say(_BY[j.found.by]))
                told = {"what": say(_SAYS[j.found.standing]), "by": ", ".join(filter(None, (j.found.partner, by)))}
                met.append((j.row.number, say("{what} ({by})", **told)))
        self._listed("Targets that are known", met)
        text = say("a known target has this name; with a telephone number or an address it could be told apart")
        self._listed("Targets that may be known", [(j.row.number, text) for j in self._found.judged if j.found.alike])

    def creates(self) -> None:
        """Where rows become records, how many stay with us, and what the CRM would not take."""
        out, creates, say = self._out, self._found.creates, self._say
        if creates is None:
            return
        if creates.places or creates.local:
            shown = table(say("Records that rows become"), say("where"), say("rows"), right=(say("rows"),))
            for place, count in creates.places.items():
                shown.add_row(place, f"{count:,}")
            for reason, count in creates.local.items():
                shown.add_row(say("here alone: {reason}", reason=safe(reason)), f"{count:,}")
            out.print(shown)
        self._listed("Rows that stay here until a person says what they belong to", list(creates.untold))
        self._listed("Rows that the CRM did not take", list(creates.refused))
        if self._dry_run or creates.plan is None:
            return
        if creates.held_because:
            out.print(say("{plan} waits for a person:", plan=creates.plan))
            for sentence in creates.held_because:
                out.print(f"  {safe(sentence)}")
            return
        done = creates.delivered or {}
        told = {"plan": creates.plan, "n": f"{done.get('confirmed', 0):,}", "failed": f"{done.get('failed', 0):,}"}
        text = "{plan}: {n} {n:record|records} made."
        if done.get("failed"):
            text = "{plan}: {n} {n:record|records} made, {failed} refused. Import the file again once what was refused is mended."
        out.print(say(text, **told))

    def outcome(self) -> None:
        """What was stored."""
        out, found, say = self._out, self._found, self._say
        taken = sum(j.taken for j in found.judged)
        told = {"n": f"{taken:,}", "run": found.run}
        if self._dry_run:
            text = "{n} {n:row|rows} would be taken in; nothing was stored."
        elif found.run is None:
            text = "Nothing is new: nothing was stored."
        elif taken:
            text = "{n} {n:row|rows} taken in by {run}; the next `sakigake run` makes entries of {n:it|them}."
        else:
            text = "No row is new; {run} went on with records of rows that were taken in before."
        out.print(say(text, **told))

    def _listed(self, title: str, rows: list[tuple[int, str]]) -> None:
        if not rows:
            return
        say = self._say
        shown = table(say(title), say("row"), say("why"))
        for number, why in rows[:SHOWN]:
            shown.add_row(str(number), safe(why))
        if len(rows) > SHOWN:
            shown.add_row("...", say("and {n} more; --json lists all", n=f"{len(rows) - SHOWN:,}"))
        self._out.print(shown)
