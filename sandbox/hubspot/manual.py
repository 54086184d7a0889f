"""What a person does in the CRM's pages: `POST /_sandbox/records`. Credited to CRM_UI, not to an integration."""

from collections.abc import Callable
from typing import Any

from sandbox.clock import Clock
from sandbox.hubspot.errors import HubspotError, invalid_values
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.records import Records
from sandbox.hubspot.values import check
from sandbox.hubspot.writes import Writer
from sandbox.store import Record

Body = dict[str, Any]


class Manual:
    """Takes `{"object", "id", "fields"}`. An edit also takes `associate` and `dissociate`: lists of `{"to_object", "to_id", "label"}`,
    alone they move no stamp. A merge takes `merge_id`, one id or a list. `"raw": true` stores values unchecked. With
    `visible_after_s`, search sees the new version only after so many seconds. ValueError tells what is wrong with a request.
    """

    def __init__(self, records: Records, writer: Writer, clock: Clock) -> None:
        self._records = records
        self._writer = writer
        self._clock = clock
        self._actions: dict[str, Callable[[ObjectType, Body], Record]] = {
            "create": self._create,
            "edit": self._edit,
            "delete": self._delete,
            "undelete": self._undelete,
            "purge": self._purge,
            "merge": self._merge,
        }

    def _reveal(self, body: Body, *, shown: bool) -> dict[str, Any]:
        """A property is archived, or restored with the values that records kept."""
        kind = self._records.kinds.find(str(body.get("object")))
        book = self._records.books[kind.name]
        name = str(body.get("field"))
        here, there = (book.archived, book.live) if shown else (book.live, book.archived)
        if name not in here:
            raise ValueError(f"{kind.name} has no {'archived' if shown else 'live'} property {name!r}")
        prop = here.pop(name)
        prop.archived_at = None if shown else self._clock.now().isoformat()
        there[name] = prop
        return {"crm": "hubspot", "object": kind.name, "field": name, "shown": shown}

    def do(self, action: str, body: Body) -> dict[str, Any]:
        if action in ("hide", "show"):
            try:
                return self._reveal(body, shown=action == "show")
            except HubspotError as refused:
                raise ValueError(refused.message) from None
        act = self._actions.get(action)
        if act is None:
            raise ValueError(f"action {action!r} is unknown; use one of {', '.join(self._actions)}")
        try:
            kind = self._records.kinds.find(str(body.get("object")))
            with self._records.lag.lasting(body.get("visible_after_s")):
                record = act(kind, body)
        except HubspotError as refused:
            raise ValueError(refused.message) from None
        return {"crm": "hubspot", "object": kind.name, "id": record.id, "modified_at": record.modified_at.isoformat()}

    def _values(self, kind: ObjectType, body: Body, record: Record | None) -> dict[str, str | None]:
        """Checked as the pages check it; `"raw": true` takes the values as they stand, so that bad data can be planted."""
        given = dict(body.get("fields") or {})
        if body.get("raw"):
            return {name: None if value is None else str(value) for name, value in given.items()}
        current = record.fields if record is not None else {}
        known = self._records.books[kind.name].live
        values, problems = check(kind, known, given, current, lambda p, m: self._writer.choices(kind, p, m))
        if problems:
            raise invalid_values(problems)
        return values

    def _found(self, kind: ObjectType, record_id: Any, *, archived: bool = False) -> Record:
        record = self._records.find(kind, record_id, archived=archived)
        if record is None:
            state = "archived" if archived else "live"
            raise ValueError(
                f"there is no {state} {kind.singular} with id {record_id}; GET /_sandbox/ledger lists the ids"
            )
        return record

    def _create(self, kind: ObjectType, body: Body) -> Record:
        links = self._writer.links(kind, body.get("associations") or [])
        record = self._records.create(kind, self._values(kind, body, None), self._clock.now())
        for target, target_id, types in links:
            self._records.associations.link(kind, int(record.id), target, target_id, types)
        return record

    def _edit(self, kind: ObjectType, body: Body) -> Record:
        record = self._found(kind, body.get("id"))
        for link in body.get("associate") or []:
            self._associate(kind, {"id": record.id, **link})
        for link in body.get("dissociate") or []:
            self._dissociate(kind, {"id": record.id, **link})
        if "fields" not in body and ("associate" in body or "dissociate" in body):
            return record  # a change of links alone moves no stamp
        values = self._values(kind, body, record)
        known = self._records.books[kind.name].live
        if values and all(name in known and known[name].calculated for name in values):
            self._records.set_calculated(kind, record, values, self._clock.now())  # only with raw: no stamp moves
        else:
            self._records.update(kind, record, values, self._clock.now())
        return record

    def _delete(self, kind: ObjectType, body: Body) -> Record:
        record = self._found(kind, body.get("id"))
        self._records.archive(kind, record, self._clock.now(), "user")
        return record

    def _undelete(self, kind: ObjectType, body: Body) -> Record:
        record = self._found(kind, body.get("id"), archived=True)
        self._records.restore(kind, record, self._clock.now())
        return record

    def _purge(self, kind: ObjectType, body: Body) -> Record:
        record = self._records.find(kind, body.get("id")) or self._found(kind, body.get("id"), archived=True)
        self._records.purge(kind, record)
        return record

    def _merge(self, kind: ObjectType, body: Body) -> Record:
        survivor = self._found(kind, body.get("id"))
        named = body.get("merge_id") or body.get("other")
        for record_id in named if isinstance(named, list) else [named]:
            other = self._found(kind, record_id)
            if survivor is other:
                raise ValueError(f"{kind.singular} {survivor.id} cannot be merged with itself")
            survivor = self._records.merge(kind, survivor, other, self._clock.now())
        return survivor

    def _ends(self, kind: ObjectType, body: Body) -> tuple[Record, ObjectType, Record]:
        target = self._records.kinds.find(str(body.get("to_object")))
        return self._found(kind, body.get("id")), target, self._found(target, body.get("to_id"))

    def _associate(self, kind: ObjectType, body: Body) -> Record:
        record, target, other = self._ends(kind, body)
        links = self._records.associations
        label = body.get("label")
        types = [t for t in links.types(kind, target).values() if label is not None and t.label == label]
        if label is not None and not types:
            raise ValueError(f"there is no label {label!r} between {kind.name} and {target.name}")
        links.link(kind, int(record.id), target, int(other.id), types)
        return record

    def _dissociate(self, kind: ObjectType, body: Body) -> Record:
        record, target, other = self._ends(kind, body)
        self._records.associations.unlink(kind, int(record.id), target, int(other.id))
        return record
