"""Invented companies: believable, never twice, and nobody's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.companies import INDUSTRIES, check_digit, company, spelled_elsewhere


def test_the_check_digit_is_the_one_of_the_tax_agencys_own_number():
    """7000012050002 is the National Tax Agency's, as printed on its site."""
    assert check_digit("000012050002") == 7


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11))
def test_the_check_digit_notices_one_wrong_digit(base: str, at: int):
    """All but 0 for 9 (and, doubled, likewise), which a sum modulo 9 cannot tell."""
    wrong = base[:at] + str((int(base[at]) + 1) % 9 if base[at] not in "89" else 4) + base[at + 1 :]
    assert 1 <= check_digit(base) <= 9
    assert check_digit(wrong) != check_digit(base)


def test_no_two_companies_share_a_name_a_domain_or_a_number():
    made = [company("target", i, salt=7) for i in range(12_000)]
    made += [company("other", i, salt=7) for i in range(4_000)]
    made += [company("partner", i, industry=INDUSTRIES[i % 5], salt=7) for i in range(1_000)]
    for mark in ("name", "domain", "corporate_number"):
        assert len({getattr(c, mark) for c in made}) == len(made), mark


@given(st.integers(0, 9_999_999), st.integers(0, 1000))
def test_a_company_is_nobodys(index: int, salt: int):
    made = company("target", index, salt=salt)
    assert made.domain.endswith(".example")
    assert made.domain.isascii()
    assert made.domain == made.domain.lower()
    area, exchange, line = made.phone.split("-")
    assert exchange.startswith("0")  # no exchange in Japan does
    assert len(area + exchange + line) == 10
    assert made.corporate_number[1:3] == "99"  # no registry office has this code
    assert int(made.corporate_number[0]) == check_digit(made.corporate_number[1:])


def test_the_same_index_is_always_the_same_company():
    assert company("target", 123) == company("target", 123)
    assert company("target", 123) != company("target", 123, salt=1)


def test_elsewhere_it_is_spelled_short_and_may_lack_its_number():
    own = company("partner", 4, industry="consulting")
    short = spelled_elsewhere(own, same_number=False)
    assert short.name != own.name
    assert (short.domain, short.phone, short.corporate_number) == (own.domain, own.phone, "")
    assert spelled_elsewhere(own, same_number=True).corporate_number == own.corporate_number


def test_what_cannot_be_made_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="one of restaurant_services"):
        company("partner", 0, industry="mining")
    with pytest.raises(ValueError, match="0 to 9,999,999"):
        company("target", 10_000_000)
    with pytest.raises(ValueError, match="12 digits"):
        check_digit("123")
