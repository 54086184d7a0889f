"""The views for BI tools: as documented column by column, and readable by a role that may read nothing else."""

import re

import psycopg
import pytest
from sqlalchemy import Engine, text

from tests.integration.views_page import OF_DAY, PAGE, VIEWS, grants

COLUMNS = """select a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
    from pg_attribute a where a.attrelid = to_regclass(:view) and a.attnum > 0 order by a.attnum"""
SHORT = {"timestamp with time zone": "timestamptz", "integer": "int"}
# what stood there when the views were promised, and with each version since: only ever added to, at the end
PROMISED = {
    "bi_funnel": """workspace as_of known_at type step step_no from_milestone to_milestone rate low high corrected n converted lost open
        status skip_rate flow_ratio median_days p80_days lead_time_conversions lead_time_status mapping_hash code_version run_id regressed
        regressions median_days_low median_days_high p80_days_low p80_days_high median_business_days p80_business_days resolved window_days
        flow_from flow_to product_of_steps product_disagrees ever_n ever_converted ever_rate ever_low ever_high drift drift_recent
        drift_before drift_n_recent drift_n_before drift_p provisional_from""",
    "bi_conversion_within": "workspace as_of known_at type step step_no days rate low high n converted run_id",
    "bi_lead_time_curve": "workspace as_of known_at type step step_no days share run_id",
    "bi_forecast": """workspace as_of known_at type days expected low high expected_in_flight expected_new status came under_way
        listed_a_week run_id""",
    "bi_forecast_check": "workspace as_of known_at day n expected came status run_id",
    "bi_partner_scorecard": """workspace partner_id name type records tier tier_reason tier_since attack_list_count attack_list_submitted_on
        listed_90d requested_90d agreed_90d executed_90d deals_90d cvr_listed_to_deal lead_time_days expected_deals_30d expected_deals_90d
        deals_target_month stalled_entries next_regular_meeting_due next_step as_of known_at expected_deals_30d_low expected_deals_30d_high
        expected_deals_90d_low expected_deals_90d_high forecast_status cvr_n cvr_status lead_time_n lead_time_status tier_rule tier_previous
        what_would_change willingness last_regular_meeting next_step_kind next_step_entries provisional_from run_id""",
    "bi_partner_day": """workspace day partner_id name type tier tier_reason tier_since attack_list_count attack_list_submitted_on listed_90d
        requested_90d agreed_90d executed_90d deals_90d cvr_listed_to_deal lead_time_days expected_deals_30d expected_deals_90d
        deals_target_month stalled_entries next_regular_meeting_due next_step known_at mapping_hash code_version run_id expected_deals_30d_low
        expected_deals_30d_high expected_deals_90d_low expected_deals_90d_high forecast_status cvr_n cvr_status lead_time_n lead_time_status
        tier_rule tier_previous what_would_change willingness last_regular_meeting next_step_kind next_step_entries provisional_from""",
    "bi_partner_rate": """workspace as_of known_at partner_id name type step step_no rate low high own_data n converted open run_id""",
    "bi_entry": """workspace as_of known_at entry_id partner_id partner type record target milestone milestone_no milestone_since status
        stalled next_milestone due_on chance chance_at_entry why deal_probability expected_deal_on""",
    "bi_tier_history": "workspace partner_id name type tier previous since until current step rule set_by_hand run_id",
    "bi_tier_cutoffs": "workspace as_of known_at type partners a_up b_up explained explained_today run_id",
    "bi_plan_vs_actual": """workspace month as_of known_at type milestone milestone_no planned planned_to_date actual gap landing
        chance_of_target effect_on_deals run_id landing_low landing_high landing_in_flight landing_new elapsed provisional_from""",
    "bi_gap": """workspace month as_of known_at type gap volume listed_to_requested requested_to_agreed agreed_to_executed executed_to_deal
        timing zeros run_id""",
    "bi_plan": """workspace month as_of known_at deals verdict expected_in_flight chance_without_new mean_entries mean_expected mean_chance
        safe_entries safe_expected safe_chance listed_until requested_until agreed_until executed_until run_id""",
    "bi_plan_week": """workspace month as_of known_at type milestone milestone_no week_from week_until goal actual provisional_from run_id""",
    "bi_target": "workspace month type milestone milestone_no planned conversion basis set_at known_at holds",
    "bi_leading": """workspace as_of known_at indicator kind type verdict lead_weeks effect smallest_visible_effect p p_holm skill skill_p
        more_weeks sentence_ja sentence_en mapping_hash code_version run_id label_ja label_en p_explore peak_lag reverse_p reverse_p_holm
        reverse_peak_lag usable_weeks partners actions deals short_of skill_baseline skill_origins skill_crps mase skill_pinball_10
        skill_pinball_90 weeks_from weeks_until""",
    "bi_activation": """workspace as_of known_at type base active activation low high engaged engagement deals deals_per_active run_id
        engagement_low engagement_high newcomers first_deal_days first_deal_days_low first_deal_days_high first_deal_within_90
        first_deal_partners first_deals first_deal_left_out provisional_from""",
    "bi_overview": """workspace as_of known_at deals_of_year partners top_share herfindahl effective_partners sourced_deals all_deals
        sourced_share sourced_low sourced_high sourced_status won_sourced_deals won_all_deals won_sourced_share won_sourced_low
        won_sourced_high won_sourced_status pushes pushes_on_d pushed_d_partners pushes_on_d_share contacts_per_week team contacts_per_person
        contacts_limit capacity_status tier_moves flap_rate tiers_steady tiers_ordered deals_per_month_a deals_per_month_b deals_per_month_c
        deals_per_month_d provisional_from run_id""",
    "bi_cadence": "workspace as_of known_at tier what per due met rate low high run_id",
    "bi_computation": """workspace run_id as_of known_at computed_at mapping_hash code_version settings_hash seed input_watermark assumptions
        entries attempts events reporting_delay_n reporting_delay_median reporting_delay_p90 provisional_from forecast_status deals_wanted
        issues""",
}


