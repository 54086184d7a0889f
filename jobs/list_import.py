"""`sakigake import-list`: a partner's attack list from a file, understood, compared with what is known, and taken in.

Rows become records of the source `lists.row` (`sync.lists.source`), in the same way as records of a CRM: the next map step makes entries of
them. All of a file is taken in, or nothing.
"""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import Connection

from jobs.errors import ConfigError, NotFound
from jobs.list_known import PartnerOf, Partners, bought, entries, rows
from jobs.progress import NoProgress
from jobs.runs import RunLog, ended_as, new_id, only_run, utc_now
from jobs.steps import making
from jobs.steps.list_rows import land_rows
from jobs.steps.making_proposal import Candidate, Proposal, propose
from jobs.wiring import Workspace
from models.audit import AuditKind
from models.vocabulary import LIST_ROW, LISTS, RecordRef, RunStatus, Step
from sync.chain.store import record as chain
from sync.lists.compare import Found, KnownTargets, Standing
from sync.lists.date_order import DateOrder
from sync.lists.encodings import UnreadableListError
from sync.lists.headings import Column, has_headings
from sync.lists.records import makers
from sync.lists.sheet import read_sheet
from sync.lists.source import record, row_id
from sync.lists.understand import AttackList, BadRow, ListRow, understand
from sync.mirror.erase import record_hash, tombstones
from sync.writeback import making_journal

ANOTHERS = "the file says that this row is another partner's; leave --partner out, and each row goes to its own"
ERASED = "this target was erased on request (`sakigake erase`), so it is not taken in"


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with whose list it is on, its day, and what is known of its target."""

    row: ListRow
    partner: PartnerOf
    listed_on: date
    found: Found

    @property
    def taken(self) -> bool:
        return self.found.standing in {Standing.NEW, Standing.ELSEWHERE}


@dataclass(frozen=True, slots=True)
class Creates:
    """Records that rows become in the CRMs, by `connection.Object`; rows that stay with us, by the reason; what became of the plan."""

    places: dict[str, int]
    local: dict[str, int]
    plan: str | None = None
    held_because: tuple[str, ...] = ()
    delivered: dict[str, int] | None = None
    refused: tuple[tuple[int, str], ...] = ()  # row of the file, the CRM's reason
    untold: tuple[
        tuple[int, str], ...
    ] = ()  # row of the file, why nobody can tell yet what its record would be tied to

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "objects": self.places,
            "local": self.local,
            "plan": self.plan,
            "held": bool(self.held_because),
            "held_because": list(self.held_because),
            "delivered": self.delivered or {},
            "refused": [{"row": row, "reason": reason} for row, reason in self.refused],
            "untold": [{"row": row, "reason": reason} for row, reason in self.untold],
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. `file_hash` is the SHA-256 of the bytes that were read; `run` is None where nothing was stored."""

    file: str
    file_hash: str
    read: AttackList
    judged: tuple[Judged, ...]
    bad: tuple[BadRow, ...]
    run: str | None
    creates: Creates | None = None

    def document(self) -> dict[str, Any]:
        """As `--json` prints it; names of targets stand in the file, and are not repeated."""
        counts = Counter(j.found.standing.value for j in self.judged)
        return {
            "file": self.file,
            "file_hash": self.file_hash,
            "where": self.read.where,
            "headings": {
                "row": self.read.headings.row,
                "understood": {self.read.headings.texts[c]: c.value for c in self.read.headings.places},
                "unused": list(self.read.headings.unused),
            },
            "partners": dict(sorted(Counter(str(j.partner.record) for j in self.judged).items())),
            "rows": len(self.judged) + len(self.bad) + len(self.read.same_as),
            "taken": sum(j.taken for j in self.judged),
            "known": {s.value: counts[s.value] for s in Standing},
            "repeated": [{"row": row, "same_as": first} for row, first in sorted(self.read.same_as.items())],
            "bad": [{"row": b.number, "reason": b.reason} for b in self.bad],
            "reckoned": list(self.read.reckoned),
            "other_sheets": list(self.read.beside),
            "notes": [{"row": n.number, "reason": n.reason} for n in self.read.notes],
            "found": [
                {"row": j.row.number, "standing": j.found.standing.value, "by": j.found.by, "partner": j.found.partner}
                for j in self.judged
                if j.found.standing is not Standing.NEW
            ],
            "alike": [j.row.number for j in self.judged if j.found.alike],
            "run": self.run,
            "creates": self.creates.document() if self.creates is not None else None,
        }


