"""Where each call goes: the one place that knows HubSpot's versions.

v4 leaves support in March 2027, v1 to v3 in September 2027; the dated paths succeed both. Source: HubSpot's published specifications.
"""

from dataclasses import dataclass
from urllib.parse import quote

LEGACY = "v3"
DEFAULT = "2026-09"


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths for one API version: a dated one such as 2026-09, or `v3` (which takes associations from v4)."""

    version: str = DEFAULT

    def __post_init__(self) -> None:
        dated = len(self.version) == 7 and self.version[4] == "-" and (self.version[:4] + self.version[5:]).isdigit()
        if not dated and self.version != LEGACY:
            raise ValueError(
                f"{self.version!r} is no HubSpot API version; write a dated one such as {DEFAULT}, or {LEGACY}"
            )

    @property
    def legacy(self) -> bool:
        return self.version == LEGACY

    def _crm(self, area: str, *rest: str) -> str:
        head = f"/crm/{LEGACY}/{area}" if self.legacy else f"/crm/{area}/{self.version}"
        return "/".join((head, *(quote(part, safe="") for part in rest)))

    def objects(self, object_name: str, *rest: str) -> str:
        return self._crm("objects", object_name, *rest)

    def associations(self, from_object: str, to_object: str) -> str:
        """Batch read of links."""
        if self.legacy:
            return f"/crm/v4/associations/{quote(from_object, safe='')}/{quote(to_object, safe='')}/batch/read"
        return self._crm("associations", from_object, to_object, "batch", "read")

    def association_labels(self, from_object: str, to_object: str) -> str:
        """The types of links between two objects, with their labels."""
        if self.legacy:
            return f"/crm/v4/associations/{quote(from_object, safe='')}/{quote(to_object, safe='')}/labels"
        return self._crm("associations", from_object, to_object, "labels")

    def properties(self, object_name: str, *rest: str) -> str:
        return self._crm("properties", object_name, *rest)

    def pipelines(self, object_name: str) -> str:
        return self._crm("pipelines", object_name)

    @property
    def owners(self) -> str:
        return self._crm("owners")

    @property
    def schemas(self) -> str:
        return f"/crm-object-schemas/{self.version}/schemas"

    @property
    def account(self) -> str:
        return f"/account-info/{self.version}/details"

    @property
    def token(self) -> str:
        return f"/oauth/{self.version}/token"

    @property
    def introspect(self) -> str:
        return f"/oauth/{self.version}/token/introspect"

    @property
    def private_app(self) -> str:
        """What a private app's token may do; has no dated path yet."""
        return "/oauth/v2/private-apps/get/access-token-info"
