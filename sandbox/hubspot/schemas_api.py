"""Custom object schemas. The portal starts with one, without records, for those who keep attack lists as an object of their own."""

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from sandbox.hubspot.access import USER_ID
from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.catalog import custom_book
from sandbox.hubspot.errors import HubspotError, bad_request, require
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.properties import PropertyBook
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import EPOCH, PORTAL_ID, iso

FIRST_CUSTOM = 20_001
ATTACK_LIST: dict[str, Any] = {
    "name": "attack_list_entry",
    "labels": {"singular": "アタックリスト", "plural": "アタックリスト"},
    "primaryDisplayProperty": "entry_name",
    "requiredProperties": ["entry_name"],
    "searchableProperties": ["entry_name", "external_id"],
    "associatedObjects": ["COMPANY", "DEAL"],
    "properties": [
        {"name": "entry_name", "label": "名称", "type": "string", "fieldType": "text"},
        {"name": "external_id", "label": "外部ID", "type": "string", "fieldType": "text", "hasUniqueValue": True},
        {
            "name": "entry_status",
            "label": "状況",
            "type": "enumeration",
            "fieldType": "select",
            "options": [
                {"label": label, "value": value}
                for value, label in (
                    ("listed", "掲載"),
                    ("requested", "打診依頼済"),
                    ("agreed", "合意"),
                    ("executed", "実施済"),
                    ("deal", "商談化"),
                    ("lost", "見送り"),
                )
            ],
        },
        {"name": "listed_on", "label": "掲載日", "type": "date", "fieldType": "date"},
    ],
}
# what a portal adds to it whose partner team works with the object
_MORE = [
    *(
        {"name": f"target_{name}", "label": f"紹介先 {label}", "type": "string", "fieldType": "text"}
        for name, label in (
            ("name", "会社名"),
            ("domain", "ドメイン"),
            ("corporate_number", "法人番号"),
            ("phone", "電話番号"),
            ("prefecture", "都道府県"),
            ("city", "市区町村"),
        )
    ),
    *(
        {"name": f"{step}_on", "label": label, "type": "date", "fieldType": "date"}
        for step, label in (
            ("requested", "打診依頼日"),
            ("agreed", "合意日"),
            ("executed", "実施日"),
            ("lost", "見送り日"),
        )
    ),
    {"name": "loss_reason", "label": "見送り理由", "type": "string", "fieldType": "text"},
]
ATTACK_LIST_IN_USE = {
    **ATTACK_LIST,
    "associatedObjects": ["COMPANY", "DEAL", "TASK"],
    "properties": [*ATTACK_LIST["properties"], *_MORE],
}


