"""Documents that are checked: commands, settings, JSON documents and links are as the code has them."""

import re
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel

from jobs.cli import app
from jobs.settings import WorkspaceSettings
from jobs.settings_connections import HubspotConnection, SalesforceConnection

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
README_JA = (ROOT / "README.ja.md").read_text("utf-8")
JSON = (ROOT / "docs" / "json.md").read_text("utf-8")
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")})


def commands() -> dict[str, Any]:
    """Every command by the words that call it, such as `db upgrade`."""
    found: dict[str, Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        if hasattr(command, "commands"):
            for name, below in command.commands.items():
                walk(below, (*words, name))
        else:
            found[" ".join(words)] = command

    walk(typer.main.get_command(app), ())
    return found


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


COMMANDS = commands()


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_named_where_people_look(words):
    assert re.search(rf"sakigake {words}\b|make {words}\b", README + OPERATIONS), (
        f"nobody is told of `sakigake {words}`"
    )


@pytest.mark.parametrize("words", [w for w, c in COMMANDS.items() if "--json" in options(c)])
def test_every_json_document_is_described(words):
    assert re.search(rf"^\| `{words}[` ]", JSON, re.MULTILINE), f"docs/json.md lacks `{words}`"


def test_no_json_document_is_described_that_no_command_prints():
    rows = re.findall(r"^\| `([a-z ]+?)(?: --once)?`", JSON, re.MULTILINE)
    assert [words for words in rows if "--json" not in options(COMMANDS[words])] == []


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_and_option_says_what_it_does_in_plain_words(words):
    command = COMMANDS[words]
    assert command.help, f"`sakigake {words}` says nothing of itself"
    assert command.help.splitlines()[0].endswith(".")
    silent = [p.name for p in command.params if p.name != "help" and not p.hidden and not getattr(p, "help", None)]
    assert silent == []


def test_commands_that_the_pages_show_exist_with_their_options():
    shown = re.findall(
        r"sakigake ((?:[a-z]+ ?){1,2})((?: ?--[a-z-]+)*)", "\n".join(p.read_text("utf-8") for p in PAGES)
    )
    for words, given in shown:
        name = " ".join(words.split())
        known = name if name in COMMANDS else name.split()[0]
        if known in COMMANDS:
            assert set(given.split()) <= options(COMMANDS[known]), f"sakigake {words}{given}"
    assert len(shown) > 20


def settings(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of the model by its dotted name, and its default."""
    for name, field in model.model_fields.items():
        key = above + (field.alias or name)
        yield key, field
        if key != "connections":
            for below in members(field.annotation):
                if below.__name__ != "Secret":
                    yield from settings(below, f"{key}.")


def members(annotation: Any) -> list[type[BaseModel]]:
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return [m for argument in get_args(annotation) for m in members(argument)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


SETTINGS = {
    (kind.__name__, key): field
    for kind in (WorkspaceSettings, SalesforceConnection, HubspotConnection)
    for key, field in settings(kind)
}


@pytest.mark.parametrize(("kind", "key"), SETTINGS)
def test_every_setting_is_described(kind, key):
    said = key.removeprefix("auth.")
    assert re.search(rf"^\| `{said}` \|", OPERATIONS, re.MULTILINE), f"docs/operations.md lacks `{said}`"


@pytest.mark.parametrize(
    ("kind", "key"),
    [k for k, f in SETTINGS.items() if isinstance(f.default, str | int | float) and not k[1].startswith("auth.")],
)
def test_every_default_is_the_one_described(kind, key):
    default = SETTINGS[kind, key].default
    said = f"{default:g}" if isinstance(default, float) else str(default)
    (row,) = re.findall(rf"^\| `{key}` \|([^|]*)\|", OPERATIONS, re.MULTILINE)
    assert f"`{said}`" in row


def test_no_setting_is_described_that_is_none():
    known = {key.removeprefix("auth.") for _, key in SETTINGS}
    tables = OPERATIONS[OPERATIONS.index("| setting of a workspace") : OPERATIONS.index("| environment variable")]
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", tables, re.MULTILINE)) <= known


def test_every_environment_variable_that_we_read_is_described():
    read = set()
    for path in (ROOT / "jobs").rglob("*.py"):
        read |= set(re.findall(r"\"((?:SAKIGAKE_[A-Z]+)|DATABASE_URL)\"", path.read_text("utf-8")))
    assert {v for v in read if f"| `{v}` |" not in OPERATIONS} == set()


def test_both_readmes_name_the_same_commands_and_links():
    """What one language tells, the other does."""

    def code(text: str) -> list[str]:
        blocks = re.findall(r"^    ((?:make|sakigake) .*?)(?:\s+#.*)?$", text, re.MULTILINE)
        return blocks + sorted(re.findall(r"`(make [^`]*)`", text))

    def links(text: str) -> set[str]:
        return set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.ja.md"}

    assert code(README) == code(README_JA)
    assert links(README) == links(README_JA)
    assert "README.ja.md" in README
    assert "README.md" in README_JA


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert target == ROOT or ROOT in target.parents, f"{link} leads out of the project"
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{page.name} links to {link}"


def tracked() -> list[Path]:
    """The files of the project: what git knows, or where there is no git all that is not made."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=20
        ).stdout.decode()
        found = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for p in ROOT.rglob("*") if p.is_file() and not {".venv", ".git"} & set(p.relative_to(ROOT).parts)]
    return [p for p in found if p.is_file() and p.suffix not in (".pyc", ".png")]


HOMES = ("work", "root", "home/[a-z]+", "Users/[a-z]+")
BACKWARDS = ("gro.ipyp", "detsohnohtyp", "sjmpn", "yrotcafitra")  # this file is looked through too
REGISTRIES = [name[::-1] for name in BACKWARDS]
MACHINE = re.compile(rf"(?<![\w.*]){'/'}(?:{'|'.join(HOMES)})/|{'|'.join(REGISTRIES)}|--(?:extra-)?index-url=?\s*[a-z]")


def test_no_file_names_this_machine_or_a_registry():
    """A clone works elsewhere: no path of the machine it was made on, no host that packages came from."""
    assert MACHINE.search(f"see {'/'}work/main")
    found = []
    for path in tracked():
        text = path.read_text("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {m.group(0)}" for m in MACHINE.finditer(text)]
    assert found == []


def test_locks_hold_hashes_and_no_addresses():
    for name in ("run.lock", "test.lock"):
        text = (ROOT / "requirements" / name).read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_every_test_that_the_guarantees_name_is_there():
    """A row names a file of tests/acceptance, and goes on with `::test` in the same one."""
    told = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    named, file = set(), ""
    for found in re.finditer(r"`(test_\w+\.py)?(?:::(test_\w+))?`", told):
        file = found[1] or file
        if found[2]:
            named.add((file, found[2]))
    assert len(named) > 30
    for file, name in sorted(named):
        assert f"def {name}(" in (ROOT / "tests" / "acceptance" / file).read_text("utf-8"), f"{file}::{name}"
