"""Commands that set a tier by hand, end that, and list what is set."""

from datetime import date, timedelta
from typing import Annotated

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, out, show_json
from jobs.cli.reading import CsvOption, LanguageOption, Reader, check_output, opened_reader, show, show_csv, spoken
from jobs.errors import ConfigError
from models.vocabulary import RecordRef, Tier

tier_app = typer.Typer(no_args_is_help=True, help="Tiers set by hand: set one, end it, list them.")
RecordArgument = Annotated[str, typer.Argument(metavar="RECORD", help="The partner's record: connection.Object/ID")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decided; left out: the user of this machine.")]


@tier_app.command("set")
def tier_set(
    record: RecordArgument,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="A, B, C or D.")],
    reason: Annotated[str, typer.Option(help="Why; kept, and shown as the tier's reason.")],
    until: Annotated[
        str | None,
        typer.Option(
            help="The last day it holds, at most a year ahead; left out: assumptions.override_lasts, 90 days.",
            metavar="DAY",
        ),
    ] = None,
    by: ByOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Set a partner's tier by hand until a day; the next run shows it, and the rules decide again afterwards."""
    from jobs import overrides
    from jobs.axes import parse_day
    from jobs.person import person
    from jobs.runs import utc_now
    from jobs.speech import Speech

    ref, chosen = _record(record), _tier(tier)
    with opened_reader(config, workspace) as reader:
        say = Speech(spoken(language, reader.rules))
        partner_id = overrides.partner_of(reader.conn, reader.name, ref)
        override_id = overrides.set_tier(
            reader.conn,
            reader.name,
            partner_id,
            chosen,
            today=_today(reader),
            until=_today(reader) + timedelta(days=reader.settings.assumptions.override_lasts)
            if until is None
            else parse_day(until, "--until"),
            reason=reason,
            by=by or person(),
            at=utc_now(),
            known_at=reader.axes(None, None).known_at,
        )
        (made,) = [
            o for o in overrides.listed(reader.conn, reader.name, _today(reader)) if o.override_id == override_id
        ]
    if json:
        show_json({"override": made.document()})
    else:
        text = "{record} is in tier {tier} from {first} until {last}; the next `sakigake run` shows it."
        out.print(say(text, record=str(ref), tier=made.tier, first=made.starts_on, last=made.ends_on))


@tier_app.command("end")
def tier_end(
    record: RecordArgument,
    reason: Annotated[str, typer.Option(help="Why it ends before its time; kept.")],
    by: ByOption = None,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """End a tier that was set by hand before its time: the rules decide again from today on."""
    from jobs import overrides
    from jobs.person import person
    from jobs.runs import utc_now
    from jobs.speech import Speech

    ref = _record(record)
    with opened_reader(config, workspace) as reader:
        say = Speech(spoken(language, reader.rules))
        ended = overrides.end_tier(
            reader.conn,
            reader.name,
            overrides.partner_of(reader.conn, reader.name, ref),
            today=_today(reader),
            reason=reason,
            by=by or person(),
            at=utc_now(),
            known_at=reader.axes(None, None).known_at,
        )
    if json:
        show_json({"record": str(ref), "ended": ended})
    else:
        out.print(
            say("The rules decide the tier of {record} again; the next `sakigake run` shows it.", record=str(ref))
        )


@tier_app.command("list")
def tier_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    language: LanguageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """List the tiers that are set by hand, with who set them, why, and until when."""
    check_output(None, json=json, csv=csv)
    from jobs import overrides
    from jobs.speech import Speech
    from jobs.tables import overrides as tables

    with opened_reader(config, workspace) as reader:
        say, today = Speech(spoken(language, reader.rules)), _today(reader)
        found = overrides.listed(reader.conn, reader.name, today, everything=everything)
    documents = [{**o.document(), "state": tables.state(o, today)} for o in found]
    show(
        {"overrides": documents},
        json=json,
        csv=csv,
        lines=lambda: show_csv(documents, tables.COLUMNS),
        pages=lambda: tables.listed(out, found, today, say, everything=everything),
    )


def _record(text: str) -> RecordRef:
    try:
        return RecordRef.parse(text)
    except ValueError as e:
        raise ConfigError(f"{e}.") from e


def _tier(text: str) -> Tier:
    if text not in list(Tier):
        raise ConfigError(f"{text!r} is no tier; choose A, B, C or D.")
    return Tier(text)


def _today(reader: Reader) -> date:
    """The newest day that was computed: what the CRM's clock said last."""
    return reader.axes(None, None).as_of
