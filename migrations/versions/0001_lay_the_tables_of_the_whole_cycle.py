"""Lay the tables of the whole cycle.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("activity_id", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "activity_id", name=op.f("activity_pk")),
        schema="sakigake",
    )
    op.create_index(
        "activity_partner_index",
        "activity",
        ["workspace", "partner_id", "occurred_on"],
        unique=False,
        schema="sakigake",
    )
    op.create_table(
        "api_calls",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("quota_limit", sa.BigInteger(), nullable=True),
        sa.Column("quota_used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "run_id", "connection", name=op.f("api_calls_pk")),
        schema="sakigake",
    )
    op.create_table(
        "computation",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("indicators", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "run_id", name=op.f("computation_pk")),
        schema="sakigake",
    )
    op.create_index(
        "computation_latest_index", "computation", ["workspace", "computed_at"], unique=False, schema="sakigake"
    )
    op.create_table(
        "entry",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("target", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "entry_id", name=op.f("entry_pk")),
        schema="sakigake",
    )
    op.create_index("entry_partner_index", "entry", ["workspace", "partner_id"], unique=False, schema="sakigake")
    op.create_index(
        "entry_record_index",
        "entry",
        ["workspace", "connection", "object", "record_id"],
        unique=False,
        schema="sakigake",
    )
    op.create_table(
        "event",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("milestone", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("reconstructed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("source_change_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "event_id", name=op.f("event_pk")),
        schema="sakigake",
    )
    op.create_index(
        "event_entry_index",
        "event",
        ["workspace", "entry_id", "milestone", "occurred_on"],
        unique=False,
        schema="sakigake",
    )
    op.create_index("event_known_index", "event", ["workspace", "known_at"], unique=False, schema="sakigake")
    op.create_index(
        "event_supersedes_index",
        "event",
        ["workspace", "supersedes"],
        unique=False,
        schema="sakigake",
        postgresql_where=sa.text("supersedes is not null"),
    )
    op.create_table(
        "mapping_version",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "mapping_hash", name=op.f("mapping_version_pk")),
        schema="sakigake",
    )
    op.create_table(
        "mirror_object",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("description", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cursor", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("loaded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_id", sa.Text(), nullable=True),
        sa.Column("last_changed_run_id", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", name=op.f("mirror_object_pk")),
        schema="sakigake",
    )
    op.create_table(
        "parked",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace", "connection", "object", "record_id", "field", "step", name=op.f("parked_pk")
        ),
        schema="sakigake",
    )
    op.create_table(
        "partner",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("willingness", sa.Text(), nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "partner_id", name=op.f("partner_pk")),
        schema="sakigake",
    )
    op.create_table(
        "partner_source",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", "record_id", name=op.f("partner_source_pk")),
        schema="sakigake",
    )
    op.create_index(
        "partner_source_partner_index", "partner_source", ["workspace", "partner_id"], unique=False, schema="sakigake"
    )
    op.create_table(
        "plan",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "held_because",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column(
            "skipped", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_because", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "plan_id", name=op.f("plan_pk")),
        schema="sakigake",
    )
    op.create_index("plan_latest_index", "plan", ["workspace", "created_at"], unique=False, schema="sakigake")
    op.create_table(
        "result",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "subject", "subject_id", "field", name=op.f("result_pk")),
        schema="sakigake",
    )
    op.create_table(
        "run",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("mapping_hash", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "run_id", name=op.f("run_pk")),
        schema="sakigake",
    )
    op.create_index("run_latest_index", "run", ["workspace", "started_at"], unique=False, schema="sakigake")
    op.create_table(
        "tier_change",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "partner_id", "since", name=op.f("tier_change_pk")),
        schema="sakigake",
    )
    op.create_table(
        "written",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "connection", "object", "record_id", "field", name=op.f("written_pk")),
        schema="sakigake",
    )
    op.create_table(
        "change",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("api_name", sa.Text(), nullable=False),
        sa.Column("old", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("new", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace", "plan_id"],
            ["sakigake.plan.workspace", "sakigake.plan.plan_id"],
            name=op.f("change_workspace_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "plan_id", "seq", name=op.f("change_pk")),
        schema="sakigake",
    )
    op.create_index(
        "change_record_index",
        "change",
        ["workspace", "connection", "object", "record_id"],
        unique=False,
        schema="sakigake",
    )
    op.create_index(
        "change_unsettled_index",
        "change",
        ["workspace", "plan_id"],
        unique=False,
        schema="sakigake",
        postgresql_where=sa.text("status in ('planned', 'sent')"),
    )
    op.create_table(
        "run_step",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["workspace", "run_id"],
            ["sakigake.run.workspace", "sakigake.run.run_id"],
            name=op.f("run_step_workspace_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "run_id", "step", "connection", name=op.f("run_step_pk")),
        schema="sakigake",
    )


def downgrade() -> None:
    op.drop_table("run_step", schema="sakigake")
    op.drop_index(
        "change_unsettled_index",
        table_name="change",
        schema="sakigake",
        postgresql_where=sa.text("status in ('planned', 'sent')"),
    )
    op.drop_index("change_record_index", table_name="change", schema="sakigake")
    op.drop_table("change", schema="sakigake")
    op.drop_table("written", schema="sakigake")
    op.drop_table("tier_change", schema="sakigake")
    op.drop_index("run_latest_index", table_name="run", schema="sakigake")
    op.drop_table("run", schema="sakigake")
    op.drop_table("result", schema="sakigake")
    op.drop_index("plan_latest_index", table_name="plan", schema="sakigake")
    op.drop_table("plan", schema="sakigake")
    op.drop_index("partner_source_partner_index", table_name="partner_source", schema="sakigake")
    op.drop_table("partner_source", schema="sakigake")
    op.drop_table("partner", schema="sakigake")
    op.drop_table("parked", schema="sakigake")
    op.drop_table("mirror_object", schema="sakigake")
    op.drop_table("mapping_version", schema="sakigake")
    op.drop_index(
        "event_supersedes_index",
        table_name="event",
        schema="sakigake",
        postgresql_where=sa.text("supersedes is not null"),
    )
    op.drop_index("event_known_index", table_name="event", schema="sakigake")
    op.drop_index("event_entry_index", table_name="event", schema="sakigake")
    op.drop_table("event", schema="sakigake")
    op.drop_index("entry_record_index", table_name="entry", schema="sakigake")
    op.drop_index("entry_partner_index", table_name="entry", schema="sakigake")
    op.drop_table("entry", schema="sakigake")
    op.drop_index("computation_latest_index", table_name="computation", schema="sakigake")
    op.drop_table("computation", schema="sakigake")
    op.drop_table("api_calls", schema="sakigake")
    op.drop_index("activity_partner_index", table_name="activity", schema="sakigake")
    op.drop_table("activity", schema="sakigake")
