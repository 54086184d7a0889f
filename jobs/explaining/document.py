"""`explain`: one document from a record's fields back to the source records, the very values, the run and the page that made them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import psycopg
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, text

from indicators.inputs import day_number
from indicators.paths import canonical_paths
from jobs import views
from jobs.errors import NotFound
from jobs.explaining import said
from jobs.explaining.counted import Basis
from jobs.explaining.moment import When, choose
from jobs.explaining.records import Records
from jobs.explaining.rules import fields_read, milestone_rules, partner_fields, says
from jobs.explaining.subject import subject_of
from jobs.mapping_versions import rules_of
from jobs.settings import WorkspaceSettings
from jobs.steps.columns import columns_of
from jobs.steps.entry_values import columns_of_entries, unplaced_records
from jobs.steps.inputs import Given, read_inputs
from models.catalogue import BY_NAME, fields_of
from models.formulas import formula
from models.vocabulary import LISTS, RecordRef
from sync.events import read
from sync.mapping.grammar import Mapping as Rules

Raw = psycopg.Connection[Any]
FROM_FILES = {"file", "file_hash", "row_number"}
"""Fields of an imported row that no rule reads, and that say where it stands."""


def field_named(given: str, prefix: str) -> str:
    """The catalogue's name of a field written as here or as in a CRM: `tier`, `Sakigake_Tier__c`, `sakigake_tier`. NotFound lists them."""
    plain = given.removesuffix("__c").lower().removeprefix(f"{prefix.lower()}_")
    if given in BY_NAME:
        return given
    if plain in BY_NAME:
        return plain
    raise NotFound(f"There is no field {given!r}; the fields are {', '.join(BY_NAME)}.")


