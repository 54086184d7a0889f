"""What rows of an imported list would become in the CRMs: which records, tied to what, and which rows stay with us and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg import Connection, sql

from jobs.errors import ConfigError
from jobs.wiring import Workspace
from models.catalogue import LIST_ROW_KEY
from models.counted import agreeing
from models.vocabulary import LIST_ROW, LISTS, RecordRef
from sync.described import ObjectDescription
from sync.lists.first import NotChosen, Ties, Untold, end, first_key, ties_of
from sync.lists.records import Wanted, choose, first_record, new_record
from sync.lists.understand import ListRow
from sync.mapping.create import Instead
from sync.mapping.needs import needs, ways
from sync.mapping.rules import EntryRule
from sync.mirror.read import Mirror
from sync.record_maker import After, NewRecord
from sync.writeback.making_journal import Draft

Conn = Connection[Any]
UNTOLD = "nobody can tell yet what its record would be tied to; each row is listed with its reason"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be made, in order, and how many rows stay with us alone, by the reason; `untold` are those that a person can help (row of the file, why)."""

    drafts: tuple[Draft, ...]
    local: dict[str, int]
    untold: tuple[tuple[int, str], ...] = ()

    @property
    def to_make(self) -> int:
        """Records to be made: what is there already needs no making."""
        return sum(d.there is None for d in self.drafts)

    def counts(self) -> dict[str, int]:
        """Records to be made, by `connection.Object`."""
        return dict(sorted(Counter(f"{d.connection}.{d.object}" for d in self.drafts if d.there is None).items()))


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


def propose(conn: Conn, workspace: Workspace, candidates: Mapping[str, Candidate], into: str | None = None) -> Proposal:
    """What would be made of these rows (by id), and how many stay with us, by the reason. `into`: the record in between that a person chose.

    Left out are rows that are records already, or one entry with a record of a CRM. What comes first (a Lead) stands before all that name
    it. ConfigError where the mirror lacks what tells whether that is there.
    """
    rows = {i: candidates[i] for i in _pending(conn, workspace, candidates)}
    records = _records_of(conn, workspace.name, sorted({c.partner_id for c in rows.values()}))
    drafting = _Drafting(conn, workspace, into)
    local: Counter[str] = Counter()
    untold: list[tuple[int, str]] = []
    for row_id, c in rows.items():
        found = choose(workspace.rules, records.get(c.partner_id, []))
        if isinstance(found, str):
            local[found] += 1
            continue
        try:
            drafting.add(Wanted(row_id, c.row, c.listed_on, c.file, *found))
        except NotChosen as e:
            raise ConfigError(f"--into {into}: {e.reason}. Nothing was taken in.") from e
        except Untold as e:
            local[UNTOLD] += 1
            untold.append((c.row.number, e.reason))
    return Proposal((*drafting.first.values(), *drafting.drafts), dict(local), tuple(sorted(untold)))


