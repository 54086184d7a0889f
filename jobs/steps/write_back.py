"""Results to CRM: `plan` compares with the live values and stores what would change, `deliver` sends it."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from jobs.pausing import paused, require_awake
from jobs.progress import Progress
from jobs.runs import new_id, utc_now
from jobs.steps.fresh import lacks, require_fresh
from jobs.wiring import Workspace
from models.catalogue import BY_NAME, fields_of
from models.vocabulary import PlanStatus, RecordRef
from sync.errors import FieldMissing
from sync.writeback import journal
from sync.writeback.deliver import DeliverCounts, Delivery, deliver, live_values, resolve_lost
from sync.writeback.plan import Draft, Wanted, candidates, draft


def delivery_of(workspace: Workspace) -> Delivery:
    return Delivery(workspace.connect, workspace.connectors, workspace.name, utc_now)


def plan(workspace: Workspace, run_id: str) -> tuple[str, PlanStatus, Draft, list[str]]:
    """(plan id, status, draft, why it is held). Lost answers of earlier runs are settled first, so that the comparison is honest."""
    resolve_lost(delivery_of(workspace))
    with workspace.connect() as conn, conn.transaction():
        wanted = list(_wanted(conn, workspace))
        stale = lacks(conn, workspace)
        resting = set(paused(conn, workspace.name))
        asleep = [w for w in wanted if w.record.connection in resting]
        wanted = [w for w in wanted if w.record.connection not in resting]
        held_back = len(wanted) if stale else 0
        wanted = [] if stale else wanted
        open_ones = candidates(wanted, journal.confirmed_values(conn, workspace.name))
    try:
        live = live_values(workspace.connectors, open_ones, workspace.settings.prefix)
    except FieldMissing as e:  # of ours, which no mapping names
        raise FieldMissing(
            f"Our own fields are not all there: {e.message.partition('. ')[0].rstrip('.')}.",
            remedy="Make them, and the rights to see them, with: sakigake provision",
            status=e.status,
            code=e.code,
        ) from e
    drafted = draft(open_ones, live)
    if held_back:  # all results rest on all facts: none of them is sent while some are in doubt
        drafted.skipped[f"{', '.join(one.place for one in stale)} is stale"] = held_back
    for one in asleep:
        why = f"{one.record.connection} is paused"
        drafted.skipped[why] = drafted.skipped.get(why, 0) + 1
    names = {
        (connection, name): connector.api_name(field, workspace.settings.prefix)
        for connection, connector in workspace.connectors.items()
        for name, field in BY_NAME.items()
    }
    plan_id = new_id("plan")
    with workspace.connect() as conn, conn.transaction():
        held: list[str] = []
        if held_back:
            pass  # nothing in it that a person could decide on
        elif workspace.settings.guards.first_plan == "hold" and not journal.has_delivered(conn, workspace.name):
            held.append(
                f"This is the first plan of workspace {workspace.name}; look at it with `sakigake plan`, then say: sakigake apply {plan_id} --reason WHY"
            )
        status = journal.store_plan(
            conn,
            workspace.name,
            plan_id,
            run_id=run_id,
            draft=drafted,
            api_names=names,
            mapping_hash=workspace.rules.hash,
            held_because=held,
            now=utc_now(),
        )
    return plan_id, status, drafted, held


def send(workspace: Workspace, plan_id: str, *, recheck: bool, progress: Progress) -> DeliverCounts:
    """Delivers a plan's open changes; MirrorStale where what they rest on is in doubt."""
    with workspace.connect() as conn:
        require_fresh(conn, workspace, otherwise="Until then nothing is written to the CRMs.")
        named = conn.execute(
            "select distinct connection from sakigake.change where workspace = %s and plan_id = %s and status = 'planned'",
            (workspace.name, plan_id),
        )
        require_awake(conn, workspace.name, {row[0] for row in named})
    with progress.task("deliver") as task:
        return deliver(
            delivery_of(workspace),
            plan_id,
            recheck=recheck,
            progress=lambda counts: task.update(counts.confirmed + counts.failed + counts.dropped, None),
        )


def _wanted(conn: Connection[Any], workspace: Workspace) -> Iterator[Wanted]:
    """Every field that every record named by the mapping should hold, from the newest results."""
    targets = workspace.rules.write_back
    for subject, records, named in (
        (
            "partner",
            "select partner_id, connection, object, record_id from sakigake.partner_source where workspace = %s",
            targets.partner,
        ),
        (
            "entry",
            "select entry_id, connection, object, record_id from sakigake.entry_source where workspace = %s",
            targets.entry,
        ),
    ):
        chosen = {
            place: [f for f in fields_of(subject) if fields == "default" or f.name in fields]  # type: ignore[arg-type]
            for place, fields in named.items()
        }
        values: dict[str, dict[str, tuple[Any, str]]] = {}
        for subject_id, field, value, why in conn.execute(
            "select subject_id, field, value, coalesce(inputs ->> 'why', '') from sakigake.result where workspace = %s and subject = %s",
            (workspace.name, subject),
        ):
            values.setdefault(subject_id, {})[field] = (value, why)
        for subject_id, connection, object_name, record_id in conn.execute(records, (workspace.name,)):
            for field in chosen.get(f"{connection}.{object_name}", ()):
                held = values.get(subject_id, {}).get(field.name)
                if held is not None:
                    yield Wanted(RecordRef(connection, object_name, record_id), field, held[0], held[1])


def newest_open_plan(workspace: Workspace) -> str | None:
    """The plan that `deliver` alone would send: the newest one that is planned and not held."""
    with workspace.connect() as conn:
        row = conn.execute(
            "select plan_id from sakigake.plan where workspace = %s and status = %s order by created_at desc limit 1",
            (workspace.name, PlanStatus.PLANNED),
        ).fetchone()
    return row[0] if row else None


def written_by(workspace: Workspace, plan_id: str) -> dict[str, int]:
    """Fields that the CRMs confirmed for this plan, by connection; every connection is named."""
    found = dict.fromkeys(workspace.connectors, 0)
    with workspace.connect() as conn:
        rows = conn.execute(
            "select connection, count(*) from sakigake.change where workspace = %s and plan_id = %s and status = 'confirmed' group by 1",
            (workspace.name, plan_id),
        )
        found.update({r[0]: r[1] for r in rows})
    return found


def resolve(workspace: Workspace) -> None:
    """Settles what earlier runs sent without hearing an answer."""
    resolve_lost(delivery_of(workspace))
