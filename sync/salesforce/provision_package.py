"""The same as provisioning makes, as source files for teams that deploy through their own pipeline (Salesforce's source format).

Pure: texts by their paths. deploy/salesforce holds them for the objects of the sandbox preset; a test keeps it in step.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from models.catalogue import CatalogueField
from sync.salesforce.metadata import METADATA, element
from sync.salesforce.provision_field import ENGLISH, JAPANESE, metadata, translation
from sync.salesforce.provision_layout import HEADING, section
from sync.salesforce.provision_rights import EDITOR, READER, SETS
from sync.salesforce.provision_views import content, full_name, views_for
from sync.salesforce.values import api_name

API_VERSION = "62.0"
ROOT = "force-app/main/default"


def package(targets: Mapping[str, Sequence[CatalogueField]], prefix: str, language: str) -> dict[str, str]:
    """Every file by its path; `targets` are the objects with their fields, `language` (ja or en) that of the organisation."""
    other = "en" if language == "ja" else "ja"
    locale = JAPANESE if other == "ja" else ENGLISH
    files = {"sfdx-project.json": _project(), "README.md": _readme(targets, language, locale)}
    for name, fields in targets.items():
        files |= _object(name, fields, prefix, language)
        files |= _translated(name, fields, prefix, (other, locale, language))
    full = [f"{name}.{api_name(f, prefix)}" for name, fields in targets.items() for f in fields]
    for name, edit in ((EDITOR, True), (READER, False)):
        files[f"{ROOT}/permissionsets/{name}.permissionset-meta.xml"] = _permission_set(name, full, edit=edit)
    return dict(sorted(files.items()))


def _object(name: str, fields: Sequence[CatalogueField], prefix: str, language: str) -> dict[str, str]:
    names = {f.name: api_name(f, prefix) for f in fields}
    files = {f"layouts/{name}.section.xml": _indented(section(list(names.values())))}
    folder = f"{ROOT}/objects/{name}"
    for f in fields:
        told = {"fullName": names[f.name], **metadata(f, language)}
        files[f"{folder}/fields/{names[f.name]}.field-meta.xml"] = _file("CustomField", told)
    for view in views_for(names):
        short = full_name(view, name, prefix).partition(".")[2]
        told = {"fullName": short, **content(view, name, names, language)}
        files[f"{folder}/listViews/{short}.listView-meta.xml"] = _file("ListView", told)
    return files


def _translated(name: str, fields: Sequence[CatalogueField], prefix: str, to: tuple[str, str, str]) -> dict[str, str]:
    language, locale, first = to
    folder = f"{ROOT}/objectTranslations/{name}-{locale}"
    files = {f"{folder}/{name}-{locale}.objectTranslation-meta.xml": _file("CustomObjectTranslation", {})}
    for f in fields:
        api = api_name(f, prefix)
        told = translation(f, api, language, first)
        files[f"{folder}/{api}.fieldTranslation-meta.xml"] = _file("CustomFieldTranslation", told)
    return files


def _permission_set(name: str, fields: Sequence[str], *, edit: bool) -> str:
    rights = [{"editable": edit, "field": field, "readable": True} for field in sorted(fields)]
    told = {"description": SETS[name]["Description"], "fieldPermissions": rights}
    return _file("PermissionSet", {**told, "hasActivationRequired": False, "label": SETS[name]["Label"]})


def _file(kind: str, told: Mapping[str, Any]) -> str:
    return _indented(element(kind, dict(sorted(told.items()))))


def _indented(made: ET.Element) -> str:
    ET.indent(made, "    ")
    text = ET.tostring(made, encoding="unicode", default_namespace=METADATA)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _project() -> str:
    told = {
        "packageDirectories": [{"path": "force-app", "default": True}],
        "namespace": "",
        "sourceApiVersion": API_VERSION,
    }
    return json.dumps(told, indent=2) + "\n"


def _readme(targets: Mapping[str, Sequence[CatalogueField]], language: str, locale: str) -> str:
    objects = ", ".join(targets)
    own = "Japanese" if language == "ja" else "English"
    return f"""# Sakigake's fields for Salesforce, to deploy

Fields, list views, permission sets and translations for {objects}: the same that `sakigake provision` makes, as source files.
Written by `sakigake provision --package DIR` from the catalogue; change the mapping and write it again rather than editing it.

    sf project deploy start --source-dir force-app
    sf org assign permset --name {READER}
    sf org assign permset --name {EDITOR} --on-behalf-of INTEGRATION_USER

- {READER} (read) is for everybody who works with partners, {EDITOR} (read and edit) for the integration user alone.
- Labels are in {own}, for an organisation whose own language that is; `language` in mapping.yaml decides. The folder
  `objectTranslations` needs Setup > Translation Language Settings to be enabled and {locale} to be active; leave it out otherwise.
- Page layouts are yours, and a deployed layout replaces yours whole. Put the section "{HEADING}" of `layouts/OBJECT.section.xml` into
  your own layout files, after the first `layoutSections`, or let `sakigake provision` do it, which changes nothing else on them. On
  Lightning pages with Dynamic Forms, put the fields in with the Lightning App Builder.
- `sakigake doctor` tells afterwards what is missing, and what is granted beyond need.
"""
