"""Commands about who is who: what may be one partner or one entry, and a person's word on it."""

from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from jobs.errors import ConfigError

if TYPE_CHECKING:
    from jobs.deciding import Proposal
    from sync.events.decisions import Decided, Verdict

app = typer.Typer(no_args_is_help=True, help="Who is who across CRMs: suggestions, and a person's decisions on them.")
ReasonOption = Annotated[str, typer.Option(help="What shows it; kept for whoever asks later.")]


@app.command()
def suggestions(
    config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """List records that may be one partner or one entry, which only a person can tell."""
    from jobs.deciding import known
    from jobs.settings import load
    from jobs.wiring import choose_workspace, read_rules

    name, settings = choose_workspace(load(config), workspace)
    rules = read_rules(settings, config.absolute().parent)
    with opened_database() as engine:
        found = known(engine, name, settings, rules).proposals
    if json:
        show_json({"suggestions": [p.document() for p in found]})
    else:
        _show(out, found)


@app.command()
def decide(
    which: Annotated[
        str,
        typer.Argument(metavar="WHICH", help="A suggestion's id, or two records: RECORD,RECORD.", show_default=False),
    ],
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help="same or different.", show_default=False)],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Decide that two records are one, or are not. Kept with who, when and why; the next run maps by it."""
    if verdict not in ("same", "different"):
        raise ConfigError(f"VERDICT is {verdict!r}, expected same or different.")
    from jobs import deciding
    from jobs.person import person
    from jobs.settings import load
    from jobs.wiring import choose_workspace, connect_with, read_rules

    name, settings = choose_workspace(load(config), workspace)
    rules = read_rules(settings, config.absolute().parent)
    with opened_database() as engine, connect_with(engine)() as conn:
        of = deciding.known(engine, name, settings, rules)
        decided = deciding.decide(conn, name, of, which, cast("Verdict", verdict), person(), reason)
    if json:
        show_json(decided.document())
    else:
        out.print(f"{decided.decision_id}: {_says(decided)}. The next run maps by it.")


@app.command()
def decisions(
    config: ConfigOption = DEFAULT_CONFIG, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """List every decision with who, when and why, and whether it stands."""
    from jobs.settings import load
    from jobs.tables.shape import table
    from jobs.wiring import choose_workspace, connect_with
    from sync.events import decisions as kept

    name, _ = choose_workspace(load(config), workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        found = kept.decisions(conn, name)
    if json:
        show_json({"decisions": [d.document() for d in found]})
        return
    if not found:
        out.print("Nothing was decided yet; what may be one is listed by: sakigake partners suggestions")
        return
    shown = table("Decisions", "decision", "at", "who", "what", "why", "stands")
    for d in found:
        stands = "yes" if d.stands else f"undone by {d.undone_by}" if d.undone_by else ""
        shown.add_row(d.decision_id, f"{d.decided_at:%Y-%m-%d %H:%M}", d.who, _says(d), escape(d.reason), stands)
    out.print(shown)


@app.command()
def undo(
    decision: Annotated[
        str, typer.Argument(metavar="DECISION", help="As `sakigake partners decisions` names it.", show_default=False)
    ],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Take a decision back. Both stay on record; the next run maps as if it had not been made."""
    from jobs import deciding
    from jobs.person import person
    from jobs.settings import load
    from jobs.wiring import choose_workspace, connect_with

    name, _ = choose_workspace(load(config), workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        undoing = deciding.undo(conn, name, decision, person(), reason)
    if json:
        show_json(undoing.document())
    else:
        out.print(f"{undoing.decision_id}: {_says(undoing)}. The next run maps as if it had not been made.")


def _says(decided: "Decided") -> str:
    if decided.verdict == "undo":
        return f"takes back {decided.undoes}"
    are = "are one" if decided.verdict == "same" else "are not one"
    return f"{decided.left} and {decided.right} {are} {decided.subject}"


def _show(console: Console, found: "tuple[Proposal, ...]") -> None:
    from jobs.deciding import WHY
    from jobs.tables.shape import table

    if not found:
        console.print("Nothing is left to decide: every record is matched, or stands alone for a reason.")
        return
    shown = table("May be one", "suggestion", "", "record", "name", "why", "equal", "differs")
    for p in found:
        s = p.suggestion
        why = WHY[s.why] + (f" ({s.score} of 100)" if s.why == "similar_name" else "")
        marks = [
            ", ".join(m.replace("_", " ") for m, same in p.shared.items() if same is said) for said in (True, False)
        ]
        shown.add_row(
            s.suggestion_id, p.subject, f"{s.left}\n{s.right}", escape("\n".join(p.names)), why, marks[0], marks[1]
        )
    console.print(shown)
    console.print("Decide with: sakigake partners decide SUGGESTION same --reason ... (or: different)")


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="partners")
