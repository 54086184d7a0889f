"""Since when a company buys, as its record states it: kept as it was known, and put right where the record is."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from jobs.wiring import connect_with
from models.vocabulary import RecordRef, Target
from sync.events.customers import companies, store_customers
from sync.mapping.facts import CustomerFact

NAME = "main"
FIRST = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
LATER = FIRST + timedelta(days=10)
REF = RecordRef("salesforce", "Opportunity", "006A")
TARGET = Target(domain="aoba.example")


@pytest.fixture
def told(engine: Engine):
    def stored(at, *facts, ever=False, of=None):
        with engine.begin() as conn:
            return store_customers(conn, NAME, facts, at, at.date(), ever=ever, of=of)

    def stands(at):
        with connect_with(engine)() as conn:
            return [(c.since, c.until) for c in companies(conn, NAME, at)]

    return stored, stands


def fact(since: date | None) -> CustomerFact:
    return CustomerFact(REF, "customer", TARGET, since)


def test_a_stated_day_counts_and_is_put_right_as_known_from_then_on(told) -> None:
    stored, stands = told
    may, march = date(2026, 5, 1), date(2026, 3, 1)
    assert stored(FIRST, fact(may))
    assert not stored(FIRST + timedelta(days=1), fact(may))
    assert stands(FIRST) == [(may, None)]
    assert stands(FIRST - timedelta(seconds=1)) == []
    assert stored(LATER, fact(march))
    assert (stands(LATER), stands(FIRST)) == ([(march, None)], [(may, None)])
    assert stored(LATER + timedelta(days=1), fact(None))
    assert stands(LATER + timedelta(days=1)) == [((LATER + timedelta(days=1)).date(), None)]
    assert stored(LATER + timedelta(days=2))
    assert stands(LATER + timedelta(days=2)) == [((LATER + timedelta(days=1)).date(), (LATER + timedelta(days=2)).date())]  # fmt: skip


def test_a_rule_that_comes_to_state_the_day_takes_back_that_it_was_so_since_ever(told) -> None:
    stored, stands = told
    assert stored(FIRST, fact(None), ever=True)
    assert stands(FIRST) == [(None, None)]
    assert stored(LATER, fact(date(2026, 5, 1)), ever=True)
    assert (stands(LATER), stands(FIRST)) == ([(date(2026, 5, 1), None)], [(None, None)])


def test_of_several_days_of_one_record_the_first_counts_and_a_part_touches_no_other_record(told) -> None:
    stored, stands = told
    other = CustomerFact(RecordRef("salesforce", "Opportunity", "006B"), "customer", Target(domain="b.example"), None)
    assert len(stored(FIRST, fact(date(2026, 5, 1)), fact(date(2026, 4, 1)), other)) == 2
    assert (date(2026, 4, 1), None) in stands(FIRST)
    assert not stored(LATER, fact(date(2026, 4, 1)), of={("salesforce", "Opportunity"): {"006A"}})
    assert len(stands(LATER)) == 2
