"""Show in views for BI tools all that is published, of each day, and say of each column what it is.

Follows 0019.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.

The views are a promise to others (docs/views.md): columns are only ever added, at the end. `{more}` stands where this version adds them.
A view `_day` is the same select, of the last computation of each day instead of the newest of all.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MILESTONE_NO = "array_position(array['listed', 'requested', 'agreed', 'executed', 'deal'], {})"
STEP_NO = """case {0} when 'listed>requested' then 1 when 'requested>agreed' then 2 when 'agreed>executed' then 3
            when 'executed>deal' then 4 else 5 end"""
PROVISIONAL = "({} ->> 'provisional_from')::date as provisional_from"

COMPUTED = """
    with newest as (
        select distinct on ({pick}) workspace, as_of, known_at, mapping_hash, code_version, run_id, indicators
        from sakigake.computation order by {pick}, computed_at desc, run_id desc)"""
REPORTED = """
    with newest as (
        select distinct on ({{pick}}) * from sakigake.report where kind = '{0}'
        order by {{pick}}, computed_at desc, run_id desc)"""
MONTHS = """
    with rows as (
        select r.workspace, r.as_of, r.known_at, r.run_id, r.computed_at, r.document -> 'reporting_delay' as delay, m.value as document,
            (m.value ->> 'month') as month
        from sakigake.report r cross join lateral jsonb_array_elements(r.document -> 'months') m
        where r.kind = 'plan_vs_actual'),
    newest as (select distinct on ({pick}, month) * from rows order by {pick}, month, computed_at desc, run_id desc)"""

FUNNEL = (
    COMPUTED
    + """
    select n.workspace, n.as_of, n.known_at, t.key as type, s.key as step,
        case s.key when 'listed>requested' then 1 when 'requested>agreed' then 2 when 'agreed>executed' then 3
            when 'executed>deal' then 4 else 5 end as step_no,
        split_part(s.key, '>', 1) as from_milestone, split_part(s.key, '>', 2) as to_milestone,
        (s.value ->> 'rate')::numeric as rate, (s.value ->> 'low')::numeric as low, (s.value ->> 'high')::numeric as high,
        (s.value ->> 'corrected')::numeric as corrected, (s.value ->> 'n')::int as n,
        (s.value ->> 'converted')::int as converted, (s.value ->> 'lost')::int as lost, (s.value ->> 'open')::int as open,
        s.value ->> 'status' as status, (s.value ->> 'skip_rate')::numeric as skip_rate,
        (s.value ->> 'flow_ratio')::numeric as flow_ratio,
        (l.lead ->> 'median')::numeric as median_days, (l.lead ->> 'p80')::numeric as p80_days,
        (l.lead ->> 'conversions')::int as lead_time_conversions, l.lead ->> 'status' as lead_time_status,
        n.mapping_hash, n.code_version, n.run_id,
        (s.value ->> 'regressed')::int as regressed, (s.value ->> 'regressions')::int as regressions{more}
    from newest n
    cross join lateral jsonb_to_record(n.indicators) o(conversion jsonb, lead_time jsonb, drift jsonb, reporting_delay jsonb)
    cross join lateral jsonb_each(o.conversion) t
    cross join lateral jsonb_each(t.value) s
    cross join lateral (select o.lead_time -> t.key -> s.key as lead, o.drift -> t.key -> s.key as drift) l"""
)
FUNNEL_MORE = f""",
        (l.lead ->> 'median_low')::numeric as median_days_low, (l.lead ->> 'median_high')::numeric as median_days_high,
        (l.lead ->> 'p80_low')::numeric as p80_days_low, (l.lead ->> 'p80_high')::numeric as p80_days_high,
        (l.lead ->> 'business_median')::numeric as median_business_days, (l.lead ->> 'business_p80')::numeric as p80_business_days,
        (s.value ->> 'resolved')::numeric as resolved, (s.value ->> 'window_days')::int as window_days,
        (s.value ->> 'flow_from')::int as flow_from, (s.value ->> 'flow_to')::int as flow_to,
        (s.value ->> 'product_of_steps')::numeric as product_of_steps, (s.value ->> 'product_disagrees')::boolean as product_disagrees,
        (s.value -> 'ever' ->> 'n')::int as ever_n, (s.value -> 'ever' ->> 'converted')::int as ever_converted,
        (s.value -> 'ever' ->> 'rate')::numeric as ever_rate, (s.value -> 'ever' ->> 'low')::numeric as ever_low,
        (s.value -> 'ever' ->> 'high')::numeric as ever_high,
        l.drift ->> 'status' as drift, (l.drift ->> 'recent')::numeric as drift_recent, (l.drift ->> 'before')::numeric as drift_before,
        (l.drift ->> 'n_recent')::int as drift_n_recent, (l.drift ->> 'n_before')::int as drift_n_before, (l.drift ->> 'p')::numeric as drift_p,
        {PROVISIONAL.format("o.reporting_delay")}"""

WITHIN = (
    COMPUTED
    + f"""
    select n.workspace, n.as_of, n.known_at, t.key as type, s.key as step, {STEP_NO.format("s.key")} as step_no,
        (w.value ->> 'days')::int as days, (w.value ->> 'rate')::numeric as rate, (w.value ->> 'low')::numeric as low,
        (w.value ->> 'high')::numeric as high, (w.value ->> 'n')::int as n, (w.value ->> 'converted')::int as converted, n.run_id
    from newest n
    cross join lateral jsonb_each(n.indicators -> 'conversion') t
    cross join lateral jsonb_each(t.value) s
    cross join lateral jsonb_array_elements(s.value -> 'within') w"""
)

FORECAST = (
    COMPUTED
    + """
    select n.workspace, n.as_of, n.known_at, t.type, a.key::int as days, (a.value ->> 'expected')::numeric as expected,
        (a.value ->> 'low')::int as low, (a.value ->> 'high')::int as high, (a.value ->> 'in_flight')::numeric as expected_in_flight,
        (a.value ->> 'new')::numeric as expected_new, o.forecast ->> 'status' as status,
        (t.told -> 'came' ->> a.key)::int as came, (t.told ->> 'under_way')::int as under_way,
        (t.told ->> 'listed_a_week')::numeric as listed_a_week, n.run_id
    from newest n
    cross join lateral jsonb_to_record(n.indicators) o(forecast jsonb)
    cross join lateral (
        select 'all' as type, o.forecast as told
        union all select key, value from jsonb_each(o.forecast -> 'by_type')) t
    cross join lateral jsonb_each(t.told -> 'ahead') a"""
)

FORECAST_CHECK = (
    COMPUTED
    + """
    select n.workspace, n.as_of, n.known_at, (o.value ->> 'day')::date as day, (o.value ->> 'n')::int as n,
        (o.value ->> 'expected')::numeric as expected, (o.value ->> 'came')::int as came,
        n.indicators -> 'forecast' ->> 'status' as status, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.indicators -> 'forecast' -> 'checked' -> 'origins') o"""
)

CURVE = (
    REPORTED.format("lead_time_curves")
    + f"""
    select n.workspace, n.as_of, n.known_at, t.key as type, s.key as step, {STEP_NO.format("s.key")} as step_no,
        (p.value ->> 0)::int as days, (p.value ->> 1)::numeric as share, n.run_id
    from newest n
    cross join lateral jsonb_each(n.document -> 'curves') t
    cross join lateral jsonb_each(t.value) s
    cross join lateral jsonb_array_elements(s.value) p"""
)

# The fields of a partner as typed columns, from a document {field: value}; numbers that a CRM shows as text stay numbers here.
FIELDS = """
    f ->> 'tier' as tier,
    f ->> 'tier_reason' as tier_reason,
    (f ->> 'tier_since')::date as tier_since,
    (f ->> 'attack_list_count')::int as attack_list_count,
    (f ->> 'attack_list_submitted_on')::date as attack_list_submitted_on,
    (f ->> 'listed_90d')::int as listed_90d,
    (f ->> 'requested_90d')::int as requested_90d,
    (f ->> 'agreed_90d')::int as agreed_90d,
    (f ->> 'executed_90d')::int as executed_90d,
    (f ->> 'deals_90d')::int as deals_90d,
    (f ->> 'cvr_listed_to_deal')::numeric as cvr_listed_to_deal,
    (f ->> 'lead_time_days')::numeric as lead_time_days,
    (f ->> 'expected_deals_30d')::numeric as expected_deals_30d,
    (f ->> 'expected_deals_90d')::numeric as expected_deals_90d,
    (f ->> 'deals_target_month')::numeric as deals_target_month,
    (f ->> 'stalled_entries')::int as stalled_entries,
    (f ->> 'next_regular_meeting_due')::date as next_regular_meeting_due,
    f ->> 'next_step' as next_step"""
# What stands beside those values, from a document {field: inputs}.
BESIDE = """
    (i -> 'expected_deals_30d' ->> 'low')::int as expected_deals_30d_low, (i -> 'expected_deals_30d' ->> 'high')::int as expected_deals_30d_high,
    (i -> 'expected_deals_90d' ->> 'low')::int as expected_deals_90d_low, (i -> 'expected_deals_90d' ->> 'high')::int as expected_deals_90d_high,
    i -> 'expected_deals_90d' ->> 'status' as forecast_status,
    (i -> 'cvr_listed_to_deal' ->> 'n')::int as cvr_n, i -> 'cvr_listed_to_deal' ->> 'status' as cvr_status,
    (i -> 'lead_time_days' ->> 'n')::int as lead_time_n, i -> 'lead_time_days' ->> 'status' as lead_time_status,
    i -> 'tier' ->> 'rule' as tier_rule, i -> 'tier' ->> 'previous' as tier_previous, i -> 'tier' ->> 'what_would_change' as what_would_change,
    i -> 'tier' ->> 'willingness' as willingness, (i -> 'next_regular_meeting_due' ->> 'last')::date as last_regular_meeting,
    i -> 'next_step' ->> 'advice' as next_step_kind, (i -> 'next_step' ->> 'entries')::int as next_step_entries"""
SCORECARD = f"""
    select p.workspace, p.partner_id, p.name, p.type, s.records, {FIELDS},
        c.as_of, c.known_at{{more}}
    from sakigake.partner p
    cross join lateral (
        select jsonb_object_agg(r.field, r.value) as f, jsonb_object_agg(r.field, r.inputs) as i from sakigake.result r
        where (r.workspace, r.subject, r.subject_id) = (p.workspace, 'partner', p.partner_id)) r
    cross join lateral (
        select array_agg(o.connection || '.' || o.object || '/' || o.record_id order by o.connection, o.object, o.record_id) as records
        from sakigake.partner_source o where (o.workspace, o.partner_id) = (p.workspace, p.partner_id)) s
    left join lateral (
        select as_of, known_at, run_id, {PROVISIONAL.format("indicators -> 'reporting_delay'")} from sakigake.computation c where c.workspace = p.workspace
        order by computed_at desc, run_id desc limit 1) c on true
    where p.removed_at is null"""
SCORECARD_MORE = f", {BESIDE}, c.provisional_from, c.run_id"
PARTNER_DAY = f"""
    select d.workspace, d.day, d.partner_id, p.name, d.type, {FIELDS},
        c.known_at, c.mapping_hash, c.code_version, d.run_id{{more}}
    from sakigake.partner_day d
    cross join lateral (select d.fields as f{{inputs}}) f
    left join sakigake.partner p using (workspace, partner_id)
    left join sakigake.computation c on (c.workspace, c.run_id) = (d.workspace, d.run_id)"""
PARTNER_DAY_MORE = f""", {BESIDE}, {PROVISIONAL.format("c.indicators -> 'reporting_delay'")}"""

RATES = f"""v.key as step, {STEP_NO.format("v.key")} as step_no, (v.value ->> 'rate')::numeric as rate, (v.value ->> 'low')::numeric as low,
        (v.value ->> 'high')::numeric as high, (v.value ->> 'own_data')::numeric as own_data, (v.value ->> 'n')::int as n,
        (v.value ->> 'converted')::int as converted, (v.value ->> 'open')::int as open"""
PARTNER_RATE = f"""
    select p.workspace, c.as_of, c.known_at, p.partner_id, p.name, p.type, {RATES}, c.run_id
    from sakigake.partner p
    join sakigake.result r on (r.workspace, r.subject, r.subject_id, r.field) = (p.workspace, 'partner', p.partner_id, 'expected_deals_90d')
    cross join lateral jsonb_each(r.inputs -> 'rates') v
    left join lateral (
        select as_of, known_at, run_id from sakigake.computation c where c.workspace = p.workspace
        order by computed_at desc, run_id desc limit 1) c on true
    where p.removed_at is null"""
PARTNER_RATE_DAY = f"""
    select d.workspace, d.day as as_of, c.known_at, d.partner_id, p.name, d.type, {RATES}, d.run_id
    from sakigake.partner_day d
    cross join lateral jsonb_each(d.inputs -> 'expected_deals_90d' -> 'rates') v
    left join sakigake.partner p using (workspace, partner_id)
    left join sakigake.computation c on (c.workspace, c.run_id) = (d.workspace, d.run_id)"""

ENTRY = f"""
    select e.workspace, c.as_of, c.known_at, e.entry_id, e.partner_id, p.name as partner, p.type,
        e.connection || '.' || e.object || '/' || e.record_id as record, e.target ->> 'name' as target,
        f ->> 'milestone' as milestone, {MILESTONE_NO.format("f ->> 'milestone'")} as milestone_no,
        (f ->> 'milestone_since')::date as milestone_since, i -> 'stalled' ->> 'status' as status, (f ->> 'stalled')::boolean as stalled,
        i -> 'stalled' ->> 'next' as next_milestone, (i -> 'stalled' ->> 'due')::date as due_on,
        (i -> 'stalled' ->> 'chance')::numeric as chance, (i -> 'stalled' ->> 'chance_at_entry')::numeric as chance_at_entry,
        i -> 'stalled' ->> 'why' as why, (f ->> 'deal_probability')::numeric as deal_probability,
        (f ->> 'expected_deal_on')::date as expected_deal_on
    from sakigake.entry e
    join sakigake.partner p using (workspace, partner_id)
    cross join lateral (
        select jsonb_object_agg(r.field, r.value) as f, jsonb_object_agg(r.field, r.inputs) as i from sakigake.result r
        where (r.workspace, r.subject, r.subject_id) = (e.workspace, 'entry', e.entry_id)) r
    left join lateral (
        select as_of, known_at from sakigake.computation c where c.workspace = e.workspace
        order by computed_at desc, run_id desc limit 1) c on true
    where e.removed_at is null and p.removed_at is null"""

PLAN = (
    MONTHS
    + """
    select n.workspace, (n.month || '-01')::date as month, n.as_of, n.known_at, v.value ->> 'type' as type,
        v.value ->> 'milestone' as milestone,
        array_position(array['listed', 'requested', 'agreed', 'executed', 'deal'], v.value ->> 'milestone') as milestone_no,
        (v.value ->> 'planned')::numeric as planned, (v.value ->> 'planned_to_date')::numeric as planned_to_date,
        (v.value ->> 'actual')::int as actual, (v.value ->> 'gap')::numeric as gap,
        (v.value ->> 'landing')::numeric as landing, (v.value ->> 'chance_of_target')::numeric as chance_of_target,
        (v.value ->> 'effect')::numeric as effect_on_deals, n.run_id,
        (v.value ->> 'landing_low')::int as landing_low, (v.value ->> 'landing_high')::int as landing_high,
        (v.value ->> 'landing_in_flight')::numeric as landing_in_flight, (v.value ->> 'landing_new')::numeric as landing_new{more}
    from newest n cross join lateral jsonb_array_elements(n.document -> 'rows') v"""
)
PLAN_MORE = """, (n.document ->> 'elapsed')::numeric as elapsed, (n.delay ->> 'provisional_from')::date as provisional_from"""
GAP = (
    MONTHS
    + """
    select n.workspace, (n.month || '-01')::date as month, n.as_of, n.known_at, g.key as type, (g.value ->> 'gap')::numeric as gap,
        (g.value ->> 'volume')::numeric as volume, (g.value -> 'conversion' ->> 'listed>requested')::numeric as listed_to_requested,
        (g.value -> 'conversion' ->> 'requested>agreed')::numeric as requested_to_agreed,
        (g.value -> 'conversion' ->> 'agreed>executed')::numeric as agreed_to_executed,
        (g.value -> 'conversion' ->> 'executed>deal')::numeric as executed_to_deal,
        (g.value ->> 'timing')::numeric as timing, (g.value ->> 'zeros')::boolean as zeros, n.run_id
    from newest n cross join lateral jsonb_each(n.document -> 'gap') g"""
)
MONTH_PLAN = (
    MONTHS
    + """
    select n.workspace, (n.month || '-01')::date as month, n.as_of, n.known_at, (p.plan ->> 'deals')::int as deals, p.plan ->> 'verdict' as verdict,
        (p.plan ->> 'in_flight')::numeric as expected_in_flight, (p.plan ->> 'chance_without_new')::numeric as chance_without_new,
        (p.plan -> 'plans' -> 'mean' ->> 'entries')::int as mean_entries, (p.plan -> 'plans' -> 'mean' ->> 'expected')::numeric as mean_expected,
        (p.plan -> 'plans' -> 'mean' ->> 'chance')::numeric as mean_chance, (p.plan -> 'plans' -> 'safe' ->> 'entries')::int as safe_entries,
        (p.plan -> 'plans' -> 'safe' ->> 'expected')::numeric as safe_expected, (p.plan -> 'plans' -> 'safe' ->> 'chance')::numeric as safe_chance,
        (p.plan -> 'latest_week' -> 'listed' ->> 'to')::date as listed_until, (p.plan -> 'latest_week' -> 'requested' ->> 'to')::date as requested_until,
        (p.plan -> 'latest_week' -> 'agreed' ->> 'to')::date as agreed_until, (p.plan -> 'latest_week' -> 'executed' ->> 'to')::date as executed_until,
        n.run_id
    from newest n cross join lateral (select n.document -> 'plan' as plan) p where p.plan is not null"""
)
PLAN_WEEK = (
    MONTHS
    + f"""
    select n.workspace, (n.month || '-01')::date as month, n.as_of, n.known_at, v.value ->> 'type' as type, v.value ->> 'milestone' as milestone,
        {MILESTONE_NO.format("v.value ->> 'milestone'")} as milestone_no, (v.value ->> 'from')::date as week_from, (v.value ->> 'to')::date as week_until,
        (v.value ->> 'goal')::int as goal, (v.value ->> 'actual')::int as actual, (n.delay ->> 'provisional_from')::date as provisional_from, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.document -> 'weeks') v"""
)
TARGET = f"""
    select t.workspace, t.month, t.type, t.milestone, {MILESTONE_NO.format("t.milestone")} as milestone_no, t.planned, t.conversion, t.basis,
        t.set_at, t.known_at, t.set_at = max(t.set_at) over (partition by t.workspace, t.month) as holds
    from sakigake.target t"""

LEADING = (
    REPORTED.format("leading")
    + """
    select n.workspace, n.as_of, n.known_at, v.value ->> 'indicator' as indicator, v.value ->> 'kind' as kind,
        v.value ->> 'type' as type, v.value ->> 'verdict' as verdict, (v.value ->> 'lead_weeks')::int as lead_weeks,
        (v.value ->> 'effect')::numeric as effect, (v.value ->> 'mde')::numeric as smallest_visible_effect,
        (v.value ->> 'p')::numeric as p, (v.value ->> 'p_holm')::numeric as p_holm,
        (v.value -> 'skill' ->> 'deviance')::numeric as skill, (v.value -> 'skill' ->> 'p')::numeric as skill_p,
        (v.value ->> 'more_weeks')::int as more_weeks, v.value -> 'sentence' ->> 'ja' as sentence_ja,
        v.value -> 'sentence' ->> 'en' as sentence_en, n.mapping_hash, n.code_version, n.run_id{more}
    from newest n cross join lateral jsonb_array_elements(n.document -> 'indicators') v"""
)
LEADING_MORE = """,
        v.value -> 'label' ->> 'ja' as label_ja, v.value -> 'label' ->> 'en' as label_en, (v.value ->> 'p_explore')::numeric as p_explore,
        (v.value -> 'forward' ->> 'peak_lag')::int as peak_lag, (v.value -> 'reverse' ->> 'p')::numeric as reverse_p,
        (v.value -> 'reverse' ->> 'p_holm')::numeric as reverse_p_holm, (v.value -> 'reverse' ->> 'peak_lag')::int as reverse_peak_lag,
        (v.value -> 'forward' ->> 'usable_weeks')::int as usable_weeks, (v.value -> 'forward' ->> 'partners')::int as partners,
        (v.value -> 'forward' ->> 'n_x')::int as actions, (v.value -> 'forward' ->> 'n_y')::int as deals,
        array(select jsonb_array_elements_text(v.value -> 'short_of')) as short_of, v.value -> 'skill' ->> 'baseline' as skill_baseline,
        (v.value -> 'skill' ->> 'origins')::int as skill_origins, (v.value -> 'skill' ->> 'crps')::numeric as skill_crps,
        (v.value -> 'skill' ->> 'mase')::numeric as mase, (v.value -> 'skill' ->> 'pinball_10')::numeric as skill_pinball_10,
        (v.value -> 'skill' ->> 'pinball_90')::numeric as skill_pinball_90, (n.document -> 'weeks' ->> 'from')::date as weeks_from,
        (n.document -> 'weeks' ->> 'until')::date as weeks_until"""

ACTIVATION = (
    REPORTED.format("activation")
    + """
    select n.workspace, n.as_of, n.known_at, v.value ->> 'type' as type, (v.value ->> 'base')::int as base,
        (v.value ->> 'active')::int as active, (v.value ->> 'activation')::numeric as activation,
        (v.value ->> 'low')::numeric as low, (v.value ->> 'high')::numeric as high,
        (v.value ->> 'engaged')::int as engaged, (v.value ->> 'engagement')::numeric as engagement,
        (v.value ->> 'deals')::int as deals, (v.value ->> 'deals_per_active')::numeric as deals_per_active, n.run_id{more}
    from newest n cross join lateral jsonb_array_elements(n.document -> 'activation') v{joined}"""
)
ACTIVATION_MORE = f""",
        (v.value ->> 'engagement_low')::numeric as engagement_low, (v.value ->> 'engagement_high')::numeric as engagement_high,
        (v.value ->> 'newcomers')::int as newcomers, (d.first ->> 'median')::numeric as first_deal_days,
        (d.first ->> 'low')::numeric as first_deal_days_low, (d.first ->> 'high')::numeric as first_deal_days_high,
        (d.first ->> 'within_90')::numeric as first_deal_within_90, (d.first ->> 'partners')::int as first_deal_partners,
        (d.first ->> 'events')::int as first_deals, (d.first ->> 'before_data')::int as first_deal_left_out,
        {PROVISIONAL.format("n.document -> 'reporting_delay'")}"""
ACTIVATION_JOINED = """
    left join lateral (select o as first from jsonb_array_elements(n.document -> 'first_deal') o where o ->> 'type' = v.value ->> 'type') d on true"""

OVERVIEW = (
    REPORTED.format("activation")
    + """
    select n.workspace, n.as_of, n.known_at, (o.concentration ->> 'deals')::int as deals_of_year, (o.concentration ->> 'partners')::int as partners,
        (o.concentration ->> 'top_share')::numeric as top_share, (o.concentration ->> 'herfindahl')::numeric as herfindahl,
        (o.concentration ->> 'effective')::numeric as effective_partners,
        (o.sourced ->> 'partner_sourced')::int as sourced_deals, (o.sourced ->> 'deals_all_channels')::int as all_deals,
        (o.sourced ->> 'share')::numeric as sourced_share, (o.sourced ->> 'low')::numeric as sourced_low,
        (o.sourced ->> 'high')::numeric as sourced_high, o.sourced ->> 'status' as sourced_status,
        (o.sourced -> 'won' ->> 'partner_sourced')::int as won_sourced_deals, (o.sourced -> 'won' ->> 'deals_all_channels')::int as won_all_deals,
        (o.sourced -> 'won' ->> 'share')::numeric as won_sourced_share, (o.sourced -> 'won' ->> 'low')::numeric as won_sourced_low,
        (o.sourced -> 'won' ->> 'high')::numeric as won_sourced_high, o.sourced -> 'won' ->> 'status' as won_sourced_status,
        (o.leaks ->> 'pushes')::int as pushes, (o.leaks ->> 'on_d')::int as pushes_on_d, (o.leaks ->> 'partners')::int as pushed_d_partners,
        (o.leaks ->> 'share')::numeric as pushes_on_d_share, (o.capacity ->> 'per_week')::numeric as contacts_per_week,
        (o.capacity ->> 'team')::int as team, (o.capacity ->> 'per_person')::numeric as contacts_per_person,
        (o.capacity ->> 'limit')::numeric as contacts_limit, o.capacity ->> 'status' as capacity_status,
        (o.tiers ->> 'moves')::int as tier_moves, (o.tiers ->> 'flap_rate')::numeric as flap_rate, (o.tiers ->> 'steady')::boolean as tiers_steady,
        (o.tiers ->> 'ordered')::boolean as tiers_ordered, (o.tiers -> 'deals_per_month' ->> 0)::numeric as deals_per_month_a,
        (o.tiers -> 'deals_per_month' ->> 1)::numeric as deals_per_month_b, (o.tiers -> 'deals_per_month' ->> 2)::numeric as deals_per_month_c,
        (o.tiers -> 'deals_per_month' ->> 3)::numeric as deals_per_month_d, (o.reporting_delay ->> 'provisional_from')::date as provisional_from,
        n.run_id
    from newest n cross join lateral jsonb_to_record(n.document) o(concentration jsonb, sourced jsonb, leaks jsonb, capacity jsonb, tiers jsonb,
        reporting_delay jsonb)"""
)
CADENCE = (
    REPORTED.format("activation")
    + """
    select n.workspace, n.as_of, n.known_at, v.value ->> 'tier' as tier, v.value ->> 'what' as what, v.value ->> 'per' as per,
        (v.value ->> 'due')::int as due, (v.value ->> 'met')::int as met, (v.value ->> 'rate')::numeric as rate,
        (v.value ->> 'low')::numeric as low, (v.value ->> 'high')::numeric as high, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.document -> 'cadence') v"""
)
CUTOFFS = (
    REPORTED.format("activation")
    + """
    select n.workspace, n.as_of, n.known_at, v.value ->> 'type' as type, (v.value ->> 'partners')::int as partners,
        (v.value ->> 'a_up')::int as a_up, (v.value ->> 'b_up')::int as b_up, (v.value ->> 'explained')::numeric as explained,
        (v.value ->> 'today')::numeric as explained_today, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.document -> 'cutoffs') v"""
)

COMPUTATION = """
    select c.workspace, c.run_id, c.as_of, c.known_at, c.computed_at, c.mapping_hash, c.code_version, c.settings_hash, c.seed,
        c.input_watermark, s.said -> 'assumptions' as assumptions, (o.n ->> 'entries')::int as entries,
        (o.n ->> 'attempts')::int as attempts, (o.n ->> 'events')::int as events{more}
    from sakigake.computation c
    cross join lateral jsonb_to_record(c.indicators) o(n jsonb, reporting_delay jsonb, forecast jsonb, deals_wanted int, issues jsonb)
    left join sakigake.settings_said s on (s.workspace, s.settings_hash) = (c.workspace, c.settings_hash)"""
COMPUTATION_MORE = f""",
        (o.reporting_delay ->> 'n')::int as reporting_delay_n, (o.reporting_delay ->> 'median')::int as reporting_delay_median,
        (o.reporting_delay ->> 'p90')::int as reporting_delay_p90, {PROVISIONAL.format("o.reporting_delay")},
        o.forecast ->> 'status' as forecast_status, o.deals_wanted, o.issues"""

NEWEST = {"pick": "workspace"}
OF_EACH_DAY = {"pick": "workspace, as_of"}
GROWN = {  # view -> its select, what is put into it before this version, and from it on
    "bi_funnel": (FUNNEL, NEWEST | {"more": ""}, NEWEST | {"more": FUNNEL_MORE}),
    "bi_partner_scorecard": (SCORECARD, {"more": ""}, {"more": SCORECARD_MORE}),
    "bi_partner_day": (PARTNER_DAY, {"more": "", "inputs": ""}, {"more": PARTNER_DAY_MORE, "inputs": ", d.inputs as i"}),
    "bi_plan_vs_actual": (PLAN, NEWEST | {"more": ""}, NEWEST | {"more": PLAN_MORE}),
    "bi_leading": (LEADING, NEWEST | {"more": ""}, NEWEST | {"more": LEADING_MORE}),
    "bi_activation": (ACTIVATION, NEWEST | {"more": "", "joined": ""}, NEWEST | {"more": ACTIVATION_MORE, "joined": ACTIVATION_JOINED}),
    "bi_computation": (COMPUTATION, {"more": ""}, {"more": COMPUTATION_MORE}),
}
NEW = {
    "bi_conversion_within": (WITHIN, NEWEST),
    "bi_lead_time_curve": (CURVE, NEWEST),
    "bi_forecast": (FORECAST, NEWEST),
    "bi_forecast_check": (FORECAST_CHECK, NEWEST),
    "bi_partner_rate": (PARTNER_RATE, {}),
    "bi_entry": (ENTRY, {}),
    "bi_gap": (GAP, NEWEST),
    "bi_plan": (MONTH_PLAN, NEWEST),
    "bi_plan_week": (PLAN_WEEK, NEWEST),
    "bi_target": (TARGET, {}),
    "bi_overview": (OVERVIEW, NEWEST),
    "bi_cadence": (CADENCE, NEWEST),
    "bi_tier_cutoffs": (CUTOFFS, NEWEST),
    "bi_funnel_day": (FUNNEL, OF_EACH_DAY | {"more": FUNNEL_MORE}),
    "bi_conversion_within_day": (WITHIN, OF_EACH_DAY),
    "bi_forecast_day": (FORECAST, OF_EACH_DAY),
    "bi_partner_rate_day": (PARTNER_RATE_DAY, {}),
    "bi_plan_vs_actual_day": (PLAN, OF_EACH_DAY | {"more": PLAN_MORE}),
    "bi_gap_day": (GAP, OF_EACH_DAY),
    "bi_plan_day": (MONTH_PLAN, OF_EACH_DAY),
    "bi_plan_week_day": (PLAN_WEEK, OF_EACH_DAY),
    "bi_leading_day": (LEADING, OF_EACH_DAY | {"more": LEADING_MORE}),
    "bi_activation_day": (ACTIVATION, OF_EACH_DAY | {"more": ACTIVATION_MORE, "joined": ACTIVATION_JOINED}),
    "bi_overview_day": (OVERVIEW, OF_EACH_DAY),
    "bi_cadence_day": (CADENCE, OF_EACH_DAY),
}


# What is said of views and their columns, in the database (comments) and in docs/views.md. A view `_day` says what the view it is of says.
OF_ALL = """
workspace: the company or business unit; filter by it where there are several
as_of: the day that the numbers are about
known_at: the moment up to which facts were known
type: partner type; `all` is all of them together, so do not sum over it
step: such as `listed>requested`; `listed>deal` is the whole way
step_no: 1 to 4 in the order of the funnel, 5 for the whole way
provisional_from: from this day on a tenth of the events or more may still be unknown, since some are told late; null where none are, and under 20 events
mapping_hash: version of the mapping that made it
code_version: version of the code that made it
run_id: the run that made it; what it stood on is in bi_computation
"""
SAYS = """
bi_funnel: One row a partner type (`all` among them) and step, of the newest computation.
from_milestone: where the step begins
to_milestone: where it ends
rate: share of the attempts at the first milestone that come to the second within 180 days (`assumptions.horizon`), 0 to 1; null where `status` is `no_data`
low: lower end of its 95 % interval; null as `rate` is
high: upper end of it
corrected: `rate` corrected for milestones that were not recorded; null as `rate` is
n: attempts that it rests on: those that came to the first milestone within `window_days`
converted: of these, those that came to the second one within the horizon
lost: of these, those lost before that
open: of these, the rest, watched until the as-of day
status: `ok`, `immature` (too young to tell), `few` (under 10) or `no_data`
skip_rate: share of the attempts that went beyond the second milestone in which that one was not recorded, 0 to 1
flow_ratio: `flow_to` / `flow_from`: a ratio of counts, no probability, can exceed 1; null where `flow_from` is 0
median_days: days by which half of those that convert have; null under 10 conversions
p80_days: days by which 80 % of those that convert have; null under 10 conversions
lead_time_conversions: conversions that the lead times rest on
lead_time_status: `ok`, `few` (under 10) or `skips` (over 20 % of an end of the step are inferred: show the days in grey)
regressed: of the `n` attempts, how many stepped back to a milestone visited before, anywhere on their way; such steps count neither for nor against a conversion
regressions: how often in all
median_days_low: lower end of the 95 % interval of `median_days`, in days; null as `median_days` is
median_days_high: upper end of it
p80_days_low: lower end of the 95 % interval of `p80_days`, in days; null as `p80_days` is
p80_days_high: upper end of it
median_business_days: the median in business days: without weekends, holidays and the closures of sakigake.yaml; null as `median_days` is
p80_business_days: the 80 % quantile in business days; null as `p80_days` is
resolved: share of the `n` attempts that converted or were lost, 0 to 1; null where `n` is 0
window_days: days looked back for the `n` attempts: 365 (`assumptions.window`), more where these hold under 30
flow_from: attempts that came to the first milestone in the last 365 days
flow_to: attempts that came to the second milestone in the last 365 days, whenever to the first
product_of_steps: of `listed>deal`: the rates of the four steps multiplied; null elsewhere
product_disagrees: of `listed>deal`: true where that lies over 2 standard errors from `rate`, which is the headline; null elsewhere
ever_n: of `listed>deal`: companies on lists rather than attempts; null elsewhere
ever_converted: of these, those that became a deal within the horizon of their first listing, in whichever attempt
ever_rate: the share of them, as `rate`
ever_low: lower end of its 95 % interval
ever_high: upper end of it
drift: `changed`, `no change seen` or `few`: the last 90 days against those before; null for `listed>deal`
drift_recent: share converted by day 30 of the attempts of the last 90 days, 0 to 1; null where there are few
drift_before: the same of those before
drift_n_recent: attempts of the last 90 days
drift_n_before: attempts before
drift_p: p of the difference, after Holm over the four steps of a type, 0 to 1

