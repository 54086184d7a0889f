"""Commands on what partners do: activation and cadence, stalled entries, plan against actual."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, out, show_json
from jobs.cli.reading import (
    AsOfOption,
    CsvOption,
    KnownAtOption,
    LanguageOption,
    Reader,
    TypeOption,
    check_output,
    chosen_type,
    opened_reader,
    show,
    show_csv,
    spoken,
)
from jobs.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from jobs.speech import Speech

ACTIVATION_COLUMNS = (
    "type", "base", "active", "activation", "low", "high", "engaged", "engagement", "deals", "deals_per_active", "newcomers",
    "partner_sourced", "deals_all_channels", "share", "won_partner_sourced", "won_all_channels", "won_share", "share_status", "won_share_status",
)  # fmt: skip
STALLED_COLUMNS = (
    "record", "partner", "type", "target", "milestone", "since", "days", "business_days", "status", "days_over", "chance",
    "chance_at_entry", "next_step",
)  # fmt: skip
ACTUAL_COLUMNS = (
    "month", "type", "milestone", "planned", "planned_to_date", "actual", "gap", "landing", "chance_of_target", "effect",
    "landing_low", "landing_high", "landing_in_flight", "landing_new",
)  # fmt: skip


def activation(
    type_name: TypeOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Show who brings deals, and whether cadence is kept."""
    from jobs.steps.more import ACTIVATION

    check_output(None, json=json, csv=csv)
    with opened_reader(config, workspace) as reader:
        said = spoken(language, reader.rules)
        document = _report(reader, ACTIVATION, as_of, known_at)
    wanted = chosen_type(type_name, [a["type"] for a in document["activation"]])
    for part in ("activation", "first_deal"):
        document[part] = [a for a in document[part] if wanted is None or a["type"] == wanted]
    from jobs.tables import partners

    show(
        document,
        json=json,
        csv=csv,
        lines=lambda: show_csv(with_shares(document), ACTIVATION_COLUMNS),
        pages=lambda: _pages(reader, document, said, lambda say: partners.activation(out, document, say)),
    )


