"""/tooling: custom fields as records that can be created, changed and deleted, and queried by /tooling/query.

A field made here is there at once, but no one sees it before a permission set grants it.
"""

from typing import Any

from sandbox.salesforce import describe, ids, rights
from sandbox.salesforce.components import Components
from sandbox.salesforce.custom_fields import field_from, metadata_of
from sandbox.salesforce.errors import ApiError, no_such_column, not_found
from sandbox.salesforce.fields import INTEGRATION_ID, audit, computed, identity
from sandbox.salesforce.objects import make
from sandbox.salesforce.org import Org
from sandbox.salesforce.render import whole
from sandbox.salesforce.schema import Field, Object
from sandbox.salesforce.wire import NO_CONTENT, Call, Reply, Route
from sandbox.store import Record


class Tooling:
    def __init__(self, org: Org, components: Components) -> None:
        self._org = org
        self._components = components
        for obj in (_custom_field(self), _custom_object(), _entity_definition()):
            org.schema.add(obj)

    def routes(self) -> list[Route]:
        base, one = "tooling/sobjects/CustomField", r"tooling/sobjects/CustomField/(\w+)"
        return [
            ("POST", base, self.create),
            ("GET", one, self.get),
            ("PATCH", one, self.update),
            ("DELETE", one, self.delete),
            ("GET", r"tooling/sobjects/(\w+)/describe", self.describe),
        ]

    def register(self) -> None:
        """Makes the org's own objects and custom fields known to the Tooling API. Once, when the schema is complete."""
        at = self._org.now()
        for obj in list(self._org.schema.objects.values()):
            if obj.tooling or obj.rows:
                continue
            definition = {
                "QualifiedApiName": obj.name,
                "DeveloperName": obj.name.removesuffix("__c"),
                "Label": obj.label,
            }
            key = obj.durable_id or obj.name
            self._org.store.create("EntityDefinition", {**definition, "DurableId": key}, at, record_id=key)
            if obj.custom:
                self._org.store.create("CustomObject", definition, at, record_id=obj.durable_id)
            for f in obj.fields.values():
                if f.custom:
                    self._org.store.create("CustomField", self._row(obj, f), at)

    def _row(self, obj: Object, f: Field) -> dict[str, Any]:
        key = obj.durable_id or obj.name
        name = f.name.removesuffix("__c")
        return {
            "TableEnumOrId": key,
            "EntityDefinitionId": key,
            "DeveloperName": name,
            "_object": obj.name,
            "_field": f.name,
        }

    def of(self, r: Record) -> tuple[Object, Field]:
        obj = self._org.schema.objects[r.fields["_object"]]
        return obj, obj.fields[r.fields["_field"]]

    def _find(self, record_id: str) -> Record:
        r = self._org.store.get("CustomField", ids.full(record_id) or "")
        if r is None or r.purged:
            raise not_found()
        return r

    def create(self, call: Call) -> Reply:
        body = call.document()
        for name in body:
            if name not in ("FullName", "Metadata"):
                raise no_such_column(name, "CustomField")
        record = self._create(str(body.get("FullName", "")), body.get("Metadata"), call.request_id)
        return Reply(201, {"id": record.id, "success": True, "errors": [], "warnings": [], "infos": []})

    def _create(self, full_name: str, metadata: Any, request_id: str) -> Record:
        rights.need(self._org, "CustomizeApplication")
        object_name, _, field_name = full_name.partition(".")
        obj = self._org.schema.objects.get(object_name)
        if obj is None or not field_name.endswith("__c"):
            message = f"The object or the field's name is not valid: {full_name}"
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["FullName"])
        if field_name.lower() in {n.lower() for n in obj.fields}:
            message = f"There is already a field named {field_name.removesuffix('__c')} on {obj.label}."
            raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", message, ["DeveloperName"])
        f = field_from(field_name, metadata, self._org.schema)
        obj.fields[field_name] = f
        at = self._org.now()
        record = self._org.store.create("CustomField", self._row(obj, f), at, by=INTEGRATION_ID)
        self._written(record, {"FullName": full_name}, request_id)
        return record

    def _written(self, record: Record, fields: dict[str, Any], request_id: str) -> None:
        at = self._org.now()
        self._org.touch("CustomField")
        self._org.schema.change(at)
        self._org.store.log_write(record, fields, at, request_id)

    def get(self, call: Call, record_id: str) -> Reply:
        r = self._find(record_id)
        return Reply(
            body=whole(list(self._org.schema.objects["CustomField"].fields.values()), r, call.version, tooling=True)
        )

    def update(self, call: Call, record_id: str) -> Reply:
        self._update(self._find(record_id), call.document().get("Metadata"), call.request_id)
        return NO_CONTENT

    def _update(self, r: Record, metadata: Any, request_id: str) -> None:
        rights.need(self._org, "CustomizeApplication")
        obj, old = self.of(r)
        new = field_from(old.name, metadata, self._org.schema)
        if new.type != old.type and {new.type, old.type} - {"string", "textarea", "picklist"}:
            message = f"Cannot change the field's type from {old.type} to {new.type} because data may be lost"
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["Metadata"])
        new.needs_grant = old.needs_grant
        obj.fields[old.name] = new
        r.modified_at, r.modified_by = self._org.now(), INTEGRATION_ID
        self._written(r, {"Metadata": metadata}, request_id)

    def delete(self, call: Call, record_id: str) -> Reply:
        """The field, its values and its permissions are gone."""
        self._drop(self._find(record_id), call.request_id)
        return NO_CONTENT

    def _drop(self, r: Record, request_id: str) -> None:
        rights.need(self._org, "CustomizeApplication")
        obj, f = self.of(r)
        key = f"{obj.name}.{f.name}"
        self._org.store.purge(r)
        self._written(r, {"IsDeleted": True}, request_id)
        self._components.field_gone(obj, f.name)
        for permission in list(self._org.store.live("FieldPermissions")):
            if permission.fields["Field"] == key:
                self._org.store.purge(permission)
        self._org.schema.readable.discard(key)
        self._org.schema.editable.discard(key)
        del obj.fields[f.name]
        for record in self._org.store.table(obj.name).values():
            record.fields.pop(f.name, None)
        self._org.touch("FieldPermissions")
        self._org.touch(obj.name)

    # the same, as the Metadata API names fields

    def _named(self, full_name: str) -> Record | None:
        return next(
            (
                r
                for r in self._org.store.live("CustomField")
                if f"{r.fields['_object']}.{r.fields['_field']}" == full_name
            ),
            None,
        )

    def metadata(self, full_name: str) -> dict[str, Any] | None:
        """The field's Metadata object; None where there is no such custom field."""
        found = self._named(full_name)
        return None if found is None else metadata_of(self.of(found)[1])

    def save(self, full_name: str, metadata: dict[str, Any]) -> None:
        found = self._named(full_name)
        if found is None:
            self._create(full_name, metadata, "metadata")
        else:
            self._update(found, metadata, "metadata")

    def drop(self, full_name: str) -> None:
        found = self._named(full_name)
        if found is None:
            message = "This custom field does not exist or is not accessible"
            raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", message)
        self._drop(found, "metadata")

    def describe(self, call: Call, name: str) -> Reply:
        obj = self._org.schema.find(name)
        if obj is None or not obj.tooling:
            raise not_found()
        return Reply(body=describe.full(obj, self._org.schema, call.version))