bi_conversion_within: One row a partner type, step and number of days, of the newest computation: plain shares of cohorts old enough, without a model.
days: within so many days (`assumptions.within`)
rate: share of the attempts at least so old that converted within `days`, 0 to 1; null where `n` is 0
low: lower end of Wilson's 95 % interval; null as `rate` is
high: upper end of it
n: attempts that came to the first milestone `days` or more before the as-of day
converted: of these, those that came to the second within `days`

bi_lead_time_curve: One row a partner type, step and day: the lead-time curves of the newest computation, where they rise.
days: days since the first milestone
share: share of those that convert which have by then, 0 to 1; it stays until the next row

bi_forecast: One row a partner type (`all` among them) and number of days ahead, of the newest computation.
days: days ahead: 30, 60 or 90
expected: deals to expect in so many days after the as-of day, entries still to be listed included; null where no attempt has gone the whole way yet
low: lower end of its 80 % interval, in deals; null as `expected` is. Ends of types do not add up to that of `all`
high: upper end of it
expected_in_flight: the part of `expected` that comes from entries under way
expected_new: the part that comes from entries still to be listed
status: `ok`, `miscalibrated` (past forecasts were off, see bi_forecast_check), `unchecked` (no past day has enough behind it) or `not_enough_data`
came: deals of the last `days` days up to the as-of day: what came of a forecast stands `days` days later in bi_forecast_day; null in computations of before there was this column
under_way: entries under way; the same in the three rows of a type, so do not sum it
listed_a_week: entries to come a week, as of late; the same in the three rows of a type

