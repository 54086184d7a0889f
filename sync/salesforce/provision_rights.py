"""The two permission sets, whom they are assigned to, and what they allow on each of our fields.

`Sakigake_Fields` (read and edit) is for the integration user, `Sakigake_Reader` (read) for every active user of the organisation's own:
whoever may open an account may read what stands on it. A field is seen where one of them allows it, and edited by nobody else.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sync.connector import ProvisionStep
from sync.errors import Stop
from sync.salesforce import soql
from sync.salesforce.client import Client
from sync.salesforce.failures import first_error
from sync.salesforce.runs import pages_of

EDITOR, READER = "Sakigake_Fields", "Sakigake_Reader"
SETS = {
    EDITOR: {"Label": "Sakigake: fields", "Description": "Read and edit Sakigake's fields; for its integration user."},
    READER: {
        "Label": "Sakigake: reader",
        "Description": "Read Sakigake's fields; for everybody who works with partners.",
    },
}
_BATCH = 200
_REFUSED_BY_DUPLICATE = frozenset({"DUPLICATE_VALUE", "DUPLICATE_DEVELOPER_NAME"})


class Calls:
    """Requests that make, change and delete records, one step for each thing; a dry run only shows them."""

    def __init__(self, client: Client, object_name: str, *, dry_run: bool) -> None:
        self.client = client
        self.object = object_name
        self.dry_run = dry_run
        self.base = f"/services/data/v{client.version()}"

    def step(self, what: str, status: str, advice: str = "", request: Mapping[str, Any] | None = None) -> ProvisionStep:
        return ProvisionStep(self.object, what, status, advice, request)

    def rows(self, query: str, about: str, *, tooling: bool = False) -> list[dict[str, Any]]:
        """All rows of a query."""
        if tooling:
            return list(self.client.get("tooling/query", about, params={"q": query})["records"])
        first = self.client.query(query, about)
        return [row for rows, _, _ in pages_of(self.client, first, about) for row in rows]

    def one(self, method: str, what: str, path: str, body: Any, already: Iterable[str] = ()) -> ProvisionStep:
        """One thing by one request. `already` are codes that say that it is as wished."""
        done, would = ("removed", "would remove") if method == "DELETE" else ("created", "would create")
        if self.dry_run:
            request = {"method": method, "path": f"{self.base}/{path}"} | ({} if body is None else {"body": body})
            return self.step(what, would, request=request)
        try:
            self.client.change(method, path, body, what)
        except Stop as e:
            if e.code in set(already):
                return self.step(what, "absent" if method == "DELETE" else "present")
            if e.code is None or e.code == "REQUEST_LIMIT_EXCEEDED":
                raise
            return self.step(what, "refused", advice_on(e.code))
        return self.step(what, done)

    def many(self, method: str, wanted: list[tuple[str, dict[str, Any]]]) -> list[ProvisionStep]:
        """Up to 200 records a request, each with its own result."""
        steps: list[ProvisionStep] = []
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            body = {"allOrNone": False, "records": [record for _, record in part]}
            if self.dry_run:
                request = {"method": method, "path": f"{self.base}/composite/sobjects", "body": body}
                # one request carries them all; it is shown once
                steps += [
                    self.step(what, "would create", request=None if i else request) for i, (what, _) in enumerate(part)
                ]
                continue
            replies = self.client.change(method, "composite/sobjects", body, f"permissions on {self.object}")
            for (what, _), reply in zip(part, replies or [], strict=True):
                code = None if reply.get("success") else first_error(reply.get("errors"))[0]
                if reply.get("success"):
                    steps.append(self.step(what, "created"))
                elif code in _REFUSED_BY_DUPLICATE:
                    steps.append(self.step(what, "present"))
                else:
                    steps.append(self.step(what, "refused", advice_on(code)))
        return steps


def fields_there(calls: Calls, names: list[str]) -> dict[str, tuple[str, str]]:
    """(id, description) by API name of those fields that are there, also where we may not see them."""
    short = [n.removesuffix("__c") for n in names]
    rows = calls.rows(
        "SELECT Id, DeveloperName, Description FROM CustomField"  # noqa: S608
        f" WHERE EntityDefinition.QualifiedApiName = {soql.quoted(calls.object)} AND DeveloperName IN {soql.id_list(short)}",
        "query of CustomField",
        tooling=True,
    )
    by_name = {f"{r['DeveloperName']}__c": (r["Id"], r["Description"] or "") for r in rows}
    return {n: by_name[n] for n in names if n in by_name}


def set_ids(calls: Calls) -> dict[str, str]:
    """Ids of our permission sets that are there."""
    query = f"SELECT Id, Name FROM PermissionSet WHERE Name IN {soql.id_list(SETS)}"  # noqa: S608
    return {row["Name"]: row["Id"] for row in calls.rows(query, "query of PermissionSet")}


def assignments(calls: Calls, set_id: str) -> dict[str, str]:
    """Assignment ids by the 15 characters of the user's id."""
    rows = calls.rows(
        f"SELECT Id, AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId = {soql.quoted(set_id)}",  # noqa: S608
        "query of PermissionSetAssignment",
    )
    return {row["AssigneeId"][:15]: row["Id"] for row in rows}


