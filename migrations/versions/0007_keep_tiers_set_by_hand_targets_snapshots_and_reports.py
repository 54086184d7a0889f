"""Keep tiers set by hand, targets, snapshots and reports, and show them in views for BI tools.

Follows 0006.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.

The views are a promise to others (docs/views.md): columns are only ever added, at the end, by `create or replace view`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
MOMENT = sa.DateTime(timezone=True)


def text(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "tier_override",
        text("workspace"),
        text("override_id"),
        text("partner_id"),
        text("tier"),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        text("reason"),
        text("set_by"),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        text("ended_by", nullable=True),
        text("ended_because", nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("end_known_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "override_id", name=op.f("tier_override_pk")),
        schema="sakigake",
    )
    op.create_index("tier_override_partner_index", "tier_override", ["workspace", "partner_id"], schema="sakigake")
    op.create_table(
        "deal_any_channel",
        text("workspace"),
        text("connection"),
        text("object"),
        text("record_id"),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("partner_sourced", sa.Boolean(), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", "record_id", name=op.f("deal_any_channel_pk")),
        schema="sakigake",
    )
    op.create_table(
        "target",
        text("workspace"),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        text("type"),
        text("milestone"),
        sa.Column("planned", sa.Numeric(), nullable=False),
        sa.Column("conversion", sa.Numeric(), nullable=True),
        sa.Column("known_at", MOMENT, nullable=False),
        text("basis"),
        text("set_by"),
        sa.PrimaryKeyConstraint("workspace", "month", "set_at", "type", "milestone", name=op.f("target_pk")),
        schema="sakigake",
    )
    op.create_table(
        "partner_day",
        text("workspace"),
        sa.Column("day", sa.Date(), nullable=False),
        text("partner_id"),
        text("type"),
        sa.Column("fields", JSONB, nullable=False),
        text("run_id"),
        sa.PrimaryKeyConstraint("workspace", "day", "partner_id", name=op.f("partner_day_pk")),
        schema="sakigake",
    )
    op.create_index("partner_day_partner_index", "partner_day", ["workspace", "partner_id", "day"], schema="sakigake")
    op.create_table(
        "report",
        text("workspace"),
        text("kind"),
        text("run_id"),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        text("mapping_hash"),
        text("code_version"),
        sa.Column("n", JSONB, nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("computed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "kind", "run_id", name=op.f("report_pk")),
        schema="sakigake",
    )
    op.create_index("report_latest_index", "report", ["workspace", "kind", "computed_at"], schema="sakigake")
    for name, statement in VIEWS.items():
        op.execute(f"create view sakigake.{name} as {statement}")


def downgrade() -> None:
    """Loses tiers set by hand, targets, snapshots and reports; deals of all channels are mapped again."""
    for name in reversed(VIEWS):
        op.execute(f"drop view sakigake.{name}")
    for name in ("report", "partner_day", "target", "deal_any_channel", "tier_override"):
        op.drop_table(name, schema="sakigake")


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

VIEWS = {
    "bi_funnel": """
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
        n.mapping_hash, n.code_version, n.run_id
    from newest n
    cross join lateral jsonb_each(n.indicators -> 'conversion') t
    cross join lateral jsonb_each(t.value) s
    cross join lateral (select n.indicators -> 'lead_time' -> t.key -> s.key as lead) l""",
    "bi_partner_scorecard": f"""
    select p.workspace, p.partner_id, p.name, p.type, s.records, {FIELDS},
        c.as_of, c.known_at
    from sakigake.partner p
    cross join lateral (
        select jsonb_object_agg(r.field, r.value) as f from sakigake.result r
        where (r.workspace, r.subject, r.subject_id) = (p.workspace, 'partner', p.partner_id)) r
    cross join lateral (
        select array_agg(o.connection || '.' || o.object || '/' || o.record_id order by o.connection, o.object, o.record_id) as records
        from sakigake.partner_source o where (o.workspace, o.partner_id) = (p.workspace, p.partner_id)) s
    left join lateral (
        select as_of, known_at from sakigake.computation c where c.workspace = p.workspace
        order by computed_at desc, run_id desc limit 1) c on true
    where p.removed_at is null""",
    "bi_partner_day": f"""
    select d.workspace, d.day, d.partner_id, p.name, d.type, {FIELDS},
        c.known_at, c.mapping_hash, c.code_version, d.run_id
    from sakigake.partner_day d
    cross join lateral (select d.fields as f) f
    left join sakigake.partner p using (workspace, partner_id)
    left join sakigake.computation c on (c.workspace, c.run_id) = (d.workspace, d.run_id)""",
    "bi_tier_history": """
    select t.workspace, t.partner_id, p.name, p.type, t.tier, t.previous, t.since,
        lead(t.since) over w - 1 as until, lead(t.since) over w is null as current,
        case when t.previous is null then 0 else ascii(t.previous) - ascii(t.tier) end as step,
        t.rule, t.rule = 'override' as set_by_hand, t.run_id
    from sakigake.tier_change t left join sakigake.partner p using (workspace, partner_id)
    window w as (partition by t.workspace, t.partner_id order by t.since)""",
    "bi_plan_vs_actual": """
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
        (v.value ->> 'effect')::numeric as effect_on_deals, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.document -> 'rows') v""",
    "bi_leading": """
    with newest as (
        select distinct on (workspace) * from sakigake.report where kind = 'leading'
        order by workspace, computed_at desc, run_id desc)
    select n.workspace, n.as_of, n.known_at, v.value ->> 'indicator' as indicator, v.value ->> 'kind' as kind,
        v.value ->> 'type' as type, v.value ->> 'verdict' as verdict, (v.value ->> 'lead_weeks')::int as lead_weeks,
        (v.value ->> 'effect')::numeric as effect, (v.value ->> 'mde')::numeric as smallest_visible_effect,
        (v.value ->> 'p')::numeric as p, (v.value ->> 'p_holm')::numeric as p_holm,
        (v.value -> 'skill' ->> 'deviance')::numeric as skill, (v.value -> 'skill' ->> 'p')::numeric as skill_p,
        (v.value ->> 'more_weeks')::int as more_weeks, v.value -> 'sentence' ->> 'ja' as sentence_ja,
        v.value -> 'sentence' ->> 'en' as sentence_en, n.mapping_hash, n.code_version, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.document -> 'indicators') v""",
    "bi_activation": """
    with newest as (
        select distinct on (workspace) * from sakigake.report where kind = 'activation'
        order by workspace, computed_at desc, run_id desc)
    select n.workspace, n.as_of, n.known_at, v.value ->> 'type' as type, (v.value ->> 'base')::int as base,
        (v.value ->> 'active')::int as active, (v.value ->> 'activation')::numeric as activation,
        (v.value ->> 'low')::numeric as low, (v.value ->> 'high')::numeric as high,
        (v.value ->> 'engaged')::int as engaged, (v.value ->> 'engagement')::numeric as engagement,
        (v.value ->> 'deals')::int as deals, (v.value ->> 'deals_per_active')::numeric as deals_per_active, n.run_id
    from newest n cross join lateral jsonb_array_elements(n.document -> 'activation') v""",
}
