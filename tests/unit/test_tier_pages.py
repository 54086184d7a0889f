"""Tiers set by hand, as a page: what holds, what ended, who did it and why, in one language."""

import io
import re
from datetime import UTC, date, datetime

import pytest
from rich.cells import cell_len

from jobs.cli.common import Uncut
from jobs.overrides import Override
from jobs.speech import Speech
from jobs.tables.overrides import listed, state

TODAY = date(2026, 10, 31)
AT = datetime(2026, 10, 31, 9, tzinfo=UTC)


def override(name="（株）四季アドバイザリー", until=date(2027, 1, 29), *ended):
    ended_on, by, why = ended or (None, None, None)
    since = date(2026, 10, 1)
    return Override("override-1", "p1", name, "A", since, until, "年度末の重点", "佐藤", AT, ended_on, by, why)


HOLDS = override()
OVER = override("株式会社九重総研", date(2026, 10, 30))
ENDED = override("株式会社テラ酒販", date(2027, 1, 29), date(2026, 10, 20), "山田", "方針変更")
ANEW = override("株式会社千歳経営研究所", date(2027, 1, 29), date(2026, 9, 30), "山田", "replaced by override-7")


def page(found, language, *, everything=True, width=80):
    out = Uncut(file=io.StringIO(), width=width, highlight=False)
    listed(out, found, TODAY, Speech(language), everything=everything)
    return out.file.getvalue()


def test_each_state_has_its_word():
    assert [state(one, TODAY) for one in (HOLDS, OVER, ENDED, ANEW)] == ["holds", "over", "ended", "ended"]


def test_the_page_says_who_ended_a_tier_when_and_why():
    said = "".join(page([HOLDS, OVER, ENDED, ANEW], "ja", width=200).split())
    for words in (
        "有効佐藤年度末の重点",
        "期限切れ",
        "（山田が終了、最終日2026-10-20：方針変更）",
        "（山田が設定した日に終了：再設定）",
    ):
        assert words in said
    said = page([HOLDS, OVER, ENDED, ANEW], "en", width=200)
    for words in (
        "holds",
        "over",
        "(ended by 山田, its last day was 2026-10-20: 方針変更)",
        "(ended by 山田 on the day it was set: set anew)",
    ):
        assert words in said


@pytest.mark.parametrize("found", [[], [HOLDS, OVER, ENDED, ANEW]])
def test_it_speaks_one_language_and_fits_80_columns(found):
    for everything in (True, False):
        japanese = page(found, "ja", everything=everything)
        assert not re.findall(r"[A-Za-z]{2,}", japanese), japanese
        assert max(map(cell_len, japanese.splitlines())) <= 80
        english = page([], "en", everything=everything)
        assert re.fullmatch(r"No tier (is|was ever) set by hand\.\n", english)


def test_what_holds_alone_needs_no_state():
    assert "状態" not in page([HOLDS], "ja", everything=False)
