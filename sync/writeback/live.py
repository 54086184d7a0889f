"""What the CRMs hold this moment, decoded: before a plan is made, before a batch that waited is sent, and after an answer was lost."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from models.catalogue import CatalogueField
from models.vocabulary import ChangeStatus, RecordRef
from sync.connector import Connector
from sync.records import LiveRecord
from sync.writeback.changes import OpenChange, Settled
from sync.writeback.plan import Gone, Stored, Wanted, same

Live = dict[RecordRef, Mapping[str, Stored] | Gone]


def live_values(connectors: Mapping[str, Connector], wanted: Sequence[Wanted], prefix: str) -> Live:
    """The decoded live values of the fields wanted, by record; Gone where the record is not there."""
    found: Live = {}
    ordered = sorted(wanted, key=lambda w: (w.record.connection, w.record.object))
    for (connection, object_name), group in groupby(ordered, key=lambda w: (w.record.connection, w.record.object)):
        members = list(group)
        connector = connectors[connection]
        fields = {w.field.name: w.field for w in members}
        api = {name: connector.api_name(f, prefix) for name, f in fields.items()}
        places = {w.record.id: w.record for w in members}
        for record_id, record in connector.read(object_name, list(places), sorted(api.values())).items():
            found[places[record_id]] = (
                Gone(record.merged_into)
                if record.missing or record.merged_into
                else {name: connector.decode(f, record.values.get(api[name])) for name, f in fields.items()}
            )
    return found


def as_kept(connector: Connector, what: CatalogueField, value: Stored) -> Stored:
    """The value as the CRM will give it back: cut, rounded, or false for an empty checkbox."""
    return connector.decode(what, connector.encode(what, value))


def read_back(connector: Connector, changes: Sequence[OpenChange], *, uncertain: bool) -> list[Settled]:
    """What the live values prove of changes whose answer was lost: confirmed, still as before (planned), or somebody else's.

    What took effect cannot do so again; of the others nobody knows (`uncertain`) whether they still will.
    """
    live = _live(connector, changes)
    outcomes: list[Settled] = []
    for c in changes:
        record = live[c.record.id]
        if record.missing or record.merged_into:
            outcomes.append(
                Settled(c, ChangeStatus.FAILED, gone(record), uncertain=uncertain, merged_into=record.merged_into)
            )
            continue
        value = connector.decode(c.field, record.values.get(c.api_name))
        if same(c.field, value, c.new):
            outcomes.append(Settled(c, ChangeStatus.CONFIRMED, "the answer was lost; read back"))
        elif same(c.field, value, c.old):
            cause = "the answer was lost; read back as not applied"
            outcomes.append(Settled(c, ChangeStatus.PLANNED, cause, uncertain=uncertain))
        else:
            cause = "the answer was lost, and the field holds a third value now"
            outcomes.append(Settled(c, ChangeStatus.DROPPED, cause, uncertain=uncertain))
    return outcomes


def compared(connector: Connector, changes: Sequence[OpenChange]) -> tuple[list[OpenChange], list[Settled]]:
    """Those whose live value is still the one the plan saw, and what the others are settled as."""
    live = _live(connector, changes)
    keep: list[OpenChange] = []
    outcomes: list[Settled] = []
    for c in changes:
        record = live[c.record.id]
        if record.missing or record.merged_into:
            outcomes.append(Settled(c, ChangeStatus.FAILED, gone(record), merged_into=record.merged_into))
            continue
        value = connector.decode(c.field, record.values.get(c.api_name))
        if same(c.field, value, c.new):
            outcomes.append(Settled(c, ChangeStatus.CONFIRMED, "the CRM already held the value"))
        elif same(c.field, value, c.old):
            keep.append(c)
        else:
            outcomes.append(Settled(c, ChangeStatus.DROPPED, "somebody changed the field after the plan was made"))
    return keep, outcomes


def where_they_went(connector: Connector, changes: Sequence[OpenChange]) -> dict[str, LiveRecord]:
    """Of records that the CRM refused as gone: what became of each that is."""
    return {i: record for i, record in _live(connector, changes).items() if record.missing or record.merged_into}


def gone(record: LiveRecord) -> str:
    """Why nothing can be written to it."""
    if record.merged_into:
        return f"the record is merged into {record.merged_into}, which the next run maps"
    return "the record is deleted, or not visible to us"


def _live(connector: Connector, changes: Sequence[OpenChange]) -> dict[str, LiveRecord]:
    ids = list(dict.fromkeys(c.record.id for c in changes))
    return connector.read(changes[0].record.object, ids, sorted({c.api_name for c in changes})) if ids else {}
