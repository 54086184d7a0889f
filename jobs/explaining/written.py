"""What we wrote to a record, and what persons wrote over it: the journal of `explain`."""

from typing import Any

from psycopg import Connection

from jobs import views
from jobs.explaining.moment import When
from models.vocabulary import RecordRef

Row = dict[str, Any]


def writes(raw: Connection[Any], workspace: str, ref: RecordRef, field: str | None, when: When) -> list[Row]:
    """Changes of the record's fields of ours up to the moment, one `field` or all, with plan, who and what the CRM answered."""
    found = views.rows(
        raw,
        """select c.field, c.api_name, c.old, c.new, c.why, c.edited, c.status, c.sent_at, c.settled_at, c.cause, c.plan_id as plan,
            coalesce(c.run_id, p.run_id) as run, c.request_id, c.tries, p.kind, p.mapping_hash as mapping,
            coalesce(p.decided_by, 'sakigake') as who, p.decided_because as reason
        from sakigake.change c join sakigake.plan p using (workspace, plan_id)
        where c.workspace = %(w)s and c.connection = %(connection)s and c.object = %(object)s and c.record_id = %(id)s
            and (%(field)s::text is null or c.field = %(field)s) and (%(until)s::text is null or p.run_id <= %(until)s)
        order by p.created_at, c.seq""",
        {
            **_of(workspace, ref, field),
            # runs are named by when they began: those after the computation that is asked for had not written yet
            "until": None if when.kind == "now" else (when.run or ""),
        },
    )
    return [{**row, "old": whole(row["old"]), "new": whole(row["new"])} for row in found]


def edits(raw: Connection[Any], workspace: str, ref: RecordRef, field: str | None) -> list[Row]:
    """Values of persons that stand where ours did."""
    found = views.rows(
        raw,
        """select field, ours, theirs, policy, found_at, keep_until, plan_id as plan from sakigake.person_edit
        where workspace = %(w)s and connection = %(connection)s and object = %(object)s and record_id = %(id)s
            and (%(field)s::text is null or field = %(field)s) order by found_at, field""",
        _of(workspace, ref, field),
    )
    return [{**row, "ours": whole(row["ours"]), "theirs": whole(row["theirs"])} for row in found]


def whole(held: Any) -> Any:
    """A number as it is told everywhere: a CRM says 15.0 of what is counted, and so does one that reads numbers as such."""
    return int(held) if isinstance(held, float) and held.is_integer() else held


def _of(workspace: str, ref: RecordRef, field: str | None) -> Row:
    return {"w": workspace, "connection": ref.connection, "object": ref.object, "id": ref.id, "field": field}
