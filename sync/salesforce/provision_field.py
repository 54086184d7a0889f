"""A catalogue field as Salesforce is asked to make it, and whether one that is there can be ours."""

from typing import Any

from models.catalogue import CatalogueField, Kind
from sync.described import FieldDescription
from sync.salesforce.values import LONGEST_TEXT

MARK = "Made by Sakigake."  # in the description: what removal goes by
ENGLISH, JAPANESE = "en_US", "ja"  # as Salesforce names languages
_FITTING = {
    Kind.CHOICE: {"picklist"},
    Kind.TEXT: {"string", "textarea"},
    Kind.INTEGER: {"double", "int"},
    Kind.NUMBER: {"double"},
    Kind.PERCENT: {"percent"},
    Kind.DATE: {"date"},
    Kind.FLAG: {"boolean"},
}


_METADATA_TYPES = {
    Kind.CHOICE: {"Picklist"},
    Kind.TEXT: {"Text", "TextArea", "LongTextArea"},
    Kind.INTEGER: {"Number"},
    Kind.NUMBER: {"Number"},
    Kind.PERCENT: {"Percent"},
    Kind.DATE: {"Date"},
    Kind.FLAG: {"Checkbox"},
}


def metadata(field: CatalogueField, language: str) -> dict[str, Any]:
    """The field's Metadata object, labels in `language` (ja or en); the description has the other one."""
    other = "en" if language == "ja" else "ja"
    told = f"{field.label(other)}: {field.help(other)}"
    body: dict[str, Any] = {
        "label": field.label(language)[:40],
        "inlineHelpText": field.help(language)[:510],
        "description": f"{told[: 1000 - len(MARK) - 1]} {MARK}",
        "required": False,
    }
    match field.kind:
        case Kind.CHOICE:
            values = [
                {"fullName": value, "label": ja if language == "ja" else en, "default": False}
                for value, en, ja in field.choices
            ]
            definition = {"sorted": False, "value": values}
            return body | {"type": "Picklist", "valueSet": {"restricted": True, "valueSetDefinition": definition}}
        case Kind.TEXT:
            key = {"unique": True, "externalId": True, "caseSensitive": False} if field.unique else {}
            return body | {"type": "Text", "length": LONGEST_TEXT, **key}
        case Kind.INTEGER:
            return body | {"type": "Number", "precision": 18, "scale": 0}
        case Kind.NUMBER:
            return body | {"type": "Number", "precision": 18, "scale": field.digits}
        case Kind.PERCENT:
            return body | {"type": "Percent", "precision": 5 + field.digits, "scale": field.digits}
        case Kind.DATE:
            return body | {"type": "Date"}
        case Kind.FLAG:
            del body["required"]  # a checkbox always has a value
            return body | {"type": "Checkbox", "defaultValue": "false"}


def translation(field: CatalogueField, name: str, language: str, first: str) -> dict[str, Any]:
    """The field's CustomFieldTranslation to `language`, where its labels were made in `first`."""
    values = [
        {"masterLabel": ja if first == "ja" else en, "translation": ja if language == "ja" else en}
        for _, en, ja in field.choices
        if en != ja
    ]
    told = {"help": field.help(language)[:510], "label": field.label(language)[:40], "name": name}
    return told | ({"picklistValues": values} if values else {})


def unfit(field: CatalogueField, there: FieldDescription) -> str | None:
    """Why the field that has our name cannot be ours; None where it can."""
    if there.crm_type not in _FITTING[field.kind]:
        return f"it is of type {there.crm_type}, and {' or '.join(sorted(_FITTING[field.kind]))} is needed"
    if there.calculated:
        return "it is a formula, which nobody can write"
    if field.unique and not there.unique:
        return "it is not unique, so a record could be made twice"
    absent = [v for v, _, _ in field.choices if v not in {value for value, _ in there.options}]
    if absent:
        return f"its picklist lacks {', '.join(absent)}"
    return None


def unfit_type(field: CatalogueField, kind: str, *, formula: bool) -> str | None:
    """The same of a field that we may not see yet, by its type in the Metadata API."""
    if kind not in _METADATA_TYPES[field.kind]:
        return f"it is of type {kind}, and {' or '.join(sorted(_METADATA_TYPES[field.kind]))} is needed"
    return "it is a formula, which nobody can write" if formula else None
