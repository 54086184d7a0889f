"""Commands with a world of their own: sandbox and demo."""

import json as json_module
import os
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.common import JsonOption, out, set_logs, show_json
from jobs.errors import ConfigError, SakigakeError


def sandbox(
    port: Annotated[int, typer.Option(help="0 picks a free one.")] = 8600,
    host: Annotated[str, typer.Option(help="Loopback by default: whoever reaches it owns it.")] = "127.0.0.1",
    world: Annotated[
        Path | None, typer.Option(help="A folder with partners, entries, events and activities as CSV.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="The day the clock starts, such as 2026-10-31; `advance` reveals what comes later."
        ),
    ] = None,
    rows: Annotated[
        list[str] | None, typer.Option(metavar="OBJECT=N", help="Make one object that large, for load.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 7,
    entries: Annotated[int, typer.Option(help="About so many attack-list entries.")] = 2400,
    scenario: Annotated[
        str,
        typer.Option(
            help="clean; messy: skips, regressions, late and corrected records; empty: no record at all; partners: nothing but partners."
        ),
    ] = "clean",
    salesforce_entries: Annotated[
        str, typer.Option(help="How Salesforce keeps attack lists: custom_object, leads or campaign_members.")
    ] = "custom_object",
    person_accounts: Annotated[
        bool, typer.Option("--person-accounts", help="Salesforce with accounts that are persons.")
    ] = False,
    currencies: Annotated[
        str, typer.Option(metavar="CODES", help="Salesforce with several currencies, the corporate one first: JPY,USD")
    ] = "",
    hubspot_entries: Annotated[
        str, typer.Option(help="How HubSpot keeps them: deals (in a pipeline of their own) or custom_object.")
    ] = "deals",
    limits: Annotated[
        bool, typer.Option("--limits/--no-limits", help="Enforce rate and day limits as the real ones do.")
    ] = True,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
    json: JsonOption = False,
) -> None:
    """Run a local Salesforce and HubSpot that speak the real wire formats, until ctrl-C."""
    from sandbox.server import SandboxCannotBeMade, SandboxCannotListen, serve
    from sandbox.settings import SandboxSettings

    large: dict[str, int] = {}
    for text in rows or []:
        name, _, count = text.partition("=")
        if not name or not count.isdigit():
            raise ConfigError(f"--rows {text!r} is not OBJECT=N; write for example --rows Task=200000.")
        large[name] = int(count)
    try:
        settings = SandboxSettings(
            seed=seed,
            entries=entries,
            scenario=scenario,  # type: ignore[arg-type]  # checked there
            as_of=_day(as_of),
            world_dir=world,
            rows=large,
            salesforce_entries=salesforce_entries,  # type: ignore[arg-type]  # checked there
            salesforce_person_accounts=person_accounts,
            salesforce_currencies=tuple(code.strip() for code in currencies.split(",") if code.strip()),
            hubspot_entries=hubspot_entries,  # type: ignore[arg-type]
            limits=limits,
        )
    except ValueError as e:
        raise ConfigError(f"{e}.") from e

    def ready(address: str) -> None:
        if json:
            print(json_module.dumps({"url": address}), flush=True)
        else:
            print(
                f"Salesforce and HubSpot of the sandbox listen on {address} (control: {address}/_sandbox/health). ctrl-C ends it.",
                flush=True,
            )

    if until_stdin_closes:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        serve(settings, host, port, ready=ready)
    except SandboxCannotBeMade as e:
        raise ConfigError(f"{e}.") from e
    except SandboxCannotListen as e:
        raise SakigakeError(f"{e}.") from e


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after one cycle; exit code 0 only if every step succeeded.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the whole cycle against a sandbox of its own, and keep its world turning until ctrl-C."""
    from jobs.demo import run_demo

    set_logs()
    document = run_demo(None if json else out, once=once)
    if json:
        show_json(document)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"--as-of is {text!r}, expected a day such as 2026-10-31.") from e


def _end_with_parent() -> None:
    """A sandbox that a demo started ends when the demo does, however that came about."""
    try:
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        os._exit(0)


def add_to(app: typer.Typer) -> None:
    app.command()(sandbox)
    app.command()(demo)
