"""Pictures: whole, the same bytes again, in Japanese without a font of the system, and refused in a sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.errors import ConfigError
from jobs.plots import curves, funnel, indicators, leading, targets
from jobs.plots.canvas import save
from tests.unit.test_leading_verdicts import EMPTY

CONVERSION = {
    "all": {
        "listed>requested": {"rate": 0.5, "low": 0.4, "high": 0.6, "n": 100, "status": "ok"},
        "requested>agreed": {"rate": None, "low": None, "high": None, "n": 0, "status": "no_data"},
    },
    "legacy": {"listed>requested": {"rate": 0.4, "low": None, "high": None, "n": 9, "status": "immature"}},
}
CURVES = {"all": {"listed>requested": ((0, 0.1), (5, 0.5), (20, 1.0))}, "legacy": {"listed>requested": ()}}
OWN = {"listed>requested": {"rate": 0.7, "low": 0.6, "high": 0.8, "n": 12, "own_data": 0.4}}
NAMES = [f"飲食店向け開業支援・不動産仲介パートナー（第{i}地区）" for i in range(1, 13)]
MANY = {name: dict.fromkeys(("listed>requested", "requested>agreed"), ((0, 0.1), (5 + i, 0.6), (20, 1.0))) for i, name in enumerate([*NAMES, "all"])}  # fmt: skip
PLAN = targets.Plan(
    "2026-10-31", "2026-11", 20, ["2026-11-08", "2026-11-15"], {"listed": [10, 8.5], "deal": [0, 3]},
    who="（株）四季", says="2026-11の目標20件は進行中のエントリーだけで94%の確率で届きます。新規は不要です。", capacity=12,
    latest={"listed": "2026-11-15"},
)  # fmt: skip
DRAWINGS = {
    "funnel": lambda language: funnel.draw("2026-10-31", CONVERSION, language),
    "no funnel": lambda language: funnel.draw("2026-10-31", {}, language),
    "curves": lambda language: curves.draw("2026-10-31", CURVES, language),
    "no curves": lambda language: curves.draw("2026-10-31", {}, language),
    "own": lambda language: indicators.draw(
        {"as_of": "2026-10-31", "conversion": CONVERSION, "partner": {"name": "（株）四季", "rates": OWN}}, CURVES, language
    ),
    "many types": lambda language: curves.draw("2026-10-31", MANY, language),
    "targets": lambda language: targets.draw(PLAN, language),
    "no targets": lambda language: targets.draw(replace(PLAN, weeks=[], planned={}, says="", little=True), language),
}  # fmt: skip


def leading_document():
    import numpy as np

    from jobs.steps.leading_document import document
    from tests.unit.reference.asking import does_it_lead

    made = document(
        does_it_lead(EMPTY, {"listed": EMPTY}, {"dinner": EMPTY}, ["a"], np.zeros(2, int), np.zeros(2, np.int32), 20500)
    )
    first, second = made["indicators"][:2]
    made["indicators"][1] = {**second, "verdict": "lagging", "reverse": {**second["reverse"], "peak_lag": 2}}
    made["indicators"][0] = {**first, "lead_weeks": 5}
    return made


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_every_picture_is_drawn_in_both_languages(name, language, tmp_path):
    """Warnings are errors: a character that the font lacks would end this."""
    save(tmp_path / "picture.svg", DRAWINGS[name](language))
    assert (tmp_path / "picture.svg").read_text().endswith("</svg>\n")
    assert [p.name for p in tmp_path.iterdir()] == ["picture.svg"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_verdicts_are_drawn_also_where_there_are_none(language, tmp_path):
    document = leading_document()
    save(tmp_path / "some.svg", leading.draw(document, language))
    save(tmp_path / "none.svg", leading.draw({**document, "indicators": []}, language))
    assert (tmp_path / "some.svg").stat().st_size > (tmp_path / "none.svg").stat().st_size


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")]
)
def test_the_ending_says_how_and_the_same_numbers_give_the_same_bytes(ending, begins, tmp_path):
    one, two = tmp_path / f"one.{ending}", tmp_path / f"two.{ending}"
    for path in (one, two):
        save(path, DRAWINGS["funnel"]("ja"))
    assert one.read_bytes().startswith(begins)
    assert one.read_bytes() == two.read_bytes()


def test_other_endings_and_missing_folders_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ConfigError, match=r"ends in \.png, \.svg, \.pdf"):
        save(tmp_path / "picture.jpg", DRAWINGS["funnel"]("ja"))
    with pytest.raises(ConfigError, match="There is no folder"):
        save(tmp_path / "nowhere" / "picture.png", DRAWINGS["funnel"]("ja"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(ConfigError, match=r"picture\.png', which is a folder; name a file in it\."):
        save(tmp_path / "picture.png", DRAWINGS["funnel"]("ja"))
    with pytest.raises(ConfigError, match=r"cannot be written to .* \(file name too long\); choose another place"):
        save(tmp_path / f"{'a' * 300}.png", DRAWINGS["funnel"]("ja"))
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


def test_a_picture_that_fails_leaves_the_old_one_whole(tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("old")

    def broken():
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError):
        save(path, broken)
    assert path.read_text() == "old"
    assert Path(path.parent / ".picture.png.new").exists() is False


def told_apart(figure, lines):
    legend = next(axes.get_legend() for axes in figure.axes if axes.get_legend())
    assert [text.get_text() for text in legend.get_texts()] == lines
    pens = {(line.get_color(), line.get_linestyle()) for line in legend.get_lines()}
    assert len(pens) == len(lines)


def test_more_types_than_colours_have_a_panel_each_on_one_scale_and_no_two_lines_look_alike():
    figure = DRAWINGS["many types"]("ja")()
    told_apart(figure, ["リスト掲載 → バイネーム依頼", "バイネーム依頼 → アクション合意"])
    panels = figure.axes[: len(NAMES) + 1]
    assert [axes.get_title(loc="left").replace("\n", "") for axes in panels] == ["全タイプ", *NAMES]
    assert len({axes.get_xlim() for axes in panels}) == 1


@pytest.mark.parametrize("types", [1, 6])
def test_few_types_are_lines_of_a_panel_for_each_step(types):
    some = {name: MANY[name] for name in [*NAMES[:types], "all"]}
    figure = curves.draw("2026-10-31", some, "en")()
    legend = next(axes.get_legend() for axes in figure.axes if axes.get_legend())
    told_apart(figure, [text.get_text() for text in legend.get_texts()])
    assert len(legend.get_texts()) == types + 1
    assert figure.axes[0].get_title(loc="left") == "Listed → Requested by name"


def test_steps_that_nobody_went_say_so_once_each():
    """And nothing is written across the panels."""
    figure = curves.draw("2026-10-31", {"all": {"listed>requested": (), "requested>agreed": ()}}, "en")()
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["too few conversions yet"]] * 2


def test_of_no_deals_the_sentence_alone_is_shown():
    figure = targets.draw(replace(PLAN, deals=0, says="No deal is asked for."), "en")()
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["No deal is asked for."]


def test_a_week_in_which_nothing_is_due_says_0(tmp_path):
    save(tmp_path / "plan.svg", drawn := DRAWINGS["targets"]("en"))
    texts = [t.get_text() for t in drawn().axes[1].texts]
    assert texts[:2] == ["0", "3"]


def test_names_that_the_font_cannot_write_or_that_look_like_formulas_are_still_readable(tmp_path):
    titles = []
    for who in ("𠮷野家 髙﨑 $\\frac$ 😀", "a\x07b\tc \u202ed"):
        figures = []

        def drawn(who=who, figures=figures):
            figures.append(targets.draw(replace(PLAN, who=who), "ja")())
            return figures[0]

        save(tmp_path / "plan.svg", drawn)
        titles.append(figures[0].get_suptitle().replace("\n", ""))
    assert "吉野家 髙﨑 $\\frac$ 〓" in titles[0]
    assert "ab c d" in titles[1]
