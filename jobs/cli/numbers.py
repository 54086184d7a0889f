"""Commands that show the numbers, of any day and as known at any time: indicators, targets."""

import sys
from datetime import date
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

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
    draw_into,
    opened_reader,
    show,
    show_csv,
    spoken,
)
from jobs.errors import ConfigError

PartnerOption = Annotated[
    str | None, typer.Option("--partner", help="Only this partner: its id, or its name or part of it.")
]


def indicators(
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    partner_type: TypeOption = None,
    partner: PartnerOption = None,
    rank: Annotated[
        bool, typer.Option("--rank", help="Instead: which partner is the best, and with what chance.")
    ] = False,
    plot: PlotOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Show conversion, lead time, forecast and tiers."""
    check_output(plot, json=json, csv=csv)
    if rank:
        if plot is not None:
            raise ConfigError("--rank draws no picture; leave --plot out, or ask for --csv.")
        with opened_reader(config, workspace) as reader:
            _rank(reader, (as_of, known_at, partner_type, partner), language, json=json, csv=csv)
        return
    from jobs.flat import as_csv, indicator_lines
    from jobs.indicator_documents import asked_document, only_type, stored_document, tells_types

    with opened_reader(config, workspace) as reader, reader.engine.connect() as conn:
        stored = None
        if as_of is None and known_at is None and partner is None:
            stored = stored_document(reader.engine, reader.name)
        if stored is not None and (partner_type is None or tells_types(stored)):
            document = only_type(stored, partner_type)
        else:
            document = asked_document(
                conn, reader.name, reader.settings, reader.rules, as_of, known_at, partner_type, partner
            )
        if plot is not None:
            from jobs.plots import indicators as picture

            curves = picture.curves_of(conn, reader.name, reader.settings, reader.rules, as_of, known_at)
            draw_into(plot, picture.draw(document, curves, spoken(language, reader.rules)))
        said = spoken(language, reader.rules)
    show(
        document,
        json=json,
        csv=csv,
        lines=lambda: _write(as_csv(indicator_lines(document))),
        pages=lambda: _indicator_pages(document, said, reader.rules.zone),
    )


RANKED = "type", "step", "partner", "name", "n", "rate", "best", "top_fifth", "expected_rank"


def _rank(
    reader: Reader,
    asked: tuple[str | None, str | None, str | None, str | None],
    language: str | None,
    *,
    json: bool,
    csv: bool,
) -> None:
    from jobs.indicator_documents import rank_asked
    from jobs.speech import Speech
    from jobs.tables.ranking import rankings
    from jobs.tables.shape import known_short

    said = spoken(language, reader.rules)
    with reader.engine.connect() as conn:
        document = rank_asked(conn, reader.name, reader.settings, reader.rules, *asked)
    one = document.get("partner", {}).get("id")
    rows = [
        {"type": kind, "step": step, "partner": p["id"], **p}
        for kind, steps in document["rank"].items()
        for step, row in steps.items()
        for p in row["partners"]
        if one in (None, p["id"])
    ]

    def pages() -> None:
        say = Speech(said)
        out.print(say("As of {day}.", day=f"[bold]{document['as_of']}[/]") + "\n")
        rankings(out, document, say)
        known_short(out, document, say, reader.rules.zone)

    show(document, json=json, csv=csv, lines=lambda: show_csv(rows, RANKED), pages=pages)


def _indicator_pages(document: dict[str, Any], language: str, zone: ZoneInfo) -> None:
    from jobs.speech import Speech
    from jobs.tables import prospects, rates, shape, steps

    say = Speech(language)
    axes = {
        "day": f"[bold]{document['as_of']}[/]",
        "moment": shape.moment(document["known_at"], zone),
        "mapping": document["mapping"][:12],
        "code": document["code_version"],
    }
    out.print(say("As of {day}, known {moment}, mapping {mapping}, code {code}", **axes) + "\n")
    one: dict[str, Any] | None = document.get("partner")
    if one is None:
        rates.tiers(out, document["tiers"], document["partners"], say)
    assumed = document.get("assumptions") or {}
    rates.rates(out, document["conversion"], document["lead_time"], say, assumed.get("horizon"))
    steps.subjects(out, document["conversion"], assumed, say)
    steps.lead_times(out, document["conversion"], document["lead_time"], say)
    steps.cohorts(out, document["conversion"], say)
    steps.other_rates(out, document["conversion"], say)
    if one is not None:
        prospects.partner_rates(out, one, say)
        prospects.entries(out, one["entries"], say)
    if "forecast" in document:
        kinds = list(document["conversion"])
        prospects.forecast(out, document["forecast"], one, None if "all" in kinds else kinds[0], say)
        prospects.notes(out, document, say)
    shape.known_short(out, document, say, zone)


def targets(
    deals: Annotated[
        int | None,
        typer.Option(
            "--deals", min=0, help="Deals wanted; default: as sakigake.yaml says, of a type or partner its share."
        ),
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(
            "--month",
            metavar="YYYY-MM",
            help="The month; default: that of the as-of day, or the next where under a week is left.",
        ),
    ] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    partner_type: TypeOption = None,
    partner: PartnerOption = None,
    plot: PlotOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Show what a month's deals ask for, by week and partner."""
    check_output(plot, json=json, csv=csv)
    from jobs.flat import as_csv, target_lines
    from jobs.months import read_month
    from jobs.tables import targets as tables

    first = None if month is None else read_month(month)
    with opened_reader(config, workspace) as reader:
        document = _target_document(reader, as_of, known_at, first, deals, partner_type, partner)
    if plot is not None:
        from jobs.plots import targets as picture

        draw_into(plot, picture.draw_document(document, spoken(language, reader.rules)))
    show(
        document,
        json=json,
        csv=csv,
        lines=lambda: _write(as_csv(target_lines(document))),
        pages=lambda: tables.targets(out, document, spoken(language, reader.rules), reader.rules.zone),
    )


def _target_document(
    reader: Reader,
    as_of: str | None,
    known_at: str | None,
    month: date | None,
    deals: int | None,
    partner_type: str | None,
    partner: str | None,
) -> dict[str, Any]:
    from jobs.asked import answer, axes_of, check_type, stood_on
    from jobs.months import capacity_of, mix_of, month_of, month_to_plan
    from jobs.target_document import MONTHS_AHEAD, share_of, target_document

    with reader.engine.connect() as conn:
        axes = axes_of(conn, reader.name, reader.rules.zone, as_of, known_at)
        said = stood_on(conn, reader.name, reader.settings, reader.rules, axes).settings.targets
        wanted = month or month_to_plan(axes.as_of, said.months, said.deals if deals is None else deals)
        if (wanted.year - axes.as_of.year) * 12 + wanted.month - axes.as_of.month > MONTHS_AHEAD:
            raise ConfigError(
                f"--month is {wanted:%Y-%m}, over {MONTHS_AHEAD} months after {axes.as_of}; name a nearer one."
            )
        goal = deals if deals is not None else said.deals_in(wanted)
        if goal is None:
            raise ConfigError(
                f"Nobody has said how many deals {wanted:%Y-%m} is to bring; say --deals N, or name them in sakigake.yaml under targets."
            )
        asked = answer(conn, reader.name, reader.settings, reader.rules, axes)
    place = None if partner is None else asked.partner_place(partner)
    if place is not None:
        check_type(asked.names[place], asked.partners.types[asked.partners.type[place]], partner_type)
    elif partner_type is not None:
        asked.type_place(partner_type)
    told = partial(
        target_document,
        asked,
        month=month_of(wanted),
        later=tuple(month_of(wanted, later) for later in range(1, MONTHS_AHEAD + 1)),
        capacity=capacity_of(said.capacity, asked.partners.types),
        mix=mix_of(said.mix, asked.partners.types),
    )
    by, of_all = "asked" if deals is not None else "settings", None
    if by == "settings" and (partner_type or partner):
        by, of_all = "share", goal
        goal = share_of(told(goal, partner_type=None, partner=None), asked.scope(partner_type, place), asked)
    return {
        **told(goal, partner_type=partner_type, partner=place),
        "month_by": "asked" if month else "as_of" if wanted <= axes.as_of else "next",
        "deals_by": by,
        "deals_of_all": of_all,
    }


def _write(text: str) -> None:
    sys.stdout.write(text)


def add_to(app: typer.Typer) -> None:
    for command in (indicators, targets):
        app.command()(command)
