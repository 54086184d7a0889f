"""Commands of the audit trail: log, verify, export, reseal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from jobs.cli.common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkspaceOption, opened_database, out, show_json
from jobs.errors import ConfigError
from models.counted import counted

if TYPE_CHECKING:
    from jobs.audit_check import Finding

audit_app = typer.Typer(no_args_is_help=True, help="The audit trail: who decided what; tampering shows.")
HeadsOption = Annotated[
    Path | None,
    typer.Option("--heads", help="Heads that were noted outside of the database; default: those under SAKIGAKE_HOME."),
]


@audit_app.command("log")
def audit_log(
    last: Annotated[int, typer.Option(help="How many of the newest links.", min=1)] = 20,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show the newest links: when, who, what, and about what."""
    from jobs.settings import load
    from jobs.tables.shape import table
    from jobs.wiring import choose_workspace, connect_with
    from sync.chain import newest

    name, _ = choose_workspace(load(config), workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        found = newest(conn, name, last)
    if json:
        show_json(
            {
                "workspace": name,
                "links": [
                    {
                        "seq": link.seq,
                        "at": link.at.isoformat(),
                        "kind": link.kind,
                        "who": link.who,
                        "subject": link.subject,
                        "document": link.says(),
                        "hash": link.hash,
                    }
                    for link in found
                ],
            }
        )
        return
    if not found:
        out.print(f"The audit trail of workspace {name} is empty: nothing was decided yet.")
        return
    shown = table("Audit trail", "link", "at", "kind", "who", "about", "why", right=("link",))
    for link in found:
        shown.add_row(
            str(link.seq), f"{link.at:%Y-%m-%d %H:%M}", link.kind, link.who, link.subject[:40],
            str(link.says().get("reason", "")),
        )  # fmt: skip
    out.print(shown)


@audit_app.command("verify")
def audit_verify(
    file: Annotated[
        Path | None, typer.Option("--file", help="An export to check, without any database, in place of our own chain.")
    ] = None,
    heads: HeadsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Check the chain link by link, and against the heads noted elsewhere. Exit code 1 where it does not hold."""
    from jobs.audit_check import examine_export, heads_of_export, read_export
    from jobs.database import home_folder
    from jobs.heads import read_heads

    if file is not None:
        noted = heads_of_export(file, home_folder(), workspace) if heads is None else tuple(read_heads(heads))
        name, found = str(file), examine_export(read_export(file), noted)
    else:
        name, found = _ours(config, workspace, heads)
    if json:
        show_json(found.document(name))
    elif found.ok:
        newest = "it is empty" if found.head is None else f"the newest is {found.head.hash}"
        out.print(
            f"The audit trail of {escape(name)} holds: {counted(found.links, 'link')}; {newest}. Noted heads that it has: {found.heads:,}."
        )
    else:
        if found.says and found.broken_at is None:
            out.print(
                f"[red]Nothing can be said of {escape(name)}:[/] {escape(found.says)}. Make it anew with `sakigake audit export`; where the trail "
                "is said to be empty, give --workspace NAME or --heads FILE, and it is held against the heads that were noted."
            )
        elif found.says:
            out.print(f"[red]The audit trail of {escape(name)} is broken:[/] {escape(found.says)}.")
        for head in found.lost:
            out.print(
                f"[red]The audit trail lacks a link that was noted as its newest:[/] link {head.seq}, {head.hash}, noted {head.at[:19]}."
            )
        if found.lost and not found.says:
            out.print(
                "The export was cut, or made before these links came. Of an older export, give the heads of its time: --heads FILE"
                if file is not None
                else "The chain was cut or computed anew, or an older backup was restored. After a restore, say: sakigake audit reseal --reason WHY"
            )
    if not found.ok:
        raise typer.Exit(1)


@audit_app.command("export")
def audit_export(
    file: Annotated[
        Path | None, typer.Option("--out", help="Where it goes; default: standard output.", show_default=False)
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the whole chain as JSON lines, to be kept and checked elsewhere."""
    from jobs.settings import load
    from jobs.wiring import choose_workspace, connect_with
    from sync.chain import links

    name, _ = choose_workspace(load(config), workspace)
    with opened_database() as engine, connect_with(engine)() as conn:
        if file is None:
            sys.stdout.writelines(link.line() + "\n" for link in links(conn, name))
            return
        half = file.with_name(file.name + ".new")
        try:
            with half.open("w", encoding="utf-8") as writing:
                writing.writelines(link.line() + "\n" for link in links(conn, name))
            half.replace(file)
        except OSError as e:
            half.unlink(missing_ok=True)
            raise ConfigError(f"{file} cannot be written ({(e.strerror or '').lower()}); choose another --out.") from e
    out.print(f"wrote {file}")


@audit_app.command("reseal")
def audit_reseal(
    reason: Annotated[str, typer.Option(help="Which backup was restored, and why; kept in the chain.")],
    heads: HeadsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """After a restored backup: note which links it lacks, so that the chain can go on."""
    from jobs.audit_check import reseal
    from jobs.database import home_folder
    from jobs.heads import note_head
    from jobs.person import person
    from jobs.settings import load
    from jobs.wiring import choose_workspace, connect_with

    name, _ = choose_workspace(load(config), workspace)
    _, found = _ours(config, workspace, heads)
    with opened_database() as engine, connect_with(engine)() as conn:
        link = reseal(conn, name, found, who=person(), reason=reason)
        note_head(conn, name, home_folder())
    if json:
        show_json({"seq": link.seq, "hash": link.hash, "lost": found.document(name)["lost"]})
    else:
        out.print(f"Link {link.seq} says that {len(found.lost):,} noted heads were lost, and why.")


def _ours(config: Path, workspace: str | None, heads: Path | None) -> "tuple[str, Finding]":
    """The workspace's chain in our database, checked."""
    from jobs.audit_check import examine
    from jobs.database import home_folder
    from jobs.heads import heads_file, read_heads
    from jobs.settings import load
    from jobs.wiring import choose_workspace, connect_with
    from sync.chain import links

    name, _ = choose_workspace(load(config), workspace)
    path = heads or heads_file(home_folder(), name)
    noted = list(read_heads(path)) if heads is not None or path.exists() else []
    with opened_database() as engine, connect_with(engine)() as conn:
        return name, examine(links(conn, name), noted)


def add_to(app: typer.Typer) -> None:
    app.add_typer(audit_app, name="audit")
