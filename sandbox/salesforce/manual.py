"""What people do in the org's pages: create, edit, delete, undelete, purge, merge."""

import copy
from datetime import timedelta
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.conversion import convert
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.fields import is_deleted
from sandbox.salesforce.org import Org, as_it_was
from sandbox.salesforce.schema import Object
from sandbox.salesforce.values import accept
from sandbox.salesforce.writer import Writer
from sandbox.store import Record

Body = dict[str, Any]


class Manual:
    """`{"object", "id", "fields"}`; merge also takes `merge_id`, one id or a list. With `visible_after_s`, queries see a
    created or edited version only after so many seconds, as in a real org whose transaction is slow to commit. `"raw": true` stores
    values unchecked: a stage that an administrator has just renamed, say.
    """

    def __init__(self, org: Org, writer: Writer) -> None:
        self._org = org
        self._writer = writer

    def _reveal(self, obj: Object, name: str, *, shown: bool) -> Body:
        """An administrator takes the right to see a field from the integration user, or gives it back."""
        f = obj.find(name)
        if f is None or f.name in ("Id", "SystemModstamp", "IsDeleted"):
            raise ValueError(f"{obj.name} has no field {name!r} whose visibility could be changed")
        schema = self._org.schema
        (schema.withheld.discard if shown else schema.withheld.add)(f"{obj.name}.{f.name}")
        schema.change(self._org.now())
        return {"crm": "salesforce", "object": obj.name, "field": f.name, "shown": shown}

    def do(self, action: str, body: Body) -> Body:
        """What was done, or ValueError with a sentence."""
        self._writer.begin()
        obj = self._object(body)
        if action in ("hide", "show"):
            return self._reveal(obj, str(body.get("field")), shown=action == "show")
        try:
            match action:
                case "create":
                    record = self._create(obj, body)
                case "edit":
                    record = self._edit(self._found(obj, body.get("id")), body)
                case "delete":
                    record = self._found(obj, body.get("id"))
                    self._writer.delete(record, self._org.now())
                case "undelete":
                    record = self._found(obj, body.get("id"), deleted=True)
                    self._writer.undelete(record, self._org.now())
                case "purge":
                    record = self._found(obj, body.get("id"), deleted=None)
                    self._writer.purge(record)
                case "merge":
                    record = self._merge(obj, body)
                case "convert":
                    record = self._convert(obj, body)
                case _:
                    raise ValueError(f"Salesforce's users cannot {action}")
        except ApiError as error:
            raise ValueError(f"{error.code}: {error.message}") from None
        self._writer.begin()
        return {"object": obj.name, "id": record.id, "modified_at": record.modified_at.isoformat()}

    def _object(self, body: Body) -> Object:
        obj = self._org.schema.find(str(body.get("object")))
        if obj is None or obj.rows or obj.tooling:
            raise ValueError(f"object is one that Salesforce's users can edit, got {body.get('object')!r}")
        return obj

    def _values(self, obj: Object, body: Body) -> Body:
        """People may set every stored field, whatever the integration user may see."""
        values = {}
        for name, value in (body.get("fields") or {}).items():
            f = obj.find(name)
            if f is None or f.computed is not None:
                raise ValueError(f"{obj.name} has no field {name} that can be set")
            values[f.name] = value if body.get("raw") else accept(f, value, self._org.schema)
        return values

    def _create(self, obj: Object, body: Body) -> Record:
        record = self._writer.create(obj, self._values(obj, body), self._org.now())
        self._hold_back(record, body, None)
        return record

    def _edit(self, record: Record, body: Body) -> Record:
        before = as_it_was(record)
        self._writer.update(record, self._values(self._org.schema.objects[record.object], body), self._org.now())
        self._hold_back(record, body, before)
        return record

    def _hold_back(self, record: Record, body: Body, before: Record | None) -> None:
        seconds = body.get("visible_after_s")
        if seconds:
            self._org.hold_back(record, self._org.clock.now() + timedelta(seconds=float(seconds)), copy.copy(before))

    def _merge(self, obj: Object, body: Body) -> Record:
        if not obj.mergeable:
            raise ValueError(f"{obj.name} records cannot be merged")
        winner = self._found(obj, body.get("id"))
        named = body.get("merge_id") or body.get("other")
        losers = [self._found(obj, i) for i in (named if isinstance(named, list) else [named])]
        if winner in losers:
            raise ValueError(f"{winner.id} cannot be merged with itself")
        self._writer.merge(winner, losers, self._org.now())
        return winner

    def _convert(self, obj: Object, body: Body) -> Record:
        if obj.name != "Lead":
            raise ValueError(f"{obj.name} records cannot be converted")
        lead, named = self._found(obj, body.get("id")), body.get("account_id")
        if named is None and not lead.fields.get("Company") and not self._org.settings.salesforce_person_accounts:
            raise ValueError(f"Lead {lead.id} has no Company, and this org has no person accounts")
        account = None if named is None else self._found(self._org.schema.objects["Account"], named)
        convert(self._org, self._writer, lead, account=account, deal=body.get("opportunity", True) is not False)
        return lead

    def _found(self, obj: Object, record_id: Any, *, deleted: bool | None = False) -> Record:
        record = self._org.store.get(obj.name, ids.full(str(record_id)) or "")
        if record is None or record.purged:
            raise ValueError(f"there is no {obj.name} {record_id}")
        if deleted is not None and is_deleted(record) is not deleted:
            raise ValueError(f"{obj.name} {record_id} is {'not ' if deleted else ''}in the recycle bin")
        return record
