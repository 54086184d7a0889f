"""`explain`: one document from a record's fields back to the source records, the very values, the run and the page that made them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as columns
from datetime import date, datetime
from typing import Any, cast

import psycopg
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, text

from indicators.inputs import day_number
from indicators.paths import canonical_paths
from jobs.errors import NotFound
from jobs.explaining import activities, events, of_type, one, said, written
from jobs.explaining.counted import Basis
from jobs.explaining.events import Standing
from jobs.explaining.moment import When, choose
from jobs.explaining.records import Records
from jobs.explaining.rules import fields_read, milestone_rules, partner_fields, says
from jobs.explaining.subject import subject_of
from jobs.mapping.versions import rules_of
from jobs.settings import WorkspaceSettings
from jobs.speech import Speech
from jobs.steps.entry_values import columns_of_entries, unplaced_records
from jobs.steps.inputs import Given, read_inputs
from jobs.steps.taken import alone, rivalling
from jobs.then import settings_of
from models.catalogue import BY_NAME, fields_of
from models.formulas import formula
from models.vocabulary import LISTS, Activity, RecordRef
from sync.events import read
from sync.events.customers import speaking_of
from sync.mapping.grammar import Mapping as Rules

Raw = psycopg.Connection[Any]
FROM_FILES = {"file", "file_hash", "row_number"}
"""Fields of an imported row that no rule reads, and that say where it stands."""
NO_END = {"end": None, "ended_on": None, "end_event": None}
"""Of what is counted for being there; an attempt of a rate also says how it ended."""


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
    language: str = "en",
) -> dict[str, Any]:
    """The document of `explain`, its formulas in `language`, of one moment of our database. NotFound where the record is neither partner nor entry.

    `rules` and `settings` are the files': their zone and language, and what they assume, count where those of the moment are not kept.
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
        assumed = settings_of(raw, workspace, when.settings_hash, settings)
        told = _Told(
            conn, raw, workspace, assumed, when, then, subject.kind, subject.id, subject.partner_id, Speech(language)
        )
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
    say: Speech

    def document(self, ref: RecordRef, wanted: str | None) -> dict[str, Any]:
        partner_id, known = self.partner_id, _end(self.when)
        until = date.max if self.when.kind == "now" else self.when.as_of
        theirs = events.of_partner(self.raw, self.workspace, partner_id, known, until)
        basis = self._basis(partner_id, theirs)
        rows, waits = said.fields(
            self.conn, self.raw, self.workspace, self.when, self.subject, self.subject_id, self.settings, self.rules
        )
        asked = [row for row in rows if wanted in (None, row["field"])]
        if wanted is not None and not asked:
            raise NotFound(f"Field {wanted} of {ref} said nothing as of {self.when.as_of}.")
        whole = self._of_type(wanted)
        if waits is None:
            waits = said.waiting(self.raw, self.workspace, list(basis.entries.ids), self.when.known_at)
        chosen = [self._field(row, basis, waits, whole) for row in asked]
        mine = [e for e in theirs if self.subject == "partner" or e["entry_id"] == self.subject_id]
        own = {e["event_id"] for e in mine}
        mine += [e for e in (whole.events if whole else ()) if e["event_id"] not in own]
        behind = {c[key] for f in chosen for c in f["counted"] for key in ("event", "end_event")}
        done = self._activities(wanted, chosen)
        partners = one.partner_records(self.raw, self.workspace, partner_id, self.when)
        entries = (
            one.entry_records(self.raw, self.workspace, self.subject_id, self.when) if self.subject == "entry" else []
        )
        records = Records(
            self.raw, self.workspace, self.settings.schema_of, None if self.when.kind == "now" else self.when.known_at
        )
        detailed = behind if wanted is not None or self.subject == "partner" else {e["event_id"] for e in mine}
        for event in mine:
            if event["event_id"] in detailed:
                source = RecordRef.parse(event["source"])
                event["change"] = records.change(source, event["source_change_id"])
        shown = [e for e in mine if e["event_id"] in detailed]
        return {
            "record": str(ref),
            "subject": self.subject,
            "id": self.subject_id,
            "when": self.when.document(),
            "partner_records": partners,
            "entry_records": entries,
            "decisions": one.decided(self.raw, self.workspace, [*partners, *entries]),
            "computed": self.when.document(),
            "fields": chosen,
            "rules": self._rules([*shown, *({"rule": a.rule, "mapping_hash": self.rules.hash} for a in done)]),
            "events": [{**e, "counted": e["event_id"] in behind} for e in mine],
            "activities": [activities.as_document(a) for a in done],
            "records": self._records(records, [{"record": str(ref)}, *partners, *entries], shown, done),
            "writes": written.writes(self.raw, self.workspace, ref, wanted, self.when),
            "edits": written.edits(self.raw, self.workspace, ref, wanted),
        }

    def _of_type(self, wanted: str | None) -> of_type.Told | None:
        """What a number of the partner's whole type was told from, where such a one is asked for."""
        if wanted not in of_type.OF_TYPE:
            return None
        return of_type.of_type(
            self.conn, self.raw, self.workspace, self.settings, self.when, self.partner_id, str(wanted)
        )

    def _activities(self, wanted: str | None, chosen: Iterable[Mapping[str, Any]]) -> list[Activity]:
        if wanted is None:
            return []
        about = {c["entry"] for f in chosen for c in f["counted"]}
        return activities.behind(self.conn, self.workspace, self.when, self.partner_id, wanted, about)

    def _field(
        self, row: dict[str, Any], basis: Basis, waits: said.Waiting, whole: of_type.Told | None
    ) -> dict[str, Any]:
        name = row["field"]
        if whole is not None:
            counted = whole.counted
        elif name in ("stalled_entries", "next_step"):
            counted = basis.waiting(waits, None if name == "stalled_entries" else row["inputs"].get("advice"))
        else:
            counted = basis.counted(name, row["value"], self.subject_id if self.subject == "entry" else None)
        gone = basis.left_out(name)
        labels = _targets(self.raw, self.workspace, {c["entry"] for c in counted} | set(gone))
        return {
            **row,
            "value": written.whole(row["value"]),
            "formula": formula(name, _numbers(self.settings), self.say.language),
            "counted": [
                {
                    **NO_END,
                    **c,
                    "target": labels.get(c["entry"], (None, None))[0],
                    "record": labels.get(c["entry"], (None, None))[1],
                }
                for c in counted
            ],
            "left_out": [
                {
                    "entry": entry_id,
                    "target": labels.get(entry_id, (None, None))[0],
                    "record": labels.get(entry_id, (None, None))[1],
                    "why": why,
                    "by": speaking_of(self.raw, self.workspace, entry_id, _end(self.when)),
                }
                for entry_id, why in sorted(gone.items())
            ],
            "what_would_change": basis.what_would_change(
                name, row["value"], row["inputs"], counted, milestone_rules(self.rules), self.say
            ),
        }

    def _basis(self, partner_id: str, theirs: list[events.Event]) -> Basis:
        known = None if self.when.kind == "now" else self.when.known_at
        as_of, moment = self.when.as_of, _end(self.when)
        if known is None:
            tables = read_inputs(self.conn, self.workspace, as_of, moment, only=[partner_id])
        else:
            entries = rivalling(read.entries(self.conn, self.workspace, known), partner_id)
            owners = {e.partner_id for e in entries} | {partner_id}
            given = Given(
                [p for p in read.partners(self.conn, self.workspace, known) if p.partner_id in owners],
                columns_of_entries(entries, [], unplaced_records(self.raw, self.workspace)),
                read.visible_events(self.conn, self.workspace, as_of, known, entries=[e.entry_id for e in entries]),
            )
            tables = alone(read_inputs(self.conn, self.workspace, as_of, known, given), partner_id)
        table, rows, partners = tables
        assumed = self.settings.assumptions
        paths = canonical_paths(table, rows, partners, day_number(as_of))
        return Basis(as_of, paths, rows, Standing(theirs), assumed.list_valid, assumed.horizon)

    def _rules(self, told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        versions: dict[str, Rules | None] = {}
        for event in told:
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
        self,
        records: Records,
        whose: Iterable[Mapping[str, Any]],
        told: Sequence[Mapping[str, Any]],
        done: Iterable[Activity],
    ) -> list[dict[str, Any]]:
        """The record itself, those of the partner and the entry, the sources of events and activities, and entries whose fields led to these.

        Each with the fields that rules read of it.
        """
        wanted: dict[RecordRef, set[str]] = {}
        for row in whose:
            source = RecordRef.parse(row["record"])
            read_of = partner_fields(self.rules, source) or fields_read(self.rules, "entries", source)
            wanted.setdefault(source, set()).update(read_of)
        standing_in = _sources(self.raw, self.workspace, {e["entry_id"] for e in told})
        for event in told:
            source = RecordRef.parse(event["source"])
            wanted.setdefault(source, set()).update(fields_read(self.rules, event["rule"], source))
            for entry in standing_in.get(event["entry_id"], ()):
                if entry.connection == source.connection and entry.object != source.object:
                    wanted.setdefault(entry, set()).update(fields_read(self.rules, event["rule"], entry))
        for activity in done:
            read_of = fields_read(self.rules, activity.rule, activity.source)
            wanted.setdefault(activity.source, set()).update(read_of)
        found = (
            records.record(source, fields | FROM_FILES if source.connection == LISTS else fields)
            for source, fields in wanted.items()
        )
        return [record for record in found if record is not None]


def _numbers(settings: WorkspaceSettings) -> dict[str, Any]:
    """What the workspace assumes, by name."""
    assumed = settings.assumptions.for_numbers("")
    return {f.name: getattr(assumed, f.name) for f in columns(assumed)}


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


def _sources(raw: Raw, workspace: str, entry_ids: set[str]) -> dict[str, list[RecordRef]]:
    """Of each entry the records that it stands in."""
    found: dict[str, list[RecordRef]] = {}
    for entry_id, *place in raw.execute(
        """select entry_id, connection, object, record_id from sakigake.entry_source
        where workspace = %s and entry_id = any(%s) order by 2, 3, 4""",
        (workspace, list(entry_ids)),
    ):
        found.setdefault(entry_id, []).append(RecordRef(*place))
    return found


def _a(subject: str) -> str:
    return f"{'an' if subject[0] in 'aeiou' else 'a'} {subject}"
