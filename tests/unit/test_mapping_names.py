"""Two spellings of one name, telephone number or place are one; what differs stays different."""

import pytest

from sync.mapping.names import loose_key, name_key, phone_key, place_key


@pytest.mark.parametrize(
    "spelling",
    ["株式会社青葉厨房", "青葉厨房株式会社", "株式会社　青葉厨房", "(株)青葉厨房", "（株）青葉厨房", "青葉厨房㈱", "㍿青葉厨房", " 青葉・厨房 ", "株式会社 青葉\u200b厨房"],
)  # fmt: skip
def test_the_legal_form_width_and_blanks_do_not_tell_companies_apart(spelling):
    assert name_key(spelling) == "青葉厨房"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ｱｵﾊﾞﾌｰｽﾞ", "アオバフーズ"),
        ("カ)アオバフーズ", "アオバフーズ（カ"),
        ("Aoba Foods Co., Ltd.", "ＡＯＢＡ　ＦＯＯＤＳ"),
        ("AOBA FOODS K.K.", "aoba foods inc."),
        ("合同会社 DMM", "ＤＭＭ(同)"),
        ("医療法人社団青葉会", "青葉会"),
    ],
)
def test_written_otherwise_it_is_the_same_name(one, other):
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("青葉厨房", "若葉厨房"), ("青葉第2店", "青葉第3店"), ("ひかり", "ヒカリ"), ("Link", "Linc"), ("はは", "ばば")],
)
def test_other_names_stay_other_names(one, other):
    assert name_key(one) != name_key(other)


def test_kana_and_long_vowels_count_for_suggestions_only():
    assert loose_key("ひかりサーバー") == loose_key("ヒカリサーバ")
    assert name_key("ひかりサーバー") != name_key("ヒカリサーバ")


@pytest.mark.parametrize("nothing", ["", None, "株式会社", "㈱", " 　", "・"])
def test_a_name_that_is_only_a_legal_form_tells_nothing(nothing):
    assert name_key(nothing) == loose_key(nothing) == ""


@pytest.mark.parametrize(
    "written", ["03-1234-5678", "０３（１２３４）５６７８", "+81 3 1234 5678", "03 1234 5678 内線12"]
)
def test_a_telephone_number_is_one_however_it_is_written(written):
    assert phone_key(written) == "+81312345678"


@pytest.mark.parametrize("no_number", ["", None, "なし", "1", "0312345678" * 3])
def test_what_is_no_telephone_number_is_none(no_number):
    assert phone_key(no_number) is None


def test_a_place_needs_prefecture_and_city():
    assert place_key("東京", "渋谷区") == place_key("東京都", "渋谷 区")
    assert place_key("京都", "京都市") == place_key("京都府", "京都市") != place_key("東京都", "京都市")
    assert place_key("北海道", "札幌市") is not None
    assert place_key("東京都", None) is place_key(None, "渋谷区") is None
