"""What an analyst asks of the views first: the queries of docs/views.md, as they stand there, as the role that the page makes, on computed days."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg import Connection
from sqlalchemy import Engine

from jobs import database as db
from tests.acceptance.conftest import scratch
from tests.integration.views_page import OF_DAY, PAGE, QUERIES, VIEWS, grants
from tests.numbers_world import AS_OF, computed

FIRST = date(2026, 10, 1)
DAYS = (FIRST, date(2026, 10, 25), AS_OF)  # a first, a Sunday, and the newest, which is computed last
ROLE = "bi_queries"


@pytest.fixture(scope="module")
def analyst(
    computed_database: str, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection[Any]]:
    """A session of the page's role, on a database where three days are computed; the CRM's owners are mirrored, as the page says."""
    with scratch(postgres_server, computed_database) as url:
        made = db.engine(url)
        with made.begin() as conn:
            conn.exec_driver_sql(
                """insert into sakigake.activity (workspace, activity_id, partner_id, kind, occurred_on, connection, object, record_id, rule, known_at)
                select workspace, event_id, partner_id, case milestone when 'listed' then 'regular_meeting' else 'dinner' end, occurred_on,
                    connection, 'Event', event_id, 'r', known_at
                from sakigake.event where milestone = 'listed' or milestone = 'agreed' and occurred_on > '2026-10-01'"""
            )
            conn.exec_driver_sql(
                """insert into sakigake.deal_any_channel (workspace, connection, object, record_id, occurred_on, partner_sourced, known_at, won,
                    won_known_at)
                select workspace, connection, 'Opportunity', event_id, occurred_on, true, known_at, true, known_at
                from sakigake.event where milestone = 'deal'"""
            )
            conn.exec_driver_sql("update sakigake.partner set joined_on = '2025-09-01' where name > 'Partner 003'")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp("days"))
            for number, day in enumerate(DAYS, 2):
                computed(made, run=f"run-{number}", day=day, team=4)
        with made.connect() as conn:
            raw: Connection[Any] = conn.connection.driver_connection  # type: ignore[assignment]
            raw.execute(
                """create schema salesforce; create table salesforce.attacklistentry__c as
                select record_id as id, 'owner ' || right(record_id, 1)::int % 3 as ownerid from sakigake.entry"""
            )
            raw.execute(
                """insert into sakigake.target (workspace, month, set_at, type, milestone, planned, conversion, known_at, basis, set_by)
                select 'main', '2026-12-01', at, 'all', 'listed', 100, 0.5, at, 'static', 'somebody'
                from (values ('2026-10-01'::timestamptz), ('2026-10-02')) as set(at)"""
            )
            raw.execute(
                """update sakigake.report set document = jsonb_set(document, '{cutoffs}',
                    '[{"type": "legacy", "partners": 30, "a_up": 20, "b_up": 5, "explained": 0.5, "today": 0.25}]') where kind = 'activation'"""
            )
            raw.execute(grants(ROLE))
            rights = re.search(r"\(`(grant usage on schema salesforce.*?)`\)", PAGE.replace("\n", " "))
            assert rights is not None
            raw.execute(rights.group(1).replace(" to bi", f" to {ROLE}"))
            raw.execute(f"set local role {ROLE}")  # with the transaction, role and all are gone again
            yield raw
            raw.rollback()
        made.dispose()


def rows(conn: Connection[Any], query: str) -> list[dict[str, Any]]:
    cursor = conn.execute(query)
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def asked(conn: Connection[Any], heading: str) -> list[dict[str, Any]]:
    return rows(conn, QUERIES[heading])


def test_the_page_has_the_queries_that_are_held_here():
    assert len(QUERIES) == len(re.findall("^### ", PAGE, re.MULTILINE)) == 12


NOTHING = {  # what these facts tell nothing of: records of partners, names of targets, tiers that nobody is in
    "bi_partner_scorecard": {"records"},
    "bi_entry": {"target"},
    "bi_overview": {"deals_per_month_b", "deals_per_month_c", "deals_per_month_d", "tiers_ordered"},
}


def test_every_column_reads_what_is_stored(analyst: Connection[Any]):
    """A name that no document has would be null for ever: of each view every column tells something, but for what these facts tell nothing of."""
    for view in VIEWS:
        found = rows(analyst, f"select * from sakigake.{view}")
        empty = {name for name in found[0] if all(row[name] is None for row in found)} if found else {"everything"}
        assert empty == NOTHING.get(view, set()), view


def test_a_view_of_each_day_says_of_the_newest_what_the_newest_says(analyst: Connection[Any]):
    for of_day, view in OF_DAY.items():
        found = rows(analyst, f"select to_jsonb(v) as said, as_of from sakigake.{of_day} v")
        newest = rows(analyst, f"select to_jsonb(v) as said from sakigake.{view} v")
        if view == "bi_leading":  # kept once a week, and here the newest day was computed first
            assert found
            continue
        assert sorted(str(r["said"]) for r in found if r["as_of"] == AS_OF) == sorted(str(r["said"]) for r in newest), (
            view
        )
        assert {row["as_of"] for row in found} == set(DAYS), view


def test_a_day_takes_up_the_same_room_however_often_it_is_computed(analyst: Connection[Any]):
    """A row a partner and a report a kind for each day (the newest was computed twice): what is kept grows with days and partners alone."""
    analyst.execute("reset role")
    partners = rows(analyst, "select day, count(*) as n from sakigake.partner_day group by day order by day")
    reports = rows(
        analyst,
        "select as_of, count(*) as n from sakigake.report where kind <> 'leading' group by as_of order by as_of",
    )
    analyst.execute(f"set local role {ROLE}")
    assert [(row["day"], row["n"]) for row in partners] == [(day, 8) for day in DAYS]
    assert [(row["as_of"], row["n"]) for row in reports] == [(day, 3) for day in DAYS]


def test_of_a_month_s_targets_the_newest_holds(analyst: Connection[Any]):
    found = rows(analyst, "select set_at::date as day, holds from sakigake.bi_target order by set_at")
    assert [(row["day"].day, row["holds"]) for row in found] == [(1, False), (2, True)]


def test_the_funnel_of_each_type(analyst: Connection[Any]):
    found = asked(analyst, "The funnel by type, with its interval")
    assert [row["type"] for row in found] == ["growth1"] * 5 + ["legacy"] * 5
    assert [row["step"] for row in found[:5]] == [
        "listed>requested", "requested>agreed", "agreed>executed", "executed>deal", "listed>deal",
    ]  # fmt: skip
    assert all(row["low"] < row["percent"] < row["high"] <= 100 for row in found)


def test_types_sum_to_all_but_only_without_all(analyst: Connection[Any]):
    """The pitfall of the page: whoever sums over all rows counts twice."""
    query = "select sum(n) filter (where type <> 'all') as types, sum(n) filter (where type = 'all') as every, sum(n) as twice from sakigake.bi_funnel where step_no = 5"
    (row,) = rows(analyst, query)
    assert row["types"] == row["every"] == row["twice"] / 2


def test_a_partner_s_rate_over_time(analyst: Connection[Any]):
    found = asked(analyst, "A partner's own rate over 90 days")
    assert [row["as_of"] for row in found] == list(DAYS)
    assert all(row["low"] < row["rate"] < row["high"] for row in found)
    assert len({row["rate"] for row in found}) == 3


def test_who_came_down_a_tier(analyst: Connection[Any]):
    """Of today's world nobody: put back a month, somebody has to have."""
    assert all(row["previous"] < row["tier"] for row in asked(analyst, "Partners that came down a tier this month"))
    ever = QUERIES["Partners that came down a tier this month"].replace(
        "'month', max(as_of)", "'month', date '2020-01-01'"
    )
    down = rows(analyst, "select count(*) as n from sakigake.bi_tier_history where step < 0")[0]["n"]
    assert len(rows(analyst, ever)) == down


