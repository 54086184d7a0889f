"""What an administrator looks at: tokens and their scopes, the account, calls used, limits near."""

from typing import Any
from zoneinfo import ZoneInfo

from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.hubspot.access import Access
from sandbox.hubspot.api import Api, Call, Reply
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.properties import PER_OBJECT_LIMIT
from sandbox.hubspot.quota import Quota
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import PORTAL_ID, iso
from sandbox.settings import SandboxSettings

PROPERTIES_IN_ALL, CALCULATED_IN_ALL, CUSTOM_TYPES = 10_000, 200, 10
RECORDS_OF_A_TYPE, PIPELINES_OF_A_TYPE, LINKS_OF_A_RECORD, LABELS_OF_A_PAIR = 15_000_000, 100, 50_000, 50


class AccountApi:
    def __init__(
        self,
        api: Api,
        access: Access,
        quota: Quota,
        clock: Clock,
        zone: ZoneInfo,
        records: Records,
        settings: SandboxSettings,
    ) -> None:
        self._api = api
        self._access = access
        self._quota = quota
        self._clock = clock
        self._zone = zone
        self._records = records
        self._settings = settings

    def routes(self) -> list[Route]:
        api, access = self._api, self._access
        versions = ("/oauth/v1", "/oauth/{version:hubspot_version}")
        return [
            *(
                api.open_route("POST", f"{at}/token", lambda sent, v: Reply(body=access.issue(sent, version=v)))
                for at in versions
            ),
            api.open_route(
                "POST",
                "/oauth/{version:hubspot_version}/token/introspect",
                lambda sent, _: Reply(body=access.introspect(sent)),
            ),
            api.open_route(
                "GET", "/oauth/v1/access-tokens/{token}", lambda sent, _: Reply(body=access.describe(sent["token"]))
            ),
            api.open_route(
                "GET",
                "/oauth/v1/refresh-tokens/{token}",
                lambda sent, _: Reply(body=access.describe_refresh(sent["token"])),
            ),
            api.open_route(
                "POST",
                "/oauth/v2/private-apps/get/access-token-info",
                lambda sent, _: Reply(body=access.describe_private(sent)),
            ),
            *api.routes("GET", "account", "/details", self._details),
            *api.routes("GET", "account", "/api-usage/daily/private-apps", self._usage),
            *api.routes("GET", "limits", "/custom-properties", self._properties),
            *api.routes("GET", "limits", "/calculated-properties", self._calculated),
            *api.routes("GET", "limits", "/custom-object-types", self._types),
            *api.routes("GET", "limits", "/records", self._record_counts),
            *api.routes("GET", "limits", "/pipelines", self._pipelines),
            *api.routes("GET", "limits", "/associations/labels", self._labels),
            *api.routes("GET", "limits", "/associations/records/from", lambda _: Reply(body={"results": []})),
            *api.routes("GET", "limits", "/associations/records/{kind}/to", lambda _: Reply(body={"results": []})),
            *api.routes("GET", "limits", "/associations/records/{source}/{target}", self._links),
        ]

    def _details(self, call: Call) -> Reply:
        offset = call.now.astimezone(self._zone).utcoffset()
        assert offset is not None
        minutes = int(offset.total_seconds() // 60)
        return Reply(
            body={
                "portalId": PORTAL_ID,
                "accountType": "STANDARD",
                "timeZone": self._zone.key,
                "companyCurrency": "JPY",
                "additionalCurrencies": [],
                "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
                "utcOffsetMilliseconds": minutes * 60_000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def _usage(self, call: Call) -> Reply:
        used, midnight = self._quota.usage()
        entry = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": self._settings.hubspot_daily_limit,
            "currentUsage": used,
            "collectedAt": iso(call.now),
            "fetchStatus": "SUCCESS",
            "resetsAt": iso(midnight),
        }
        return Reply(body={"results": [entry]})

    def _properties(self, _: Call) -> Reply:
        counts = [(kind, len(self._records.books[kind.name].custom)) for kind in self._records.kinds.all]
        return Reply(
            body=_overall(counts, PROPERTIES_IN_ALL) | {"byObjectType": [_limit(*c, PER_OBJECT_LIMIT) for c in counts]}
        )

    def _calculated(self, _: Call) -> Reply:
        counts = [
            (kind, sum(prop.calculated for prop in self._records.books[kind.name].custom))
            for kind in self._records.kinds.all
        ]
        return Reply(body=_overall(counts, CALCULATED_IN_ALL) | {"byObjectType": [_usage(*c) for c in counts]})

    def _types(self, _: Call) -> Reply:
        used = sum(kind.is_custom for kind in self._records.kinds.all)
        return Reply(body={"limit": CUSTOM_TYPES, "usage": used, "percentage": _share(used, CUSTOM_TYPES)})

    def _record_counts(self, _: Call) -> Reply:
        return self._by_kind(
            [(kind, len(self._records.rows(kind))) for kind in self._records.kinds.all], RECORDS_OF_A_TYPE
        )

    def _pipelines(self, _: Call) -> Reply:
        counts = [(kind, len(self._records.pipelines.of(kind.name))) for kind in self._records.kinds.all]
        return self._by_kind(counts, PIPELINES_OF_A_TYPE)

    @staticmethod
    def _by_kind(counts: list[tuple[ObjectType, int]], limit: int) -> Reply:
        custom = [(kind, n) for kind, n in counts if kind.is_custom]
        body = {
            "hubspotDefinedObjectTypes": [_limit(kind, n, limit) for kind, n in counts if not kind.is_custom],
            "customObjectTypes": _overall(custom, limit) | {"byObjectType": [_usage(*c) for c in custom]},
        }
        return Reply(body=body)

    def _labels(self, call: Call) -> Reply:
        asked = [self._records.kinds.find(n) for n in (call.text("fromObjectTypeId"), call.text("toObjectTypeId")) if n]
        pairs = (
            [tuple(asked)]
            if len(asked) == 2
            else [(self._records.kinds.find("deals"), self._records.kinds.find("companies"))]
        )
        results = []
        for source, target in pairs:
            labels = [
                t.label
                for t in self._records.associations.types(source, target).values()
                if t.category == "USER_DEFINED"
            ]
            results.append(
                {
                    "fromObjectType": _named(source),
                    "toObjectType": _named(target),
                    "allLabels": labels,
                    "usage": len(labels),
                    "limit": LABELS_OF_A_PAIR,
                    "percentage": _share(len(labels), LABELS_OF_A_PAIR),
                }
            )
        return Reply(body={"results": results})

    def _links(self, call: Call) -> Reply:
        for name in ("source", "target"):
            self._records.kinds.find(call.path(name))
        body: dict[str, Any] = {"limit": LINKS_OF_A_RECORD, "totalRecordsAtLimit": 0, "totalRecordsNearLimit": 0}
        return Reply(body=body | {"atLimitFromRecordSamples": [], "nearLimitFromRecordSamples": []})


def _named(kind: ObjectType) -> dict[str, Any]:
    return {"objectTypeId": kind.type_id, "singularLabel": kind.labels[0], "pluralLabel": kind.labels[1]}


def _usage(kind: ObjectType, used: int) -> dict[str, Any]:
    return _named(kind) | {"usage": used}


def _limit(kind: ObjectType, used: int, limit: int) -> dict[str, Any]:
    return _usage(kind, used) | {"limit": limit, "percentage": _share(used, limit)}


def _share(used: int, limit: int) -> float:
    return round(100 * used / limit, 2)


def _overall(counts: list[tuple[ObjectType, int]], limit: int) -> dict[str, Any]:
    used = sum(n for _, n in counts)
    return {"overallLimit": limit, "overallUsage": used, "overallPercentage": _share(used, limit)}
