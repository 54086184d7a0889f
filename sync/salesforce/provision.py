"""Makes our fields in Salesforce, the rights without which nobody would see them, their translations, list views and place on page layouts.

A second time finds everything and changes nothing. What people changed since (a list view, the order on a layout) stays as it is.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from models.catalogue import CatalogueField
from sync.connector import ProvisionStep
from sync.described import ObjectDescription
from sync.errors import PermissionMissing, Stop
from sync.salesforce import provision_layout as layouts
from sync.salesforce.client import Client
from sync.salesforce.metadata import MetadataApi, as_text, element, tag, text, upsert_of
from sync.salesforce.provision_field import ENGLISH, JAPANESE, metadata, translation, unfit, unfit_type
from sync.salesforce.provision_rights import Calls, Rights, advice_on, fields_there
from sync.salesforce.provision_views import LABEL_TAKEN, View, component, full_name, own_label, views_for
from sync.salesforce.values import api_name

ADVICE = "advice"  # a step for a person: nothing that we could make


class Provision:
    """One object's fields, rights and pages."""

    def __init__(
        self,
        client: Client,
        description: ObjectDescription,
        *,
        prefix: str,
        language: str,
        dry_run: bool,
        layout: bool = True,
    ) -> None:
        self.description = description
        self.object = description.name
        self.prefix = prefix
        self.language = language
        self.dry_run = dry_run
        self.layout = layout
        self.calls = Calls(client, self.object, dry_run=dry_run)
        self.api = MetadataApi(client)

    def run(self, fields: Iterable[CatalogueField]) -> list[ProvisionStep]:
        """What was, or would be, made, in that order."""
        wanted = list(fields)
        first = self._first_language()
        hidden = self._hidden(wanted)
        made = [self._field(f, first, hidden) for f in wanted]
        usable = [f for f, step in zip(wanted, made, strict=True) if step.status != "refused"]
        names = {f.name: api_name(f, self.prefix) for f in usable}
        new = {
            api_name(f, self.prefix)
            for f, step in zip(wanted, made, strict=True)
            if step.status not in ("present", "refused")
        }
        steps = [*made, *Rights(self.calls).run(list(names.values()))]
        try:
            steps += self._translations(usable, first)
            steps += self._views(names, first)
            shown = [api_name(f, self.prefix) for f in usable if not f.unique]
            steps += self._layouts(shown, new) if self.layout and shown else []
        except PermissionMissing as e:
            steps.append(self.calls.step("list views, translations and layouts", "refused", advice_on(e.code)))
        return steps

    def _first_language(self) -> str:
        """The organisation's own language (ja or en), in which labels are made, since no translation can be to it; else the workspace's."""
        rows = self.calls.rows("SELECT Id, LanguageLocaleKey FROM Organization", "query of Organization")
        own = str(rows[0].get("LanguageLocaleKey") or "") if rows else ""
        return {"ja": "ja", "en": "en"}.get(own.partition("_")[0], self.language)

    def _hidden(self, fields: list[CatalogueField]) -> dict[str, ET.Element]:
        """Fields of these names that are there although our user may not see them."""
        names = [n for f in fields if self.description.field(n := api_name(f, self.prefix)) is None]
        if not names:
            return {}
        there = fields_there(self.calls, names)
        full = [f"{self.object}.{n}" for n in there]
        return {n.partition(".")[2]: one for n, one in self.api.read("CustomField", full).items()}

    def _field(self, field: CatalogueField, language: str, hidden: Mapping[str, ET.Element]) -> ProvisionStep:
        name = api_name(field, self.prefix)
        what = f"field {name}"
        there, unseen = self.description.field(name), hidden.get(name)
        if there is not None or unseen is not None:
            why = unfit(field, there) if there is not None else None
            if unseen is not None:
                why = unfit_type(field, text(unseen, "type") or "", formula=bool(text(unseen, "formula")))
            if why is None:
                return self.calls.step(what, "present")
            advice = f"{self.object}.{name} is there, but {why}. Mend or rename it in Setup > Object Manager, or choose another `prefix`."
            return self.calls.step(what, "refused", advice)
        body = {"FullName": f"{self.object}.{name}", "Metadata": metadata(field, language)}
        return self.calls.one("POST", what, "tooling/sobjects/CustomField", body, already={"DUPLICATE_DEVELOPER_NAME"})

    # what only the Metadata API makes

    def _translations(self, fields: list[CatalogueField], first: str) -> list[ProvisionStep]:
        """Labels, help texts and values in the other language, beside whatever else is translated there."""
        other = "en" if first == "ja" else "ja"
        locale = JAPANESE if other == "ja" else ENGLISH
        name, what = f"{self.object}-{locale}", f"translations to {locale}"
        wanted = {api: translation(f, api, other, first) for f in fields if (api := api_name(f, self.prefix))}
        try:
            there = self.api.read("CustomObjectTranslation", [name]).get(name)
        except PermissionMissing:
            raise
        except Stop:
            there = None  # the type itself is unknown while the Translation Workbench is off
        if there is None:
            advice = (
                f"This organisation has no translations to {locale}: its users see labels in the organisation's language. To change that,"
                " enable Setup > Translation Language Settings, activate the language, and run `sakigake provision` again."
            )
            return [self.calls.step(what, ADVICE, advice)]
        held = {text(one, "name"): one for one in there.findall(tag("fields"))}
        lacking = {api: told for api, told in wanted.items() if not _says(held.get(api), told)}
        if not lacking:
            return [self.calls.step(what, "present")]
        for api, told in lacking.items():
            if (old := held.get(api)) is not None:
                there.remove(old)
            there.append(element("fields", told))
        return [self._upsert("CustomObjectTranslation", there, what)]

    def _views(self, names: Mapping[str, str], language: str) -> list[ProvisionStep]:
        views = views_for(names)
        if not views:
            return []
        there = self.api.read("ListView", [full_name(v, self.object, self.prefix) for v in views])
        steps = []
        for view in views:
            what = f"list view {view.label[1 if language == 'ja' else 0]}"
            if full_name(view, self.object, self.prefix) in there:
                steps.append(self.calls.step(what, "present"))
                continue
            steps.append(self._view(view, names, language, what))
        return steps

    def _view(self, view: View, names: Mapping[str, str], language: str, what: str) -> ProvisionStep:
        made = component(view, self.object, names, self.prefix, language)
        if self.dry_run:
            return self._would("ListView", made, what)
        (saved,) = self.api.upsert("ListView", [made])
        if saved.code == LABEL_TAKEN:
            label = own_label(view, self.prefix, language)
            (saved,) = self.api.upsert("ListView", [component(view, self.object, names, self.prefix, language, label)])
            what = f"list view {label}"
        return self._saved(what, saved.code)

    def _layouts(self, names: list[str], new: set[str]) -> list[ProvisionStep]:
        found = [n for n in self.api.names("Layout") if n.startswith(f"{self.object}-")]
        read = self.api.read("Layout", found)
        steps = []
        for name in found:
            what = f"section on layout {unquote(name.partition('-')[2])}"
            changed = layouts.with_section(read[name], names, new) if name in read else None
            if changed is None:
                steps.append(self.calls.step(what, "present"))
                continue
            steps.append(self._upsert("Layout", changed, what))
        advice = (
            "Lightning record pages with Dynamic Forms do not show page layouts: on such a page, put the fields in with the Lightning App"
            " Builder (Edit Page > Fields), as read-only."
        )
        return [*steps, self.calls.step("pages with Dynamic Forms", ADVICE, advice)]

    def _upsert(self, kind: str, component: ET.Element, what: str) -> ProvisionStep:
        if self.dry_run:
            return self._would(kind, component, what)
        (saved,) = self.api.upsert(kind, [component])
        return self._saved(what, saved.code)

    def _would(self, kind: str, component: ET.Element, what: str) -> ProvisionStep:
        body = as_text(upsert_of(kind, [component]))
        return self.calls.step(what, "would create", request={"method": "POST", "path": self.api.path, "body": body})

    def _saved(self, what: str, code: str | None) -> ProvisionStep:
        return self.calls.step(what, "created") if code is None else self.calls.step(what, "refused", advice_on(code))


def _says(held: ET.Element | None, told: Mapping[str, object]) -> bool:
    """Whether a translation is there, whatever its words: people may have chosen better ones."""
    if held is None:
        return False
    values = told.get("picklistValues") or []
    assert isinstance(values, list)
    translated = {text(v, "masterLabel") for v in held.findall(tag("picklistValues")) if text(v, "translation")}
    return bool(text(held, "label")) and all(v["masterLabel"] in translated for v in values)