def with_shares(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows by type; that of all types bears the partners' share of all deals, and of won ones."""
    sourced = document["sourced"]
    won = sourced.get("won", {})
    shares = {
        **{key: sourced[key] for key in ("partner_sourced", "deals_all_channels", "share")},
        "won_partner_sourced": won.get("partner_sourced"),
        "won_all_channels": won.get("deals_all_channels"),
        "won_share": won.get("share"),
        "share_status": sourced["status"],
        "won_share_status": won.get("status"),
    }
    if won.get("status") == "no_condition":
        shares |= {"won_partner_sourced": None, "won_all_channels": None}
    return [
        {**dict.fromkeys(shares), **row, **(shares if row["type"] == "all" else {})} for row in document["activation"]
    ]


def stalled(
    type_name: TypeOption = None,
    partner: Annotated[
        str | None,
        typer.Option("--partner", help="Only this partner: connection.Object/ID, its id, or its name or part of it."),
    ] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """List entries that wait too long, with the next step."""
    check_output(None, json=json, csv=csv)
    from jobs import asked_reports, waiting
    from jobs.asked import check_type

    with opened_reader(config, workspace) as reader, reader.engine.connect() as conn:
        only = None
        if partner is not None:
            only, name, kind = waiting.partner_called(reader.conn, reader.name, partner)
            check_type(name, kind, type_name)
        said = spoken(language, reader.rules)
        document = asked_reports.stalled(conn, reader.name, reader.settings, reader.rules, said, as_of, known_at, only)
        types = waiting.types(reader.conn, reader.name)
    rows: list[dict[str, Any]] = document["entries"]
    wanted = chosen_type(type_name, sorted({*types, *(r["type"] for r in rows)}))
    rows = [r for r in rows if wanted is None or r["type"] == wanted]
    from jobs.tables import partners

    show(
        {**document, "entries": rows},
        json=json,
        csv=csv,
        lines=lambda: show_csv(rows, STALLED_COLUMNS),
        pages=lambda: _pages(
            reader,
            document,
            said,
            lambda say: partners.stalled(out, rows, say, past=document["as_of"] if as_of or known_at else None),
        ),
    )


def actual(
    month: Annotated[
        str | None, typer.Option(help="This month, such as 2026-12; left out: all that are kept.", metavar="YYYY-MM")
    ] = None,
    deals: Annotated[
        float | None, typer.Option(help="Set the month's target: so many deals, worked back by the newest conversions.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who sets it; left out: the user of this machine.")] = None,
    type_name: TypeOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Set plan against actual, and explain the gap."""
    from jobs import waiting
    from jobs.months import read_month
    from jobs.person import person
    from jobs.speech import Speech
    from jobs.steps import actual as step

    check_output(None, json=json, csv=csv)
    if deals is None and by is not None:
        raise ConfigError("--by says who sets a target; give it with --deals N, or leave it out.")
    if deals is not None and (as_of, known_at) != (None, None):
        raise ConfigError("--deals sets a target from now on; leave --as-of and --known-at out.")
    if deals is not None and type_name is not None:
        raise ConfigError("--deals sets the target of all partners together; leave --type out.")
    if deals is not None and csv:
        raise ConfigError("--deals sets a target and prints no table; leave --csv out, or ask for --json.")
    day = None if month is None else read_month(month)
    with opened_reader(config, workspace) as reader:
        said = spoken(language, reader.rules)
        if deals is not None:
            document = _set_target(reader, day, deals, by or person())
            if json:
                show_json(document)
            else:
                numbers = {name: f"{document['numbers'][name]:g}" for name in ("deal", "listed")}
                text = "{month}: {deal} {deal:deal needs|deals need} {listed} listed; the next `sakigake run` sets them against what is reached."
                out.print(Speech(said)(text, month=document["month"], **numbers))
            return
        document = _report(reader, step.KIND, as_of, known_at)
        types = waiting.types(reader.conn, reader.name)
    found = [m for m in document["months"] if day is None or m["month"] == month]
    if not found:
        kept = ", ".join(m["month"] for m in document["months"]) or "none"
        raise ConfigError(
            f"No target is kept for {month}; kept are {kept}. Set one: sakigake actual --month {month} --deals 20"
        )
    planned = sorted({r["type"] for m in found for r in m["rows"]})
    if type_name in types and type_name not in planned:
        raise NotFound(
            f"The target has no numbers of partner type {type_name!r}; it has those of {', '.join(planned)}."
        )
    wanted = chosen_type(type_name, planned)
    rows = [{**r, "month": m["month"]} for m in found for r in m["rows"] if wanted is None or r["type"] == wanted]
    from jobs.tables import partners

    show(
        {**document, "months": found},
        json=json,
        csv=csv,
        lines=lambda: show_csv(rows, ACTUAL_COLUMNS),
        pages=lambda: _pages(
            reader,
            document,
            said,
            lambda _: partners.actual(out, document["as_of"], found, wanted, said, document.get("reporting_delay")),
        ),
    )


def _set_target(reader: Reader, month: date | None, deals: float, by: str) -> dict[str, Any]:
    from indicators.subjects import ALL
    from jobs.asked import answer
    from jobs.months import mix_of, month_of
    from jobs.runs import utc_now
    from jobs.steps import actual as step
    from jobs.target_document import static_of

    if month is None:
        raise ConfigError("--deals sets the target of a month; say which with --month YYYY-MM.")
    if not 1 <= deals <= 1_000_000:
        raise ConfigError(f"--deals is {deals:g}, expected a number of deals from 1 to 1,000,000.")
    axes = reader.axes(None, None)
    with reader.engine.connect() as connection:
        said = answer(connection, reader.name, reader.settings, reader.rules, axes)
    mix = mix_of(reader.settings.targets.mix, said.partners.types)
    numbers = step.static_targets(static_of(said, deals, month_of(month), mix=mix))
    step.keep_targets(
        reader.conn,
        reader.name,
        month,
        {ALL: numbers},
        basis=step.STATIC,
        by=by,
        at=utc_now(),
        known_at=axes.known_at,
    )
    from models.vocabulary import FUNNEL

    return {
        "workspace": reader.name,
        "month": month.isoformat()[:7],
        "basis": step.STATIC,
        "set_by": by,
        "numbers": {m.value: n for m, (n, _) in zip(FUNNEL, numbers, strict=True)},
    }


def _pages(reader: Reader, document: Mapping[str, Any], language: str, told: "Callable[[Speech], None]") -> None:
    """What is told, and below it what was not known."""
    from jobs.speech import Speech
    from jobs.tables.shape import known_short

    say = Speech(language)
    told(say)
    known_short(out, document, say, reader.rules.zone)


def _report(reader: Reader, kind: str, as_of: str | None, known_at: str | None) -> dict[str, Any]:
    from jobs.asked_reports import report

    with reader.engine.connect() as conn:
        return report(conn, reader.name, reader.settings, reader.rules, kind, as_of, known_at)


def add_to(app: typer.Typer) -> None:
    for command in (activation, stalled, actual):
        app.command()(command)