class Schemas:
    """Makes custom objects and remembers how they were described."""

    def __init__(self, records: Records, books: dict[str, PropertyBook]) -> None:
        self._records = records
        self._books = books
        self.described: dict[str, dict[str, Any]] = {}
        self._serial = FIRST_CUSTOM

    def create(self, body: Mapping[str, Any], now: str) -> ObjectType:
        require(body, "name", "labels", "properties", "requiredProperties")
        name = str(body["name"]).lower()
        if self._records.kinds.get(name) is not None:
            raise HubspotError(409, f"Object type {name} already exists", "OBJECT_ALREADY_EXISTS")
        number, self._serial = self._serial, self._serial + 1
        labels = body["labels"]
        kind = ObjectType(
            name,
            name,
            f"2-{number}",
            (7_100_000_011 + 1_000_000_000 * (number - FIRST_CUSTOM), 3),
            created="hs_createdate",
            defaults=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
            searched=tuple(body.get("searchableProperties") or ()),
            scope="custom",
            v3_name=name,
            labels=(str(labels.get("singular") or name), str(labels.get("plural") or name)),
            custom_name=f"p{PORTAL_ID}_{name}",
        )
        book = custom_book(kind, [])
        for given in body["properties"]:
            book.create({"groupName": f"{name}_information"} | dict(given), now, str(USER_ID))
        self._records.kinds.add(kind)
        self._books[kind.name] = book
        self.described[name] = {"at": now, "body": dict(body)}
        for other in body.get("associatedObjects") or []:
            self._records.associations.unlabelled(kind, self._records.kinds.find(str(other)))
        return kind

    def drop(self, kind: ObjectType) -> None:
        if len(self._records.rows(kind)):
            raise bad_request(f"Object type {kind.name} still has records and cannot be deleted")
        self._records.kinds.remove(kind)
        del self.described[kind.name]

    def wire(self, kind: ObjectType) -> dict[str, Any]:
        known = self.described.get(kind.name)
        body = known["body"] if known else {}
        at = known["at"] if known else EPOCH
        return {
            "labels": {"singular": kind.labels[0], "plural": kind.labels[1]},
            "requiredProperties": list(body.get("requiredProperties") or []),
            "searchableProperties": list(body.get("searchableProperties") or kind.searched),
            "primaryDisplayProperty": body.get("primaryDisplayProperty") or (kind.searched or ("hs_object_id",))[0],
            "secondaryDisplayProperties": list(body.get("secondaryDisplayProperties") or []),
            "description": str(body.get("description") or ""),
            "allowsSensitiveProperties": False,
            "archived": False,
            "restorable": True,
            "metaType": "PORTAL_SPECIFIC" if kind.is_custom else "HUBSPOT",
            "id": kind.type_id.partition("-")[2],
            "fullyQualifiedName": kind.custom_name or kind.constant,
            "createdAt": at,
            "updatedAt": at,
            "objectTypeId": kind.type_id,
            "properties": [prop.wire() for prop in self._books[kind.name].live.values()],
            "associations": self._associations(kind),
            "name": kind.name if kind.is_custom else kind.constant,
        }

    def _associations(self, kind: ObjectType) -> list[dict[str, Any]]:
        return [
            {
                "fromObjectTypeId": kind.type_id,
                "toObjectTypeId": target.type_id,
                "name": link.name,
                "id": str(link.type_id),
                "cardinality": "ONE_TO_MANY",
                "inverseCardinality": "ONE_TO_MANY",
            }
            for target in self._records.kinds.all
            for link in self._records.associations.types(kind, target).values()
        ]


class SchemasApi:
    def __init__(self, api: Api, records: Records, schemas: Schemas) -> None:
        self._api = api
        self._records = records
        self._schemas = schemas

    def routes(self) -> list[Route]:
        api = self._api
        return [
            *api.routes("GET", "schemas", "", self._list),
            *api.routes("POST", "schemas", "", self._create),
            *api.routes("GET", "schemas", "/{kind}", self._get),
            *api.routes("DELETE", "schemas", "/{kind}", self._drop),
        ]

    def _list(self, call: Call) -> Reply:
        call.principal.need("crm.schemas.custom.read")
        found = [] if call.flag("archived") else [kind for kind in self._records.kinds.all if kind.is_custom]
        return Reply(body={"results": [self._schemas.wire(kind) for kind in found]})

    def _get(self, call: Call) -> Reply:
        kind = self._records.kinds.find(call.path("kind"))
        call.principal.need(f"crm.schemas.{kind.scope}.read")
        return Reply(body=self._schemas.wire(kind))

    def _create(self, call: Call) -> Reply:
        call.principal.need("crm.schemas.custom.write")
        return Reply(201, self._schemas.wire(self._schemas.create(call.body, iso(call.now))))

    def _drop(self, call: Call) -> Reply:
        call.principal.need("crm.schemas.custom.write")
        kind = self._records.kinds.find(call.path("kind"))
        if not kind.is_custom:
            raise bad_request(f"Object type {kind.name} is defined by HubSpot and cannot be deleted")
        self._schemas.drop(kind)
        return Reply(204)
