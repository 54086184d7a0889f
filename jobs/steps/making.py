"""Rows of imported lists to records of a CRM, where the mapping says so: planned, held where a guard says so, and made."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg import Connection, sql

from jobs.alerts import alert
from jobs.epoch import count_delivery
from jobs.mapping_versions import active
from jobs.pausing import paused, require_awake
from jobs.progress import Progress
from jobs.runs import new_id, utc_now
from jobs.settings import seconds_of
from jobs.steps.fresh import require_fresh
from jobs.steps.guarding import restored
from jobs.steps.write_back import delivery_of
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.catalogue import LIST_ROW_KEY
from models.vocabulary import LIST_ROW, LISTS, PlanStatus, RecordRef
from sync.chain import record as chain
from sync.connector import ObjectDescription
from sync.lists.records import Wanted, choose, new_record
from sync.lists.understand import ListRow
from sync.writeback import making, making_journal
from sync.writeback.making import MakeCounts
from sync.writeback.making_journal import Draft

Conn = Connection[Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be made, and how many rows stay with us alone, by the reason."""

    drafts: tuple[Draft, ...]
    local: dict[str, int]

    def counts(self) -> dict[str, int]:
        """Records by `connection.Object`."""
        return dict(sorted(Counter(f"{d.connection}.{d.object}" for d in self.drafts).items()))


@dataclass(frozen=True, slots=True)
class PlannedMaking:
    plan_id: str
    status: PlanStatus
    held_because: list[str]


def _records_of(conn: Conn, workspace: str, partner_ids: Sequence[str]) -> dict[str, list[RecordRef]]:
    """The records that each of these partners has in the CRMs."""
    found: dict[str, list[RecordRef]] = {}
    for partner_id, *ref in conn.execute(
        """select partner_id, connection, object, record_id from sakigake.partner_source
        where workspace = %s and partner_id = any(%s) order by connection, object, record_id""",
        (workspace, list(partner_ids)),
    ):
        found.setdefault(partner_id, []).append(RecordRef(*ref))
    return found


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that might become a record. `taken`: it comes with this very import."""

    row: ListRow
    listed_on: date
    file: str
    partner_id: str
    taken: bool


def propose(conn: Conn, workspace: Workspace, candidates: Mapping[str, Candidate]) -> Proposal:
    """What would be made of these rows (by id), and how many stay with us, by the reason.

    Left out are rows that are records already, or one entry with a record of a CRM.
    """
    rows = {i: candidates[i] for i in _pending(conn, workspace, candidates)}
    records = _records_of(conn, workspace.name, sorted({c.partner_id for c in rows.values()}))
    described = _Descriptions(workspace)
    drafts: list[Draft] = []
    local: Counter[str] = Counter()
    for row_id, c in rows.items():
        found = choose(workspace.rules, records.get(c.partner_id, []))
        if isinstance(found, str):
            local[found] += 1
            continue
        rule = workspace.rules.entries[found[0]]
        wanted = Wanted(row_id, c.row, c.listed_on, c.file, *found)
        made = new_record(workspace.rules, wanted, described(rule.connection, rule.object))
        key_field = workspace.connectors[rule.connection].api_name(LIST_ROW_KEY, workspace.settings.prefix)
        drafts.append(Draft(rule.connection, rule.object, key_field, wanted.partner, made))
    return Proposal(tuple(drafts), dict(local))


def _pending(conn: Conn, workspace: Workspace, candidates: Mapping[str, Candidate]) -> list[str]:
    held = live_rows(conn, workspace, list(candidates))
    known = conn.execute(
        """select row_id from sakigake.creation where workspace = %(w)s and row_id = any(%(ids)s)
            and (status = 'sent' or (status = 'confirmed' and removal is distinct from 'removed'))
        union select s.record_id from sakigake.entry_source s join sakigake.entry_source o using (workspace, entry_id)
        where s.workspace = %(w)s and s.connection = %(lists)s and s.record_id = any(%(ids)s) and o.connection <> %(lists)s""",
        {"w": workspace.name, "ids": sorted(held), "lists": LISTS},
    )
    elsewhere = {r[0] for r in known}
    return [i for i, c in candidates.items() if i not in elsewhere and (c.taken or i in held)]


def live_rows(conn: Conn, workspace: Workspace, ids: Sequence[str]) -> set[str]:
    """Those of these rows that were imported and stand."""
    schema = workspace.settings.schema_of(LISTS)
    there = conn.execute("select to_regclass(%s)", (f'"{schema}"."{LIST_ROW}"',)).fetchone()
    if not there or there[0] is None:
        return set()
    query = sql.SQL("select id from {} where not _deleted and id = any(%s)").format(sql.Identifier(schema, LIST_ROW))
    return {r[0] for r in conn.execute(query, (list(ids),))}


class _Descriptions:
    """Objects as the CRM describes them now, each asked for once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._held: dict[tuple[str, str], ObjectDescription] = {}

    def __call__(self, connection: str, object_name: str) -> ObjectDescription:
        place = connection, object_name
        if place not in self._held:
            self._held[place] = self._workspace.connectors[connection].describe(object_name)
        return self._held[place]


