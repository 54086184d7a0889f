"""What happens to records: stamps, calculated values, unique values, merges, archives. Knows no HTTP."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.hubspot.associations import Associations
from sandbox.hubspot.object_types import ObjectType, ObjectTypes
from sandbox.hubspot.pipelines import Pipelines
from sandbox.hubspot.properties import PropertyBook
from sandbox.hubspot.visibility import Rows, SearchLag
from sandbox.hubspot.wire import iso, milliseconds
from sandbox.store import FieldChange, Record, Store

Values = Mapping[str, str | None]
ARCHIVE_KEPT = timedelta(days=90)


class Records:
    """The portal's records. `at` is always the sandbox's time; `by` is "user" for people, otherwise the id of the app."""

    def __init__(
        self,
        store: Store,
        kinds: ObjectTypes,
        books: Mapping[str, PropertyBook],
        pipelines: Pipelines,
        associations: Associations,
        lag: SearchLag,
    ) -> None:
        self.store = store
        self.kinds = kinds
        self.books = books
        self.pipelines = pipelines
        self.associations = associations
        self.lag = lag
        self.live: dict[str, Rows] = {}
        self.archived: dict[str, Rows] = {}
        self._unique: dict[tuple[str, str], dict[str, str]] = {}

    def rows(self, kind: ObjectType) -> Rows:
        return self.live.setdefault(kind.name, Rows())

    def archived_rows(self, kind: ObjectType, now: datetime) -> Rows:
        """The archive, from which records vanish after ninety days."""
        rows = self.archived.setdefault(kind.name, Rows())
        for record in [r for r in rows if r.deleted_at is not None and r.deleted_at < now - ARCHIVE_KEPT]:
            rows.discard(record)
            self.store.purge(record)
        return rows

    def find(self, kind: ObjectType, record_id: Any, *, archived: bool = False) -> Record | None:
        """The record of an id; the id of a merged record finds its survivor."""
        record = self.store.get(kind.name, str(record_id))
        while record is not None and record.merged_into is not None:
            record = self.store.get(kind.name, record.merged_into)
        if record is None or record.purged or (record.deleted_at is not None) != archived:
            return None
        return record

    def holder(self, kind: ObjectType, name: str, value: str) -> Record | None:
        """The live record that holds a value of a unique property."""
        record_id = self._unique.get((kind.name, name), {}).get(value.lower())
        return None if record_id is None else self.find(kind, record_id)

    def create(
        self,
        kind: ObjectType,
        values: Values,
        at: datetime,
        by: str = "user",
        *,
        lagging: bool = True,
        record_id: str | None = None,
    ) -> Record:
        at = milliseconds(at)
        record = self.store.create(
            kind.name, {k: v for k, v in values.items() if v is not None}, at, by=by, record_id=record_id
        )
        source = "CRM_UI" if by == "user" else "INTEGRATION"
        record.fields.setdefault(kind.created, iso(at))
        record.fields["hs_object_id"] = record.id
        record.fields["hs_object_source"] = record.fields["hs_object_source_label"] = source
        record.fields["hs_object_source_id"] = "userId:5150001" if by == "user" else by
        self._calculate(kind, record, None, at)
        self._stamp(kind, record)
        self.rows(kind).add(record)
        self._index(kind, record, values)
        self._note(kind, record, None, record.fields, lagging=lagging)
        return record

    def update(
        self, kind: ObjectType, record: Record, values: Values, at: datetime, by: str = "user", *, lagging: bool = True
    ) -> None:
        """Every accepted write moves the stamp, also one that changes nothing."""
        at = max(milliseconds(at), record.modified_at + timedelta(milliseconds=1))
        before = dict(record.fields)
        self._unindex(kind, record, values)
        self.store.update(record, dict(values), at, by=by)
        self._calculate(kind, record, before, at)
        self._stamp(kind, record)
        self._index(kind, record, values)
        self._note(kind, record, before, record.fields, lagging=lagging)

    def set_calculated(self, kind: ObjectType, record: Record, values: Values, at: datetime) -> None:
        """A calculated property changes without moving any stamp: searching by last-modified misses it."""
        if self.store.update(record, dict(values), milliseconds(at), by="calculated", silent=True):
            self.lag.touched(kind.name)

    def archive(
        self, kind: ObjectType, record: Record, at: datetime, by: str = "user", *, lagging: bool = True
    ) -> None:
        """Into the archive; the last-modified stamp stays as it was."""
        self.store.delete(record, milliseconds(at), by=by, moves_stamp=False)
        self.rows(kind).discard(record)
        self.archived.setdefault(kind.name, Rows()).add(record)
        self._unindex(kind, record, record.fields)
        self._note(kind, record, dict(record.fields), None, lagging=lagging)

    def restore(self, kind: ObjectType, record: Record, at: datetime, *, lagging: bool = True) -> None:
        self.store.undelete(record, milliseconds(at))
        self.archived.setdefault(kind.name, Rows()).discard(record)
        self._stamp(kind, record)
        self.rows(kind).add(record)
        self._index(kind, record, record.fields)
        self._note(kind, record, None, record.fields, lagging=lagging)

    def purge(self, kind: ObjectType, record: Record, *, lagging: bool = True) -> None:
        """Gone from every list, as after a privacy deletion; only a sweep over all ids can notice."""
        was_live = record.deleted_at is None
        self.store.purge(record)
        self.rows(kind).discard(record)
        self.archived.setdefault(kind.name, Rows()).discard(record)
        self._unindex(kind, record, record.fields)
        self.associations.forget(kind, int(record.id))
        self._note(kind, record, dict(record.fields) if was_live else None, None, lagging=lagging)

    def merge(
        self, kind: ObjectType, primary: Record, other: Record, at: datetime, by: str = "user", *, lagging: bool = True
    ) -> Record:
        """A new record with a new id and the primary's values; both old ids lead to it and are in no list any more."""
        at = milliseconds(at)
        own = self.books[kind.name].live
        values = {
            name: primary.fields.get(name) or other.fields.get(name)
            for name in {*primary.fields, *other.fields}
            if name in own and not own[name].read_only
        }
        values = {name: value for name, value in values.items() if value is not None}
        for old in (primary, other):
            self.rows(kind).discard(old)
            self._unindex(kind, old, old.fields)
            self._note(kind, old, dict(old.fields), None, lagging=lagging)
        survivor = self.create(kind, values, at, by, lagging=lagging)
        ids = [*_merged_ids(primary), *_merged_ids(other), primary.id, other.id]
        created = min(primary.fields[kind.created], other.fields[kind.created])
        survivor.fields |= {"hs_merged_object_ids": ";".join(ids), kind.created: created}
        survivor.changes = self._inherited(primary, other, values, at)
        if kind.name == "deals":
            kept = {n: v for n, v in primary.fields.items() if n.startswith("hs_v2_")}
            survivor.fields |= kept
        for old in (primary, other):
            old.merged_into = survivor.id
            self.associations.move(kind, int(old.id), int(survivor.id))
        self.lag.touched(kind.name)
        return survivor

    def _inherited(self, primary: Record, other: Record, values: Values, at: datetime) -> list[FieldChange]:
        """The primary's history, and a line for each value that only the other record had."""
        found = [FieldChange(self.store.next_seq(), c.field, c.old, c.new, c.at, c.by) for c in primary.changes]
        for name, value in values.items():
            if primary.fields.get(name) is None and other.fields.get(name) is not None:
                found.append(FieldChange(self.store.next_seq(), name, None, value, at, "merge"))
        return found

    def _stamp(self, kind: ObjectType, record: Record) -> None:
        record.fields[kind.modified] = iso(record.modified_at)

    def _note(
        self, kind: ObjectType, record: Record, before: Values | None, after: Values | None, *, lagging: bool
    ) -> None:
        if lagging:
            self.lag.note(kind.name, record.id, before, after)
        else:
            self.lag.touched(kind.name)

    def _index(self, kind: ObjectType, record: Record, values: Values) -> None:
        for name, value in values.items():
            prop = self.books[kind.name].live.get(name)
            if prop is not None and prop.unique and value is not None:
                self._unique.setdefault((kind.name, name), {})[value.lower()] = record.id

    def _unindex(self, kind: ObjectType, record: Record, values: Values) -> None:
        for name in values:
            index = self._unique.get((kind.name, name))
            held = record.fields.get(name)
            if index is not None and held is not None and index.get(held.lower()) == record.id:
                del index[held.lower()]

    def _calculate(self, kind: ObjectType, record: Record, before: Values | None, at: datetime) -> None:
        """What HubSpot derives from a write: when a deal entered and left its stages, and whether it is closed."""
        if kind.name != "deals":
            return
        stage, old = record.fields.get("dealstage"), (before or {}).get("dealstage")
        if stage is None or stage == old:
            return
        values: dict[str, str | None] = {
            f"hs_v2_date_entered_{stage}": iso(at),
            "hs_v2_date_entered_current_stage": iso(at),
        }
        if old is not None:
            stayed = self._seconds_in(record, old, at)
            total = float(record.fields.get(f"hs_v2_cumulative_time_in_{old}") or 0) + stayed
            values |= {
                f"hs_v2_date_exited_{old}": iso(at),
                f"hs_v2_latest_time_in_{old}": f"{stayed:.0f}",
                f"hs_v2_cumulative_time_in_{old}": f"{total:.0f}",
            }
        known = self.pipelines.stage(kind.name, stage)
        if known is not None:
            closed, probability = known.metadata.get("isClosed", "false"), known.metadata.get("probability", "0")
            won = closed == "true" and float(probability) == 1.0
            values |= {
                "hs_is_closed": closed,
                "hs_is_closed_won": "true" if won else "false",
                "hs_deal_stage_probability": probability,
            }
        self.store.update(record, dict(values), at, by="calculated", silent=True)

    @staticmethod
    def _seconds_in(record: Record, stage: str, at: datetime) -> float:
        entered = record.fields.get(f"hs_v2_date_entered_{stage}")
        return 0.0 if entered is None else max(0.0, (at - datetime.fromisoformat(entered)).total_seconds())


def _merged_ids(record: Record) -> list[str]:
    text = record.fields.get("hs_merged_object_ids")
    return text.split(";") if text else []
