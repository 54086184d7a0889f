"""What holds a plan: the guards of sakigake.yaml against what our tables say. One sentence a guard."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from jobs.alerts import alert
from jobs.epoch import doubts
from jobs.mapping.versions import active
from jobs.settings import seconds_of
from jobs.steps.wanted import known
from jobs.wiring import Workspace
from sync.mapping.needs import needs
from sync.writeback import plans
from sync.writeback.guards import Limits, too_much
from sync.writeback.plan import PlannedChange

FORECASTS = frozenset({"deal_probability", "expected_deal_on", "expected_deals_30d", "expected_deals_90d"})


def held_because(
    conn: Connection[Any], workspace: Workspace, plan_id: str, changes: Sequence[PlannedChange], crm_now: datetime
) -> list[str]:
    """A sentence for everything that makes this plan wait; none where it may be delivered. `crm_now` is by the CRM's clock."""
    if not changes:
        return []
    guards = workspace.settings.guards
    found: list[str] = []
    first = not plans.has_delivered(conn, workspace.name)
    if first and guards.first_plan == "hold":
        found.append(
            f"This is the first plan of workspace {workspace.name}; look at it with `sakigake plan`, then say: sakigake apply {plan_id} --reason WHY"
        )
    now = active(conn, workspace.name)
    if now is None or now.mapping_hash != workspace.rules.hash:
        found.append("Nobody activated this version of the mapping: sakigake mapping activate FILE")
    found += [f"{because}, then plan again." for because in restored(conn, workspace)]
    found += _inputs(conn, workspace, crm_now)
    found += _forecasts(conn, workspace, changes)
    # the first plan of all fills every record: that is what `first_plan` decides about
    limits = Limits(1.0 if first else guards.records_changed, guards.tiers_moved, guards.emptied)
    found += too_much(changes, known(conn, workspace), limits)
    return found


def tell_held(workspace: Workspace, plan_id: str, does: str, held: Sequence[str]) -> None:
    """Whoever hears of alerts learns that the plan waits, what it does, and why it waits."""
    body = "\n".join((f"{plan_id} {does} and waits for a person.", *held))
    alert(workspace.settings.alerts, workspace.folder, f"Sakigake: a plan of {workspace.name} is held", body)


def expires(workspace: Workspace, now: datetime) -> datetime:
    """Until when a plan made now may wait."""
    return now + timedelta(seconds=seconds_of(workspace.settings.guards.plan_expires))


def restored(conn: Connection[Any], workspace: Workspace) -> Iterator[str]:
    """What speaks for a restored backup, until everything is proven anew since the delivery that it does not know of."""
    for one in doubts(conn, workspace.name, workspace.home):
        proven = _proofs(conn, workspace).values()
        if any(at is None or at < one.since for at in proven):
            yield f"{one.because}. Bring it up to date and prove it with `sakigake reconcile`"


def _inputs(conn: Connection[Any], workspace: Workspace, crm_now: datetime) -> Iterator[str]:
    guards = workspace.settings.guards
    lag = conn.execute(
        """select connection || '.' || object, loaded, extract(epoch from %s - covered_until)::float8 from sakigake.mirror_object
        where workspace = %s and gone_since is null order by 1""",
        (crm_now, workspace.name),
    ).fetchall()
    mapped = set(_mapped(workspace))
    loading = [place for place, loaded, _ in lag if place in mapped and not loaded]
    loading += sorted(mapped - {place for place, _, _ in lag})
    if loading:
        yield f"Not read whole yet: {', '.join(loading)}. Go on with: sakigake run"
    late = [place for place, _, behind in lag if place in mapped and (behind or 0) > seconds_of(guards.freshness)]
    if late:
        yield f"The mirror is older than {guards.freshness} (guards.freshness): {', '.join(late)}. Say: sakigake run"
    if guards.proof == "off":
        return
    newest = conn.execute("select now()").fetchone()
    assert newest is not None
    old = [
        place
        for place, at in _proofs(conn, workspace).items()
        if at is None or (newest[0] - at).total_seconds() > seconds_of(guards.proof)
    ]
    if old:
        shown = ", ".join(old[:3]) + (f" and {len(old) - 3} more" if len(old) > 3 else "")
        yield f"Not proven complete within {guards.proof} (guards.proof): {shown}. Say: sakigake reconcile"


def _proofs(conn: Connection[Any], workspace: Workspace) -> dict[str, datetime | None]:
    """When each mapped object's newest proof was made, by our clock; None where its newest sweep did not prove it."""
    rows = conn.execute(
        """select distinct on (connection, object) connection || '.' || object, case when proven then finished_at end
        from sakigake.reconciliation where workspace = %s order by connection, object, finished_at desc""",
        (workspace.name,),
    ).fetchall()
    proven = dict(rows)
    return {place: proven.get(place) for place in _mapped(workspace)}


def _mapped(workspace: Workspace) -> list[str]:
    """What the mapping reads from CRMs; lists from files have nothing to lag behind."""
    wanted = needs(workspace.rules)
    return [f"{connection}.{name}" for connection in workspace.connectors for name in wanted.get(connection, {})]


def _forecasts(conn: Connection[Any], workspace: Workspace, changes: Sequence[PlannedChange]) -> Iterator[str]:
    """A forecast that past forecasts speak against is not shown to anybody without a person's word."""
    if workspace.settings.guards.miscalibrated == "deliver" or not any(c.field.name in FORECASTS for c in changes):
        return
    row = conn.execute(
        """select indicators #>> '{forecast,status}' from sakigake.computation where workspace = %s order by computed_at desc limit 1""",
        (workspace.name,),
    ).fetchone()
    if row and row[0] == "miscalibrated":
        yield "The forecasts are miscalibrated: past ones came true more or less often than they said (sakigake indicators)."
