"""Attack lists as partners hand them in: what is read out of a file, and what is refused with one sentence."""

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import Target
from sync.lists.cells import CellError, day_in, place_in, text_in
from sync.lists.compare import Known, KnownTargets, Standing
from sync.lists.date_order import DateOrder
from sync.lists.encodings import UnreadableListError
from sync.lists.formulas import formulas_in
from sync.lists.headings import Column, find_headings, has_headings, meaning
from sync.lists.people import Person
from sync.lists.sheet import MOST_ROWS, Sheet, read_sheet
from sync.lists.understand import AttackList, understand

FILES = Path(__file__).resolve().parents[1] / "files"
HEADINGS = ["会社名", "電話番号", "住所", "リスト提出日", "URL", "法人番号"]
SAKURA = [
    "株式会社さくら亭",
    "03-1234-5678",
    "東京都千代田区丸の内1-1",
    "2026-04-01",
    "https://www.sakura-tei.co.jp/",
    "",
]


def excel(folder: Path, rows: list[list[Any]], *, merge: tuple[str, ...] = (), name: str = "list.xlsx") -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merge:
        book.active.merge_cells(cells)
    book.save(folder / name)
    return folder / name


def text(folder: Path, rows: list[list[Any]], encoding: str = "utf-8", name: str = "list.csv") -> Path:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    (folder / name).write_bytes(written.getvalue().encode(encoding))
    return folder / name


def listed(path: Path) -> AttackList:
    return understand(read_sheet(path), path.name)


def test_a_workbook_and_both_encodings_of_its_csv_say_the_same(tmp_path: Path) -> None:
    rows = [HEADINGS, SAKURA]
    found = [
        listed(excel(tmp_path, rows)),
        listed(text(tmp_path, rows, "utf-8-sig")),
        listed(text(tmp_path, rows, "cp932")),
        listed(text(tmp_path, rows, "utf-16")),
    ]
    assert [one.where for one in found] == ["sheet Sheet", "UTF-8", "CP932", "UTF-16"]
    assert len({one.rows for one in found}) == 1
    assert found[0].rows[0].target == Target(
        "株式会社さくら亭", None, "sakura-tei.co.jp", "03-1234-5678", "東京都", "千代田区"
    )
    assert found[0].rows[0].listed_on == date(2026, 4, 1)


def test_titles_and_notes_above_the_headings_and_headings_repeated_below_are_no_targets(tmp_path: Path) -> None:
    rows = [["アタックリスト"], [], ["※ 会社名は正式名称で"], HEADINGS, SAKURA, HEADINGS, ["もみじ", *[""] * 5]]
    found = listed(text(tmp_path, rows))
    assert found.headings.row == 4
    assert [(r.number, r.target.name) for r in found.rows] == [(5, "株式会社さくら亭"), (7, "もみじ")]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("会社名（必須）", Column.NAME), ("※企業名", Column.NAME), ("Company Name", Column.NAME), ("ＴＥＬ", Column.PHONE), ("ﾎｰﾑﾍﾟｰｼﾞ", Column.DOMAIN),
        ("提出日", Column.LISTED_ON), ("Registered On", Column.LISTED_ON), ("代理店名", Column.PARTNER), ("Partner company", Column.PARTNER),
        ("備考", None), ("No.", None), ("担当者名", Column.CONTACT_NAME), ("", None), ("Companny name", Column.NAME),
    ],
)  # fmt: skip
def test_headings_are_understood_as_people_write_them(heading: str, column: Column | None) -> None:
    assert meaning(heading)[0] is column


