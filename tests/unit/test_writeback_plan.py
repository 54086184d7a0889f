"""Which fields would change: decided from plain values."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import BY_NAME, CATALOGUE, Kind, fields_of
from models.vocabulary import RecordRef
from sync.writeback.plan import Gone, Wanted, draft, same, worth_writing

TIER, COUNT, CVR = BY_NAME["tier"], BY_NAME["listed_90d"], BY_NAME["cvr_listed_to_deal"]
HERE = RecordRef("salesforce", "Account", "001A")


def want(value: Any, field: Any = TIER, record: RecordRef = HERE) -> Wanted:
    return Wanted(record, field, value, "because")


def test_only_a_value_that_differs_from_the_live_one_is_a_change() -> None:
    found = draft([want("A"), want(3, COUNT)], {HERE: {"tier": "B", "listed_90d": "3"}})
    assert [(c.field.name, c.old, c.new) for c in found.changes] == [("tier", "B", "A")]
    assert [w.field.name for w in found.agreed] == ["listed_90d"]


def test_a_record_that_is_not_there_is_skipped_with_its_reason() -> None:
    found = draft([want("A")], {HERE: Gone()})
    assert found.changes == []
    assert dict(found.skipped) == {"the record is deleted or not visible to us": 1}


@pytest.mark.parametrize(
    ("old", "new", "expected"), [(20.0, 20.4, False), (20.0, 20.5, True), (None, 0.1, True), (20.0, None, True)]
)
def test_a_percentage_is_written_only_by_its_smallest_step(old: Any, new: Any, expected: bool) -> None:
    assert worth_writing(CVR, old, new) is expected


def test_a_blank_and_nothing_are_the_same() -> None:
    assert same(TIER, "", None)
    assert not same(TIER, "", "A")
    assert draft([want(None)], {HERE: {"tier": ""}}).changes == []


values = st.one_of(st.none(), st.integers(0, 5), st.floats(0, 5, allow_nan=False).map(lambda x: round(x, 1)))


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["listed_90d", "cvr_listed_to_deal"]), values, values),
        max_size=20,
    ),
    st.randoms(),
)
def test_a_plan_does_not_depend_on_order_and_applying_it_leaves_nothing_to_do(rows: Any, order: Any) -> None:
    cells = {(RecordRef("c", "O", i), name): (old, new) for i, name, old, new in rows}
    wanted = [want(new, BY_NAME[name], ref) for (ref, name), (_, new) in cells.items()]
    live: dict[RecordRef, dict[str, Any]] = {}
    for (ref, name), (old, _) in cells.items():
        live.setdefault(ref, {})[name] = old  # type: ignore[index]
    first = draft(wanted, live)
    order.shuffle(wanted)
    assert draft(wanted, live).changes == first.changes
    for change in first.changes:
        live[change.record][change.field.name] = change.new  # type: ignore[index]
    assert draft(wanted, live).changes == []


def test_the_catalogue_is_whole() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    for f in CATALOGUE:
        assert all((f.label_en, f.label_ja, f.help_en, f.help_ja)), f.name
        assert len(f.label_en) <= 40, f"Salesforce takes labels of 40 characters: {f.name}"
        assert len(f.label_ja) <= 40, f.name
        assert bool(f.choices) == (f.kind is Kind.CHOICE), f.name
    assert {f.subject for f in CATALOGUE} == {"partner", "entry"}
    assert set(fields_of("partner")) | set(fields_of("entry")) == set(CATALOGUE)


def test_rounding_is_to_even_at_the_fields_digits() -> None:
    assert CVR.rounded(12.25) == Decimal("12.2")
    assert CVR.rounded(12.35) == Decimal("12.4")
    assert COUNT.rounded(None) is None
