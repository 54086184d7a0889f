"""History objects: their rows are derived from what the store remembers of each record's changes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.fields import audit, computed, deletion, identity, lookup, picklist
from sandbox.salesforce.objects import STAGES, make, plain
from sandbox.salesforce.schema import Field, Object
from sandbox.store import Record, Store

Rows = Callable[[], Iterable[Record]]


def _row(name: str, row_id: str, of: Record, change: Any, fields: dict[str, Any]) -> Record:
    return Record(
        name, row_id, fields, change.at, change.at, change.by, change.by, visible_at=of.visible_at,
        deleted_at=of.deleted_at, merged_into=of.merged_into, purged=of.purged,
    )  # fmt: skip


def tracked(store: Store, of: str, name: str, parent: str, field: str) -> Rows:
    """One row "created" for each record and one for each later change of the tracked field.

    The first value has no row of its own, as in a real org: it is the oldest row's OldValue, or the value of today.
    """

    def rows() -> Iterator[Record]:
        for r in store.table(of).values():
            if r.changes:
                first = r.changes[0]
                base = {parent: r.id, "DataType": "Text", "OldValue": None, "NewValue": None}
                yield _row(name, ids.mint("017", first.seq), r, first, {**base, "Field": "created"})
            born = {c.seq for c in r.changes if r.changes and c.at == r.changes[0].at and c.old is None}
            for c in r.changes:
                if c.field == field and c.seq not in born:
                    values = {
                        parent: r.id,
                        "Field": field,
                        "DataType": "DynamicEnum",
                        "OldValue": c.old,
                        "NewValue": c.new,
                    }
                    yield _row(name, ids.mint("017", c.seq), r, c, values)

    return rows


_SNAPSHOT = ("StageName", "Amount", "CloseDate", "Probability")


def snapshots(store: Store) -> Rows:
    """OpportunityHistory: a row of Amount, CloseDate, StageName and Probability each time one of them changes."""

    def rows() -> Iterator[Record]:
        for r in store.table("Opportunity").values():
            now: dict[str, Any] = dict.fromkeys(_SNAPSHOT)
            pending = None
            for c in r.changes:
                if c.field not in now:
                    continue
                if pending is not None and (c.at != pending.at or now[c.field] is not None):
                    yield _snapshot(r, pending, now)
                now[c.field], pending = c.new, c
            if pending is not None:
                yield _snapshot(r, pending, now)

    return rows


def _snapshot(r: Record, change: Any, now: dict[str, Any]) -> Record:
    fields = {
        **now,
        "OpportunityId": r.id,
        "ForecastCategory": STAGES.get(now["StageName"] or "", (0, 0, 0, "Pipeline"))[3],
    }
    return _row("OpportunityHistory", ids.mint("008", change.seq), r, change, fields)


def _any(name: str, label: str) -> Field:
    f = computed(name, "anyType", label, lambda r: r.fields.get(name), filterable=False, sortable=False)
    f.nillable = True
    return f


def tracking(name: str, label: str, parent: str, relationship: str, of: str, rows: Rows) -> Object:
    fixed = {"createable": False, "updateable": False}
    return make(name, label, label, "017", [
        identity(label), deletion(),
        lookup(parent, f"{of} ID", of, relationship, children="Histories", nillable=False, **fixed),
        *audit(created_only=True),
        picklist("Field", "Changed Field", plain("created"), nillable=False, **fixed),
        picklist("DataType", "Datatype", plain("Text", "DynamicEnum"), **fixed),
        _any("OldValue", "Old Value"), _any("NewValue", "New Value"),
    ], createable=False, updateable=False, deletable=False, replicateable=False, shows_prefix=False, system=True,
        rows=rows, rows_depend_on=(of,))  # fmt: skip


def entry_history(store: Store) -> Object:
    rows = tracked(store, "AttackListEntry__c", "AttackListEntry__History", "ParentId", "Status__c")
    return tracking(
        "AttackListEntry__History", "履歴: アタックリスト", "ParentId", "Parent", "AttackListEntry__c", rows
    )


def opportunity_field_history(store: Store) -> Object:
    rows = tracked(store, "Opportunity", "OpportunityFieldHistory", "OpportunityId", "StageName")
    return tracking(
        "OpportunityFieldHistory", "Opportunity Field History", "OpportunityId", "Opportunity", "Opportunity", rows
    )


def opportunity_history(store: Store) -> Object:
    fixed: dict[str, Any] = {"createable": False, "updateable": False}
    return make("OpportunityHistory", "Opportunity History", "Opportunity History", "008", [
        identity("Opportunity History"),
        lookup("OpportunityId", "Opportunity ID", "Opportunity", "Opportunity", children="OpportunityHistories",
               nillable=False, **fixed),
        *audit(created_only=True),
        picklist("StageName", "Stage", plain(*STAGES), nillable=False, **fixed),
        Field("Amount", "currency", "Amount", precision=18, scale=2, **fixed),
        Field("CloseDate", "date", "Close Date", **fixed),
        Field("Probability", "percent", "Probability", precision=3, **fixed),
        picklist("ForecastCategory", "Forecast Category", plain("Omitted", "Pipeline", "BestCase", "Closed"), **fixed),
        computed("SystemModstamp", "datetime", "System Modstamp", lambda r: r.modified_at, nillable=False,
                 defaulted=True),
        deletion(),
    ], createable=False, updateable=False, deletable=False, rows=snapshots(store), rows_depend_on=("Opportunity",),
        system=True)  # fmt: skip
