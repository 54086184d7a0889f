"""The log of events in PostgreSQL: only ever added to, and nothing added for what is already known."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, text

from models.vocabulary import Milestone, RecordRef
from sync.events import delay, read
from sync.events.log import activity_log, event_log
from sync.events.store import count, remember_mapping, store
from sync.events.target_numbers import target_number
from sync.events.zones import days_of
from sync.mapping.derive import derive
from sync.mapping.facts import Facts
from tests.mapping_world import ENTRY, account, company, entry, jst, preset, small_world

MAPPING = preset()
GO_LIVE = datetime(2026, 6, 1, tzinfo=UTC)
LATER = date(2027, 1, 1)


def keep(engine: Engine, facts: Facts, days: int = 0, *, first_load: bool = False, workspace: str = "main"):
    with engine.begin() as connection:
        changes = store(
            connection, workspace, facts, run_id=f"run-{days}", known_at=GO_LIVE + timedelta(days=days),
            mapping_hash=MAPPING.hash, first_load=first_load,
        )  # fmt: skip
        return changes, count(connection, workspace)


def log(engine: Engine):
    with engine.begin() as connection:
        return connection.execute(text("select * from sakigake.event order by known_at, op desc, event_id")).all()


def seen(engine: Engine, *, as_of: date = LATER, known_at: datetime | None = None, workspace: str = "main"):
    with engine.begin() as connection:
        columns = read.visible_events(connection, workspace, as_of, known_at or GO_LIVE + timedelta(days=400))
    names = (columns.entry_ids[at] for at in columns.entry)
    days = columns.occurred_on.astype(object)
    return sorted(zip(names, (read.MILESTONES[m].value for m in columns.milestone), days, strict=True))


def said(facts: Facts):
    return sorted((e.entry_id, e.milestone.value, e.occurred_on) for e in facts.events)


def test_the_log_tells_each_event_with_the_number_of_its_crm_as_the_compute_step_reads_it(engine):
    keep(engine, derive(MAPPING, small_world()))
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into sakigake.mirror_object (workspace, connection, object, table_name, description, fields, updated_at)"
                " values ('main', 'salesforce', 'a', 'a', '{}', '[]', now()), ('main', 'hubspot', 'deals', 'd', '{}', '[]', now())"
            )
        )
        moment = GO_LIVE + timedelta(days=400)
        told = event_log(connection, "main", LATER, moment, "Asia/Tokyo")
        read_ = read.visible_events(connection, "main", LATER, moment)
    days = read_.occurred_on.astype("datetime64[D]").astype(np.int64)
    of_log = zip((told.entry_ids[e] for e in told.entry), told.milestone, told.day, told.connection, strict=True)
    of_read = zip((read_.entry_ids[e] for e in read_.entry), read_.milestone, days, read_.connection, strict=True)
    assert sorted(of_log) == sorted(of_read)
    assert set(told.connection.tolist()) == {1, 2}


def test_days_of_a_zone_are_asked_for_in_a_transaction(engine):
    """Outside of one the zone would not last, and days would be those of UTC without a word."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        raw = connection.connection.driver_connection
        with pytest.raises(RuntimeError, match="outside of a transaction"), days_of("Asia/Tokyo", raw):
            pass


@pytest.mark.parametrize(("zone", "day"), [("UTC", 1), ("Asia/Tokyo", 2), ("CET", 2), ("Etc/GMT+5", 1)])
def test_moments_have_their_days_in_the_zone_that_is_asked_for_in_summer_too(engine, monkeypatch, zone, day):
    """Of the log, of activities and of how late events are told; and afterwards the session is in UTC again."""
    monkeypatch.setattr(delay, "FEW", 1)
    moment = GO_LIVE + timedelta(hours=22, minutes=30)
    with engine.begin() as connection:
        store(
            connection, "main", derive(MAPPING, small_world()), run_id="r", known_at=moment, mapping_hash=MAPPING.hash
        )
        earlier = "update sakigake.activity set known_at = '2020-01-01' where activity_id = (select min(activity_id) from sakigake.activity)"
        connection.execute(text(earlier))  # what the first load found is known since its own day
        connection.execute(text("update sakigake.event set reconstructed = false, occurred_on = '2026-05-31'"))
        told = event_log(connection, "main", LATER, moment, zone)
        activities = activity_log(connection, "main", LATER, moment, zone)
        late = delay.reporting_delay(connection, "main", LATER, moment, zone)
        assert connection.execute(text("select current_setting('TimeZone')")).scalar_one() == "UTC"
    known = (date(2026, 6, day) - date(1970, 1, 1)).days
    assert set(told.known_from.tolist()) == {known}
    assert known in {n for of in activities for n in of.known_from.tolist()}
    assert late.median == day


