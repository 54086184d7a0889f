"""Commands about the mapping that read: coverage, schema."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from jobs.cli.reading import LanguageOption, spoken


def mapping_coverage(
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    every: Annotated[bool, typer.Option("--all", help="Show every value and every field.")] = False,
    language: LanguageOption = None,
    json: JsonOption = False,
) -> None:
    """Count every value that a rule reads: what it is mapped to, how many records hold it, and what maps to nothing."""
    from jobs.settings import load

    configuration = load(config)
    from jobs.mapping import coverage as made
    from jobs.tables import mapping
    from jobs.wiring import choose_workspace, connect_with, read_rules

    name, settings = choose_workspace(configuration, workspace)
    rules = read_rules(settings, config.absolute().parent)
    said = spoken(language, rules)
    with opened_database() as engine, connect_with(engine)() as conn:
        document = made.document(conn, name, settings, rules)
    if json:
        show_json(document)
    else:
        mapping.coverage(out, document, every=every, language=said)


def mapping_schema(
    file: Annotated[
        Path | None,
        typer.Option("--out", help="Write it to this file, such as mapping.schema.json beside the mapping."),
    ] = None,
) -> None:
    """Print the grammar of mapping.yaml as a JSON Schema, by which editors complete and check it."""
    from jobs.presets.writing import schema_text

    text = schema_text()
    if file is None:
        print(text, end="")
        return
    from jobs.errors import ConfigError

    try:
        file.write_text(text, "utf-8")
    except OSError as e:
        raise ConfigError(f"{file} cannot be written ({(e.strerror or str(e)).lower()}); choose another --out.") from e
    out.print(f"wrote {file}; the mapping's first line names it: # yaml-language-server: $schema={file.name}")


def add_to(app: typer.Typer) -> None:
    app.command("coverage")(mapping_coverage)
    app.command("schema")(mapping_schema)
