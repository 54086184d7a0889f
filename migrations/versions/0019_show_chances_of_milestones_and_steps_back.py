"""Show the chance of every milestone's plan, and how often entries stepped back.

Follows 0018.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

PLAN = """
    with rows as (
        select r.workspace, r.as_of, r.known_at, r.run_id, r.computed_at, m.value as document, (m.value ->> 'month') as month
        from sakigake.report r cross join lateral jsonb_array_elements(r.document -> 'months') m
        where r.kind = 'plan_vs_actual'),
    newest as (select distinct on (workspace, month) * from rows order by workspace, month, computed_at desc, run_id desc)
    select n.workspace, (n.month || '-01')::date as month, n.as_of, n.known_at, v.value ->> 'type' as type,
        v.value ->> 'milestone' as milestone,
        array_position(array['listed', 'requested', 'agreed', 'executed', 'deal'], v.value ->> 'milestone') as milestone_no,
        (v.value ->> 'planned')::numeric as planned, (v.value ->> 'planned_to_date')::numeric as planned_to_date,
        (v.value ->> 'actual')::int as actual, (v.value ->> 'gap')::numeric as gap,
        (v.value ->> 'landing')::numeric as landing, (v.value ->> 'chance_of_target')::numeric as chance_of_target,
        (v.value ->> 'effect')::numeric as effect_on_deals, n.run_id{}
    from newest n cross join lateral jsonb_array_elements(n.document -> 'rows') v"""
LANDING = """, (v.value ->> 'landing_low')::int as landing_low, (v.value ->> 'landing_high')::int as landing_high,
        (v.value ->> 'landing_in_flight')::numeric as landing_in_flight, (v.value ->> 'landing_new')::numeric as landing_new"""
FUNNEL = """
    with newest as (
        select distinct on (workspace) workspace, as_of, known_at, mapping_hash, code_version, run_id, indicators
        from sakigake.computation order by workspace, computed_at desc, run_id desc)
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
        n.mapping_hash, n.code_version, n.run_id{}
    from newest n
    cross join lateral jsonb_each(n.indicators -> 'conversion') t
    cross join lateral jsonb_each(t.value) s
    cross join lateral (select n.indicators -> 'lead_time' -> t.key -> s.key as lead) l"""
BACK = ", (s.value ->> 'regressed')::int as regressed, (s.value ->> 'regressions')::int as regressions"
VIEWS = (("bi_plan_vs_actual", PLAN, LANDING), ("bi_funnel", FUNNEL, BACK))


def upgrade() -> None:
    """New columns stand at the end; those who read the views keep their rights."""
    for name, select, more in VIEWS:
        op.execute(f"create or replace view sakigake.{name} as {select.format(more)}")


def downgrade() -> None:
    """Rights to read the two views are lost with them: grant them again."""
    for name, select, _ in VIEWS:
        op.execute(f"drop view sakigake.{name}")
        op.execute(f"create view sakigake.{name} as {select.format('')}")