def explain(
    engine: Engine,
    workspace: str,
    settings: WorkspaceSettings,
    rules: Rules,
    ref: RecordRef,
    field: str | None = None,
    *,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> dict[str, Any]:
    """The document of `explain`, of one moment of our database. NotFound where the record is neither partner nor entry.

    `rules` are the file's: their zone and language count, where the version of the moment is not kept.
    """
    wanted = None if field is None else field_named(field, settings.prefix)
    with engine.begin() as conn:
        conn.execute(text("set transaction isolation level repeatable read, read only"))
        raw = cast("Raw", conn.connection.driver_connection)
        when = choose(raw, workspace, rules.zone, as_of, known_at)
        subject = subject_of(raw, workspace, ref, None if when.kind == "now" else when.known_at)
        if wanted is not None and BY_NAME[wanted].subject != subject.kind:
            names = ", ".join(f.name for f in fields_of(subject.kind))
            raise NotFound(f"{ref} is {_a(subject.kind)}, which has no field {wanted}; it has {names}.")
        then = (when.mapping_hash and rules_of(raw, workspace, when.mapping_hash)) or rules
        told = _Told(conn, raw, workspace, settings, when, then, subject.kind, subject.id, subject.partner_id)
        return told.document(ref, wanted)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is asked for, and where it is read from."""

    conn: SqlConnection
    raw: Raw
    workspace: str
    settings: WorkspaceSettings
    when: When
    rules: Rules
    subject: str
    subject_id: str
    partner_id: str

    def document(self, ref: RecordRef, wanted: str | None) -> dict[str, Any]:
        partner_id = self.partner_id
        events = self._events(partner_id)
        basis = self._basis(partner_id, events)
        rows = said.fields(
            self.conn, self.raw, self.workspace, self.when, self.subject, self.subject_id, self.settings, self.rules
        )
        chosen = [self._field(row, basis) for row in rows if wanted in (None, row["field"])]
        if wanted is not None and not chosen:
            raise NotFound(f"Field {wanted} of {ref} said nothing as of {self.when.as_of}.")
        mine = [e for e in events if self.subject == "partner" or e["entry_id"] == self.subject_id]
        behind = {c["event"] for f in chosen for c in f["counted"]}
        records = Records(
            self.raw, self.workspace, self.settings.schema_of, None if self.when.kind == "now" else self.when.known_at
        )
        detailed = behind if wanted is not None or self.subject == "partner" else {e["event_id"] for e in mine}
        for event in mine:
            if event["event_id"] in detailed:
                source = RecordRef.parse(event["source"])
                event["change"] = records.change(source, event["source_change_id"])
        return {
            "record": str(ref),
            "subject": self.subject,
            "id": self.subject_id,
            "when": self.when.document(),
            "partner_records": self._partner_records(partner_id),
            "computed": self.when.document(),
            "fields": chosen,
            "rules": self._rules(e for e in mine if e["event_id"] in detailed),
            "events": [{**e, "counted": e["event_id"] in behind} for e in mine],
            "records": self._records(records, ref, partner_id, [e for e in mine if e["event_id"] in detailed]),
            "writes": self._writes(ref, wanted),
            "edits": self._edits(ref, wanted),
        }

    def _field(self, row: dict[str, Any], basis: Basis) -> dict[str, Any]:
        name = row["field"]
        if name == "stalled_entries":
            ids = said.stalled(self.raw, self.workspace, list(basis.entries.ids), self.when.known_at)
            counted = [c for i in ids for c in basis.counted("stalled", i)]
        else:
            counted = basis.counted(name, self.subject_id if self.subject == "entry" else None)
        labels = _targets(self.raw, self.workspace, {c["entry"] for c in counted})
        return {
            **row,
            "formula": formula(name),
            "counted": [
                {
                    **c,
                    "target": labels.get(c["entry"], (None, None))[0],
                    "record": labels.get(c["entry"], (None, None))[1],
                }
                for c in counted
            ],
            "what_would_change": basis.what_would_change(
                name, row["value"], row["inputs"], counted, milestone_rules(self.rules)
            ),
        }

    def _events(self, partner_id: str) -> list[dict[str, Any]]:
        """All events of the partner that were known, and had happened; `stands` where nothing known took it back."""
        rows = views.rows(
            self.raw,
            """select event_id, entry_id, milestone, occurred_on, known_at, op, supersedes, evidence, reconstructed, rule, mapping_hash,
                connection || '.' || object || '/' || record_id as source, source_change_id, run_id as run,
                op = 'assert' and not exists (select from sakigake.event r where r.workspace = e.workspace
                    and r.supersedes = e.event_id and r.known_at <= %(known)s) as stands
            from sakigake.event e where workspace = %(w)s and partner_id = %(partner)s
                and known_at <= %(known)s and occurred_on <= %(as_of)s
            order by occurred_on, milestone, known_at, event_id""",
            {
                "w": self.workspace,
                "partner": partner_id,
                "known": _end(self.when),
                "as_of": date.max if self.when.kind == "now" else self.when.as_of,
            },
        )
        return [{**row, "change": None} for row in rows]

    def _basis(self, partner_id: str, events: list[dict[str, Any]]) -> Basis:
        known = None if self.when.kind == "now" else self.when.known_at
        partners = [p for p in read.partners(self.conn, self.workspace, known) if p.partner_id == partner_id]
        entries = [e for e in read.entries(self.conn, self.workspace, known) if e.partner_id == partner_id]
        standing = (
            (e["entry_id"], e["milestone"], date.fromisoformat(e["occurred_on"]), e["source"].partition(".")[0])
            for e in events
            if e["stands"] and e["occurred_on"] <= self.when.as_of.isoformat()
        )
        columns = columns_of_entries(entries, [], unplaced_records(self.raw, self.workspace))
        given = Given(partners, columns, columns_of(entries, standing))
        table, rows, owners = read_inputs(self.conn, self.workspace, self.when.as_of, self.when.known_at, given)
        valid = self.settings.assumptions.list_valid
        return Basis(
            self.when.as_of, canonical_paths(table, rows, owners, day_number(self.when.as_of)), rows, events, valid
        )

    def _rules(self, events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        versions: dict[str, Rules | None] = {}
        for event in events:
            version = event["mapping_hash"]
            if version not in versions:
                versions[version] = rules_of(self.raw, self.workspace, version)
            rules = versions[version]
            key = (event["rule"], version)
            if key not in found:
                found[key] = (
                    says(rules, event["rule"])
                    if rules is not None
                    else {"rule": event["rule"], "mapping_hash": version, "line": None, "says": None}
                )
        return [found[key] for key in sorted(found)]

    def _records(
        self, records: Records, ref: RecordRef, partner_id: str, events: Iterable[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """The record itself, the partner's records, and the sources of the events, each with the fields that rules read of it."""
        wanted: dict[RecordRef, set[str]] = {ref: set()}
        for row in self._partner_records(partner_id):
            source = RecordRef.parse(row["record"])
            wanted.setdefault(source, set()).update(partner_fields(self.rules, source))
        if self.subject == "entry":
            wanted[ref] |= fields_read(self.rules, "entries", ref)
        for event in events:
            source = RecordRef.parse(event["source"])
            wanted.setdefault(source, set()).update(fields_read(self.rules, event["rule"], source))
        found = (
            records.record(source, fields | FROM_FILES if source.connection == LISTS else fields)
            for source, fields in wanted.items()
        )
        return [record for record in found if record is not None]

    def _partner_records(self, partner_id: str) -> list[dict[str, Any]]:
        return views.rows(
            self.raw,
            """select connection || '.' || object || '/' || record_id as record, matched_by from sakigake.partner_source
            where workspace = %(w)s and partner_id = %(partner)s order by 1""",
            {"w": self.workspace, "partner": partner_id},
        )

    def _writes(self, ref: RecordRef, wanted: str | None) -> list[dict[str, Any]]:
        return views.rows(
            self.raw,
            """select c.field, c.api_name, c.old, c.new, c.why, c.edited, c.status, c.sent_at, c.settled_at, c.cause, c.plan_id as plan,
                coalesce(c.run_id, p.run_id) as run, c.request_id, c.tries, p.kind, p.mapping_hash as mapping,
                coalesce(p.decided_by, 'sakigake') as who, p.decided_because as reason
            from sakigake.change c join sakigake.plan p using (workspace, plan_id)
            where c.workspace = %(w)s and c.connection = %(connection)s and c.object = %(object)s and c.record_id = %(id)s
                and (%(field)s::text is null or c.field = %(field)s) and (%(until)s::text is null or p.run_id <= %(until)s)
            order by p.created_at, c.seq""",
            {
                "w": self.workspace,
                "connection": ref.connection,
                "object": ref.object,
                "id": ref.id,
                "field": wanted,
                # runs are named by when they began: those after the computation that is asked for had not written yet
                "until": None if self.when.kind == "now" else (self.when.run or ""),
            },
        )

    def _edits(self, ref: RecordRef, wanted: str | None) -> list[dict[str, Any]]:
        return views.rows(
            self.raw,
            """select field, ours, theirs, policy, found_at, keep_until, plan_id as plan from sakigake.person_edit
            where workspace = %(w)s and connection = %(connection)s and object = %(object)s and record_id = %(id)s
                and (%(field)s::text is null or field = %(field)s) order by found_at, field""",
            {
                "w": self.workspace,
                "connection": ref.connection,
                "object": ref.object,
                "id": ref.id,
                "field": wanted,
            },
        )


def _end(when: When) -> datetime:
    """What is known now is all of it, whatever the CRM's clock says of the newest computation."""
    return datetime.max.replace(tzinfo=when.known_at.tzinfo) if when.kind == "now" else when.known_at


def _targets(raw: Raw, workspace: str, entry_ids: set[str]) -> dict[str, tuple[str | None, str]]:
    """Of each entry its target's name and its record."""
    rows = raw.execute(
        """select entry_id, target ->> 'name', connection || '.' || object || '/' || record_id from sakigake.entry
        where workspace = %s and entry_id = any(%s)""",
        (workspace, list(entry_ids)),
    )
    return {r[0]: (r[1], r[2]) for r in rows}


def _a(subject: str) -> str:
    return f"{'an' if subject[0] in 'aeiou' else 'a'} {subject}"