def documented(view: str) -> list[tuple[str, str, str]]:
    """Name, type and words of each column, as the page has them."""
    part = PAGE.split(f"## {view}\n")[1].split("\n## ")[0]
    found: list[tuple[str, str, str]] = []
    for cell, kind, says in re.findall(r"^\| (`.*?) \| (.*?) ?\| (.*) \|$", part, re.MULTILINE):
        if "…" in cell:
            first, last = re.findall(r"`(\w+)`", cell)
            whole = documented("bi_partner_scorecard")
            names = [name for name, *_ in whole]
            found += whole[names.index(first) : names.index(last) + 1]
        else:
            found.append((cell.strip("`"), kind, says))
    return found


def columns(engine: Engine, view: str) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text(COLUMNS), {"view": f"sakigake.{view}"})
        return [(name, SHORT.get(kind, kind), says) for name, kind, says in rows]


def test_every_view_is_documented(engine: Engine):
    with engine.connect() as connection:
        there = connection.execute(text("select viewname from pg_views where schemaname = 'sakigake'")).scalars()
        assert sorted({*there} - {"field_result"}) == sorted([*VIEWS, *OF_DAY]), (
            "that one is our own, not a promise to others"
        )
        said = dict(connection.execute(text("select v, obj_description(to_regclass('sakigake.' || v)) from unnest(cast(:views as text[])) v"), {"views": VIEWS}).all())  # fmt: skip
    assert {view: PAGE.split(f"## {view}\n")[1].split("\n")[0] for view in VIEWS} == said


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_is_documented_in_its_order_and_the_database_says_the_same(engine: Engine, view: str):
    """A BI tool shows the comments; whoever reads the page reads the same words."""
    assert documented(view) == columns(engine, view)


@pytest.mark.parametrize("view", OF_DAY)
def test_a_view_of_each_day_has_the_columns_of_the_newest(engine: Engine, view: str):
    """A query that asks of now asks of a day, once the view's name is changed."""
    assert columns(engine, view) == columns(engine, OF_DAY[view])


@pytest.mark.parametrize("view", VIEWS)
def test_saved_queries_go_on_working(engine: Engine, view: str):
    """What was promised stands where it stood; more may follow."""
    promised = PROMISED[view].split()
    assert [name for name, *_ in columns(engine, view)][: len(promised)] == promised


def test_a_reader_needs_the_documented_grants_and_no_more(engine: Engine):
    """The statements of the page, as they stand there; the tables behind the views stay closed."""
    with engine.connect() as connection:
        connection.connection.driver_connection.execute(grants("bi_test"))
        connection.execute(text("set local role bi_test"))
        for view in [*VIEWS, *OF_DAY]:
            assert connection.execute(text(f"select count(*) from sakigake.{view}")).scalar_one() == 0
        with pytest.raises(Exception, match="permission denied") as caught:
            connection.execute(text("select * from sakigake.partner"))
        assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
        connection.rollback()