def import_list(
    workspace: Workspace,
    path: Path,
    *,
    partner: str | None,
    listed_on: date | None,
    sheet: str | None,
    who: str,
    dry_run: bool,
    dates: DateOrder | None = None,
    into: str | None = None,
    encoding: str | None = None,
) -> Imported:
    """Reads, compares and, unless `dry_run`, stores. ConfigError for a file that is no list or a mapping that reads no lists."""
    if not any((rule.connection, rule.object) == (LISTS, LIST_ROW) for rule in workspace.rules.entries):
        raise ConfigError(
            f"{workspace.rules.filename} has no rule that makes entries of imported lists; add `- from: {LISTS}.{LIST_ROW}` under entries, "
            "and bring it into force with `sakigake mapping activate`."
        )
    try:
        found_sheet = read_sheet(path, sheet, encoding, has_headings)
        read = understand(found_sheet, path.name, dates)
    except UnreadableListError as e:
        raise ConfigError(str(e)) from e
    today = workspace.today()
    with workspace.connect() as conn:
        partners = Partners(conn, workspace.name)
        known = KnownTargets(
            [*entries(conn, workspace.name), *rows(conn, workspace, partners), *bought(conn, workspace)]
        )
        judged, bad = _judge(read, found_sheet.file_hash, partners, known, partner, listed_on or today, today)
        judged, bad = _without_erased(conn, workspace.name, judged, bad)
    found = Imported(path.name, found_sheet.file_hash, read, tuple(judged), tuple(bad), None)
    candidates = {
        row_id(j.partner.record, j.row): Candidate(j.row, j.listed_on, path.name, j.partner.partner_id, j.taken)
        for j in judged
        if j.taken or j.found.by == "row"
    }
    proposal = None
    if into is not None and not any(rule.partner.then is not None for _, rule in makers(workspace.rules)):
        raise ConfigError(
            f"{workspace.rules.filename} has no rule whose new records go into one of the partner's (such as a Campaign), so leave --into out; "
            "docs/mapping.md shows one under Campaign members."
        )
    if makers(workspace.rules):
        if not dry_run:
            making.resolve(workspace)
        with workspace.connect() as conn:
            proposal = propose(conn, workspace, candidates, into)
            waiting = making_journal.same_as_open(
                conn, workspace.name, workspace.rules.hash, proposal.drafts, utc_now()
            )
        creates = Creates(proposal.counts(), proposal.local, untold=proposal.untold)
        if waiting is not None:
            return replace(found, creates=replace(creates, plan=waiting[0], held_because=tuple(waiting[1])))
        found = replace(found, creates=creates)
    if dry_run or not (any(j.taken for j in judged) or (proposal is not None and proposal.drafts)):
        return found
    return _store(workspace, found, proposal, who)


def _judge(
    read: AttackList,
    file_hash: str,
    partners: Partners,
    known: KnownTargets,
    named: str | None,
    otherwise: date,
    today: date,
) -> tuple[list[Judged], list[BadRow]]:
    one = partners.of(named) if named is not None else None
    told = any(row.partner for row in read.rows) or (not read.rows and Column.PARTNER in read.headings.places)
    if one is None and not told:
        raise ConfigError(
            "Nothing says whose list this is: give --partner, or a file with a column of partners (パートナー, partner)."
        )
    judged: list[Judged] = []
    bad = list(read.bad)
    for row in read.rows:
        try:
            whose = one or partners.of(row.partner)
            if one is not None and row.partner and partners.is_another(row.partner, one):
                bad.append(BadRow(row.number, f"{read.headings.texts[Column.PARTNER]}: {ANOTHERS}"))
                continue
        except NotFound as e:
            bad.append(BadRow(row.number, f"{e.args[0]}"))
            continue
        day = row.listed_on or otherwise
        if day > today:
            bad.append(BadRow(row.number, "the day is still to come"))
            continue
        judged.append(Judged(row, whose, day, known.look(row.target, whose.partner_id, day, (file_hash, row.number))))
    return judged, sorted(bad, key=lambda b: b.number)