def plan(workspace: Workspace, run_id: str, proposal: Proposal, who: str, file: str) -> PlannedMaking:
    """Stores the plan, held where a guard says so, and its link of the audit trail."""
    plan_id, now = new_id("plan"), utc_now()
    expires_at = now + timedelta(seconds=seconds_of(workspace.settings.guards.plan_expires))
    with workspace.connect() as conn, conn.transaction():
        held = list(_held_because(conn, workspace, plan_id, proposal))
        status = making_journal.store_plan(
            conn,
            workspace.name,
            plan_id,
            run_id,
            proposal.drafts,
            mapping_hash=workspace.rules.hash,
            held_because=held,
            skipped=proposal.local,
            expires_at=expires_at,
            now=now,
        )
        said = [[d.connection, d.object, d.record.key, dict(d.record.values)] for d in proposal.drafts]
        digest = hashlib.sha256(json.dumps(said, ensure_ascii=False, default=str).encode()).hexdigest()
        told = {"creates": proposal.counts(), "digest": digest, "run": run_id, "mapping": workspace.rules.hash}
        chain(conn, workspace.name, AuditKind.PLAN, who, plan_id, {**told, "file": file, "held": held})
    if status is PlanStatus.HELD:
        body = "\n".join((f"{plan_id} would make {len(proposal.drafts):,} records and waits for a person.", *held))
        alert(workspace.settings.alerts, workspace.folder, f"Sakigake: a plan of {workspace.name} is held", body)
    return PlannedMaking(plan_id, status, held)


def _held_because(conn: Conn, workspace: Workspace, plan_id: str, proposal: Proposal) -> Iterator[str]:
    guards, count = workspace.settings.guards, len(proposal.drafts)
    if guards.first_plan == "hold" and not making_journal.has_made(conn, workspace.name):
        yield (
            f"These are the first records that lists make in workspace {workspace.name}; look at them with `sakigake plan {plan_id}`, "
            f"then say: sakigake apply {plan_id} --reason WHY"
        )
    if count > guards.created:
        yield (
            f"{count:,} records would be made, and {guards.created:,} are allowed at once (guards.created): "
            "look whether the file is the right one."
        )
    now = active(conn, workspace.name)
    if now is None or now.mapping_hash != workspace.rules.hash:
        yield "Nobody activated this version of the mapping: sakigake mapping activate FILE"
    yield from (f"{because}, then import the list again." for because in restored(conn, workspace))
    for name in sorted({d.connection for d in proposal.drafts} & set(paused(conn, workspace.name))):
        yield f"{name} is paused; say: sakigake resume {name}"


def send(workspace: Workspace, plan_id: str, run_id: str, progress: Progress) -> MakeCounts:
    """Makes what the plan has still open; MirrorStale where what it rests on is in doubt."""
    with workspace.connect() as conn:
        require_fresh(conn, workspace, otherwise="Until then nothing is made in the CRMs.")
        if places := making_journal.places(conn, workspace.name, plan_id):
            require_awake(conn, workspace.name, {place[0] for place in places})
            count_delivery(conn, workspace.name, workspace.home)
    with progress.task("deliver") as task:
        return making.make(
            delivery_of(workspace, run_id),
            plan_id,
            progress=lambda counts: task.update(counts.confirmed + counts.failed + counts.dropped, None),
        )


def resolve(workspace: Workspace, run_id: str = "") -> MakeCounts:
    """Settles what earlier runs sent without hearing an answer."""
    return making.resolve_made(delivery_of(workspace, run_id))


def made_by(workspace: Workspace, plan_id: str) -> dict[str, int]:
    """Records that the CRMs have for this plan, by connection; every connection is named."""
    found = dict.fromkeys(workspace.connectors, 0)
    with workspace.connect() as conn:
        rows = conn.execute(
            "select connection, count(*) from sakigake.creation where workspace = %s and plan_id = %s and status = 'confirmed' group by 1",
            (workspace.name, plan_id),
        )
        found.update({r[0]: r[1] for r in rows})
    return found


def documents(conn: Conn, workspace: str, plan_id: str) -> list[dict[str, Any]]:
    """The records of a plan, as JSON."""
    rows = conn.execute(
        """select connection, object, row_id, partner, values, status, cause, record_id, request_id, removal, removal_cause
        from sakigake.creation where workspace = %s and plan_id = %s order by seq""",
        (workspace, plan_id),
    )
    return [
        {
            "object": f"{r[0]}.{r[1]}", "row": f"{LISTS}.{LIST_ROW}/{r[2]}", "partner": r[3], "values": r[4], "status": r[5],
            "cause": r[6], "record": f"{r[0]}.{r[1]}/{r[7]}" if r[7] else None, "request_id": r[8],
            "removal": r[9], "removal_cause": r[10],
        }
        for r in rows
    ]  # fmt: skip