class _Drafting:
    """Records to be made, and what they need to have before them."""

    def __init__(self, conn: Conn, workspace: Workspace, into: str | None) -> None:
        self._into = into
        self._conn = conn
        self._workspace = workspace
        self._described = _Descriptions(workspace)
        self._ties: dict[int, Ties] = {}
        self.first: dict[tuple[str, str, str], Draft] = {}  # by connection, object and key
        self.drafts: list[Draft] = []
        self._ends: set[tuple[str, ...]] = set()

    def add(self, wanted: Wanted) -> None:
        """Drafts the row's record, and what comes first where it is not there; Untold where nobody can tell what it would be tied to."""
        rules = self._workspace.rules
        rule = rules.entries[wanted.rule]
        ties = self._ties_of(wanted.rule)
        wanted = replace(wanted, partner_id=ties.partner_field(wanted.partner, self._into))
        firsts: dict[str, str | After] = {}
        drafted: dict[tuple[str, str, str], Draft] = {}
        for name, first in (rule.create.first if rule.create is not None else {}).items():
            place = first.leads_to(name)
            key = first_key(wanted.partner, f"{rule.connection}.{place}", wanted.row.target)
            if there := ties.first(name, wanted.row.target, wanted.row.person):
                firsts[there[0]] = there[1]
                continue
            if before := self._made_before(rule.connection, place, key, ties):
                firsts[name] = before
                continue
            firsts[name] = After(name, place, key)
            if (rule.connection, place, key) not in self.first:
                made = first_record(rules, wanted, name, key, self._described(rule.connection, place))
                drafted[rule.connection, place, key] = self._draft(rule.connection, place, wanted, made)
        made = new_record(rules, replace(wanted, first=firsts), self._described(rule.connection, rule.object))
        ends = (wanted.partner_id, *(end(field_name, str(held)) for field_name, held in firsts.items()))
        if firsts and ends in self._ends:
            raise Untold("another row of this list is about the same company, which stands there once only")
        self._ends.add(ends)
        self.first |= drafted
        self.drafts.append(self._draft(rule.connection, rule.object, wanted, made, ties.tied.get(ends)))

    def _draft(self, connection: str, place: str, wanted: Wanted, made: NewRecord, there: str | None = None) -> Draft:
        key_field = self._workspace.connectors[connection].api_name(LIST_ROW_KEY, self._workspace.settings.prefix)
        return Draft(connection, place, key_field, wanted.partner, made, there)

    def _made_before(self, connection: str, place: str, key: str, ties: Ties) -> str | None:
        """What an earlier list made for this company, unless the mirror knows that it is gone: it may be named otherwise by now."""
        held = self._conn.execute(
            """select record_id from sakigake.creation where workspace = %s and connection = %s and object = %s and row_id = %s
            and status = 'confirmed' and removal is distinct from 'removed' order by settled_at desc limit 1""",
            (self._workspace.name, connection, place, key),
        ).fetchone()
        return None if held is None or (place, held[0]) in ties.gone else str(held[0])

    def _ties_of(self, index: int) -> Ties:
        if index not in self._ties:
            rule = self._workspace.rules.entries[index]
            self._require_mirrored(rule)
            with self._conn.transaction():
                mirror = Mirror(self._conn, self._workspace.name, self._workspace.settings.schema_of)
                self._ties[index] = ties_of(self._workspace.rules, rule, mirror)
        return self._ties[index]

    def _require_mirrored(self, rule: EntryRule) -> None:
        if rule.create is None or not (rule.create.first or rule.partner.then):
            return
        wanted = needs(self._workspace.rules)[rule.connection]
        places = {rule.object, *(way.leads_to(name) for name, way in ways(rule))}
        places |= {way.of.leads_to for _, way in ways(rule) if isinstance(way, Instead) and way.of is not None}
        places |= {rule.partner.between} if rule.partner.then else set()
        held = dict(
            self._conn.execute(
                "select object, description -> 'columns' from sakigake.mirror_object where workspace = %s and connection = %s",
                (self._workspace.name, rule.connection),
            ).fetchall()
        )
        lacking = sorted(p for p in places if not set(wanted[p].fields) <= set(held.get(p) or {}))
        if lacking:
            raise ConfigError(
                f"{rule.connection}'s {' and '.join(lacking)} {agreeing(len(lacking), 'is', 'are')} not mirrored as the mapping wants, so that "
                "nobody can tell which of them are there already; read them with `sakigake run --only pull`, then import the list again."
            )


def _pending(conn: Conn, workspace: Workspace, candidates: Mapping[str, Candidate]) -> list[str]:
    held = live_rows(conn, workspace, list(candidates))
    known = conn.execute(
        """select row_id from sakigake.creation where workspace = %(w)s and row_id = any(%(ids)s)
            and (status = 'sent' or (status = 'confirmed' and removal is distinct from 'removed'))
        union select s.record_id from sakigake.entry_source s join sakigake.entry_source o using (workspace, entry_id)
        where s.workspace = %(w)s and s.connection = %(lists)s and s.record_id = any(%(ids)s) and o.connection <> %(lists)s
            and not exists (select from sakigake.creation c where c.workspace = %(w)s and c.removal = 'removed'
                and (c.connection, c.object, c.record_id) = (o.connection, o.object, o.record_id))""",
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
