"""What an imported list is held against: partners by name or record, targets that are listed, and companies that buy already."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

from jobs.errors import NotFound
from jobs.wiring import Workspace
from models.vocabulary import LIST_ROW, LISTS, RecordRef, Target
from sync.lists.compare import Known
from sync.mapping.customers import customers
from sync.mapping.names import name_key
from sync.mirror.read import Mirror

SHOWN = 20  # partners named where a name does not tell which one is meant


@dataclass(frozen=True, slots=True)
class PartnerOf:
    """A partner, and the record by which it is named: that outlives a change of how records are matched."""

    partner_id: str
    name: str
    record: RecordRef


class Partners:
    """Partners by record, id, or name."""

    def __init__(self, conn: Connection[Any], workspace: str) -> None:
        rows = conn.execute(
            """select p.partner_id, p.name, s.connection, s.object, s.record_id from sakigake.partner p
            join sakigake.partner_source s using (workspace, partner_id) where p.workspace = %s
            order by s.connection, s.object, s.record_id""",
            (workspace,),
        ).fetchall()
        self._by_record: dict[str, PartnerOf] = {}
        self._by_id: dict[str, PartnerOf] = {}
        self._by_name: dict[str, dict[str, PartnerOf]] = {}
        for partner_id, name, *ref in rows:
            made = PartnerOf(partner_id, name, RecordRef(*ref))
            self._by_record[str(made.record)] = self._by_id.setdefault(partner_id, made)
            self._by_name.setdefault(name_key(name), {})[partner_id] = self._by_id[partner_id]

    def by_record(self, record: str) -> PartnerOf | None:
        return self._by_record.get(record)

    def of(self, said: str) -> PartnerOf:
        """The partner that is meant; NotFound with what would tell which, without repeating what a file said."""
        if found := self.by_record(said) or self._by_id.get(said):
            return found
        named = self._by_name.get(name_key(said), {}) if name_key(said) else {}
        if len(named) == 1:
            return next(iter(named.values()))
        if named:
            records = ", ".join(str(p.record) for p in list(named.values())[:SHOWN])
            raise NotFound(f"several partners have that name; say which by its record: {records}")
        raise NotFound(
            "there is no partner of that name or record; see how the CRM writes it, and mind that a new one comes with the next run"
        )

    def is_another(self, said: str, one: PartnerOf) -> bool:
        """Whether it names a known partner that is not `one`. A person's name, or a partner nobody knows, says nothing."""
        try:
            return self.of(said).partner_id != one.partner_id
        except NotFound:
            named = self._by_name.get(name_key(said), {})
            return bool(named) and one.partner_id not in named


def entries(conn: Connection[Any], workspace: str) -> Iterator[Known]:
    """Targets of the entries that stand, with whether they were won; not those whose records were all taken away by an undo since."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """select e.partner_id, p.name, e.target, exists (
                select from sakigake.event v where v.workspace = e.workspace and v.entry_id = e.entry_id and v.milestone = 'won'
                    and v.op = 'assert' and not exists (select from sakigake.event r where r.workspace = v.workspace
                        and r.supersedes = v.event_id and r.op = 'retract')) as won
            from sakigake.entry e join sakigake.partner p using (workspace, partner_id)
            where e.workspace = %(w)s and e.removed_at is null and not exists (
                select from sakigake.entry_source s where (s.workspace, s.entry_id) = (e.workspace, e.entry_id)
                having count(*) > 0 and bool_and((s.connection, s.object, s.record_id) in (
                    select c.connection, c.object, c.record_id from sakigake.creation c where c.workspace = %(w)s and c.removal = 'removed'
                    union all select 'lists', 'row', c.row_id from sakigake.creation c where c.workspace = %(w)s and c.removal = 'removed')))""",
            {"w": workspace},
        ).fetchall()
    return (Known(r["partner_id"], r["name"], _target(r["target"]), r["won"]) for r in rows)


def rows(conn: Connection[Any], workspace: Workspace, partners: Partners) -> Iterator[Known]:
    """What was imported and is not mapped yet."""
    schema = workspace.settings.schema_of(LISTS)
    there = conn.execute("select to_regclass(%s)", (f'"{schema}"."{LIST_ROW}"',)).fetchone()
    if not there or there[0] is None:
        return
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql.SQL("select * from {} where not _deleted").format(sql.Identifier(schema, LIST_ROW)))
        for row in rows:
            whose = partners.by_record(row["partner"])
            if whose is not None:
                brought = (row["file_hash"] or "", int(row["row_number"] or 0))
                yield Known(whose.partner_id, whose.name, _target(row), brought=brought)


def bought(conn: Connection[Any], workspace: Workspace) -> Iterator[Known]:
    """Companies that buy already, by the mapping's rules; none of an object that nobody pulled yet."""
    rows = conn.execute("select connection, object from sakigake.mirror_object where workspace = %s", (workspace.name,))
    there = set(rows.fetchall())
    rules = [rule for rule in workspace.rules.customers if (rule.connection, rule.object) in there]
    if not rules:
        return
    asked = workspace.rules.model_copy(update={"customers": rules})
    with conn.transaction():
        for one in customers(asked, Mirror(conn, workspace.name, workspace.settings.schema_of)):
            if one.stands == "customer":
                yield Known("", str(one.ref), one.target, won=True, since=one.since)


def _target(said: Mapping[str, Any]) -> Target:
    return Target(**{f.name: said.get(f.name) for f in fields(Target)})