def test_plan_and_actual_by_week_sum_to_the_month(analyst: Connection[Any]):
    found = asked(analyst, "The same of a month whose target a person set")
    assert [row["week"] for row in found] == [date(2026, 9, 28), date(2026, 10, 19), date(2026, 10, 26)]
    (month,) = rows(
        analyst,
        "select planned_to_date, actual from sakigake.bi_plan_vs_actual where type = 'all' and milestone = 'deal' and month = '2026-10-01'",
    )
    assert sum(row["planned"] for row in found) == month["planned_to_date"] == 40
    assert sum(row["actual"] for row in found) == month["actual"] > 0


def test_weeks_of_the_plan_have_their_goals_and_what_was_reached(analyst: Connection[Any]):
    found = asked(analyst, "Plan against actual by week")
    assert [(row["week_from"].day, row["week_until"].day) for row in found] == [
        (1, 4),
        (5, 11),
        (12, 18),
        (19, 25),
        (26, 31),
    ]
    assert [row["provisional"] for row in found] == [False] * 4 + [True]
    (plan,) = rows(analyst, "select * from sakigake.bi_plan")
    assert plan["deals"] == 40
    assert plan["verdict"] in {"infeasible_capacity", "infeasible_time", "feasible"}
    weeks = rows(
        analyst,
        "select type, milestone, sum(goal) as goal, sum(actual) as actual from sakigake.bi_plan_week group by 1, 2",
    )
    actual = rows(analyst, "select type, milestone, planned, actual from sakigake.bi_plan_vs_actual")
    assert {(r["type"], r["milestone"]): r["actual"] for r in weeks} == {
        (r["type"], r["milestone"]): r["actual"] for r in actual
    }
    planned = {(r["type"], r["milestone"]): r["planned"] for r in actual}
    for r in weeks:
        if r["milestone"] != "deal":
            assert 0 <= r["goal"] <= planned[r["type"], r["milestone"]], "a plan also feeds the months after its own"
    early = rows(
        analyst,
        f"select week_from, actual from sakigake.bi_plan_week_day where as_of = '{FIRST}' and milestone = 'deal' and type = 'all'",
    )
    assert [row["actual"] is None for row in sorted(early, key=lambda r: r["week_from"])] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_what_was_said_on_a_day(analyst: Connection[Any]):
    found = asked(analyst, "What was said on 1 October")
    assert {row["day"] for row in found} == {FIRST}
    assert len(found) == 8
    later = QUERIES["What was said on 1 October"].replace("2026-10-01", "2026-10-24")
    assert rows(analyst, later) == found, "nothing was computed since"