def test_what_is_stored_is_read_back_as_it_was_derived(engine):
    facts = derive(MAPPING, small_world())
    changes, counts = keep(engine, facts)
    assert counts.partners == {"growth1": 1, "legacy": 1}
    assert (counts.entries, counts.activities) == (3, 3)
    assert counts.events == changes.asserted == dict(Counter(sorted(e.milestone.value for e in facts.events)))
    assert seen(engine) == said(facts)
    with engine.begin() as connection:
        assert tuple(read.partners(connection, "main")) == facts.partners
        assert tuple(read.entries(connection, "main")) == facts.entries
        assert tuple(read.activities(connection, "main", LATER)) == facts.activities
        assert read.activities(connection, "main", date(2026, 1, 7)) == [
            a for a in facts.activities if a.occurred_on <= date(2026, 1, 7)
        ]


def test_the_same_facts_again_write_nothing(engine):
    facts = derive(MAPPING, small_world())
    keep(engine, facts)
    before = log(engine)
    changes, counts = keep(engine, facts, days=1)
    assert changes.nothing
    assert counts.events
    assert log(engine) == before


def test_a_changed_date_is_taken_back_and_said_anew_and_the_past_stays_as_it_was_known(engine):
    mirror = small_world()
    keep(engine, derive(MAPPING, mirror))
    before = seen(engine)
    mirror.edit(ENTRY, "E1", RequestedOn__c=date(2026, 1, 8))
    changes, _ = keep(engine, derive(MAPPING, mirror), days=1)
    assert changes.asserted == changes.retracted == {"requested": 1}
    assert seen(engine, known_at=GO_LIVE) == before
    assert seen(engine) == said(derive(MAPPING, mirror))
    *_, retracted, asserted = log(engine)
    assert (retracted.op, retracted.supersedes) == ("retract", retracted.fact_id)
    assert (asserted.op, asserted.fact_id) == ("assert", retracted.fact_id)
    assert retracted.known_at == asserted.known_at == GO_LIVE + timedelta(days=1)
    assert len({row.event_id for row in log(engine)}) == len(log(engine))


def test_a_record_deleted_and_restored_is_taken_back_and_said_anew(engine):
    mirror = small_world()
    whole = derive(MAPPING, mirror)
    keep(engine, whole)
    mirror.delete(ENTRY, "E1")
    changes, counts = keep(engine, derive(MAPPING, mirror), days=1)
    assert sum(changes.retracted.values()) == 6
    assert counts.entries == 2
    assert not [row for row in seen(engine) if row not in said(derive(MAPPING, mirror))]
    for days, deleted in ((2, False), (3, True), (4, False)):
        mirror.delete(ENTRY, "E1") if deleted else mirror.restore(ENTRY, "E1")
        keep(engine, derive(MAPPING, mirror), days=days)
    assert seen(engine) == said(whole)
    with engine.begin() as connection:
        assert tuple(read.entries(connection, "main")) == whole.entries
    assert Counter(row.op for row in log(engine)) == {"assert": 10 + 6 + 6, "retract": 6 + 6}


def test_the_past_can_be_seen_as_it_was_known_on_each_day(engine):
    """What a run saw on its day is what its day shows from the final log."""
    mirror = small_world()
    shown = {}
    for day in range(12):
        if day % 3 == 1:
            mirror.edit(ENTRY, "E1", RequestedOn__c=date(2026, 1, 5 + day))
        if day % 4 == 2:
            mirror.delete(ENTRY, "E2") if day % 8 == 2 else mirror.restore(ENTRY, "E2")
        if day == 5:
            mirror.edit(ENTRY, "E1", Partner__c="A2")
        facts = derive(MAPPING, mirror)
        keep(engine, facts, days=day)
        shown[day] = said(facts)
    for day, facts in shown.items():
        assert seen(engine, known_at=GO_LIVE + timedelta(days=day, hours=1)) == facts


def test_an_entry_that_moves_to_another_partner_takes_its_events_along(engine):
    mirror = small_world()
    keep(engine, derive(MAPPING, mirror))
    mirror.edit(ENTRY, "E1", Partner__c="A2")
    changes, _ = keep(engine, derive(MAPPING, mirror), days=1)
    assert sum(changes.retracted.values()) == sum(changes.asserted.values()) == 6
    with engine.begin() as connection:
        columns = read.visible_events(connection, "main", LATER, GO_LIVE + timedelta(days=2))
        by_entry = {e.entry_id: e.partner_id for e in read.entries(connection, "main")}
        there = [e.entry_id for e in read.entries(connection, "main") if e.partner_id == by_entry[columns.entry_ids[0]]]
        moved = read.visible_events(connection, "main", LATER, GO_LIVE + timedelta(days=2), only=[by_entry[there[0]]])
    assert set(columns.entry_ids) == set(by_entry)
    assert set(moved.entry_ids) == set(there)
    standing = (
        "select distinct entry_id, partner_id from sakigake.event e where op = 'assert' and not exists ("
        "select from sakigake.event r where r.supersedes = e.event_id)"
    )
    with engine.begin() as connection:
        assert {tuple(row) for row in connection.exec_driver_sql(standing)} == set(by_entry.items())


