"""The walk in docs/mapping.md, command by command: what stands there is what the commands print."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.desk import Desk, Sandbox

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "mapping.md"
WALK = GUIDE.read_text("utf-8").partition("## A walk")[2]
STEP = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def steps() -> Iterator[tuple[str, str]]:
    """(command, what it prints); `...` stands for anything."""
    for block in re.findall(r"```console\n(.*?)```", WALK, re.DOTALL):
        yield from STEP.findall(block)


def printed(desk: Desk, command: str, url: str) -> str:
    words = shlex.split(command.replace("http://127.0.0.1:8600", url))
    if words[0] == "sed":
        old, new = re.fullmatch(r"s/(.*)/(.*)/", words[2]).groups()
        path = desk.folder / words[3]
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        return ""
    done = desk.sakigake(*words[1:], code=None)
    text = (done.stdout + done.stderr).replace(f"{desk.folder}/", "").replace(url, "http://127.0.0.1:8600")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def pattern(expected: str) -> re.Pattern[str]:
    return re.compile(re.escape(expected.rstrip("\n") + "\n").replace(re.escape("..."), ".*?"), re.DOTALL)


@pytest.mark.timeout(240)
def test_every_command_of_the_walk_prints_what_stands_there(module_desk: Desk, module_sandbox: Sandbox) -> None:
    walk = list(steps())
    assert [
        name
        for name in ("init", "check", "coverage", "diff", "activate", "explain")
        if not any(name in c for c, _ in walk)
    ] == []
    for command, expected in walk:
        met = printed(module_desk, command, module_sandbox.url)
        if expected.strip() or met.strip():
            assert pattern(expected).fullmatch(met), f"$ {command}\n{met}"