def _without_erased(
    conn: Connection[Any], workspace: str, judged: list[Judged], bad: list[BadRow]
) -> tuple[list[Judged], list[BadRow]]:
    """What was erased does not come back by a list."""
    erased = {t.record_hash for t in tombstones(conn, workspace) if t.connection == LISTS}
    if not erased:
        return judged, bad
    out = {
        j.row.number
        for j in judged
        if record_hash(workspace, RecordRef(LISTS, LIST_ROW, row_id(j.partner.record, j.row))) in erased
    }
    bad = [*bad, *(BadRow(number, ERASED) for number in out)]
    return [j for j in judged if j.row.number not in out], sorted(bad, key=lambda b: b.number)


def _store(workspace: Workspace, found: Imported, proposal: Proposal | None, who: str) -> Imported:
    """One run: rows come into the object `lists.row`, with one link of the audit trail; then records are made of them where that is wanted."""
    run_id, now = new_id("run"), workspace.crm_now()
    taken = [j for j in found.judged if j.taken]
    records = [
        record(j.partner.record, j.row, j.listed_on.isoformat(), found.file, found.file_hash, now) for j in taken
    ]
    with workspace.connect() as conn, only_run(conn, workspace.name):
        log = RunLog(conn, workspace.name, run_id)
        log.begin(workspace.rules.hash)
        status = RunStatus.SUCCEEDED
        try:
            if records:
                with log.step(Step.PULL, LISTS) as note:
                    counts = land_rows(workspace, run_id, records)
                    note.counts = {f"{LISTS}.{LIST_ROW}": asdict(counts)}
                kept = {"file", "file_hash", "partners", "rows", "taken", "known"}
                document = {k: v for k, v in found.document().items() if k in kept} | {"run": run_id}
                chain(conn, workspace.name, AuditKind.IMPORT, who, found.file, document)
            if proposal is not None and proposal.drafts:
                found = replace(found, creates=_make(workspace, log, found, proposal, who))
                status = RunStatus.HELD if found.creates is not None and found.creates.held_because else status
        except Exception as e:
            log.finish(workspace.connect, ended_as(e), cause=str(e))
            raise
        log.finish(workspace.connect, status)
    return replace(found, run=run_id)


def _make(workspace: Workspace, log: RunLog, found: Imported, proposal: Proposal, who: str) -> Creates:
    """The plan of records, and its delivery unless a guard holds it."""
    with log.step(Step.PLAN) as note:
        planned = making.plan(workspace, log.run_id, proposal, who, found.file)
        note.counts = {"plan": planned.plan_id, "creates": proposal.counts()}
        note.held = bool(planned.held_because)
    held, untold = tuple(planned.held_because), proposal.untold
    made = Creates(proposal.counts(), proposal.local, planned.plan_id, held, untold=untold)
    if planned.held_because:
        return made
    with log.step(Step.DELIVER) as note:
        note.counts = {"plan": planned.plan_id}
        delivered = making.send(workspace, planned.plan_id, log.run_id, NoProgress()).document()
        note.counts = {"plan": planned.plan_id, **delivered, "written": making.made_by(workspace, planned.plan_id)}
    numbers = {row_id(j.partner.record, j.row): j.row.number for j in found.judged}
    with workspace.connect() as conn:
        documents = making.documents(conn, workspace.name, planned.plan_id)
    refused = [
        (numbers.get(d["row"].rpartition("/")[2], 0), d["cause"] or "")
        for d in documents
        if d["status"] == "failed" and d["row"] is not None  # of what comes first, the rows that need it tell
    ]
    return replace(made, delivered=delivered, refused=tuple(sorted(refused)))