@pytest.mark.parametrize(
    "headings",
    [
        # a report of Salesforce's Accounts, and of its Leads
        "Account Name=name Account Owner= Billing Street=address Billing City=city Billing State/Province=prefecture Phone=phone Website=domain Type=",
        "First Name=contact_first_name Last Name=contact_last_name Title=contact_title Company / Account=name Email=contact_email Lead Source= Phone=phone Lead Owner=",
        "取引先名=name Account Website=domain 町名・番地(請求先)=address 都道府県(請求先)=prefecture 市区郡(請求先)=city 電話=phone",
        # HubSpot's companies, and its contacts
        "Record ID= Company name=name Company owner= Create Date=listed_on Phone Number=phone City=city Country/Region= Industry= Company Domain Name=domain",
        "First Name=contact_first_name Last Name=contact_last_name Email=contact_email Phone Number=phone Contact owner= Associated Company=name Job Title=contact_title",
        # registrations of deals as tools for partners export them
        "Deal Name= Prospect Company=name Prospect Website=domain Partner=partner Partner Rep= Registration Date=listed_on Expiration Date= Submitted By= Deal Stage=",
        "Partner Company=partner Deal Name= Customer Name=name Customer Email=contact_email Created At= Date Submitted=listed_on Deal Registration Number=",
        "Deal Name=name Partner Name=partner Created Date=listed_on Amount= Status= Close Date=",  # where nothing says it better
        "会社名=name 担当者名=contact_name 役職=contact_title メールアドレス=contact_email 自社担当= 案件名= 作成日=listed_on",
    ],
)
def test_the_exports_of_crms_and_of_tools_for_partners_are_understood(headings: str) -> None:
    told = [pair.rpartition("=") for pair in re.findall(r"\S.*?=\S*", headings)]
    found = find_headings([[text for text, _, _ in told]])
    assert found is not None
    meant = {place: column.value for column, place in found.places.items()}
    assert [(text, meant.get(at, "")) for at, (text, _, _) in enumerate(told)] == [(t, c) for t, _, c in told]


def test_a_heading_that_would_steer_a_terminal_is_shown_as_plain_text(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("会社名,\x1b]0;title\x07備考\n青葉厨房,x\n", "utf-8")
    headings = listed(tmp_path / "list.csv").headings
    assert (list(headings.texts.values()), headings.unused) == (["会社名"], ("]0;title 備考",))


def test_of_two_headings_of_one_meaning_the_first_counts_and_the_other_is_told() -> None:
    found = find_headings([["会社名", "企業名", "電話"]])
    assert found is not None
    assert (found.places[Column.NAME], found.unused) == (0, ("企業名",))


@pytest.mark.parametrize(
    "written",
    ["2026-04-01", "2026/4/1", "2026.4.1", "2026年4月1日", "令和8年4月1日", "Ｒ８．４．１", "R8/4/1", "㋿8年4月1日", "20260401", "46113", 46113, 46113.5,
     20260401, date(2026, 4, 1), datetime(2026, 4, 1, 9, 30), " ２０２６年４月１日 ", "2026-04-01T00:00:00"],
)  # fmt: skip
def test_days_are_read_as_partners_write_them(written: Any) -> None:
    assert day_in(written) == date(2026, 4, 1)


@pytest.mark.parametrize(
    "written",
    ["04/01/2026", "4/1/26", "04-01-2026", "4/1/2026 10:30 PM", "April 1, 2026", "Apr 1, 2026 3:00 PM", "1 Apr 2026", "01-Apr-2026", "1st April 2026",
     "Wednesday, April 1, 2026", "2026-04-01"],
)  # fmt: skip
def test_days_of_the_united_states_are_read_where_a_person_says_that_they_are_such(written: str) -> None:
    assert day_in(written, DateOrder.MDY) == date(2026, 4, 1)
    if "04" in written[:2] or written.startswith("4"):
        assert day_in(written, DateOrder.DMY) == date(2026, 1, 4)
        with pytest.raises(CellError, match=r"--dates mdy .* or --dates dmy"):
            day_in(written)
    else:
        assert day_in(written) == date(2026, 4, 1)  # a month that is named needs no telling


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_day_comes_back_in_the_order_in_which_it_was_written(day: date) -> None:
    assert day_in(f"{day.month}/{day.day}/{day.year}", DateOrder.MDY) == day
    assert day_in(f"{day.day}.{day.month}.{day.year}", DateOrder.DMY) == day
    assert day_in(f"{day:%B} {day.day}, {day.year}") == day


def test_a_day_that_the_order_makes_none_of_is_refused_with_that_order() -> None:
    with pytest.raises(CellError, match="as --dates mdy reads it"):
        day_in("13/01/2026", DateOrder.MDY)


def test_the_first_year_of_an_era_is_read() -> None:
    assert day_in("令和元年5月1日") == date(2019, 5, 1)
    assert day_in("平成31年4月30日") == date(2019, 4, 30)


@pytest.mark.parametrize(
    "written", ["来週", "2026/13/40", "1999-12-31", 3, 1e9, "-1", "令和8年", "昭和60年1月1日", "4/1"]
)
def test_what_is_no_day_is_refused_without_repeating_it(written: Any) -> None:
    with pytest.raises(CellError) as refused:
        day_in(written)
    assert str(written) not in str(refused.value)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_day_comes_back_from_excels_number_and_from_its_era(day: date) -> None:
    assert day_in((day - date(1899, 12, 30)).days) == day
    if day >= date(2020, 1, 1):
        assert day_in(f"令和{day.year - 2018}年{day.month}月{day.day}日") == day


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("〒100-0005 東京都千代田区丸の内1-1", ("東京都", "千代田区")), ("大阪府大阪市北区梅田", ("大阪府", "大阪市北区")), ("三重県四日市市諏訪町", ("三重県", "四日市市")),
        ("奈良県大和郡山市北郡山町", ("奈良県", "大和郡山市")), ("北海道余市郡余市町", ("北海道", "余市郡余市町")), ("福島県郡山市朝日", ("福島県", "郡山市")),
        ("千葉県市川市八幡", ("千葉県", "市川市")), ("渋谷区神南", (None, "渋谷区")), ("", (None, None)), ("住所不明", (None, None)),
    ],
)  # fmt: skip
def test_prefecture_and_city_are_read_out_of_an_address(address: str, place: tuple[str | None, str | None]) -> None:
    assert place_in(address) == place


