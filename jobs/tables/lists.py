"""What became of an imported list, as tables."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape as safe
from rich.table import Table

from jobs.list_import import Creates, Imported
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
    Standing.NEW: "new",
    Standing.ELSEWHERE: "on another partner's list too",
    Standing.LISTED: "on this partner's list already: left out",
    Standing.CUSTOMER: "a customer already: left out",
}
_BY = {
    "row": "the row itself", "corporate_number": "corporate number", "domain": "web address", "name_and_phone": "name and telephone",
    "name_and_place": "name and place", "file": "this very file",
}  # fmt: skip
SHOWN = 30


def show(out: Console, found: Imported, *, dry_run: bool) -> None:
    """Headings as understood, rows by what became of them, and every row that was left out with its reason."""
    headings = found.read.headings
    understood = table(
        f"{safe(found.file)}, {safe(found.read.where)}: headings in row {headings.row}", "heading", "is taken for"
    )
    for column in headings.places:
        understood.add_row(safe(headings.texts[column]), _MEANS[column])
    for text in headings.unused:
        understood.add_row(safe(text), "(not used)")
    out.print(understood)
    if others := found.read.beside:
        out.print(
            f"Not read: {', '.join(safe(repr(one)) for one in others)}, which {'hold lists' if len(others) > 1 else 'holds a list'} too; "
            "import the file once more with --sheet for each that is meant."
        )
    out.print(_rows(found))
    if rows := found.read.reckoned:
        out.print(
            f"The name is what a formula gave when the file was saved in {len(rows):,} row{'s' * (len(rows) > 1)}: "
            f"{', '.join(map(str, rows[:SHOWN]))}{' ...' if len(rows) > SHOWN else ''}. See that it is the company's."
        )
    _listed(out, "Rows that were left out", [(b.number, b.reason) for b in found.bad])
    _listed(out, "Values that were left empty", [(n.number, n.reason) for n in found.read.notes])
    _listed(out, "Rows that stand there twice", [(n, f"as row {f}") for n, f in sorted(found.read.same_as.items())])
    met = [
        (
            j.row.number,
            f"{_SAYS[j.found.standing]} ({', '.join(filter(None, (j.found.partner, f'by {_BY[j.found.by]}')))})",
        )
        for j in found.judged
        if j.found.standing is not Standing.NEW
    ]
    _listed(out, "Targets that are known", met)
    alike = [
        (j.row.number, "a known target has this name; with a telephone number or an address it could be told apart")
        for j in found.judged
        if j.found.alike
    ]
    _listed(out, "Targets that may be known", alike)
    if found.creates is not None:
        _creates(out, found.creates, dry_run=dry_run)
    taken = sum(j.taken for j in found.judged)
    if dry_run:
        out.print(f"{taken} would be taken in; nothing was stored.")
    elif found.run is None:
        out.print("Nothing is new: nothing was stored.")
    elif taken:
        out.print(
            f"{taken} taken in by {found.run}; the next `sakigake run` makes entries of {'them' if taken > 1 else 'it'}."
        )
    else:
        out.print(f"No row is new; {found.run} went on with records of rows that were taken in before.")


def _creates(out: Console, creates: Creates, *, dry_run: bool) -> None:
    """Where rows become records, how many stay with us, and what the CRM would not take."""
    if creates.places or creates.local:
        shown = table("Records that rows become", "where", "rows")
        for place, count in creates.places.items():
            shown.add_row(place, f"{count:,}")
        for reason, count in creates.local.items():
            shown.add_row(f"here alone: {safe(reason)}", f"{count:,}")
        out.print(shown)
    _listed(out, "Rows that stay here until a person says what they belong to", list(creates.untold))
    _listed(out, "Rows that the CRM did not take", list(creates.refused))
    if dry_run or creates.plan is None:
        return
    if creates.held_because:
        out.print(f"{creates.plan} waits for a person:")
        for sentence in creates.held_because:
            out.print(f"  {safe(sentence)}")
    else:
        done = creates.delivered or {}
        out.print(
            f"{creates.plan}: {_made(done)}, {done.get('failed', 0):,} refused. Import the file again once what was refused is mended."
            if done.get("failed")
            else f"{creates.plan}: {_made(done)}."
        )


def _made(done: Mapping[str, int]) -> str:
    count = done.get("confirmed", 0)
    return f"{count:,} record{'s' * (count != 1)} made"


def _rows(found: Imported) -> Table:
    shown = table("Rows", "what", "rows")
    counts = Counter(j.found.standing for j in found.judged)
    for standing, says in _SAYS.items():
        shown.add_row(says, str(counts[standing]))
    shown.add_row("the same target twice in the file", str(len(found.read.same_as)))
    shown.add_row("not understood", str(len(found.bad)))
    return shown


def _listed(out: Console, title: str, rows: list[tuple[int, str]]) -> None:
    if not rows:
        return
    shown = table(title, "row", "why")
    for number, why in rows[:SHOWN]:
        shown.add_row(str(number), safe(why))
    if len(rows) > SHOWN:
        shown.add_row("...", f"and {len(rows) - SHOWN:,} more; --json lists all")
    out.print(shown)