def target_numbers(engine: Engine) -> dict[str, int | None]:
    with engine.begin() as connection:
        rows = connection.execute(text("select entry_id, target_number from sakigake.entry where removed_at is null"))
        return dict(map(tuple, rows))


def test_targets_are_numbered_where_they_are_new_or_say_something_else(engine):
    mirror = small_world()
    for name in ("株式会社 青葉", "アオバ"), ("青葉(株)", "アオバ"):
        keep(engine, facts := derive(MAPPING, mirror))
        assert target_numbers(engine) == {e.entry_id: target_number(e.entry_id, e.target) for e in facts.entries}
        mirror.edit(ENTRY, "E1", TargetName__c=name[0], TargetWebsite__c=None, TargetCorporateNumber__c=None)
    with engine.begin() as connection:
        connection.execute(text("update sakigake.entry set target_number = 7"))
    keep(engine, derive(MAPPING, mirror), days=1)
    assert Counter(target_numbers(engine).values())[7] == 2, "the two whose target says the same"


def test_targets_that_an_older_version_stored_are_numbered_and_nothing_else_of_them_moves(engine):
    facts = derive(MAPPING, small_world())
    keep(engine, facts)
    everything = text("select * from sakigake.entry order by entry_id")
    with engine.begin() as connection:
        before = connection.execute(everything).all()
        connection.execute(text("update sakigake.entry set target_number = null"))
    changes, _ = keep(engine, facts, days=1)
    assert changes.nothing
    with engine.begin() as connection:
        assert connection.execute(everything).all() == before
        assert connection.execute(text("select count(*) from sakigake.past_fact")).scalar_one() == 0


def test_a_rule_that_only_moves_within_the_file_moves_no_event(engine):
    facts = derive(MAPPING, small_world())
    keep(engine, facts)
    moved = replace(facts, events=tuple(replace(e, rule="entries[7].milestones.x") for e in facts.events))
    assert not keep(engine, moved, days=1)[0].asserted


def test_what_the_crms_history_dates_is_known_since_then_at_first_load_only(engine):
    mirror = small_world()
    keep(engine, derive(MAPPING, mirror), first_load=True)
    stamps = {(row.source_change_id, row.known_at, row.reconstructed) for row in log(engine)}
    assert ("h2", jst("2026-01-12"), True) in stamps
    assert ("RequestedOn__c", jst("2026-01-10"), True) in stamps
    mirror.changed(ENTRY, "E1", "Status__c", jst("2026-05-01"), "Deal", "Declined", "h9")
    mirror.edit(ENTRY, "E1", Status__c="Declined")
    keep(engine, derive(MAPPING, mirror), days=1)
    late = next(row for row in log(engine) if row.source_change_id == "h9")
    assert (late.known_at, late.reconstructed) == (GO_LIVE + timedelta(days=1), False)


def test_a_stamp_from_the_future_makes_nothing_known_later_than_we_knew_it(engine):
    mirror = small_world()
    mirror.changed(ENTRY, "E2", "Status__c", GO_LIVE + timedelta(days=90), "Declined", "Agreed", "h9")
    keep(engine, derive(MAPPING, mirror), first_load=True)
    late = next(row for row in log(engine) if row.source_change_id == "h9")
    assert (late.known_at, late.reconstructed) == (GO_LIVE, False)


def test_workspaces_do_not_see_each_other(engine):
    facts = derive(MAPPING, small_world())
    keep(engine, facts)
    assert keep(engine, Facts(), workspace="other")[0].nothing
    keep(engine, facts, workspace="other")
    assert keep(engine, Facts(), days=1, workspace="other")[0].retracted
    assert seen(engine) == said(facts)
    assert seen(engine, workspace="other") == []


