"""Describe replies: one object in full, and the list of all."""

from typing import Any

from sandbox.salesforce.schema import Field, Object, Schema, Words

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "anyType": "xsd:anyType",
}


def field(f: Field, words: Words, *, editable: bool) -> dict[str, Any]:
    """All keys of a field, in the order of a real reply."""
    label, help_text, translated = words
    counted = f.type in ("id", "reference")
    settled = f.nillable and f.compound is None and f.createable and f.type != "id"
    return {
        "aggregatable": f.type not in ("boolean", "address") and not f.long_text,
        "aiPredictionField": False,
        "autoNumber": f.auto_number,
        "byteLength": f.length if counted else f.length * 3,
        "calculated": f.formula is not None,
        "calculatedFormula": f.formula,
        "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": f.compound,
        "controllerName": None,
        "createable": f.createable and editable,
        "custom": f.custom,
        "defaultValue": False if f.type == "boolean" else f.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": f.defaulted,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": f.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": f.external_id,
        "extraTypeInfo": "plaintextarea" if f.type == "textarea" else None,
        "filterable": f.filterable and f.type != "anyType",
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": f.type not in ("datetime", "double", "currency", "percent", "address") and not f.long_text,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": f.id_lookup,
        "inlineHelpText": help_text,
        "label": label,
        "length": f.length,
        "mask": None,
        "maskType": None,
        "name": f.name,
        "nameField": f.name_field,
        "namePointing": f.polymorphic,
        "nillable": f.nillable,
        "permissionable": settled or f.custom,
        "picklistValues": [
            {
                "active": True,
                "defaultValue": v == f.default,
                "label": translated.get(name) or name,
                "validFor": None,
                "value": v,
            }
            for v, name in f.values
        ],
        "polymorphicForeignKey": f.polymorphic,
        "precision": f.precision,
        "queryByDistance": f.type == "address",
        "referenceTargetField": None,
        "referenceTo": list(f.refers_to),
        "relationshipName": f.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": f.restricted,
        "scale": f.scale,
        "searchPrefilterable": f.type == "reference" and f.createable,
        "soapType": _SOAP.get(f.type, "xsd:string"),
        "sortable": f.sortable,
        "type": f.type,
        "unique": f.unique,
        "updateable": f.updateable and editable,
        "writeRequiresMasterRead": False,
    }


def summary(obj: Object, version: str) -> dict[str, Any]:
    """What the global describe says of an object; also the head of its full describe."""
    base = f"/services/data/{version}/sobjects/{obj.name}"
    lasting = not obj.system
    return {
        "activateable": False,
        "associateEntityType": "History" if obj.rows else None,
        "associateParentEntity": obj.rows_depend_on[0] if obj.rows else None,
        "createable": obj.createable,
        "custom": obj.custom,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": obj.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": lasting,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": obj.prefix if obj.shows_prefix else None,
        "label": obj.label,
        "labelPlural": obj.plural,
        "layoutable": lasting,
        "mergeable": obj.mergeable,
        "mruEnabled": lasting,
        "name": obj.name,
        "queryable": True,
        "replicateable": obj.replicateable,
        "retrieveable": True,
        "searchable": lasting,
        "triggerable": lasting,
        "undeletable": lasting,
        "updateable": obj.updateable,
        "urls": _urls(base, in_full=False, layouts=lasting),
    }


def _urls(base: str, *, in_full: bool, layouts: bool) -> dict[str, str]:
    urls = {"rowTemplate": f"{base}/{{ID}}", "describe": f"{base}/describe", "sobject": base}
    if layouts:
        urls |= {
            "compactLayouts": f"{base}/describe/compactLayouts",
            "approvalLayouts": f"{base}/describe/approvalLayouts",
            "listviews": f"{base}/listviews",
            "quickActions": f"{base}/quickActions",
            "layouts": f"{base}/describe/layouts",
        }
        if in_full:
            urls["defaultValues"] = f"{base}/defaultValues?recordTypeId&fields"
    return urls


def full(obj: Object, schema: Schema, version: str) -> dict[str, Any]:
    base = f"/services/data/{version}/sobjects/{obj.name}"
    body = summary(obj, version) | {
        "actionOverrides": [],
        "childRelationships": _children(obj, schema),
        "compactLayoutable": not obj.system,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [
            field(f, schema.words(obj, f), editable=schema.may_edit(obj, f)) for f in schema.visible_fields(obj)
        ],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(obj, base),
        "searchLayoutable": not obj.system,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": f"All {obj.plural}", "name": "everything"},
            {"label": f"My {obj.plural}", "name": "mine"},
        ],
        "urls": _urls(base, in_full=True, layouts=not obj.system),
    }
    return dict(sorted(body.items()))


def _children(obj: Object, schema: Schema) -> list[dict[str, Any]]:
    return [
        {
            "cascadeDelete": f.cascades,
            "childSObject": other.name,
            "deprecatedAndHidden": False,
            "field": f.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": f.children,
            "restrictedDelete": False,
        }
        for other in schema.objects.values()
        if other.in_data_api
        for f in schema.visible_fields(other)
        if obj.name in f.refers_to and f.computed is None
    ]


def _record_types(obj: Object, base: str) -> list[dict[str, Any]]:
    master = ("012000000000000AAA", "Master")
    kinds = [*obj.record_types, master]
    return [
        {
            "active": True,
            "available": True,
            "defaultRecordTypeMapping": index == 0,
            "developerName": name,
            "master": (record_type_id, name) == master,
            "name": name,
            "recordTypeId": record_type_id,
            "urls": {"layout": f"{base}/describe/layouts/{record_type_id}"},
        }
        for index, (record_type_id, name) in enumerate(kinds)
    ]
