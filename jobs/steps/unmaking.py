"""`undo RUN` of a run that made records from a list: they are taken away where nobody has touched them since, and their rows with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from psycopg import Connection

from jobs.errors import PlanRefused
from jobs.person import person
from jobs.runs import new_id
from jobs.steps import making
from jobs.steps.approve import delivered_by
from jobs.steps.list_rows import set_deleted
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.catalogue import CATALOGUE
from models.vocabulary import LIST_ROW, LISTS, RecordRef
from sync.chain import record as chain
from sync.connector import Connector
from sync.lists.first import FIRST_KEY
from sync.writeback.making import as_they_stand, maker_of
from sync.writes import WriteOutcome

Conn = Connection[Any]
TRIES = 4
NEEDED = "another record of the CRM, or an activity, names it"
UNKNOWN = "what it held when it was made was not noted, so nobody can tell whether it was touched since"


@dataclass(frozen=True, slots=True)
class MadeOnce:
    """A record that the run made."""

    plan_id: str
    seq: int
    row_id: str
    record: RecordRef
    as_made: Mapping[str, str] | None = field(hash=False)

    @property
    def comes_first(self) -> bool:
        """Whether it was made for others to name it: it goes after them, and only where none names it."""
        return self.row_id.startswith(FIRST_KEY)


def made_in(conn: Conn, workspace: str, run_id: str) -> bool:
    """Whether the run made records, or tried."""
    row = conn.execute(
        "select exists (select from sakigake.creation where workspace = %s and run_id = %s)", (workspace, run_id)
    ).fetchone()
    return bool(row and row[0])


def undo_made(workspace: Workspace, run_id: str, reason: str, *, dry_run: bool = False) -> dict[str, Any]:
    """What was, or would be, taken away, and what stays with its reason. PlanRefused where nothing is left to take away."""
    if not dry_run:
        with workspace.connect() as conn:
            _require_something(_made(conn, workspace.name, run_id), run_id)
    undoing = new_id("run")
    if dry_run:
        with workspace.connect() as conn:
            made = _made(conn, workspace.name, run_id)
            _require_something(made, run_id)
            kept = _kept(conn, workspace, made)
        return {"run": None, "plan": None, "undoes": run_id, **_listed(made, kept, {}, "would be taken away")}
    with delivered_by(workspace, undoing) as (conn, note):
        making.resolve(workspace, undoing)
        made = _made(conn, workspace.name, run_id)
        kept = _kept(conn, workspace, made)
        with conn.transaction():
            said = {"undoes": run_id, "reason": reason, "records": len(made) - len(kept), "kept": len(kept)}
            chain(conn, workspace.name, AuditKind.UNDO, person(), run_id, said)
            _note(conn, workspace.name, [m for m in made if m not in kept], undoing, "sent")
            for m, why in kept.items():
                _note(conn, workspace.name, [m], undoing, "kept", why)
        failed = _remove(conn, workspace, [m for m in made if m not in kept], undoing)
        taken = [m for m in made if m not in kept and m not in failed]
        set_deleted(workspace, undoing, [m.row_id for m in taken if not m.comes_first], deleted=True)
        removed = {name: sum(m.record.connection == name for m in taken) for name in workspace.connectors}
        note.counts = {"undoes": run_id, "removed": removed, "kept": len(kept), "failed": len(failed)}
    document = _listed(made, kept, failed, "removed")
    delivered = {"confirmed": len(taken), "failed": len(failed), "dropped": len(kept)}
    return {"run": undoing, "plan": None, "undoes": run_id, "delivered": delivered, "written": removed, **document}


def _require_something(made: Sequence[MadeOnce], run_id: str) -> None:
    if not made:
        raise PlanRefused(f"Run {run_id} has no records left in the CRMs, so there is nothing to undo.")


def _made(conn: Conn, workspace: str, run_id: str) -> list[MadeOnce]:
    """What the run made, and what any run of ours made before for its records to name: that stays in the end only where somebody needs it."""
    rows = conn.execute(
        """select plan_id, seq, row_id, connection, object, record_id, as_made from sakigake.creation c
        where workspace = %(w)s and status = 'confirmed' and tries > 0 and removal is distinct from 'removed' and (run_id = %(run)s
            or (row_id like 'first-%%' and exists (select from sakigake.creation m where m.workspace = c.workspace and m.run_id = %(run)s
                and m.connection = c.connection and m.status = 'confirmed' and m.tries > 0 and (
                    exists (select from jsonb_array_elements(m.links) tie where tie ->> 'key' = c.row_id)
                    or exists (select from jsonb_each_text(m.values) held where held.value = c.record_id)))))
        order by connection, row_id like 'first-%%', object, plan_id, seq""",
        {"w": workspace, "run": run_id},
    )
    return [MadeOnce(r[0], r[1], r[2], RecordRef(r[3], r[4], r[5]), r[6]) for r in rows]


def _kept(conn: Conn, workspace: Workspace, made: Sequence[MadeOnce]) -> dict[MadeOnce, str]:
    """What stays, and why: it was touched, or something came of it."""
    further = _further(conn, workspace.name, made)
    kept: dict[MadeOnce, str] = {}
    for (connection, name), group in groupby(made, key=lambda m: (m.record.connection, m.record.object)):
        some = list(group)
        connector = workspace.connectors[connection]
        going = [m.record.id for m in made if m.record.connection == connection and m not in kept and not m.comes_first]
        needed = _needed(conn, workspace, some, going)
        live = as_they_stand(connector, name, [m.record.id for m in some])
        ours = {connector.api_name(f, workspace.settings.prefix) for f in CATALOGUE}
        for m in some:
            if why := further.get(m.record) or needed.get(m.record) or _touched(m, live.get(m.record.id), ours):
                kept[m] = why
    return kept


def _needed(conn: Conn, workspace: Workspace, some: Sequence[MadeOnce], going: Sequence[str]) -> dict[RecordRef, str]:
    """Of records that came first, those that others of the CRM name, `going` left out: they would be deleted with it, or lose it."""
    of = {m.record.id: m.record for m in some if m.comes_first}
    if not of:
        return {}
    place = some[0].record
    by = conn.execute(
        """select distinct c.object, tie ->> 'field' from sakigake.creation c, jsonb_array_elements(c.links) tie
        where c.workspace = %s and c.connection = %s and tie ->> 'object' = %s and tie ? 'key' order by 1, 2""",
        (workspace.name, place.connection, place.object),
    ).fetchall()
    named = maker_of(workspace.connectors[place.connection]).needed(place.object, list(of), by, going)
    return {of[i]: NEEDED for i in named if i in of}


def _touched(made: MadeOnce, live: Mapping[str, str] | None, ours: set[str]) -> str:
    if live is None:
        return ""  # it is gone already, which is what is wanted
    if made.as_made is None:
        return UNKNOWN
    moved = sorted(n for n in made.as_made.keys() | live.keys() if n not in ours and made.as_made.get(n) != live.get(n))
    return f"somebody has changed {', '.join(moved[:5])} since" if moved else ""


def _further(conn: Conn, workspace: str, made: Sequence[MadeOnce]) -> dict[RecordRef, str]:
    """Records whose entry has gone on: a milestone after `listed`, or an activity."""
    rows = conn.execute(
        """select s.connection, s.object, s.record_id, coalesce(
            (select min(v.milestone) from sakigake.event v where v.workspace = s.workspace and v.entry_id = s.entry_id
                and v.op = 'assert' and v.milestone <> 'listed' and not exists (select from sakigake.event r
                    where r.workspace = v.workspace and r.supersedes = v.event_id and r.op = 'retract')),
            (select min(a.kind) from sakigake.activity a where a.workspace = s.workspace and a.entry_id = s.entry_id
                and a.removed_at is null))
        from sakigake.entry_source s join unnest(%s::text[], %s::text[], %s::text[]) as n(connection, object, id)
            on (s.connection, s.object, s.record_id) = (n.connection, n.object, n.id) where s.workspace = %s""",
        (
            [m.record.connection for m in made], [m.record.object for m in made], [m.record.id for m in made], workspace,
        ),
    )  # fmt: skip
    return {RecordRef(*r[:3]): f"its entry has gone on: {r[3]}" for r in rows if r[3] is not None}


def _remove(conn: Conn, workspace: Workspace, made: Sequence[MadeOnce], undoing: str) -> dict[MadeOnce, str]:
    """Takes them away; returns those that the CRM would not let go, with the reason."""
    failed: dict[MadeOnce, str] = {}
    for (connection, name), group in groupby(made, key=lambda m: (m.record.connection, m.record.object)):
        by_id = {m.record.id: m for m in group}
        needed = _needed(conn, workspace, list(by_id.values()), ())  # again: what names it may have stayed
        going = [i for i, m in by_id.items() if m.record not in needed]
        done, refused = _gone(workspace.connectors[connection], name, going)
        refused |= {record.id: why for record, why in needed.items()}
        with conn.transaction():
            _note(conn, workspace.name, [by_id[i] for i in done], undoing, "removed")
            for record_id, why in refused.items():
                _note(conn, workspace.name, [by_id[record_id]], undoing, "kept", why)
        failed |= {by_id[i]: why for i, why in refused.items()}
    return failed


def _gone(connector: Connector, object_name: str, ids: list[str]) -> tuple[list[str], dict[str, str]]:
    """(away now, why not by id). Taking away twice does no more than once, so what was not answered is sent again."""
    done: list[str] = []
    refused: dict[str, str] = {}
    left = ids
    for _ in range(TRIES):
        if not left:
            break
        results = maker_of(connector).remove(object_name, left)
        done += [r.id for r in results if r.outcome is WriteOutcome.APPLIED or r.gone]
        refused |= {r.id: r.cause for r in results if r.outcome is WriteOutcome.REFUSED and not r.gone}
        left = [r.id for r in results if r.outcome in (WriteOutcome.RETRY, WriteOutcome.UNKNOWN)]
    return done, refused | dict.fromkeys(left, "the CRM took none of several tries")


def _note(
    conn: Conn, workspace: str, made: Sequence[MadeOnce], undoing: str, removal: str, cause: str | None = None
) -> None:
    conn.execute(
        """update sakigake.creation c set removal = %s, removal_cause = %s, removed_by = %s
        from unnest(%s::text[], %s::bigint[]) as n(plan_id, seq)
        where c.workspace = %s and c.plan_id = n.plan_id and c.seq = n.seq""",
        (removal, cause, undoing, [m.plan_id for m in made], [m.seq for m in made], workspace),
    )


def _listed(
    made: Sequence[MadeOnce], kept: Mapping[MadeOnce, str], failed: Mapping[MadeOnce, str], done: str
) -> dict[str, Any]:
    def shown(m: MadeOnce, status: str, cause: str | None) -> dict[str, Any]:
        return {
            "record": str(m.record),
            "row": None if m.comes_first else f"{LISTS}.{LIST_ROW}/{m.row_id}",
            "status": status,
            "cause": cause,
        }

    stays = {**kept, **failed}
    return {
        "removes": [shown(m, done, None) for m in made if m not in stays],
        "cannot": [shown(m, "kept", why) for m, why in stays.items()],
    }
