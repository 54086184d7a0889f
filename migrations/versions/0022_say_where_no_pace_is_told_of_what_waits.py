"""Say in the columns of bi_entry that no chance is told, and a limit by default, where too few have gone on from a milestone.

Follows 0021.

While this runs, the version before it may still be at work. So: add before you use, stop using before you remove, and
do these in two releases. Do not rename. Fill large tables in batches, outside of a migration. Build an index on a large
table CONCURRENTLY, inside `with op.get_context().autocommit_block()`. Write the downgrade too, and say in it what is lost.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# By column, what it says from this version on, and what it said.
COMMENTS = {
    "due_on": (
        "by when 80 % had moved on, or a limit by default where too few have gone on to tell it; null where it is not stalled, or that day is still to come",
        "by when 80 % had moved on; null where it is not stalled, or that day is still to come",
    ),
    "chance": (
        "its chance to come to the next milestone at all, 0 to 1; null where it is not stalled, and where too few have gone on from there to tell it",
        "its chance to come to the next milestone at all, 0 to 1; null where it is not stalled",
    ),
    "chance_at_entry": (
        "what that chance was when it came to its milestone, 0 to 1; null as `chance`",
        "what that chance was when it came to its milestone, 0 to 1; null where it is not stalled",
    ),
}


def upgrade() -> None:
    for column, (now, _) in COMMENTS.items():
        op.execute(f"comment on column sakigake.bi_entry.{column} is '{now}'")


def downgrade() -> None:
    """Nothing is lost."""
    for column, (_, before) in COMMENTS.items():
        op.execute(f"comment on column sakigake.bi_entry.{column} is '{before}'")
