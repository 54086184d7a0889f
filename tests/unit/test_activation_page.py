"""The page on activation speaks one language throughout."""

import io
import re

import pytest
from rich.console import Console

from jobs.speech import Speech
from jobs.speech_ja_activation import ACTIVATION
from jobs.steps.more import share_document
from jobs.tables.partners import activation
from models.labels import named
from sync.events.deals import DealCount

NAMES = re.compile(r"deals_all_channels|partner_sourced|won\b|reseller")  # as the mapping writes them
WORDS = re.compile(r"[A-Za-z]{2,}")
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
WHOLE = {"all": "全タイプ", "reseller": "reseller"}


def document(deals, *, active=True, known=True, team=3, status="ok", kinds=True):
    row = {
        "base": 10, "active": 4, "activation": 0.4 if active else None, "low": 0.2, "high": 0.6, "engagement": 0.5, "deals": 9,
        "deals_per_active": 2.25 if active else None,
    }  # fmt: skip
    asked = [("A", "regular_meeting", "week"), ("B", "regular_meeting", "month"), ("B", "touch", "month"), ("C", "any_contact", "month")]  # fmt: skip
    return {
        "as_of": "2026-10-15",
        "activation": [{**row, "type": kind} for kind in WHOLE],
        "cadence": [{"tier": t, "what": w, "per": p, "due": 4, "met": 3, "rate": 0.75} for t, w, p in asked],
        "leaks": {"on_d": 2, "pushes": 8, "share": 0.25, "by_kind": {"dinner": 1, "co_visit": 1} if kinds else {}},
        "sourced": share_document(deals, 88),
        "concentration": {"partners": 7, "top_share": 0.8 if known else None, "effective": 4.2},
        "first_deal": [{"type": kind, "partners": 9, "events": 3, "median": 40 if known else None} for kind in WHOLE],
        "capacity": {"per_week": 12.5, "per_person": None if team is None else 4.2, "team": team, "limit": 10, "status": status},
        "cutoffs": [{"type": "reseller", "a_up": 9, "b_up": 4, "explained": 0.5, "today": 0.2}],
        "tiers": {"flap_rate": 0.31},
    }  # fmt: skip


PAGES = [
    document(DealCount(900, 400, 700, 200, 90)),
    document(DealCount(900, 400), active=False, known=False, team=None, status="unknown", kinds=False),
    document(DealCount(900, 400, 900), status="over"),
    document(DealCount(0, 0)),
]


def page(told, language):
    out = Console(file=io.StringIO(), width=400, force_terminal=False)
    activation(out, told, Speech(language))
    return out.file.getvalue()


@pytest.mark.parametrize("told", PAGES)
def test_in_japanese_no_english_word_is_left_and_in_english_no_japanese_one(told):
    assert not WORDS.findall(NAMES.sub("", page(told, "ja")))
    assert not JAPANESE.search(page(told, "en"))


@pytest.mark.parametrize("told", PAGES)
def test_both_languages_tell_the_same_numbers(told):
    def numbers(language):
        plain = re.sub(r"週1回|月1回|直近1年|1社|1人|四半期|上位5社", "", page(told, language))
        return sorted(re.findall(r"\d+(?:[.,]\d+)?", plain))

    assert numbers("ja") == numbers("en")


def test_every_sentence_keeps_what_is_given():
    for english, japanese in ACTIVATION.items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", japanese))


def test_kinds_of_pushes_bear_the_labels_of_their_language():
    for language in ("ja", "en"):
        assert f"{named('dinner', language)} 1" in page(PAGES[0], language)
