"""What is told about a mapping, in both languages: each text has its Japanese, and a page in Japanese leaves no English sentence standing."""

import ast
import io
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from indicators.inputs import NO_DAY, day_number
from indicators.stalled import STATUSES
from jobs.explaining.written import whole
from jobs.speech_ja import JAPANESE
from jobs.speech_ja_mapping import MAPPING
from jobs.steps.entry_rows import SAID, entry_rows
from jobs.tables.mapping import coverage
from jobs.tables.shape import value

TABLES = Path(__file__).parents[2] / "jobs" / "tables"
PAGES = ("mapping", "versions", "explain", "lists")


def texts(page: str) -> set[str]:
    """What a page says: what `say` is called with, what is mapped by it, and what is kept as `text` for it."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse((TABLES / f"{page}.py").read_text("utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called in ("say", "self._say", "self._line", "self._listed"):
                found.append(node.args[0])
            elif called == "map" and ast.unparse(node.args[0]) in ("say", "self._say"):
                found.append(node.args[1])
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("text", "names", "(text, active)"):
            found.append(node.value)
    strings = (n.value for one in found for n in ast.walk(one) if isinstance(n, ast.Constant))
    return {said for said in strings if isinstance(said, str) and re.search(r"[a-z]{2}", said)}


NO_TEXTS = {
    "decided_at",
    "deal_id",
    "records",
    "file",
    "where",
    "kind",
    "op",
    "status",
    "fields",
    "subject",
    "partner",
    "verdict",
    "same",
    "partners",
    "entries",
    "matched_by",
    "is",
    "after",
    "en",
    "ja",
    "utf-8",
    "part",
    "mapping_hash",
    "run",
    "by",
    "why",
    "how",
    "undone_by",
    "entry_records",
    "partner_records",
    "record",
    "value",
    "label",
    "name",
    "{left} and {right} are one",
    "{left} and {right} are not one",
    ", said {who} on {day}: {reason}",
    ": {before} → {after} ({gained} new, {lost} gone)",
    "active",
    "failed",
    "end",
    "type",
    "before",
    "new",
    "total",
    "what_would_change",
    "formula",
}  # fmt: skip - keys of documents, and halves of texts that are put together


@pytest.mark.parametrize("page", PAGES)
def test_every_text_of_a_page_has_its_japanese(page):
    said = texts(page)
    assert len(said) > 10
    assert sorted(said - JAPANESE.keys() - NO_TEXTS) == []


def test_every_japanese_of_these_pages_is_said_somewhere_with_the_same_names_in_braces():
    names = re.compile(r"\{(\w+)")
    for english, japanese in MAPPING.items():
        assert set(names.findall(japanese)) <= set(names.findall(english)), english


DOCUMENT = {
    "lines": {"partners[0]": 18, "entries[0]": 52},
    "rules": [
        {"part": "partners", "connection": "crm", "object": "Account", "rule": "partners[0]", "records": 0, "line": 18},
        {"part": "partners", "connection": "crm", "object": "Account", "rule": "", "records": 1, "line": None},
    ],
    "fields": [
        {"connection": "crm", "object": "Account", "field": "Size", "more": 3, "values": [
            {"value": "0 to 49", "label": "", "records": 1, "mapped_to": ["small"], "unmapped": False},
            {"value": "", "label": "", "records": 2, "mapped_to": ["entries[0]"], "unmapped": False},
            {"value": "X", "label": "", "records": 1, "mapped_to": [], "unmapped": True},
        ]},
    ],
    "links": [],
    "unmapped": {"list": [{"connection": "crm", "object": "Account", "field": "Size", "value": "X", "records": 1, "example": "001"}]},
    "without_partner": {"list": [{"kind": "entry_without_partner", "rule": "entries[0]", "records": 1, "examples": ["crm.Entry/1"]}]},
    "contradictory_dates": {"list": [
        {"milestone": "agreed", "is": "before", "than": "listed", "entries": 1, "examples": [{"record": "crm.Entry/1", "on": "2026-01-01", "than_on": "2026-02-01"}]},
    ]},
    "duplicates": {
        "entries": {"targets": 1, "by": {"domain": 1}, "examples": [["crm.Entry/1", "crm.Entry/2"]]},
        "partners": {"records": 1, "list": [{"examples": ["crm.Account/1"]}]},
    },
}  # fmt: skip


def page(language: str) -> str:
    out = Console(file=io.StringIO(), width=200)
    coverage(out, DOCUMENT, every=False, language=language)
    return out.file.getvalue()


def test_coverage_names_rules_with_their_lines_and_one_thing_as_one():
    said = page("en")
    assert "partners[0] (line 18) takes none of the 1 record of crm.Account that are there" in said
    assert re.search(r"crm\.Account +partners\[0\] +18 +0 *\n", said)
    assert "entries[0] (line 52)" in said
    assert "Entry without partner: 1 record by entries[0] (line 52), such as crm.Entry/1" in said
    assert "Contradictory dates: 1 entry agreed before listed" in said
    assert "1 target stands twice on one partner's list (1 by domain), such as crm.Entry/1 and crm.Entry/2" in said
    assert "1 record is a partner that stands twice in one object" in said


def test_coverage_in_japanese_leaves_no_english_sentence():
    said = page("ja")
    assert "partners[0]（18行目）は、crm.Accountの1件のどれにも該当しません" in said
    assert "0〜49" in said
    assert "「アクション合意」が「リスト掲載」より前のエントリー1件" in said
    assert re.findall(r"[A-Za-z]+ [a-z]+ [a-z]+", said) == []


def test_one_number_is_told_in_one_way_whether_the_crm_or_we_hold_it():
    assert [value(n) for n in (15.0, 15, 15.5, True)] == ["15", "15", "15.5", "yes"]
    assert [type(whole(n)) for n in (15.0, 15, 15.5, True)] == [int, int, float, bool]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("status", "english", "japanese"),
    [("moving", "no longer than 80 %", "80%が要した期間内"), ("warn", "not called stalled", "停滞とはしない")],
)
def test_what_is_not_stalled_says_why_not(language, status, english, japanese):
    row = np.zeros(1, SAID)
    row["since"], row["due"], row["day"] = day_number(date(2026, 10, 7)), NO_DAY, NO_DAY
    row["status"] = STATUSES.index(status)
    (told,) = [r for r in entry_rows(["e1"], row, language, 180) if r[2] == "stalled"]
    assert told[3] is False
    assert told[4]["status"] == status
    assert (english if language == "en" else japanese) in told[4]["why"]
    assert "2026-10-07" in told[4]["why"]
