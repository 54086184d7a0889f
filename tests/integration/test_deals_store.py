"""Deals of all channels in PostgreSQL: equal ones untouched, vanished ones marked, the past as it was known."""

from datetime import UTC, date, datetime, timedelta

from models.vocabulary import RecordRef
from sync.events.deals import deals_between, store_deals
from sync.mapping.facts import DealAnyChannel

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def deal(name: str, day: int, *, partner: bool = False) -> DealAnyChannel:
    return DealAnyChannel(date(2026, 5, day), partner, RecordRef("crm", "Opportunity", name))


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