def test_a_forecast_meets_what_came(analyst: Connection[Any]):
    """The deals of the 30 days after the first, counted from the partners' own days."""
    (row,) = asked(analyst, "The forecast against what came in the 30 days after it")
    assert row["as_of"] == FIRST
    events = "select count(*) as n from sakigake.bi_entry where milestone = 'deal' and milestone_since between '2026-10-02' and '2026-10-31'"
    assert row["came"] == rows(analyst, events)[0]["n"] > 0
    assert row["inside"] == (row["low"] <= row["came"] <= row["high"])
    came = rows(analyst, "select days, type, came from sakigake.bi_forecast order by days")
    for days in (30, 60, 90):
        mine = {r["type"]: r["came"] for r in came if r["days"] == days}
        assert mine.pop("all") == sum(mine.values())
    (quarter,) = rows(analyst, "select sum(deals_90d) as n from sakigake.bi_partner_scorecard")
    assert next(r["came"] for r in came if (r["days"], r["type"]) == (90, "all")) == quarter["n"]


def test_the_share_of_stalled_entries_by_owner(analyst: Connection[Any]):
    found = asked(analyst, "The share of stalled entries by owner")
    assert {row["owner"] for row in found} == {"owner 0", "owner 1", "owner 2"}
    (every,) = rows(analyst, "select sum(stalled_entries) as n from sakigake.bi_partner_scorecard")
    assert sum(row["stalled"] for row in found) == every["n"] > 0
    (way,) = rows(analyst, "select max(under_way) as n from sakigake.bi_forecast where type = 'all'")
    assert sum(row["open"] for row in found) == way["n"]


def test_what_leads(analyst: Connection[Any]):
    """Nothing in these facts does; the query is held by what else there is."""
    assert asked(analyst, "What leads") == []
    query = QUERIES["What leads"].replace("('leading', 'leading, useful')", "('mechanical')")
    assert {"listed", "requested", "agreed", "executed"} <= {row["indicator"] for row in rows(analyst, query)}


def test_deals_day_by_day_know_which_are_provisional(analyst: Connection[Any]):
    found = asked(analyst, "Deals day by day, provisional ones marked")
    assert [(row["as_of"], row["provisional"]) for row in found] == [(FIRST, False), (DAYS[1], False), (AS_OF, True)]
    (since,) = rows(analyst, "select distinct provisional_from from sakigake.bi_plan_vs_actual")
    assert since["provisional_from"] == AS_OF - timedelta(days=1)


def test_the_causes_of_the_gap_sum_to_it(analyst: Connection[Any]):
    found = asked(analyst, "Where the gap in deals comes from")
    for gap in rows(analyst, "select type, gap from sakigake.bi_gap where month = '2026-10-01'"):
        mine = [row["deals"] for row in found if row["type"] == gap["type"]]
        assert len(mine) == 5
        assert float(sum(mine)) == pytest.approx(float(gap["gap"]), abs=1e-4)


def test_what_a_number_stands_on(analyst: Connection[Any]):
    found = asked(analyst, "What a number stands on")
    assert len(found) == 15
    assert all(row["seed"] and row["assumptions"]["horizon"] == 180 for row in found)


def test_a_past_day_keeps_saying_what_it_said(steady: Engine):
    """However it is looked at or computed later, by whatever is known then: each day's rows stay as the last computation of the day left them."""
    views = ("bi_partner_day", *OF_DAY)

    def said() -> dict[str, list[dict[str, Any]]]:
        with steady.connect() as conn:
            found = {}
            for view in views:
                day = "day" if view == "bi_partner_day" else "as_of"
                of_day = conn.exec_driver_sql(
                    f"select to_jsonb(v) as said from sakigake.{view} v where {day} = %s", (AS_OF,)
                )
                found[view] = sorted((row.said for row in of_day), key=str)
            return found

    before = said()
    assert all(before[view] for view in views)
    with steady.begin() as conn:  # somebody finds out that a year of deals never was
        conn.exec_driver_sql("delete from sakigake.event where milestone = 'deal'")
    computed(steady, run="run-2", day=AS_OF + timedelta(days=1))
    with steady.connect() as conn:
        assert conn.exec_driver_sql("select sum(deals_90d) from sakigake.bi_partner_scorecard").scalar_one() == 0
        assert conn.exec_driver_sql("select count(distinct day) from sakigake.bi_partner_day").scalar_one() == 2
    assert said() == before
