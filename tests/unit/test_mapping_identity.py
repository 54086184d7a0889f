"""Marks of identity: what makes two records the same company, and what must not."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import RecordRef
from sync.mapping.identity import NAMESPACE, Groups, corporate_number, domain, stable_id

REFS = st.builds(RecordRef, st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), st.sampled_from("123456"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7000012050002", "7000012050002"),
        ("T7000012050002", "7000012050002"),
        ("７０００－０１２０－５０００２", "7000012050002"),
        ("8000012050002", None),
        ("700001205000", None),
        ("70000120500020", None),
        ("", None),
    ],
)
def test_a_corporate_number_counts_only_with_its_check_digit(text, number):
    assert corporate_number(text) == number


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 8))
def test_one_mistyped_digit_is_always_noticed(base, at, by):
    """Nine minus a weighted sum modulo nine: a digit that moves by less than nine moves the check digit."""
    valid = next(n for n in (str(c) + base for c in range(1, 10)) if corporate_number(n))
    mistyped = valid[: at + 1] + str((int(valid[at + 1]) + by) % 10) + valid[at + 2 :]
    moved = (int(mistyped[at + 1]) - int(valid[at + 1])) % 9
    assert (corporate_number(mistyped) is None) == (moved != 0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://www.Example.co.jp/shop?x=1", "example.co.jp"),
        ("example.co.jp", "example.co.jp"),
        ("WWW.EXAMPLE.CO.JP.", "example.co.jp"),
        ("http://user@example.co.jp:8080", "example.co.jp"),
        ("info@example.co.jp", "example.co.jp"),
        ("ｅｘａｍｐｌｅ．jp", "example.jp"),
        ("https://日本語.jp/", "xn--wgv71a119e.jp"),
        ("https://www.facebook.com/somebody", None),
        ("gmail.com", None),
        ("localhost", None),
        ("10.0.0.1", None),
        ("なし", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_a_domain_is_read_from_what_people_write(text, name):
    assert domain(text) == name


@given(st.text(max_size=60))
def test_any_text_is_a_domain_or_none_and_a_domain_stays_itself(text):
    found = domain(text)
    assert found is None or domain(found) == found


PARTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), min_size=1, max_size=4
)


@given(PARTS, PARTS)
def test_ids_are_equal_exactly_where_their_parts_are(one, other):
    assert (stable_id(*one) == stable_id(*other)) == (one == other)
    assert stable_id(*one) == str(uuid.uuid5(NAMESPACE, "\0".join(one)))


@given(st.lists(st.tuples(REFS, REFS), max_size=12), st.randoms(use_true_random=False))
def test_joining_is_an_equivalence_whatever_the_order(pairs, chance):
    members = sorted({ref for pair in pairs for ref in pair})
    groups = Groups(members)
    for pair in pairs:
        groups.join(*pair)
    again = Groups(reversed(members))
    for one, other in chance.sample(pairs, len(pairs)):
        again.join(other, one)
    assert groups.all() == again.all()
    for first, same in groups.all().items():
        assert first == min(same)
    assert sorted(ref for same in groups.all().values() for ref in same) == members


@given(
    st.sampled_from(["", "http://", "https://", "HTTPS://", "ftp://"]),
    st.text("abc.-A:@/[]?#% １", max_size=12),
    st.sampled_from(["", "/", "/path", "//x", "/a://b", "?q", ":80", ":80/x"]),
)
def test_a_plainly_written_address_is_read_as_the_library_reads_it(scheme: str, host: str, path: str):
    """What has a `#` is not plain, so that the library reads it; behind it nothing is of the host."""
    address = f"{scheme}{host}.example{path}"
    assert domain(address) == domain(f"{address}#") or "#" in address or "?" in address