@given(st.text())
def test_any_cell_becomes_one_line(cell: str) -> None:
    assert len(text_in(cell).splitlines()) <= 1
    assert "\x00" not in text_in(cell)


def test_each_bad_row_has_its_reason_and_the_others_count(tmp_path: Path) -> None:
    rows = [
        HEADINGS,
        SAKURA,
        ["", "03-0000-0000", *[""] * 4],
        ["株式会社", *[""] * 5],
        ["もみじ", "", "", "いつか", "", ""],
        ["=cmd()|' /C calc'!A0", *[""] * 5],
        ["x" * 256, *[""] * 5],
        ["けやき", "12", "", "", "tabelog.com", "1234567890123"],
    ]
    found = listed(text(tmp_path, rows))
    assert [(b.number, b.reason) for b in found.bad] == [
        (3, "会社名: there is no name"),
        (4, "会社名: no name is left without the legal form and marks"),
        (5, "リスト提出日: the date is not understood; write it as 2026-04-01"),
        (6, "会社名: a formula, not a name"),
        (7, "会社名: longer than 255 characters, so no name"),
    ]
    assert [r.target.name for r in found.rows] == ["株式会社さくら亭", "けやき"]
    assert [n.reason.split(":")[0] for n in found.notes] == ["法人番号", "URL", "電話番号"]


