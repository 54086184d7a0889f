"""Commands about versions of the mapping: diff, activate, history."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.cli.checking import mapping_app
from jobs.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    WorkspaceOption,
    opened_database,
    opened_workspace,
    out,
    show_json,
)
from jobs.cli.reading import LanguageOption, spoken
from jobs.errors import ConfigError

NO_REASON = "no reason given"  # kept where nobody could be asked, or nobody answered

NewArgument = Annotated[
    Path | None, typer.Argument(metavar="NEW", help="The file with the new version; default: the workspace's own file.")
]


@mapping_app.command("diff")
def mapping_diff(
    new: NewArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    language: LanguageOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a version would do, on the records that are mirrored: events, rates, tiers, fields. Stores nothing."""
    from jobs.beside import PREVIEW, Beside
    from jobs.uncollected import uncollected

    with uncollected(), Beside(*PREVIEW, at_once=True) as aside:
        aside.begin()  # it imports while we do
        from jobs.settings import load
        from jobs.wiring import choose_workspace, mapping_path, read_mapping

        name, settings = choose_workspace(load(config), workspace)
        rules = read_mapping(new or mapping_path(settings, config.absolute().parent), settings)
        from jobs.preview.diff import preview
        from jobs.tables import versions

        with opened_database() as engine:
            document = preview(engine, name, settings, rules, aside)
    if json:
        show_json(document)
    else:
        versions.diff(out, document, spoken(language, rules))


@mapping_app.command("activate")
def mapping_activate(
    new: NewArgument = None,
    reason: Annotated[
        str, typer.Option(help="Why; kept with the activation and in the audit trail. Asked for on a terminal.")
    ] = "",
    approved: Annotated[
        str | None,
        typer.Option(
            "--preview",
            help="The preview it was approved on, as `mapping diff` names it; refused where it would differ now.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Bring a version of the mapping into force: checked against the live CRMs, kept with who, when, why, diff and preview."""
    with opened_workspace(config, workspace) as ready:
        from jobs.mapping.check import problems_with
        from jobs.mapping.versions import activate, active, put_in_place
        from jobs.person import person
        from jobs.preview.diff import preview
        from jobs.speech import Speech
        from jobs.tables import versions
        from jobs.wiring import mapping_path, read_mapping

        rules = read_mapping(new or mapping_path(ready.settings, ready.folder), ready.settings)
        said = reason_of(reason, ask=sys.stdin.isatty() and not json)
        if problems := problems_with(rules, ready.connectors, ready.settings.prefix):
            raise ConfigError("\n".join(str(problem) for problem in problems))
        seen: dict[str, Any] | None
        with ready.connect() as conn:
            now = active(conn, ready.name)
            mirrored = conn.execute(
                "select exists (select from sakigake.mirror_object where workspace = %s)", (ready.name,)
            ).fetchone()
        seen = preview(ready.engine, ready.name, ready.settings, rules) if mirrored and mirrored[0] else None
        if approved and (seen is None or not seen["preview"].startswith(approved)):
            raise ConfigError(
                f"The preview is {seen['preview'][:12] if seen else 'empty'} now, not {approved}: records or the mapping changed meanwhile. "
                "Look again with `sakigake mapping diff`."
            )
        with ready.connect() as conn, conn.transaction():
            made = activate(conn, ready.name, rules, who=person(), reason=said, preview=seen)
            replaced = put_in_place(
                rules.text, ready.settings, ready.folder, now.mapping_hash if now else None, rules.hash
            )
    if json:
        show_json({**made.document(), "file": str(replaced or rules.filename)})
        return
    if seen is not None:
        versions.diff(out, seen, rules.language)
    text = (
        "Version {version} is in force; {file} says it now. The next run works with it."
        if replaced
        else "Version {version} is in force. The next run works with it."
    )
    out.print(Speech(rules.language)(text, version=made.mapping_hash[:12], file=replaced))


def reason_of(given: str, *, ask: bool) -> str:
    """Why, in words that whoever reads the history later understands: never an empty cell."""
    if not given.strip() and ask:
        given = typer.prompt("Why? (kept with the activation)", default="", show_default=False, err=True)
    return given.strip() or NO_REASON


@mapping_app.command("history")
def mapping_history(
    diffs: Annotated[bool, typer.Option("--diff", help="Show the lines that each one changed.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show the versions of the mapping that were in force: since when, by whom, why, and what they changed."""
    from jobs.mapping.versions import history
    from jobs.settings import load
    from jobs.tables import versions
    from jobs.wiring import choose_workspace, connect_with

    name, _ = choose_workspace(load(config), workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        found = [a.document() for a in history(conn, name)]
    if json:
        show_json({"workspace": name, "activations": found})
    elif not found:
        out.print(f"No version of the mapping was activated in workspace {name} yet; say: sakigake mapping activate")
    else:
        versions.history(out, found, diffs=diffs)


def add_to(app: typer.Typer) -> None:
    """Nothing of its own: these stand under `mapping`, beside `check`."""
    _ = app