def test_partners_that_merge_and_part_are_followed(engine):
    mirror = small_world()
    keep(engine, derive(MAPPING, mirror))
    account(mirror, "A2", CorporateNumber__c="7000012050002", Industry="restaurant_services")
    _, counts = keep(engine, derive(MAPPING, mirror), days=1)
    assert sum(counts.partners.values()) == 1
    with engine.begin() as connection:
        (partner,) = read.partners(connection, "main")
    assert len(partner.sources) == 3
    account(mirror, "A2", Industry="restaurant_services", Website="two.example")
    keep(engine, derive(MAPPING, mirror), days=2)
    assert seen(engine) == said(derive(MAPPING, mirror))


def test_names_that_postgresql_cannot_hold_do_not_stop_the_store(engine):
    mirror = small_world()
    account(mirror, "A9", Name="a\0b\ud800c")
    entry(mirror, "E9", "A9", TargetName__c="x\0\udfffy")
    keep(engine, derive(MAPPING, mirror))
    with engine.begin() as connection:
        names = {p.name for p in read.partners(connection, "main")}
        targets = {e.target.name for e in read.entries(connection, "main")}
    assert "ab?c" in names
    assert "x?y" in targets


def test_nothing_is_kept_when_the_transaction_fails(engine):
    facts = derive(MAPPING, small_world())
    with engine.connect() as connection:
        store(connection, "main", facts, run_id="r", known_at=GO_LIVE, mapping_hash="h")
        connection.rollback()
    assert log(engine) == []


def test_a_naive_time_is_refused(engine):
    with engine.begin() as connection, pytest.raises(ValueError, match="must carry its zone"):
        store(connection, "main", Facts(), run_id="r", known_at=datetime(2026, 1, 1), mapping_hash="h")


def test_a_mapping_is_kept_whole_and_once(engine):
    with engine.begin() as connection:
        for _ in range(2):
            remember_mapping(connection, "main", MAPPING.hash, MAPPING.text, GO_LIVE)
        rows = connection.execute(text("select mapping_hash, content from sakigake.mapping_version")).all()
    assert rows == [(MAPPING.hash, MAPPING.text)]


def test_no_events_are_columns_of_no_length(engine):
    with engine.begin() as connection:
        columns = read.visible_events(connection, "main", LATER, GO_LIVE)
    assert len(columns) == 0
    assert list(columns.entry_ids) == []


def many_entries(n: int) -> Facts:
    """Three events each, all of one partner."""
    facts = derive(MAPPING, small_world())
    event, partner = facts.events[0], facts.partners[0].partner_id
    entries = [
        replace(
            facts.entries[0],
            entry_id=f"00000000-0000-5000-8000-{i:012x}",
            source=RecordRef("s", "E", str(i)),
            partner_id=partner,
        )
        for i in range(n)
    ]
    events = [
        replace(event, event_id=f"{e.entry_id[:-12]}{i:02x}{e.entry_id[-10:]}", entry_id=e.entry_id, partner_id=partner, milestone=m, occurred_on=date(2026, 1, 1 + i))
        for e in entries for i, m in enumerate((Milestone.LISTED, Milestone.REQUESTED, Milestone.LOST))
    ]  # fmt: skip
    return replace(facts, entries=tuple(entries), events=tuple(events), activities=())


def test_thirty_thousand_events_are_stored_replayed_and_read_in_order(engine):
    many = many_entries(10_000)
    for days in (0, 1):
        keep(engine, many, days=days)
    with engine.begin() as connection:
        columns = read.visible_events(connection, "main", LATER, GO_LIVE)
    assert len(columns) == 30_000
    assert list(columns.entry_ids) == [e.entry_id for e in many.entries]
    assert np.array_equal(columns.entry, np.repeat(np.arange(10_000), 3))
    assert columns.milestone.tolist() == [0, 1, 6] * 10_000
    assert columns.occurred_on[:3].astype(str).tolist() == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_the_planner_knows_at_once_of_tables_that_a_store_filled(engine):
    keep(engine, many_entries(1_000))
    with engine.begin() as connection:
        known = connection.execute(
            text("select relname, reltuples from pg_class where oid in ('sakigake.entry'::regclass, 'sakigake.event'::regclass)")
        ).all()  # fmt: skip
    assert dict(known) == {"entry": 1_000, "event": 3_000}


def test_a_partner_of_a_deleted_company_leaves_no_place_to_write_to(engine):
    mirror = small_world()
    company(mirror, "502", corporate_number=None)
    keep(engine, derive(MAPPING, mirror))
    mirror.delete("hubspot.companies", "502")
    keep(engine, derive(MAPPING, mirror), days=1)
    with engine.begin() as connection:
        places = connection.execute(text("select record_id from sakigake.partner_source order by 1")).scalars().all()
        removed = connection.execute(
            text("select count(*) from sakigake.partner where removed_at is not null")
        ).scalar_one()
    assert places == ["501", "A1", "A2"]
    assert removed == 1
