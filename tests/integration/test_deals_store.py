"""Deals of all channels in PostgreSQL: equal ones untouched, vanished ones marked, the past as it was known."""

from datetime import UTC, date, datetime, timedelta

from models.vocabulary import RecordRef
from sync.events.deals import deals_between, store_deals
from sync.mapping.facts import DealAnyChannel

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def deal(name: str, day: int, *, partner: bool = False, won: bool | None = None) -> DealAnyChannel:
    return DealAnyChannel(date(2026, 5, day), partner, RecordRef("crm", "Opportunity", name), won)


def keep(engine, deals, days=0):
    with engine.begin() as connection:
        return store_deals(connection, "main", deals, NOW + timedelta(days=days))


def counted(engine, days=9, first=date(2026, 5, 1)):
    with engine.begin() as connection:
        found = deals_between(connection, "main", first, date(2026, 5, 31), NOW + timedelta(days=days))
    return found.all, found.partner_sourced


def test_the_same_deals_again_write_nothing(engine):
    deals = [deal("a", 1, partner=True), deal("b", 2)]
    assert keep(engine, deals) == 2
    assert keep(engine, deals, days=1) == 0
    assert counted(engine) == (2, 1)
    assert counted(engine, first=date(2026, 5, 2)) == (1, 0)


def test_what_changed_is_written_and_what_vanished_counts_no_more(engine):
    keep(engine, [deal("a", 1), deal("b", 2)])
    assert keep(engine, [deal("a", 1, partner=True)], days=2) == 2
    assert counted(engine) == (1, 1)
    assert keep(engine, [deal("a", 1, partner=True), deal("b", 2)], days=3) == 1
    assert counted(engine) == (2, 1)


def test_a_deal_that_vanished_later_was_there_before(engine):
    keep(engine, [deal("a", 1), deal("b", 2)])
    keep(engine, [deal("a", 1)], days=5)
    assert counted(engine, days=4) == (2, 0)
    assert counted(engine, days=5) == (1, 0)


def test_what_came_later_was_not_known_before_and_the_first_load_was(engine):
    keep(engine, [deal("a", 1)])
    keep(engine, [deal("a", 1), deal("b", 2)], days=5)
    assert counted(engine, days=4) == (1, 0)
    assert counted(engine, days=-20) == (1, 0)  # known since its own day, as far as anybody can tell


def won(engine, days):
    with engine.begin() as connection:
        found = deals_between(connection, "main", date(2026, 5, 1), date(2026, 5, 31), NOW + timedelta(days=days))
    return found.all, found.judged, found.won, found.partner_won


def test_a_deal_that_is_won_later_was_there_before_and_was_not_won_yet(engine):
    keep(engine, [deal("a", 1, partner=True, won=False), deal("b", 2, won=True), deal("c", 3)])
    assert won(engine, 0) == (3, 2, 1, 0)
    assert keep(engine, [deal("a", 1, partner=True, won=True), deal("b", 2, won=True), deal("c", 3)], days=5) == 1
    assert won(engine, 5) == (3, 2, 2, 1)
    assert won(engine, 4) == (3, 2, 1, 0)
    assert won(engine, -20) == (3, 2, 1, 0)  # won since its own day, as far as anybody can tell


def test_deals_that_a_new_condition_finds_won_were_won_before_and_lose_it_with_the_condition(engine):
    keep(engine, [deal("a", 1), deal("b", 2)])
    assert won(engine, 0) == (2, 0, 0, 0)
    assert keep(engine, [deal("a", 1, won=True), deal("b", 2, won=False)], days=3) == 2
    assert won(engine, 1) == (2, 2, 1, 0)
    assert keep(engine, [deal("a", 1, won=True), deal("b", 2, won=False)], days=4) == 0
    assert keep(engine, [deal("a", 1), deal("b", 2)], days=6) == 2
    assert won(engine, 9) == (2, 0, 0, 0)


def test_a_deal_that_is_won_no_more_counts_as_not_won(engine):
    keep(engine, [deal("a", 1, won=True)])
    assert keep(engine, [deal("a", 1, won=False)], days=2) == 1
    assert won(engine, 3) == (1, 1, 0, 0)
