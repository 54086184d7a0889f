"""What changed since the last mapping, and the facts of the partners it touches: work in proportion to that, not to the workspace.

From the changed records back along fields and links to all that lead to them; from those to the partners they spoke of until now and
speak of from now on; and from the partners to all of their records, which are then read as a full mapping would read them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from jobs.wiring import Workspace
from models.vocabulary import RecordRef
from sync.mapping.customers import customer_facts
from sync.mapping.deals import derive_deals
from sync.mapping.derive import derive_some
from sync.mapping.edges import Edge, edges
from sync.mapping.facts import Facts, Issues, Met
from sync.mapping.matching import Decision
from sync.mapping.needs import needs
from sync.mapping.partners import Partners, derive_partners
from sync.mirror.changed import ChangedMirror, Place, SomeRecords, back_from, onward_from

MANY = 20_000  # changed records from which reading everything is quicker
WHOLE_EVERY = timedelta(days=7)  # everything is mapped at least that often, whatever changed


@dataclass(frozen=True, slots=True)
class Some:
    """The facts of `partners`, deals of all channels among the records of `deals`, customers among those of `customers`, and the issues of the records that were `mapped`."""

    facts: Facts
    partners: frozenset[str]
    deals: dict[Place, set[str]]
    customers: dict[Place, set[str]]
    mapped: dict[Place, set[str]]
    met: tuple[Met, ...]


class Feed:
    """What the mirror tells of changes."""

    def __init__(self, conn: Connection[Any], workspace: Workspace, objects: Mapping[str, str]) -> None:
        self._conn = conn
        self._workspace = workspace
        self._objects = dict(objects)
        self.mirror = ChangedMirror(conn, workspace.name, workspace.settings.schema_of)
        self.edges: Sequence[Edge] = edges(workspace.rules)
        wanted = {(connection, name) for connection, specs in needs(workspace.rules).items() for name in specs}
        self.places = sorted(place for place in wanted if ".".join(place) in objects)
        self.mirror.prepare(self.places, self.edges)

    def changed(self, before: Mapping[str, Any]) -> dict[Place, set[str]] | None:
        """Records that changed since that mapping; None where that cannot be told, or is too much to look at one by one."""
        found: dict[Place, set[str]] = {}
        for place in self.places:
            label = ".".join(place)
            if self._objects[label] == before["objects"].get(label):
                continue
            since = self._since(place, before["objects"].get(label, ""))
            ids = self.mirror.changed(place, since) if since else set()
            if not ids:
                return None
            found[place] = ids
        return found if sum(map(len, found.values())) <= MANY else None

    def _since(self, place: Place, run_id: str) -> datetime | None:
        """The first moment at which something landed by a run after this one; None where that run is not known.

        Runs come one after the other, whatever the CRMs' clocks say.
        """
        row = self._conn.execute(
            """select min(l.landed_at) from sakigake.landing l
            left join sakigake.run r on (r.workspace, r.run_id) = (l.workspace, l.run_id)
            where l.workspace = %(w)s and l.connection = %(c)s and l.object = %(o)s and (r.run_id is null or r.started_at > (
                select before.started_at from sakigake.run before where before.workspace = %(w)s and before.run_id = %(run)s))""",
            {"w": self._workspace.name, "c": place[0], "o": place[1], "run": run_id},
        ).fetchone()
        return row[0] if row else None

    def some(self, changed: Mapping[Place, set[str]], decisions: Sequence[Decision]) -> Some:
        """The facts of all partners that the changed records touch."""
        rules = self._workspace.rules
        affected = back_from(self.mirror, self.edges, changed)
        of_partners = {(rule.connection, rule.object) for rule in rules.partners}
        partner_issues = Issues()
        partners, before = self._partners(affected, of_partners, decisions, partner_issues)
        now = {match.source: match.partner_id for match in partners.matches}
        touched = {ref for ref in before.keys() | now.keys() if before.get(ref) != now.get(ref)}
        touched |= {RecordRef(*place, one) for place in of_partners for one in affected.get(place, ())}
        names = {named[ref] for named in (before, now) for ref in touched if ref in named}
        rules_of = {(rule.connection, rule.object) for rule in (*rules.entries, *rules.activities)}
        spoken = {place: set(affected[place]) for place in rules_of if affected.get(place)}
        names |= self._owners(spoken)
        first = derive_some(rules, self._reader(spoken), partners, decisions, set(now.values()))
        names |= {m.partner_id for m in first.entry_matches if m.source.id in spoken.get(_place(m.source), ())}
        names |= {a.partner_id for a in first.activities if a.source.id in spoken.get(_place(a.source), ())}
        mapped = self._records(names, spoken)
        facts = derive_some(rules, self._reader(mapped), partners, decisions, names)
        of_deals = {(rule.connection, rule.object) for rule in rules.deals_all_channels}
        # what is told of a record is told anew as a whole: of linked records and deals too
        linked = {(e.connection, m.linked_object or "") for e in rules.entries for m in e.milestones.values()}
        reached = onward_from(self.mirror, self.edges, mapped, self.places)
        for place in linked & reached.keys():
            mapped[place] |= reached[place]
        deals = {place: affected.get(place, set()) | mapped.get(place, set()) for place in of_deals}
        deal_issues = Issues()
        counted = derive_deals(rules, self._reader(deals), deal_issues)
        counted = [deal for deal in counted if deal.source.id in deals.get(_place(deal.source), ())]
        customers = {place: affected.get(place, set()) for place in {(c.connection, c.object) for c in rules.customers}}
        told = [m for m in customer_facts(rules, self._reader(customers)) if m.source.id in customers[_place(m.source)]]
        facts = replace(facts, deals_all_channels=tuple(sorted(counted)), customers=tuple(told))
        met = tuple(one for one in facts.met if one.ref.id in mapped.get(_place(one.ref), ()))
        if any(affected.get(place) for place in of_partners):
            met += tuple(partner_issues.met())
            for ref in before.keys() | now.keys():
                mapped[_place(ref)].add(ref.id)
            for place in of_partners:
                mapped[place] |= affected.get(place, set())
        for place, ids in deals.items():
            met += tuple(one for one in deal_issues.met() if _place(one.ref) == place and one.ref.id in ids)
            mapped[place] |= ids
        return Some(facts, frozenset(names), deals, customers, mapped, met)

    def _partners(
        self, affected: Mapping[Place, set[str]], of_partners: set[Place], decisions: Sequence[Decision], issues: Issues
    ) -> tuple[Partners, dict[RecordRef, str]]:
        """All partners, read from their own records; and which records were which partner until now."""
        rows = self._conn.execute(
            "select connection, object, record_id, partner_id from sakigake.partner_source where workspace = %s",
            (self._workspace.name,),
        )
        before = {RecordRef(*row[:3]): str(row[3]) for row in rows}
        ids: dict[Place, set[str]] = defaultdict(set)
        for ref in before:
            ids[_place(ref)].add(ref.id)
        for place in of_partners:
            ids[place] |= affected.get(place, set()) | self.mirror.merged(place)
        # names that are alike are looked for only where some partner's record changed
        alike = any(affected.get(place) for place in of_partners)
        return derive_partners(self._workspace.rules, self._reader(ids), issues, decisions, alike=alike), before

    def _reader(self, ids: Mapping[Place, set[str]]) -> SomeRecords:
        return SomeRecords(self.mirror, onward_from(self.mirror, self.edges, ids, self.places))

    def _owners(self, ids: Mapping[Place, Iterable[str]]) -> set[str]:
        """The partners that these records spoke of until now."""
        found = set()
        for (connection, name), some in ids.items():
            rows = self._conn.execute(
                """select partner_id from sakigake.entry_source
                where workspace = %(w)s and connection = %(c)s and object = %(o)s and record_id = any(%(ids)s)
                union select partner_id from sakigake.activity
                where workspace = %(w)s and connection = %(c)s and object = %(o)s and record_id = any(%(ids)s)""",
                {"w": self._workspace.name, "c": connection, "o": name, "ids": sorted(some)},
            )
            found |= {str(row[0]) for row in rows}
        return found

    def _records(self, partners: Iterable[str], more: Mapping[Place, set[str]]) -> dict[Place, set[str]]:
        """All records that speak of these partners until now, and some more."""
        found = defaultdict(set, {place: set(ids) for place, ids in more.items()})
        rows = self._conn.execute(
            """select connection, object, record_id from sakigake.entry_source where workspace = %(w)s and partner_id = any(%(p)s)
            union select connection, object, record_id from sakigake.activity
            where workspace = %(w)s and partner_id = any(%(p)s) and removed_at is null""",
            {"w": self._workspace.name, "p": sorted(partners)},
        )
        for connection, name, record in rows:
            found[connection, name].add(record)
        return found


def _place(ref: RecordRef) -> Place:
    return ref.connection, ref.object
