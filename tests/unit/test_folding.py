"""Where lines and tables give way on a narrow page: nothing is lost, and what people read as one stays in one piece."""

import io
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from jobs.tables.folding import Folded, breaks, phrases
from jobs.tables.shape import items, table

SAID = "勉強会の先行は認められません。1回につき商談0.20件の増加があれば検出できました（検出限界0.16件）。"
WORDS = st.sampled_from(
    ("商談", "リスト掲載", "0.20件", "→", "、", "株式会社ノルドキッチン", "salesforce.Account/001xx0000001", "a", "は", "ました。", "（", "）")
)  # fmt: skip


def lines(text: str, width: int) -> list[str]:
    at = [0, *breaks(text, width), len(text)]
    return [text[low:high] for low, high in itertools.pairwise(at)]


def printed(what: object, width: int) -> list[str]:
    page = io.StringIO()
    Console(file=page, width=width, color_system=None).print(what, crop=False)
    return page.getvalue().splitlines()


@given(st.lists(WORDS).map("".join), st.integers(2, 40))
def test_a_line_loses_nothing_and_is_no_wider_than_the_page(text: str, width: int) -> None:
    found = lines(text, width)
    assert "".join(found) == text
    assert all(cell_len(line.rstrip()) <= width for line in found)


@pytest.mark.parametrize("width", range(20, 104))
def test_no_number_is_broken_and_no_line_begins_with_what_ends_a_phrase(width: int) -> None:
    found = lines(SAID, width)
    assert [n for line in found for n in re.findall(r"[\d.]+件", line)] == ["0.20件", "0.16件"]
    assert not any(line[0] in "。、）件" for line in found)


def test_words_and_an_arrow_stay_with_what_stands_before_them() -> None:
    assert phrases("アクション合意 → 商談 by name") == ["アクション合意 → ", "商談 ", "by ", "name"]
    assert phrases("") == []


def test_what_has_no_japanese_breaks_at_its_spaces_as_ever() -> None:
    said = "Regular meetings show no lead: 0.20 more deals each would have been seen."
    assert [line.rstrip() for line in printed(Folded(said), 40)] == [
        "Regular meetings show no lead: 0.20 more",
        "deals each would have been seen.",
    ]


def wide_table() -> object:
    made = table("週ごと", "パートナー", "いつから", "step", "日数", "確率", "次", right=("日数", "確率"))
    made.add_row("藤波セールスパートナーズ株式会社", "2026-10-06", "requested", "1,234", "67.0 %", "バイネーム依頼")
    made.add_row("株式会社千歳経営研究所", "2026-09-04", "listed", "57", "> 99 %", "[b]商談[/b]")
    return made


@pytest.mark.parametrize("width", range(30, 120, 5))
def test_a_table_on_a_narrow_page_keeps_every_column_and_breaks_no_number_and_no_day(width: int) -> None:
    found = "\n".join(printed(wide_table(), width))
    for whole in ("2026-10-06", "2026-09-04", "1,234", "57", "67.0 %", "> 99 %", "requested"):
        assert whole in found
    letters = re.sub(r"[\s─]", "", found)
    for name in ("藤波セールスパートナーズ株式会社", "バイネーム依頼"):
        assert all(letter in letters for letter in name)


@pytest.mark.parametrize("width", range(62, 120, 5))
def test_a_table_is_no_wider_than_a_page_that_has_room_for_what_stays_in_one_piece(width: int) -> None:
    assert max(map(cell_len, printed(wide_table(), width))) <= width


def test_a_table_that_fits_has_room_between_its_columns() -> None:
    assert "2026-10-06  requested  1,234  67.0 %  " in "\n".join(printed(wide_table(), 120))


def test_further_lines_of_an_item_begin_below_its_first() -> None:
    first, second, third = (line.rstrip() for line in printed(items([SAID, "会食は後追いです。"]), 80))
    assert first.startswith("- 勉強会")
    assert second.startswith("  ")
    assert third == "- 会食は後追いです。"


NAMES = (
    "鳳コンサルティング株式会社",
    "藤波セールスパートナーズ株式会社",
    "有限会社北斗飲食店支援",
    "合同会社いろは総研コンサルティング",
)


@pytest.mark.parametrize("width", range(8, 40))
def test_a_company_s_form_stays_whole_and_no_line_begins_with_what_begins_none(width: int) -> None:
    for name in NAMES:
        found = lines(name, width)
        assert "".join(found) == name
        assert sum(form in line for line in found for form in ("株式会社", "有限会社", "合同会社")) == 1
        assert not any(line[0] in "ーァィゥェォッャュョン" for line in found)


@pytest.mark.parametrize("width", range(8, 40))
def test_brackets_stay_with_what_they_enclose(width: int) -> None:
    for name in (
        "広告代理店（グルメメディア）",
        "営業代行（大手・全国展開）",
        "（株）ひかりマーケティング",
        "「飲食店」開業支援",
    ):
        found = lines(name, width)
        assert "".join(found) == name
        assert not any(line[0] in "）」・" or line[-1] in "（「" for line in found), found


@pytest.mark.parametrize("width", range(30, 60))
def test_no_word_of_a_heading_is_broken_where_the_page_has_room_for_it(width: int) -> None:
    made = table("週ごとの到達目標", "マイルストーン", "conversions", "12/06", right=("12/06", "conversions"))
    made.add_row("掲載", "7", "1")
    made.add_row("合意", "1,448", "21")
    page = "\n".join(printed(made, width))
    assert "conversions" in page
    assert "マイルストーン" in page or re.search(r"マイル .*\n.*ストーン ", page)