bi_forecast_check: One row a past day that the newest computation held its own forecasts of 30 days against, all types together.
day: the past day, looked at with what is known today
n: entries under way on it
expected: deals that were to be expected of these within 30 days
came: deals that came of these within 30 days
status: what follows for today's forecast: `ok`, `miscalibrated` or `unchecked`

bi_partner_scorecard: One row a partner, with the fields that are written to the CRM, as newly computed.
partner_id: the partner, whatever CRM it stands in
name: as it is called now
type: partner type
records: its CRM records, as `connection.Object/ID`; null where it has none any more
tier: priority `A` to `D`
tier_reason: why, in a sentence, in the workspace's language
tier_since: since when it stands in the tier
attack_list_count: valid rows of lists handed in within 180 days
attack_list_submitted_on: when the newest list was handed in; null where none was
listed_90d: entries listed in the last 90 days
requested_90d: entries requested by name in the last 90 days
agreed_90d: entries agreed on in the last 90 days
executed_90d: entries with the agreed action executed in the last 90 days
deals_90d: entries that became a deal in the last 90 days
cvr_listed_to_deal: conversion from listed to deal of its type, in percent from 0 to 100; its own rates stand in bi_partner_rate
lead_time_days: median days from listed to deal of its type; null under 10 conversions
expected_deals_30d: deals to expect of it in 30 days; null where no attempt of anybody has gone the whole way yet
expected_deals_90d: deals to expect of it in 90 days
deals_target_month: its part of the month's target, in deals; null where no target is set
stalled_entries: open entries that are stalled or beyond the horizon
next_regular_meeting_due: by when a regular meeting is due; null where the tier expects none
next_step: what to do next, in the workspace's language
expected_deals_30d_low: lower end of the 80 % interval of `expected_deals_30d`, in deals; null as that is
expected_deals_30d_high: upper end of it
expected_deals_90d_low: lower end of the 80 % interval of `expected_deals_90d`, in deals; null as that is
expected_deals_90d_high: upper end of it
forecast_status: `ok`, `miscalibrated`, `unchecked` or `not_enough_data`, as in bi_forecast
cvr_n: attempts of its type that `cvr_listed_to_deal` rests on
cvr_status: as `status` in bi_funnel
lead_time_n: conversions of its type that `lead_time_days` rests on
lead_time_status: as in bi_funnel
tier_rule: `list_a`, `list_b`, `list_c`, `verbal_yes`, `none`, `held_a` … or `override`
tier_previous: the tier before; null where there was none
what_would_change: what would move it to another tier, in the workspace's language
willingness: to hand in lists: `refused`, `unknown` or `verbal_yes`
last_regular_meeting: day of the last one; null where there was none
next_step_kind: the kind of `next_step`: `move_stalled`, `move_on`, `tidy_up`, `ask_for_list` or `no_push`
next_step_entries: entries that `next_step` is about