def _custom_field(tooling: Tooling) -> Object:
    def full_name(r: Record) -> str:
        return f"{r.fields['_object']}.{r.fields['_field']}"

    return make("CustomField", "Custom Field", "Custom Fields", "00N", [
        identity("Custom Field"),
        computed("DeveloperName", "string", "Developer Name", lambda r: r.fields["DeveloperName"], length=80),
        computed("TableEnumOrId", "string", "Table", lambda r: r.fields["TableEnumOrId"], length=40),
        computed("EntityDefinitionId", "string", "Entity Definition ID", lambda r: r.fields["EntityDefinitionId"],
                 length=40, refers_to=("EntityDefinition",), relationship="EntityDefinition"),
        computed("FullName", "string", "Full Name", full_name, length=255, filterable=False),
        computed("Metadata", "complexvalue", "Metadata", lambda r: metadata_of(tooling.of(r)[1]), filterable=False),
        computed("NamespacePrefix", "string", "Namespace", lambda _: None, length=15),
        computed("Description", "textarea", "Description", lambda r: tooling.of(r)[1].description, length=1000),
        computed("InlineHelpText", "string", "Help", lambda r: tooling.of(r)[1].help_text, length=510),
        *audit(),
    ], system=True, tooling=True, in_data_api=False)  # fmt: skip


def _definition_fields() -> list[Field]:
    return [
        computed(n, "string", n, lambda r, n=n: r.fields.get(n), length=80)  # type: ignore[misc]
        for n in ("DurableId", "QualifiedApiName", "DeveloperName", "Label")
    ]


def _custom_object() -> Object:
    fields = [identity("Custom Object"), *_definition_fields()[2:3], *audit()]
    return make(
        "CustomObject", "Custom Object", "Custom Objects", "01I", fields, system=True, tooling=True, in_data_api=False
    )


def _entity_definition() -> Object:
    fields = [identity("Entity Definition"), *_definition_fields()]
    more: dict[str, Any] = {"shows_prefix": False, "system": True, "tooling": True, "in_data_api": False}
    return make("EntityDefinition", "Entity Definition", "Entity Definitions", "4ie", fields, **more)
