"""Commands that show the numbers, of any day and as known at any time: indicators, targets."""

import sys
from typing import Annotated, Any

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from jobs.cli.reading import AsOfOption, CsvOption, KnownAtOption, LanguageOption, PlotOption, TypeOption, spoken
from jobs.errors import ConfigError

PartnerOption = Annotated[
    str | None, typer.Option("--partner", help="Only this partner: its id, or its name or part of it.")
]


def indicators(
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
    """Show conversion, lead time, forecast and tiers."""
    from jobs.settings import load

    configuration = load(config)
    _one_format(json, csv)
    if plot is not None:
        from jobs.plots.canvas import checked

        checked(plot)
    from jobs import prospect_tables, tables
    from jobs.flat import as_csv, indicator_lines
    from jobs.indicator_documents import asked_document, only_type, stored_document
    from jobs.wiring import choose_workspace, read_rules

    name, settings = choose_workspace(configuration, workspace)
    with opened_database() as engine, engine.connect() as conn:
        if as_of is None and known_at is None and partner is None:
            document = only_type(stored_document(engine, name), partner_type)
        else:
            rules = read_rules(settings, config.absolute().parent)
            document = asked_document(conn, name, settings, rules, as_of, known_at, partner_type, partner)
        if plot is not None:
            from jobs.plots import indicators as picture
            from jobs.plots.canvas import save

            rules = read_rules(settings, config.absolute().parent)
            curves = picture.curves_of(conn, name, settings, rules, as_of, known_at)
            save(plot, picture.draw(document, curves, spoken(language, rules)))
    if json:
        show_json(document)
        return
    if csv:
        sys.stdout.write(as_csv(indicator_lines(document)))
        return
    out.print(
        f"As of [bold]{document['as_of']}[/], known {document['known_at'][:16].replace('T', ' ')} UTC, mapping {document['mapping'][:12]}, code {document['code_version']}\n"
    )
    one: dict[str, Any] | None = document.get("partner")
    if one is None:
        tables.tiers(out, document["tiers"], document["partners"])
    tables.rates(out, document["conversion"], document["lead_time"])
    if one is not None:
        prospect_tables.partner_rates(out, one)
    if "forecast" in document:
        prospect_tables.forecast(out, document["forecast"], one)
        prospect_tables.notes(out, document)


def targets(
    deals: Annotated[
        int | None, typer.Option("--deals", min=0, help="Deals wanted; default: as sakigake.yaml says.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="The month; default: the one of the as-of day.")
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
    from jobs.settings import load

    configuration = load(config)
    _one_format(json, csv)
    if plot is not None:
        from jobs.plots.canvas import checked

        checked(plot)
    from jobs import target_tables
    from jobs.asked import answer, axes_of
    from jobs.flat import as_csv, target_lines
    from jobs.months import capacity_of, month_of, read_month
    from jobs.target_document import MONTHS_AHEAD, target_document
    from jobs.wiring import choose_workspace, read_rules

    name, settings = choose_workspace(configuration, workspace)
    rules = read_rules(settings, config.absolute().parent)
    first = None if month is None else read_month(month)
    with opened_database() as engine, engine.connect() as conn:
        axes = axes_of(conn, name, rules.zone, as_of, known_at)
        wanted = first or axes.as_of.replace(day=1)
        if (wanted.year - axes.as_of.year) * 12 + wanted.month - axes.as_of.month > MONTHS_AHEAD:
            raise ConfigError(f"--month is {month}, over {MONTHS_AHEAD} months after {axes.as_of}; name a nearer one.")
        goal = deals if deals is not None else settings.targets.deals_in(wanted)
        if goal is None:
            raise ConfigError(
                f"Nobody has said how many deals {wanted:%Y-%m} is to bring; say --deals N, or name them in sakigake.yaml under targets."
            )
        asked = answer(conn, name, settings, rules, axes)
    place = None if partner is None else asked.partner_place(partner)
    if partner_type is not None:
        asked.type_place(partner_type)
    document = target_document(
        asked,
        goal,
        month_of(wanted),
        tuple(month_of(wanted, later) for later in range(1, MONTHS_AHEAD + 1)),
        partner_type=partner_type,
        partner=place,
        capacity=capacity_of(settings.targets.capacity, asked.partners.types),
    )
    if plot is not None:
        from jobs.plots import targets as picture
        from jobs.plots.canvas import save

        save(plot, picture.draw_document(document, spoken(language, rules)))
    if json:
        show_json(document)
    elif csv:
        sys.stdout.write(as_csv(target_lines(document)))
    else:
        target_tables.targets(out, document)


def _one_format(json: bool, csv: bool) -> None:
    if json and csv:
        raise ConfigError("--json and --csv were both given; choose one.")


def add_to(app: typer.Typer) -> None:
    for command in (indicators, targets):
        app.command()(command)