bi_partner_day: One row a partner and day that was computed, kept for good: the fields as they stood then. Columns from `expected_deals_30d_low` on are null on days before they were kept.
day: the day
name: as the partner is called now; null where it is no more
type: its type on that day
provisional_from: days from this one on were provisional then, as in bi_funnel

bi_partner_rate: One row a partner and step, of the newest computation: its own conversion.
partner_id: the partner
name: as it is called now
type: partner type
rate: its own share that comes to the next milestone within 180 days, 0 to 1, leaning on its type where it has little data; null where nobody has taken the step yet
low: lower end of its 80 % interval; null as `rate` is
high: upper end of it
own_data: how much of `rate` is its own data, 0 (its type's) to 1 (its own)
n: its attempts at the first milestone within 730 days (`assumptions.partner_window`)
converted: of these, those that converted
open: of these, those still open

bi_entry: One row an entry of a partner's attack list that has an event, as newly computed.
entry_id: the entry
partner_id: its partner
partner: the partner's name
type: partner type
record: its CRM record, as `connection.Object/ID`
target: the company's name as the record has it; null where it names none
milestone: the newest milestone that it reached, or `lost` or `won`
milestone_no: 1 (`listed`) to 5 (`deal`); null for `lost` and `won`
milestone_since: when it last came to it
status: of the wait: `moving`, `warn`, `stalled`, `beyond`; `closed` where nothing is waited for, `unplaced` where the mapping does not name its stage
stalled: true where `status` is `stalled` or `beyond`
next_milestone: what it should come to next; null where it is not stalled
due_on: by when 80 % had moved on; null where it is not stalled, or that day is still to come
chance: its chance to come to the next milestone at all, 0 to 1; null where it is not stalled
chance_at_entry: what that chance was when it came to its milestone, 0 to 1; null where it is not stalled
why: the same in a sentence, in the workspace's language
deal_probability: chance of a deal within 180 days, in percent from 0 to 100, whole; null where nobody has gone the whole way yet
expected_deal_on: if it becomes a deal: by when half of such entries have; null where the chance is under 5 percent, and where it is a deal or lost

bi_tier_history: One row each time a partner came into a tier, as replayed from what is known now.
partner_id: the partner
name: as it is called now; null where it is no more
type: partner type
tier: the tier it came into
previous: the tier before; null for the first
since: its first day in the tier
until: its last day in it; null for the tier of today
current: true for the tier of today
step: tiers upwards; negative is down, 0 for the first
rule: `list_a`, `list_b`, `list_c`, `verbal_yes`, `none`, `held_a` … or `override`
set_by_hand: true where a person set it
run_id: the run that last changed this row

bi_tier_cutoffs: One row a partner type: the thresholds that would tell its partners apart best, by the forecast of 90 days. Proposals; nothing follows by itself.
type: partner type; those with too few partners are left out
partners: partners that it rests on
a_up: valid rows from which A would begin
b_up: valid rows from which B would begin
explained: share of the differences in expected deals that these would explain, 0 to 1
explained_today: the same of today's thresholds

bi_plan_vs_actual: One row a month, type and milestone, as last computed for that month.
month: its first day
milestone: `listed`, `requested`, `agreed`, `executed`, `deal`
milestone_no: 1 to 5 in that order
planned: attempts planned to reach it in the month: by the plan at least as many as so many deals take in the long run, so that it can exceed the sum of the goals of bi_plan_week, which serve this month alone; null where there is not enough data for a plan of this milestone
planned_to_date: the part of it that is due by the as-of day, by business days; null as `planned` is
actual: attempts that reached it in the month up to the as-of day
gap: `actual` - `planned_to_date`; null as `planned` is
landing: where the month ends: reached, expected of entries under way, and of new ones at the pace of late; null where it cannot be foretold
chance_of_target: chance that it is as much as planned, 0 to 1 (1 or 0 once the month is over); null as `landing` or `planned` is
effect_on_deals: this milestone's part in the gap in deals, in deals: `listed` is the volume, the others are the conversions into them; they sum to the gap of `deal`
landing_low: lower end of the 80 % interval of `landing`; null as that is
landing_high: upper end of it
landing_in_flight: the part of `landing` that is expected of entries under way
landing_new: the part that is expected of entries still to be listed
elapsed: share of the month's business days that are over, 0 to 1

bi_gap: One row a month and type, as last computed for that month: where the gap in deals comes from.
month: its first day
gap: deals reached - deals planned to date; null where nothing is planned
volume: the part of `gap` that comes from how many were listed; this and the four columns after it sum to `gap`
listed_to_requested: the part that comes from this conversion
requested_to_agreed: the part that comes from this conversion
agreed_to_executed: the part that comes from this conversion
executed_to_deal: the part that comes from this conversion
timing: deals expected of what is under way beyond what the plan leaves for the rest of the month; stands apart and is no part of `gap`
zeros: true where a count was 0, so that the parts are a hint at most

bi_plan: One row a month whose target stands in sakigake.yaml: whether its deals can be had, as the last day before the month told. A month whose target a person set has none.
month: its first day
as_of: the day on which it was kept last
deals: deals wanted
verdict: `already_covered`, `feasible`, `infeasible_capacity`, `infeasible_time` or `not_enough_data`
expected_in_flight: deals of the month to be expected of what was under way; null where there is not enough data
chance_without_new: chance of `deals` without a new entry, 0 to 1; null as `expected_in_flight` is
mean_entries: new entries of the plan on average, which reaches `deals` about as often as not; null where there is no such plan
mean_expected: deals that this plan expects
mean_chance: its chance of `deals`, 0 to 1
safe_entries: new entries of the plan with 80 % (`assumptions.sure`); null where there is no such plan
safe_expected: deals that this plan expects
safe_chance: its chance of `deals`, 0 to 1
listed_until: up to this day it serves the month that an entry is listed; null where no week does
requested_until: the same of requests
agreed_until: the same of agreements
executed_until: the same of actions

bi_plan_week: One row a week, type and milestone of a month's plan, weeks from Monday to Sunday within the month. The goals do not move during the month; `deal` sums to what the plan expects, which is more than the deals wanted.
month: its first day
milestone: `listed`, `requested`, `agreed`, `executed`, `deal`
milestone_no: 1 to 5 in that order
week_from: the week's first day in the month
week_until: the week's last day in the month
goal: attempts to reach it in the week
actual: attempts that reached it in the week, up to the as-of day; null in weeks to come

bi_target: One row a month, type and milestone of each time that a person set a month's target.
month: its first day
milestone: `listed`, `requested`, `agreed`, `executed`, `deal`
milestone_no: 1 to 5 in that order
planned: how many are to reach it in the month
conversion: planned share that goes on to the next milestone, 0 to 1; null for `deal`
basis: what it was worked out with: `static`, the table of `sakigake targets`
set_at: when, by our clock
known_at: when, by the CRMs' clock of the newest computation then
holds: true for what was set last for the month

bi_leading: One row an activity or milestone and type, of the newest weekly verdicts.
indicator: activity or milestone, or the conversion between two
kind: `activity`, `milestone` or `rate`
verdict: `leading`, `leading, useful`, `mechanical`, `two-way`, `lagging`, `no lead found`, `not enough data`
lead_weeks: how many weeks before; null where nothing leads, and for a milestone with fewer deals than a verdict takes
effect: deals per action, about; null where it cannot be tested
smallest_visible_effect: deals per action that would have shown; null where it cannot be tested
p: of the panel test, one-sided, 0 to 1; null where it cannot be tested
p_holm: `p` after Holm over all activities and types; null for milestones and conversions, which are graded by skill alone
skill: 1 - Poisson deviance / that of the best baseline, of forecasts of 4 weeks; negative is worse; null where it cannot be tested
skill_p: chance that such skill is luck (Diebold and Mariano), 0 to 1
more_weeks: about how many more weeks of data it takes; null unless `verdict` is `not enough data`
sentence_ja: the verdict in a sentence
sentence_en: the verdict in a sentence
label_ja: the indicator's name
label_en: the indicator's name
p_explore: `p` after Benjamini and Hochberg, for lists to explore; null as `p_holm` is
peak_lag: weeks before deals at which it is closest to them, 0 to 12; null where it cannot be tested
reverse_p: `p` of the other direction: do deals come before it?
reverse_p_holm: that after Holm
reverse_peak_lag: weeks after deals at which it is closest to them
usable_weeks: weeks that the test rests on
partners: partners that have both
actions: how often it occurred
deals: deals that it was held against
short_of: what there is too little of, as keys; empty where there is enough
skill_baseline: the best baseline: `last_4_weeks`, `mean_12_weeks`, `last_year` or `own_lags`
skill_origins: past weeks that were forecast
skill_crps: skill by the continuous ranked probability score
mase: mean absolute scaled error of the forecasts; under 1 beats last values
skill_pinball_10: skill at the 10 % quantile
skill_pinball_90: skill at the 90 % quantile
weeks_from: first day of the first week looked at
weeks_until: last day of the last week looked at

bi_activation: One row a partner type (`all` among them), of the newest computation of everything.
base: partners under contract on the day and for 30 days or more
active: of these, those with a deal in the last 90 days
activation: `active` / `base`, 0 to 1; null where `base` is 0
low: lower end of its 95 % interval
high: upper end of it
engaged: of the base, those with any of `requested` to `deal` in the last 90 days
engagement: `engaged` / `base`, 0 to 1; null where `base` is 0
deals: deals of the active partners in the last 90 days
deals_per_active: `deals` / `active`; null where nobody is active
engagement_low: lower end of the 95 % interval of `engagement`
engagement_high: upper end of it
newcomers: partners under contract for less than 30 days, in neither number
first_deal_days: median days from contract to first deal, partners without one censored (Kaplan and Meier); null where fewer than half have come to one
first_deal_days_low: lower end of its 95 % interval, in days; null where it is open
first_deal_days_high: upper end of it
first_deal_within_90: share with a first deal within 90 days of the contract, 0 to 1; null where nobody is watched so long
first_deal_partners: partners that the three rest on
first_deals: of these, those that have had a deal
first_deal_left_out: partners whose contract began before the first data, left out

bi_overview: One row a workspace, of the newest computation of everything.
deals_of_year: deals of partners in the last 365 days
partners: partners
top_share: share of these deals that the five partners with the most have brought, 0 to 1; null without a deal
herfindahl: sum of the squared shares, 0 to 1; null without a deal
effective_partners: 1 / `herfindahl`: as if so many brought as many each
sourced_deals: deals of the last 365 days, of all channels, that a partner brought
all_deals: deals of the last 365 days, of all channels
sourced_share: `sourced_deals` / `all_deals`, 0 to 1; null where `sourced_status` is not `ok`
sourced_low: lower end of its 95 % interval
sourced_high: upper end of it
sourced_status: `ok`, or `no_data` where the mapping names no deals of all channels
won_sourced_deals: the same of won deals alone
won_all_deals: the same of won deals alone
won_sourced_share: the same of won deals alone
won_sourced_low: lower end of its 95 % interval
won_sourced_high: upper end of it
won_sourced_status: `ok`, `no_data`, or `no_condition` where the mapping does not say what won is
pushes: pushes (meetings, co-visits, study sessions, dinners, touches) of the last 90 days
pushes_on_d: of these, those on partners that were in tier D that day
pushed_d_partners: partners in tier D that were pushed
pushes_on_d_share: `pushes_on_d` / `pushes`, 0 to 1; null without a push
contacts_per_week: contacts a week that the tiers ask for
team: people that look after partners, as in sakigake.yaml; null where it does not say
contacts_per_person: contacts a week and person; null where `team` is
contacts_limit: contacts a week and person from which it is too much
capacity_status: `ok`, `over` or `unknown`
tier_moves: changes of tier in the last 365 days
flap_rate: changes of tier per partner and quarter; null without a partner
tiers_steady: true where `flap_rate` is under 0.5
tiers_ordered: true where A brings most deals a month and D fewest; null where two tiers cannot be compared
deals_per_month_a: deals per partner and month in tier A, from the day after it was given; null where nobody was in it
deals_per_month_b: the same of tier B
deals_per_month_c: the same of tier C
deals_per_month_d: the same of tier D

bi_cadence: One row a tier and what it expects, over the last 90 days, of the newest computation of everything.
tier: `A` to `C`
what: `regular_meeting`, `touch` or `any_contact`
per: `week` or `month`
due: periods that were due: the tier held throughout, and they are over
met: of these, those in which it happened
rate: `met` / `due`, 0 to 1; null where none was due
low: lower end of Wilson's 95 % interval; null as `rate` is
high: upper end of it

bi_computation: One row a computation: what the numbers of its run stand on. The other views name the run.
run_id: the run
computed_at: when, by our clock
settings_hash: of the settings that numbers depend on; null for computations before these were kept
seed: of the draws
input_watermark: by object (`connection.Object`): until when its CRM vouches for what was mapped
assumptions: those of sakigake.yaml that it was computed with
entries: entries that it rests on
attempts: attempts that it rests on
events: events that it rests on
reporting_delay_n: events of the last 365 days that tell how late events are known
reporting_delay_median: days from an event to our knowing of it: median; null under 20 events
reporting_delay_p90: the same: 90 % quantile
forecast_status: as `status` in bi_forecast
deals_wanted: target of the month of the as-of day, in deals; null where none is set
issues: dates that do not fit, by kind: how many; see the page on indicators
"""
OF_DAY = "As {}, of each day that was computed: what the last computation of the day said."
LIKE = {"bi_partner_day": "bi_partner_scorecard"} | {name: name.removesuffix("_day") for name in NEW if name.endswith("_day")}


def upgrade() -> None:
    """New columns stand at the end; those who read the views keep their rights. Days of before have nothing beside their values."""
    op.add_column("partner_day", sa.Column("inputs", JSONB(), nullable=True), schema="sakigake")
    for name, (select, _, now) in GROWN.items():
        op.execute(f"create or replace view sakigake.{name} as {select.format(**now)}")
    for name, (select, given) in NEW.items():
        op.execute(f"create view sakigake.{name} as {select.format(**given)}")
    bind = op.get_bind()
    for name, (of_view, of_columns) in said().items():
        bind.execute(sa.text(f"comment on view sakigake.{name} is {quoted(of_view)}"))
        for column in bind.execute(sa.text(COLUMNS), {"view": name}).scalars():
            bind.execute(sa.text(f"comment on column sakigake.{name}.{column} is {quoted(of_columns[column])}"))


def downgrade() -> None:
    """What stood beside the values of past days is lost, and with the views the rights to read them: grant them again."""
    for name in reversed(NEW):
        op.execute(f"drop view sakigake.{name}")
    for name, (select, then, _) in GROWN.items():
        op.execute(f"drop view sakigake.{name}")
        op.execute(f"create view sakigake.{name} as {select.format(**then)}")
    op.drop_column("partner_day", "inputs", schema="sakigake")
    bind = op.get_bind()
    bind.execute(sa.text("comment on view sakigake.bi_tier_history is null"))
    for column in bind.execute(sa.text(COLUMNS), {"view": "bi_tier_history"}).scalars():
        bind.execute(sa.text(f"comment on column sakigake.bi_tier_history.{column} is null"))


COLUMNS = """select quote_ident(column_name) from information_schema.columns
    where table_schema = 'sakigake' and table_name = :view order by ordinal_position"""


def said() -> dict[str, tuple[str, dict[str, str]]]:
    """Of each view: what it is, and what each column says."""
    lines = lambda text: dict(line.split(": ", 1) for line in text.strip().splitlines())  # noqa: E731
    found = {}
    for part in SAYS.strip().split("\n\n"):
        (name, of_view), *columns = lines(part).items()
        found[name] = (of_view, lines(OF_ALL) | dict(columns))
    for name, other in LIKE.items():
        of_view, columns = found.get(name, (OF_DAY.format(other), {}))
        found[name] = (of_view, found[other][1] | {k: v for k, v in columns.items() if v != lines(OF_ALL).get(k)})
    return found


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace(":", "\\:") + "'"

