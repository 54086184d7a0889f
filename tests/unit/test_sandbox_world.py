"""The generated world: the same for the same seed, true to what was planted, and with a future."""

import hashlib
from collections import Counter, defaultdict
from datetime import date, timedelta

import numpy as np
import pytest

from sandbox.generate import generate_world
from sandbox.planted import TYPES, erlang_cdf, erlang_quantile
from sandbox.settings import SandboxSettings
from sandbox.world import World

STEPS = ["listed", "requested", "agreed", "executed", "deal"]


def digest(world: World) -> str:
    parts = (world.partners, world.entries, world.events, world.activities, world.other_deals, sorted(world.truth))
    return hashlib.sha256(b"".join(repr(row).encode() for part in parts for row in part)).hexdigest()


@pytest.fixture(scope="module")
def world() -> World:
    return generate_world(SandboxSettings())


@pytest.fixture(scope="module")
def messy() -> World:
    return generate_world(SandboxSettings(scenario="messy"))


@pytest.fixture(scope="module")
def large() -> World:
    return generate_world(SandboxSettings(partners=300, entries=20_000, future_days=0))


class TestAnyWorld:
    @pytest.mark.parametrize("scenario", ["clean", "messy"])
    def test_the_same_seed_makes_the_same_world_to_the_byte(self, scenario):
        settings = SandboxSettings(partners=30, entries=300, scenario=scenario)
        assert digest(generate_world(settings)) == digest(generate_world(settings))
        assert digest(generate_world(settings)) != digest(
            generate_world(SandboxSettings(seed=8, partners=30, entries=300))
        )

    def test_it_has_the_size_and_the_days_that_were_asked_for(self, world):
        assert len(world.partners) == 100
        assert world.as_of == date(2026, 10, 31)
        assert world.start == date(2024, 10, 31)
        past = sum(e.listed_on <= world.as_of for e in world.entries)
        assert past == pytest.approx(2400, rel=0.08)
        assert min(e.listed_on for e in world.entries) >= world.start
        assert max(e.recorded_on for e in world.events) <= world.as_of + timedelta(days=120)

    def test_the_world_keeps_turning_for_120_days(self, world):
        weeks = Counter((e.recorded_on - world.as_of).days // 7 for e in world.events if e.recorded_on > world.as_of)
        assert all(weeks[w] > 20 for w in range(17))
        assert any(a.occurred_on > world.as_of for a in world.activities)
        assert any(d.created_on > world.as_of for d in world.other_deals)

    @pytest.mark.parametrize("scenario", ["clean", "messy"])
    def test_ids_are_unique_and_every_reference_holds(self, scenario):
        world = generate_world(SandboxSettings(scenario=scenario))
        partners, entries = {p.id: p for p in world.partners}, {e.id: e for e in world.entries}
        assert len(entries) == len(world.entries)
        assert len({e.id for e in world.events}) == len(world.events)
        assert len({e.external_id for e in world.entries}) == len(world.entries)
        for e in world.entries:
            assert e.crm in partners[e.partner_id].crms
            assert e.root_id in entries
        for event in world.events:
            assert event.external_id == entries[event.entry_id].external_id
            assert event.recorded_on >= event.occurred_on or scenario == "messy"
        for a in world.activities:
            assert a.crm == partners[a.partner_id].crms[0]

    def test_happenings_come_once_and_in_the_order_of_their_day(self, world):
        start = world.start - timedelta(days=1)
        whole = list(world.happenings(start, date.max))
        assert len(whole) == len(world.events) + len(world.activities) + len(world.other_deals)
        middle = world.as_of
        assert whole == [*world.happenings(start, middle), *world.happenings(middle, date.max)]

    def test_a_world_without_a_future_ends_on_its_last_day(self):
        world = generate_world(SandboxSettings(partners=20, entries=200, future_days=0))
        assert list(world.happenings(world.as_of, date.max)) == []

    def test_settings_that_cannot_be_meant_are_refused(self):
        with pytest.raises(ValueError, match="partners must be at least 1"):
            SandboxSettings(partners=0)
        with pytest.raises(ValueError, match="one of clean, messy"):
            SandboxSettings(scenario="tidy")
        with pytest.raises(ValueError, match="rows of Account"):
            SandboxSettings(rows={"Account": -1})

    @pytest.mark.parametrize("partners", [1, 2, 3])
    def test_a_handful_of_partners_is_a_world_too(self, partners):
        for seed in range(5):
            world = generate_world(SandboxSettings(seed=seed, partners=partners, months=1, entries=3))
            assert len(world.partners) == partners


class TestPartners:
    def test_they_stand_55_in_salesforce_30_in_hubspot_15_in_both(self, world):
        where = Counter(frozenset(p.crms) for p in world.partners)
        assert where[frozenset(["salesforce"])] == 55
        assert where[frozenset(["hubspot"])] == 30
        assert where[frozenset(["salesforce", "hubspot"])] == 15

    def test_in_a_second_crm_some_are_known_by_their_domain_only(self, world):
        both = [p for p in world.partners if len(p.crms) > 1]
        spelled = [(p.company_in(p.crms[0]), p.company_in(p.crms[1])) for p in both]
        assert all(here.domain == there.domain and here.name != there.name for here, there in spelled)
        numbers = Counter(there.corporate_number == here.corporate_number for here, there in spelled)
        assert numbers[True] >= 3
        assert numbers[False] >= 2
        alone = next(p for p in world.partners if len(p.crms) == 1)
        assert alone.company_in("salesforce") == alone.company_in("hubspot") == alone.company

    def test_industry_and_size_say_the_type(self):
        """The rules of the mapping, first match first; so the planted type can be found again."""
        growth = {"sales_agency", "consulting", "real_estate", "opening_support"}
        for p in generate_world(SandboxSettings(partners=300, entries=300)).partners:
            if p.industry in ("sales_agency", "consulting") and p.scale in ("medium", "large"):
                assert p.type == "growth1"
            elif p.industry in growth:
                assert p.type == "growth2"
            else:
                assert (p.industry, p.type) == ("restaurant_services", "legacy")

    def test_who_submits_lists_has_said_yes_and_who_refused_lists_nothing(self, world):
        listed = Counter(e.partner_id for e in world.entries)
        assert {p.willingness for p in world.partners} == {"refused", "unknown", "verbal_yes"}
        for p in world.partners:
            assert not p.submits_list or p.willingness == "verbal_yes"
            assert p.willingness != "refused" or listed[p.id] == 0
        assert {p.contract for p in world.partners} == {"referral", "mutual", "reseller"}

    def test_nobody_lists_before_joining(self, world):
        joined = {p.id: p.joined_on for p in world.partners}
        assert all(e.listed_on >= joined[e.partner_id] - timedelta(days=2) for e in world.entries)
        assert any(day > world.start for day in joined.values())


class TestPlantedTruth:
    def test_rates_come_near_what_was_planted(self, large):
        for planted in TYPES:
            truth = large.truth["types"][planted.name]
            assert truth["realised_eventual_cvr"] == pytest.approx(planted.conversion, abs=0.08)
            assert truth["realised_listed_to_deal"] == pytest.approx(np.prod(truth["realised_eventual_cvr"]), abs=1e-4)

    def test_lead_times_of_what_converted_long_ago_have_the_planted_quantiles(self, large):
        kind = {p.id: p.type for p in large.partners}
        owner = {e.id: kind[e.partner_id] for e in large.entries if (large.as_of - e.listed_on).days > 250}
        days: dict[str, dict[str, date]] = defaultdict(dict)
        for e in large.events:
            if e.entry_id in owner:
                days[e.entry_id][e.step] = e.occurred_on
        for planted in TYPES:
            for k, step in enumerate(large.truth["types"][planted.name]["lead_time"]):
                spans = [
                    (d[STEPS[k + 1]] - d[STEPS[k]]).days
                    for i, d in days.items()
                    if owner[i] == planted.name and STEPS[k + 1] in d
                ]
                assert np.quantile(spans, 0.5) == pytest.approx(step["median"], abs=2)
                assert np.quantile(spans, 0.8) == pytest.approx(step["p80"], abs=4)

    def test_a_third_of_the_dead_die_in_silence(self, large):
        old = {e.id for e in large.entries if (large.as_of - e.listed_on).days > 500}
        ends = {e.entry_id for e in large.events if e.step in ("deal", "lost")}
        deals = {e.entry_id for e in large.events if e.step == "deal"}
        assert len(old - ends) / len(old - deals) == pytest.approx(0.35, abs=0.03)

    def test_nothing_is_lost_after_a_deal_and_only_deals_are_won(self, large):
        days: dict[str, dict[str, date]] = defaultdict(dict)
        for e in large.events:
            days[e.entry_id][e.step] = e.occurred_on
        assert not any({"deal", "lost"} <= d.keys() for d in days.values())
        assert all(d["deal"] < d["won"] for d in days.values() if "won" in d)

    def test_a_partners_own_rate_is_the_one_the_truth_tells(self, large):
        listed, requested = Counter(), Counter()
        for e in large.events:
            partner = large.entries[int(e.entry_id)].partner_id
            if (large.as_of - large.entries[int(e.entry_id)].listed_on).days > 120:
                listed[partner] += e.step == "listed"
                requested[partner] += e.step == "requested"
        busy = [p for p, n in listed.items() if n >= 120]
        assert len(busy) > 20
        for p in busy:
            assert requested[p] / listed[p] == pytest.approx(large.truth["partner_p"][p][0], abs=0.13)

    @pytest.mark.parametrize("seed", [1, 7, 23])
    def test_partners_source_44_percent_of_the_last_years_deals(self, seed):
        world = generate_world(SandboxSettings(seed=seed))
        year = world.as_of - timedelta(days=365)
        own = sum(e.step == "deal" and year < e.occurred_on <= world.as_of for e in world.events)
        others = sum(year < d.created_on <= world.as_of for d in world.other_deals)
        assert own / (own + others) == pytest.approx(0.44, abs=0.005)
        assert world.truth["partner_sourced_share"] == pytest.approx(0.44, abs=0.005)

    def test_counts_in_the_truth_are_those_of_the_day_it_starts(self, world):
        seen = [e for e in world.events if e.recorded_on <= world.as_of]
        assert world.truth["recorded_steps"] == Counter(e.step for e in seen)
        assert world.truth["n_entries"] == sum(e.step == "listed" for e in seen)

    def test_erlang_quantiles_invert_the_distribution(self):
        assert erlang_quantile(0.5, 1, 10) == pytest.approx(6.9315, abs=1e-3)  # exponential: mean * ln 2
        assert erlang_cdf(erlang_quantile(0.8, 2, 18), 2, 18) == pytest.approx(0.8)
        assert erlang_cdf(-1, 2, 18) == 0


class TestActivities:
    def test_every_kind_occurs_on_weekdays(self, world):
        kinds = Counter(a.kind for a in world.activities)
        assert kinds.keys() == {"co_visit", "study_session", "dinner", "webinar", "regular_meeting", "touch"}
        assert all(a.occurred_on.weekday() < 5 for a in world.activities)

    def test_some_partners_meet_weekly_and_those_who_refused_never(self, world):
        meetings = Counter(a.partner_id for a in world.activities if a.kind == "regular_meeting")
        refused = {p.id for p in world.partners if p.willingness == "refused"}
        assert not refused & meetings.keys()
        assert sum(n > 50 for n in meetings.values()) >= 10

    def test_dinners_follow_deals_by_two_weeks(self, world):
        deals = defaultdict(list)
        partner = {e.id: e.partner_id for e in world.entries}
        for e in world.events:
            if e.step == "deal":
                deals[partner[e.entry_id]].append(e.occurred_on)
        dinners = [a for a in world.activities if a.kind == "dinner"]
        after = sum(any(8 <= (a.occurred_on - d).days <= 18 for d in deals[a.partner_id]) for a in dinners)
        assert after / len(dinners) > 0.6


class TestMessyWorld:
    def test_its_truth_is_that_of_the_clean_world_below_it(self, world, messy):
        assert messy.truth["types"] == world.truth["types"]

    def test_steps_are_skipped_and_taken_back(self, messy):
        steps = defaultdict(list)
        for e in messy.events:
            if e.op == "assert":
                steps[e.entry_id].append((e.occurred_on, e.step))
        reached = [{s for _, s in life} for life in steps.values()]
        assert sum("executed" in s and "agreed" not in s for s in reached) > 10
        back = [life for life in steps.values() if sum(s == "requested" for _, s in life) > 1]
        assert 20 < len(back) < 200

    def test_duplicates_stand_in_the_other_crm_with_the_same_target(self, messy):
        by_external = {e.external_id: e for e in messy.entries}
        duplicates = [e for e in messy.entries if e.external_id.startswith("dup-")]
        assert len(duplicates) == messy.truth["duplicated_entries"] > 50
        for d in duplicates:
            original = by_external[d.external_id.removeprefix("dup-")]
            assert d.crm != original.crm
            assert d.target == original.target
            assert d.partner_id == original.partner_id

    def test_second_attempts_are_made_on_the_same_target(self, messy):
        entries = {e.id: e for e in messy.entries}
        again = [e for e in messy.entries if e.attempt == 2]
        assert len(again) > 30
        assert all(entries[e.root_id].target == e.target and e.listed_on > entries[e.root_id].listed_on for e in again)

    def test_dates_are_recorded_late_and_corrected_later(self, messy):
        events = {e.id: e for e in messy.events}
        retracts = [e for e in messy.events if e.op == "retract"]
        assert len(retracts) == messy.truth["corrected_dates"] > 20
        for r in retracts:
            wrong = events[r.supersedes]
            assert (wrong.entry_id, wrong.step, wrong.op) == (r.entry_id, r.step, "assert")
            assert r.recorded_on > wrong.recorded_on
            assert any(
                e.entry_id == r.entry_id and e.step == r.step and e.op == "assert" and e.recorded_on == r.recorded_on
                for e in messy.events
            )
        delays = [(e.recorded_on - e.occurred_on).days for e in messy.events if e.op == "assert"]
        assert 2 <= np.mean(delays) <= 6

    def test_the_share_of_partner_sourced_deals_holds_in_it_too(self, messy):
        assert messy.truth["partner_sourced_share"] == pytest.approx(0.44, abs=0.01)
