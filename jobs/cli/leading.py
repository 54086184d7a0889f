"""The command that asks whether an indicator leads."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, out
from jobs.cli.reading import (
    AsOfOption,
    CsvOption,
    KnownAtOption,
    LanguageOption,
    PlotOption,
    Reader,
    TypeOption,
    check_output,
    chosen_type,
    draw_into,
    opened_reader,
    show,
    show_csv,
    spoken,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

COLUMNS = (
    "type", "indicator", "kind", "verdict", "lead_weeks", "effect", "mde", "p", "p_holm", "reverse_p", "skill",
    "skill_p", "more_weeks", "n_partner", "sentence",
)  # fmt: skip


def leading(
    type_name: TypeOption = None,
    partner: Annotated[
        str | None,
        typer.Option(
            "--partner", help="What this partner's type shows, with its own numbers: its id, or its name or part of it."
        ),
    ] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    plot: PlotOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Tell of each activity and milestone whether it leads."""
    check_output(plot, json=json, csv=csv)
    with opened_reader(config, workspace) as reader:
        said = spoken(language, reader.rules)
        document = _document(reader, as_of, known_at)
        if partner is not None:
            document["partner"] = _partner(reader, document, partner, type_name)
            type_name = document["partner"]["type"]
    types = list(dict.fromkeys(i["type"] for i in document["indicators"]))
    wanted = chosen_type(type_name, types)
    document["indicators"] = [i for i in document["indicators"] if wanted is None or i["type"] == wanted]
    if plot is not None:
        from jobs.plots import leading as picture

        draw_into(plot, picture.draw(document, said))
    show(
        document,
        json=json,
        csv=csv,
        lines=lambda: show_csv([_row(i, said, document.get("partner")) for i in document["indicators"]], COLUMNS),
        pages=lambda: _show(document, said, reader.rules.zone),
    )


def _document(reader: Reader, as_of: str | None, known_at: str | None) -> dict[str, Any]:
    """As kept by the newest run where nothing else is asked for; otherwise computed for that day and that knowledge."""
    from jobs import reports, then
    from jobs.asked import stood_on
    from jobs.steps import leading as step
    from jobs.steps.leading_document import document

    if as_of is None and known_at is None:
        kept = reports.newest(reader.conn, reader.name, step.KIND)
        if kept is not None and kept[0].mapping_hash == reader.rules.hash:
            stamp, found = kept
            made = {
                "run": stamp.run_id,
                "code_version": stamp.code_version,
                **then.stood_on(reader.conn, reader.name, stamp.run_id),
            }
            return {**_axes(reader, stamp.as_of, stamp.known_at), **made, **found}
    axes = reader.axes(as_of, known_at)
    with reader.engine.connect() as connection:
        stands_on = stood_on(connection, reader.name, reader.settings, reader.rules, axes)
        floors = stands_on.settings.assumptions.floors
        answers = step.answer(connection, reader.name, reader.rules.zone, axes.as_of, axes.known_at, floors)
    made = {"mapping": stands_on.mapping, "run": None, **stands_on.document()}
    return {**_axes(reader, axes.as_of, axes.known_at), **made, **document(answers)}


def _partner(reader: Reader, document: dict[str, Any], wanted: str, type_name: str | None) -> dict[str, Any]:
    """Whose type is told, and how often each indicator and deals occurred there. One partner is too little to test anything on."""
    from jobs.asked import check_type, partner_place
    from jobs.steps import leading as step
    from sync.events import read

    as_of, known_at = date.fromisoformat(document["as_of"]), datetime.fromisoformat(document["known_at"])
    weeks = document["weeks"]
    with reader.engine.connect() as connection:
        partners = read.partners(connection, reader.name, known_at)
        found = partners[partner_place(wanted, [p.partner_id for p in partners], [p.name for p in partners])]
        check_type(found.name, found.type, type_name)
        span = date.fromisoformat(weeks["from"]), date.fromisoformat(weeks["until"])
        n = step.own_counts(connection, reader.name, reader.rules.zone, as_of, known_at, found.partner_id, span)
    return {"id": found.partner_id, "name": found.name, "type": found.type, "n": n}


def _axes(reader: Reader, as_of: Any, known_at: Any) -> dict[str, Any]:
    from jobs.computing_code import CODE_VERSION

    return {
        "workspace": reader.name,
        "as_of": as_of.isoformat(),
        "known_at": known_at.isoformat(),
        "mapping": reader.rules.hash,
        "code_version": CODE_VERSION,
    }


def _row(found: dict[str, Any], language: str, partner: dict[str, Any] | None) -> dict[str, Any]:
    return {
        **found,
        "n_partner": None if partner is None else partner["n"].get(found["indicator"]),
        "reverse_p": found["reverse"]["p"],
        "skill": found["skill"]["deviance"],
        "skill_p": found["skill"]["p"],
        "sentence": found["sentence"][language],
    }


def _show(document: dict[str, Any], language: str, zone: "ZoneInfo") -> None:
    from jobs.speech import Speech
    from jobs.tables.shape import items, known_short, number, table
    from models.labels import VERDICTS

    say = Speech(language)
    weeks = document["weeks"]
    span = {"day": f"[bold]{document['as_of']}[/]", "n": weeks["count"], "first": weeks["from"]}
    text = "As of {day}, {n} whole {n:week|weeks} from {first}, {deals} {deals:deal|deals}."
    if not weeks["count"]:
        text = "As of {day}, not one whole week of data yet."
    out.print(say(text, deals=f"{document['deals']:,}", **span) + "\n")
    one: dict[str, Any] | None = document.get("partner")
    if one is not None:
        text = (
            "One partner alone cannot show what leads (it takes {least}). This is what partners of type {kind} show, "
            "with the numbers of {name} beside it: {deals} {deals:deal|deals}."
        )
        told = {"kind": escape(one["type"]), "name": escape(one["name"]), "deals": f"{one['n']['deal']:,}"}
        out.print(say(text, least=document["assumptions"]["partners"], **told) + "\n")
    names = [] if not document["indicators"] else list(dict.fromkeys(i["type"] for i in document["indicators"]))
    right = tuple(map(say, ("lead", "p", "skill") if one is None else ("here", "lead", "p", "skill")))
    for kind in names:
        title = say("Partners: {kind}", kind=escape(say.kind(kind)))
        shown = table(title, say("indicator"), say("verdict"), *right, right=right)
        of_kind = [i for i in document["indicators"] if i["type"] == kind]
        for i in of_kind:
            lead, skill = i["lead_weeks"], i["skill"]["deviance"]
            shown.add_row(
                i["label"][language],
                VERDICTS[i["verdict"]][language == "ja"],
                *([] if one is None else [number(one["n"].get(i["indicator"]))]),
                "-" if lead is None else say("{n} wk", n=lead),
                "-" if i["p_holm"] is None else f"{i['p_holm']:.3f}",
                "-" if skill is None else f"{round(100 * skill) + 0:+d} %",
            )
        out.print(shown)
        out.print(items(i["sentence"][language] for i in of_kind))
        out.print()
    if document["indicators"]:
        text = "p: of the panel test, after Holm; skill: at forecasting 4 weeks, over the best simple forecast."
    else:
        text = "There is neither a milestone nor an activity to ask about yet."
    out.print(say(text))
    known_short(out, document, say, zone)


def add_to(app: typer.Typer) -> None:
    app.command()(leading)
