"""docs/proofs.md names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROOFS = (ROOT / "docs" / "proofs.md").read_text("utf-8")
SUITE = "tests/contract/connector_suite.py"
NAMED = sorted({(file or SUITE, test) for file, test in re.findall(r"(?:(tests/[\w/]+\.py)|\bS)::(\w+)", PROOFS)})


@cache
def functions_of(file: str) -> set[str]:
    return {n.name for n in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))) if isinstance(n, ast.FunctionDef)}


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_is_named_as_a_proof_exists(file: str) -> None:
    assert [test for of, test in NAMED if of == file and test not in functions_of(file)] == []


def test_every_promise_has_a_proof() -> None:
    rows = [
        line for line in PROOFS.splitlines() if line.startswith("| ") and not line.startswith(("| promise", "| what"))
    ]
    assert len(rows) > 60
    assert [line for line in rows if "::test_" not in line] == []