def with_results(path: Path, results: dict[str, str]) -> Path:
    """The workbook as Excel saves it: formulas with their last results, by their formula."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            for formula, result in results.items():
                kind = "e" if result.startswith("#") else "str"
                pattern = rf'<c r="(\w+)"([^>]*)><f>{re.escape(formula)}</f><v ?/?>(</v>)?'
                filled = rf'<c r="\1" t="{kind}"><f>{formula}</f><v>{result}</v>'
                content = re.sub(pattern, filled, content.decode()).encode() if name.endswith("sheet1.xml") else content
            book.writestr(name, content)
    return path


def test_a_formula_is_told_as_what_it_is_by_its_last_result_or_by_having_none(tmp_path: Path) -> None:
    rows = [
        ["会社名", "電話番号", "提出日"],
        ["=X1", "03-1234-5678", ""],
        ["=X2", "03-1234-5679", ""],
        ["=X3", "03-1234-5670", ""],
        ["もみじ", "=X4", ""],
        ["けやき", "", "=X5"],
    ]
    found = listed(with_results(excel(tmp_path, rows), {"X1": "さくら亭", "X2": "#N/A"}))
    assert ([r.target.name for r in found.rows], found.reckoned) == (["さくら亭", "もみじ"], (2,))
    no_result = (
        "a formula that has no result in the file, or an error such as #N/A; open the file in Excel, mend and save it"
    )
    assert [(b.number, b.reason) for b in found.bad] == [
        (3, f"会社名: {no_result}"),
        (4, f"会社名: {no_result}"),
        (6, f"提出日: {no_result}"),
    ]
    assert [(n.number, n.reason.partition(":")[0]) for n in found.notes] == [(5, "電話番号")]


@pytest.mark.parametrize(
    ("cells", "who"),
    [
        (["山田　太郎 様", "", "", "", ""], Person("山田 太郎", "山田", "太郎")),
        (["Taro Yamada", "", "", "taro@x.example", "CEO"], Person("Taro Yamada", "Yamada", "Taro", "taro@x.example", "CEO")),
        (["Mr. Taro Yamada", "", "", "", ""], Person("Mr. Taro Yamada", "Yamada", "Taro")),
        (["Yamada, Taro", "", "", "", ""], Person("Yamada, Taro", "Yamada", "Taro")),
        (["", "山田", "太郎", "", "部長"], Person("山田 太郎", "山田", "太郎", None, "部長")),
        (["", "Yamada", "Taro", "mailto:TARO@X.example", ""], Person("Taro Yamada", "Yamada", "Taro", "taro@x.example")),
        (["山田", "", "", "山田 <t@x.example>", ""], Person("山田", "山田", None, "t@x.example")),
        (["", "", "", "", ""], Person()),
        (["=cmd()", "", "", "a b@x", "@x"], Person()),
    ],
)  # fmt: skip
def test_a_person_is_read_as_their_letters_are_usually_put(cells: list[str], who: Person) -> None:
    head = ["会社名", "Contact name", "Last name", "First name", "Email", "Job title"]
    found = understand(Sheet([head, ["さくら亭", *cells]], "test"), "test.csv")
    assert found.rows[0].person == who
    refused = ["Contact name: a formula, not a name", "Email: no e-mail address", "Job title: a formula, not a title"]
    assert [n.reason for n in found.notes] == ([f"{why}; left empty" for why in refused] if " b@" in cells[3] else [])


def test_a_target_that_stands_twice_counts_once_and_two_branches_are_two(tmp_path: Path) -> None:
    rows = [
        ["会社名", "電話番号"],
        ["㈱さくら亭", "03-1234-5678"],
        ["株式会社 さくら亭", "０３（１２３４）５６７８"],
        ["さくら亭", "06-1234-5678"],
    ]
    found = listed(text(tmp_path, rows))
    assert ([r.number for r in found.rows], found.same_as) == ([2, 4], {3: 2})


def test_hostile_cells_are_texts_and_nothing_else(tmp_path: Path) -> None:
    rows = [
        ["会社名", "電話番号"],
        ["<script>alert(1)</script>", ""],
        ["a'; drop table x--", ""],
        ["a\x00b\nc", ""],
        ["../../etc", ""],
    ]
    path = text(tmp_path, rows)
    assert [r.target.name for r in listed(path).rows] == [
        "<script>alert(1)</script>", "a'; drop table x--", "a\ufffdb c", "../../etc",
    ]  # fmt: skip


def test_a_value_merged_over_several_rows_is_that_of_each(tmp_path: Path) -> None:
    rows = [["代理店", "会社名"], ["みどり商会", "さくら亭"], [None, "もみじ"], ["あおい", "けやき"]]
    found = listed(excel(tmp_path, rows, merge=("A2:A3",)))
    assert [(r.partner, r.target.name) for r in found.rows] == [
        ("みどり商会", "さくら亭"),
        ("みどり商会", "もみじ"),
        ("あおい", "けやき"),
    ]


def test_row_numbers_are_those_that_excel_shows_also_where_the_first_rows_and_columns_are_empty(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["C4"], book.active["C5"], book.active["D4"] = "会社名", "さくら亭", "電話"
    book.save(tmp_path / "list.xlsx")
    found = listed(tmp_path / "list.xlsx")
    assert (found.headings.row, [r.number for r in found.rows]) == (4, [5])


def test_of_a_workbook_the_first_sheet_that_holds_anything_is_read_and_another_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("一覧").append(["会社名"])
    book["一覧"].append(["さくら亭"])
    book.create_sheet("旧").append(["会社名"])
    book.save(tmp_path / "list.xlsx")
    assert read_sheet(tmp_path / "list.xlsx").where == "sheet 一覧"
    assert read_sheet(tmp_path / "list.xlsx", "旧").where == "sheet 旧"
    with pytest.raises(UnreadableListError, match="it has Sheet, 一覧, 旧"):
        read_sheet(tmp_path / "list.xlsx", "新")


def test_a_hundred_thousand_rows_are_read(tmp_path: Path) -> None:
    rows = [["会社名", "電話番号"], *([f"店 {i}号", ""] for i in range(100_000))]
    assert len(listed(text(tmp_path, rows)).rows) == 100_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.csv", b"", "is empty"),
        ("list.csv", b"\x81\xff\xfe\xfa,x", "neither UTF-8 nor CP932"),
        ("list.csv", "会社名\n株式会社青葉\n".encode("iso-2022-jp"), "looks like ISO-2022-JP"),
        ("list.csv", "会社名\n株式会社青葉\n".encode("euc-jp"), "looks like EUC-JP"),
        ("list.csv", b"PK\x03\x04rest", "holds a workbook"),
        ("list.xlsx", b"a,b\n", "no workbook in spite of its name"),
        ("list.xlsx", b"PK\x03\x04rest", "damaged"),
        ("list.pdf", b"%PDF", "neither Excel nor CSV"),
        ("list.csv", "名,数\nx,1\n".encode(), "no row of headings"),
        ("list.csv", "会社名,電話\n".encode(), "nothing below them"),
    ],
)
def test_what_is_no_list_is_refused_with_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableListError, match=said) as refused:
        listed(tmp_path / name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["Pérez Foods", "Müller & Söhne", "Café", "Zoë’s"])
def test_western_text_is_refused_or_told_and_never_read_as_kanji(tmp_path: Path, name: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(f"Company Name,City\n{name},x\n".encode("cp1252"))
    with pytest.raises(UnreadableListError, match="--encoding cp1252"):
        listed(path)
    found = understand(read_sheet(path, encoding="cp1252"), path.name)
    assert (found.where, [r.target.name for r in found.rows]) == ("CP1252", [name])


def test_japanese_text_with_few_letters_of_its_own_is_read_as_such(tmp_path: Path) -> None:
    rows = [["Company Name", "City"], ["A社", "x"], ["株式会社B", "東京"]]
    assert [r.target.name for r in listed(text(tmp_path, rows, "cp932")).rows] == ["A社", "株式会社B"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [("latin-9000", "There is no encoding 'latin-9000' of text"), ("utf-8", "is no text in utf-8"), ("rot13", "There is no encoding 'rot13' of text"), ("hex", "There is no encoding 'hex' of text")],
)  # fmt: skip
def test_an_encoding_that_is_none_or_does_not_fit_is_refused(tmp_path: Path, said: str, sentence: str) -> None:
    (tmp_path / "list.csv").write_bytes("Company\nP\u00e9rez\n".encode("cp1252"))
    with pytest.raises(UnreadableListError, match=sentence):
        read_sheet(tmp_path / "list.csv", encoding=said)


def test_a_workbook_behind_a_password_is_refused_with_one_sentence() -> None:
    with pytest.raises(UnreadableListError, match="without a password"):
        read_sheet(FILES / "protected.xlsx")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableListError, match="There is no file"):
        read_sheet(tmp_path / "none.csv")


def test_more_rows_than_any_list_has_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("会社名\n" + "x\n" * (MOST_ROWS + 1), "utf-8")
    with pytest.raises(UnreadableListError, match="more than 200,000 rows"):
        read_sheet(tmp_path / "list.csv")


cells = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.floats(), st.dates(), st.booleans())


@given(st.lists(st.lists(cells, max_size=8), max_size=8))
def test_any_cells_at_all_make_a_list_or_one_sentence(rows: list[list[Any]]) -> None:
    head: list[Any] = ["会社名", "電話番号", "リスト提出日", "URL", "住所", "法人番号"]
    try:
        found = understand(Sheet([head, *rows], "test"), "test.csv")
    except UnreadableListError:
        return
    numbers = [r.number for r in found.rows] + [b.number for b in found.bad] + list(found.same_as)
    assert len(numbers) == len(set(numbers)) <= len(rows)


def test_a_cover_sheet_is_stepped_over_and_further_lists_of_the_workbook_are_told(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["ご提出リスト"])
    for title, target in (("東京", "東京商店"), ("大阪", "大阪商店")):
        sheet = book.create_sheet(title)
        sheet.append(["会社名", "電話番号"])
        sheet.append([target, "03-1234-5678"])
    book.save(tmp_path / "list.xlsx")
    read = understand(read_sheet(tmp_path / "list.xlsx", is_list=has_headings), "list.xlsx")
    assert (read.where, read.beside) == ("sheet 東京", ("大阪",))
    assert [row.target.name for row in read.rows] == ["東京商店"]


def test_formulas_are_found_where_they_stand_in_whatever_sheet_and_however_often(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "一覧 & メモ"
    book.active.append(["会社名", "電話"])
    other = book.create_sheet("=数式")
    for row in range(1, 40):
        book.active.append([f'="店{row}"' if row % 3 else f"店{row}", row])
        other.append([row, f"=A{row}*2"])
    book.save(tmp_path / "list.xlsx")
    data = (tmp_path / "list.xlsx").read_bytes()
    assert formulas_in(data, "一覧 & メモ") == {(row, 0) for row in range(1, 40) if row % 3}
    assert formulas_in(data, "=数式") == {(row, 1) for row in range(39)}
    assert formulas_in(data, "もうない") == frozenset()


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/worksheets/sheet1.xml", b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'),
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b"</sheetDat"),
        ("xl/_rels/workbook.xml.rels", b"sheet1.xml", b"sheet9.xml"),
    ],
)
def test_a_workbook_whose_formulas_cannot_be_told_has_none_and_is_read_all_the_same(
    tmp_path: Path, part: str, old: bytes, new: bytes
) -> None:
    path = excel(tmp_path, [["会社名"], ['="青葉"']])
    parts = zipfile.ZipFile(path)
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as made:
        for name in parts.namelist():
            held = parts.read(name)
            assert name != part or old in held
            made.writestr(name, held.replace(old, new) if name == part else held)
    assert formulas_in(path.read_bytes(), "Sheet") == {(1, 0)}
    assert formulas_in(changed.getvalue(), "Sheet") == frozenset()


def test_the_hash_is_of_the_bytes_that_were_read_whatever_becomes_of_the_file_meanwhile(tmp_path: Path) -> None:
    path = excel(tmp_path, [HEADINGS, SAKURA])
    before = path.read_bytes()

    def saved_anew(rows: Sequence[Sequence[object]]) -> bool:
        path.write_bytes(b"another file")
        return bool(rows)

    found = read_sheet(path, is_list=saved_anew)
    assert (found.file_hash, found.rows[1][0]) == (hashlib.sha256(before).hexdigest(), SAKURA[0])


def test_headings_over_two_rows_are_read_as_one_row_and_none_of_them_is_a_target(tmp_path: Path) -> None:
    rows = [["会社", "電話", "提出"], ["名称", "番号", "日"], ["青葉商店", "03-1234-5678", "2026/10/1"]]
    read = listed(excel(tmp_path, rows))
    assert read.headings.row == 2
    assert [(row.target.name, row.listed_on) for row in read.rows] == [("青葉商店", date(2026, 10, 1))]


@pytest.mark.parametrize("rows", ['"青葉,03-1\n若葉,03-2\n', '"青葉,03-1\n若葉,03-2\n"双葉" 商店,03-3\n'])
def test_a_quote_that_would_swallow_rows_is_refused_with_its_line(tmp_path: Path, rows: str) -> None:
    (tmp_path / "list.csv").write_text(f"会社名,電話番号\n{rows}", "utf-8")
    with pytest.raises(UnreadableListError, match="opens in line 2 is not closed"):
        read_sheet(tmp_path / "list.csv")


def test_quotes_within_one_row_harm_none(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('会社名,備考\n"青葉" 商店,5" 管\n"若葉\n商店",x\n', "utf-8")
    assert [row.target.name for row in listed(tmp_path / "list.csv").rows] == ["青葉 商店", "若葉 商店"]


def test_sums_and_notes_below_a_list_are_no_targets_unless_they_have_marks_of_a_company(tmp_path: Path) -> None:
    below = ["合計", "小計 2社", "以上", "※社外秘", "Total"]
    rows = [
        ["会社名", "ドメイン"],
        ["青葉商店", ""],
        *([name, ""] for name in below),
        ["Total", "total-energy.example"],
    ]
    read = listed(excel(tmp_path, rows))
    assert [row.target.name for row in read.rows] == ["青葉商店", "Total"]
    assert [bad.number for bad in read.bad] == [3, 4, 5, 6, 7]


def test_a_row_that_is_nothing_but_a_formula_without_a_result_is_told(tmp_path: Path) -> None:
    read = listed(excel(tmp_path, [["会社名", "電話番号"], ["青葉商店", ""], ['=HYPERLINK("https://x.example")', ""]]))
    assert [bad.number for bad in read.bad] == [3]


@pytest.mark.parametrize("encoding", ["euc-jp", "iso-2022-jp", "utf-16-le", "utf-16-be"])
def test_an_encoding_that_nobody_guesses_at_is_named_and_read_where_it_is_said(tmp_path: Path, encoding: str) -> None:
    path = text(tmp_path, [["会社名", "電話番号"], ["青葉商店", "03-1234-5678"]], encoding)
    with pytest.raises(UnreadableListError, match=f"--encoding {encoding}"):
        read_sheet(path)
    assert [row.target.name for row in understand(read_sheet(path, encoding=encoding), "list.csv").rows] == ["青葉商店"]


def test_the_very_file_is_known_where_more_of_it_is_understood_than_the_first_time() -> None:
    known = KnownTargets([Known("p", "パートナー", Target(name="青葉商店"), brought=("hash", 3))])
    now = Target(name="青葉商店", domain="aoba.example")
    assert known.look(now, "p", place=("hash", 3)).standing is Standing.LISTED
    assert known.look(now, "p", place=("other", 3)).standing is Standing.NEW
    assert known.look(now, "q", place=("hash", 3)).standing is Standing.NEW
