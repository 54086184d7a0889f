"""The command `explain`: from a field in the CRM to the source records that made it, now or as it was known then."""

from typing import Annotated

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from jobs.cli.reading import AsOfOption, KnownAtOption, LanguageOption, spoken
from jobs.errors import ConfigError
from models.vocabulary import RecordRef


def explain(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="connection.Object/ID")],
    field: Annotated[
        str | None,
        typer.Argument(
            metavar="FIELD", help="One field of ours, such as tier, or as the CRM calls it: Sakigake_Tier__c."
        ),
    ] = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    language: LanguageOption = None,
    json: JsonOption = False,
) -> None:
    """Tell why a field says what it says, down to its source records."""
    try:
        ref = RecordRef.parse(record)
    except ValueError as e:
        raise ConfigError(f"{e}.") from e
    from jobs.settings import load

    configuration = load(config)
    from jobs.axes import asked
    from jobs.explaining import document as made
    from jobs.wiring import choose_workspace, read_rules

    name, settings = choose_workspace(configuration, workspace)
    rules = read_rules(settings, config.absolute().parent)
    said = spoken(language, rules)
    day, moment = asked(as_of, known_at, rules.zone)
    with opened_database() as engine:
        found = made.explain(engine, name, settings, rules, ref, field, as_of=day, known_at=moment, language=said)
    if json:
        show_json(found)
        return
    from jobs.tables.explain import show

    show(out, found, alone=field is not None, language=said)


def add_to(app: typer.Typer) -> None:
    app.command()(explain)
