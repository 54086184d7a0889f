"""Takes out of Salesforce what provisioning made, and nothing else.

A field is ours where it bears our name and our mark in its description. The permission sets go with the last field that they allow.
"""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from models.catalogue import CatalogueField
from sync.connector import ProvisionStep
from sync.errors import PermissionMissing
from sync.salesforce import provision_layout as layouts
from sync.salesforce import soql
from sync.salesforce.client import Client
from sync.salesforce.metadata import MetadataApi, as_text, delete_of, upsert_of
from sync.salesforce.provision_field import MARK
from sync.salesforce.provision_rights import Calls, advice_on, assignments, fields_there, set_ids
from sync.salesforce.provision_views import full_name, views_for
from sync.salesforce.values import api_name


def remove(
    client: Client, targets: Mapping[str, Sequence[CatalogueField]], *, prefix: str, dry_run: bool
) -> list[ProvisionStep]:
    """What was, or would be, taken out, object by object; then the permission sets, once nothing else is in them."""
    steps: list[ProvisionStep] = []
    gone: set[str] = set()
    for name, fields in targets.items():
        one = _Object(client, name, prefix=prefix, dry_run=dry_run)
        steps += one.run(fields)
        gone |= {f"{name}.{field}" for field in one.ours}
    return steps + _sets(Calls(client, "", dry_run=dry_run), gone)


class _Object:
    def __init__(self, client: Client, object_name: str, *, prefix: str, dry_run: bool) -> None:
        self.object = object_name
        self.prefix = prefix
        self.calls = Calls(client, object_name, dry_run=dry_run)
        self.api = MetadataApi(client)
        self.ours: set[str] = set()

    def run(self, fields: Iterable[CatalogueField]) -> list[ProvisionStep]:
        """What shows a field goes before the field."""
        names = {f.name: api_name(f, self.prefix) for f in fields}
        found = fields_there(self.calls, list(names.values()))
        self.ours = {name for name, (_, told) in found.items() if MARK in told}
        try:
            steps = [*self._layouts(self.ours), *self._views({n: api for n, api in names.items() if api in self.ours})]
        except PermissionMissing as e:
            steps = [self.calls.step("list views and layouts", "refused", advice_on(e.code))]
        for name, (field_id, _) in found.items():
            if name in self.ours:
                path = f"tooling/sobjects/CustomField/{field_id}"
                steps.append(self.calls.one("DELETE", f"field {name}", path, None, already={"NOT_FOUND"}))
            else:
                advice = "its description does not say that Sakigake made it. Delete it in Setup > Object Manager if you wish."
                steps.append(self.calls.step(f"field {name}", "kept", advice))
        return steps

    def _layouts(self, ours: set[str]) -> list[ProvisionStep]:
        found = [n for n in self.api.names("Layout") if n.startswith(f"{self.object}-")]
        steps = []
        for name, layout in self.api.read("Layout", found).items():
            changed = layouts.without_section(layout, ours)
            if changed is None:
                continue
            what = f"section on layout {unquote(name.partition('-')[2])}"
            if self.calls.dry_run:
                body = as_text(upsert_of("Layout", [changed]))
                steps.append(self._would(what, body))
                continue
            (saved,) = self.api.upsert("Layout", [changed])
            steps.append(self._done(what, saved.code))
        return steps

    def _views(self, names: dict[str, str]) -> list[ProvisionStep]:
        wanted = {full_name(v, self.object, self.prefix): v.label[0] for v in views_for(names)}
        there = list(self.api.read("ListView", list(wanted)))
        if not there:
            return []
        if self.calls.dry_run:
            return [self._would(f"list view {wanted[n]}", as_text(delete_of("ListView", [n]))) for n in there]
        return [self._done(f"list view {wanted[s.name]}", s.code) for s in self.api.delete("ListView", there)]

    def _would(self, what: str, body: str) -> ProvisionStep:
        return self.calls.step(what, "would remove", request={"method": "POST", "path": self.api.path, "body": body})

    def _done(self, what: str, code: str | None) -> ProvisionStep:
        if code is None:
            return self.calls.step(what, "removed")
        if code == "INVALID_CROSS_REFERENCE_KEY":
            return self.calls.step(what, "absent")
        return self.calls.step(what, "refused", advice_on(code))


def _sets(calls: Calls, gone: set[str]) -> list[ProvisionStep]:
    """A set that allows nothing but what was taken out goes, its assignments first; any other stays."""
    steps: list[ProvisionStep] = []
    for name, set_id in set_ids(calls).items():
        what = f"permission set {name}"
        rows = calls.rows(
            f"SELECT Id, Field FROM FieldPermissions WHERE ParentId = {soql.quoted(set_id)}",  # noqa: S608
            "query of FieldPermissions",
        )
        objects = calls.rows(
            f"SELECT Id, SobjectType FROM ObjectPermissions WHERE ParentId = {soql.quoted(set_id)}",  # noqa: S608
            "query of ObjectPermissions",
        )
        rest = [*sorted({r["Field"] for r in rows} - gone), *sorted({r["SobjectType"] for r in objects})]
        if rest:
            more = f" and {len(rest) - 3} more" if len(rest) > 3 else ""
            steps.append(calls.step(what, "kept", f"it still allows {', '.join(rest[:3])}{more}."))
            continue
        for assignment in assignments(calls, set_id).values():
            path = f"sobjects/PermissionSetAssignment/{assignment}"
            already = {"NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"}
            freed = calls.one("DELETE", f"assignment of {name}", path, None, already)
            if freed.status == "refused" or calls.dry_run:
                steps.append(freed)
        steps.append(calls.one("DELETE", what, f"sobjects/PermissionSet/{set_id}", None, already={"NOT_FOUND"}))
    return steps