class Rights:
    """Makes what is missing of the sets, their assignments and their field permissions."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def run(self, names: list[str]) -> list[ProvisionStep]:
        calls = self._calls
        ids: dict[str, str | None] = {**set_ids(calls)}
        steps = []
        for name, texts in SETS.items():
            what = f"permission set {name}"
            if name in ids:
                steps.append(calls.step(what, "present"))
                continue
            steps.append(calls.one("POST", what, "sobjects/PermissionSet", {"Name": name, **texts}))
            ids[name] = None
        if None in ids.values() and not calls.dry_run:
            ids |= set_ids(calls)
        missing = [name for name in SETS if ids[name] is None]
        if missing and not calls.dry_run:
            return steps  # refused above: nothing can be hung on them
        steps += self._ourselves(ids[EDITOR])
        steps += self._everybody(ids[READER])
        return steps + self._fields(ids, names)

    def _ourselves(self, editor: str | None) -> list[ProvisionStep]:
        user, what = self._calls.client.token.user, f"{EDITOR} for the integration user"
        if editor is not None and user[:15] in assignments(self._calls, editor):
            return [self._calls.step(what, "present")]
        body = {"AssigneeId": user, "PermissionSetId": editor or pending(EDITOR)}
        return [self._calls.one("POST", what, "sobjects/PermissionSetAssignment", body, already={"DUPLICATE_VALUE"})]

    def _everybody(self, reader: str | None) -> list[ProvisionStep]:
        """So that reps see the fields without anybody's doing."""
        query = "SELECT Id FROM User WHERE IsActive = true AND UserType = 'Standard'"
        users = [row["Id"] for row in self._calls.rows(query, "query of User")]
        assigned = {} if reader is None else assignments(self._calls, reader)
        steps, wanted = [], []
        for user in sorted(users):
            what = f"{READER} for user {user}"
            if user[:15] == self._calls.client.token.user[:15]:
                continue  # it has the other set
            if user[:15] in assigned:
                steps.append(self._calls.step(what, "present"))
                continue
            body = {"AssigneeId": user, "PermissionSetId": reader or pending(READER)}
            wanted.append((what, {"attributes": {"type": "PermissionSetAssignment"}, **body}))
        return steps + self._calls.many("POST", wanted)

    def _fields(self, sets: Mapping[str, str | None], names: list[str]) -> list[ProvisionStep]:
        """Read for both sets, edit for ours: made where there is none, widened where it is too little."""
        ids = [i for i in sets.values() if i is not None]
        granted: dict[tuple[str, str], dict[str, Any]] = {}
        if ids:
            rows = self._calls.rows(
                "SELECT Id, ParentId, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions"  # noqa: S608
                f" WHERE SobjectType = {soql.quoted(self._calls.object)} AND ParentId IN {soql.id_list(ids)}",
                "query of FieldPermissions",
            )
            granted = {(row["ParentId"][:15], row["Field"]): row for row in rows}
        steps: list[ProvisionStep] = []
        make: list[tuple[str, dict[str, Any]]] = []
        widen: list[tuple[str, dict[str, Any]]] = []
        for set_name, edit in ((EDITOR, True), (READER, False)):
            parent = sets[set_name]
            for name in names:
                what = f"{'edit' if edit else 'read'} permission for {name} in {set_name}"
                full = f"{self._calls.object}.{name}"
                has = granted.get(((parent or "")[:15], full))
                allowed = {"PermissionsRead": True, "PermissionsEdit": edit}
                kind = {"attributes": {"type": "FieldPermissions"}}
                if has is None:
                    whose = {"ParentId": parent or pending(set_name), "SobjectType": self._calls.object, "Field": full}
                    make.append((what, {**kind, **whose, **allowed}))
                elif not has["PermissionsRead"] or (edit and not has["PermissionsEdit"]):
                    widen.append((what, {**kind, "id": has["Id"], **allowed}))
                else:
                    steps.append(self._calls.step(what, "present"))
        return steps + self._calls.many("POST", make) + self._calls.many("PATCH", widen)


def pending(name: str) -> str:
    return f"(id of {name}, once it is made)"


def advice_on(code: str | None) -> str:
    """What to do where Salesforce refused something that needs an administrator."""
    return (
        f"Salesforce refused it ({code}). The integration user needs Customize Application, Manage Profiles and Permission Sets, Assign"
        " Permission Sets and Modify Metadata Through Metadata API Functions for `sakigake provision`; they can be taken back"
        " afterwards. Or let an administrator make it from `sakigake provision --dry-run`, or deploy `sakigake provision --package DIR`."
    )
