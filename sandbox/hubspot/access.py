"""Who may call what: bearer tokens, OAuth tokens that expire, scopes."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot.errors import HubspotError, not_found
from sandbox.hubspot.wire import APP_ID, PORTAL_ID
from sandbox.settings import SandboxSettings

_OBJECTS = ("companies", "contacts", "deals", "custom")
ALL_SCOPES = (
    "oauth",
    "crm.objects.owners.read",
    *(
        f"crm.{what}.{name}.{right}"
        for what in ("objects", "schemas")
        for name in _OBJECTS
        for right in ("read", "write")
    ),
)
USER_ID, DOMAIN, USER = 5150001, "sandbox.invalid", "integration@sandbox.invalid"


@dataclass(slots=True)
class Principal:
    """Who is calling, and what it was granted."""

    token: str
    scopes: tuple[str, ...]
    private: bool  # a private app or service key, in contrast to an OAuth app
    expires: float = field(default=float("inf"))  # monotonic seconds

    def need(self, scope: str | None) -> None:
        """403 unless the scope was granted."""
        if scope is not None and scope not in self.scopes:
            raise HubspotError(
                403,
                "One or more of the following scopes are required.",
                "MISSING_SCOPES",
                context={"requiredGranularScopes": [scope], "links": ["https://developers.hubspot.com/scopes"]},
            )


class Access:
    """The tokens of the portal. Expiry runs on real seconds."""

    def __init__(self, settings: SandboxSettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self.scopes = tuple(ALL_SCOPES if settings.hubspot_scopes is None else settings.hubspot_scopes)
        self._issued: dict[str, Principal] = {}

    def principal(self, authorization: str | None) -> Principal:
        """The caller of a bearer token; 401 for none, an unknown or an expired one."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and token:
            if token == self._settings.hubspot_token:
                return Principal(token, self.scopes, private=True)
            known = self._issued.get(token)
            if known is not None:
                self._check_age(known)
                return known
        raise HubspotError(
            401,
            "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
            "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            "INVALID_AUTHENTICATION",
        )

    def _check_age(self, known: Principal) -> None:
        late = self._monotonic() - known.expires
        if late >= 0:
            raise HubspotError(
                401,
                f"The OAuth token used to make this call expired {int(late)} second(s) ago.",
                "EXPIRED_AUTHENTICATION",
            )

    def expire_all(self) -> None:
        """Ends every OAuth access token now; the refresh token stays good."""
        for known in self._issued.values():
            known.expires = self._monotonic()

    def issue(self, form: Mapping[str, Any], *, version: str) -> dict[str, Any]:
        """A new access token for the refresh token (or, from v3 on, for the client's credentials)."""
        asked, settings = form.get("grant_type"), self._settings
        if form.get("client_id") != settings.hubspot_client_id:
            raise HubspotError(400, "missing or unknown client id", status="BAD_CLIENT_ID")
        if form.get("client_secret") != settings.hubspot_client_secret:
            raise HubspotError(400, "missing or invalid client secret", status="BAD_CLIENT_SECRET")
        modern = version != "v1"
        if asked == "refresh_token":
            if form.get("refresh_token") != settings.hubspot_refresh_token:
                raise HubspotError(400, "missing or invalid refresh token", status="BAD_REFRESH_TOKEN")
        elif not (modern and asked == "client_credentials"):
            raise HubspotError(400, f"grant_type {asked} is not supported; use refresh_token", status="BAD_GRANT_TYPE")
        token = f"CM{secrets.token_urlsafe(40)}"
        lifetime = settings.hubspot_token_lifetime_s
        self._issued = {t: p for t, p in self._issued.items() if self._monotonic() < p.expires + 3600}
        self._issued[token] = Principal(token, self.scopes, private=False, expires=self._monotonic() + lifetime)
        reply: dict[str, Any] = {"token_type": "bearer", "access_token": token, "expires_in": int(lifetime)}
        if asked == "refresh_token":
            reply["refresh_token"] = settings.hubspot_refresh_token
        if modern:
            use = "access_token" if asked == "refresh_token" else "client_credentials"
            reply |= {"token_use": use, "hub_id": PORTAL_ID, "user_id": USER_ID, "scopes": list(self.scopes)}
        return reply

    def describe(self, token: str) -> dict[str, Any]:
        """GET /oauth/v1/access-tokens/{token}: whose it is and what it may do."""
        known = self._issued.get(token)
        if known is None:
            raise not_found("Access token is unknown or has expired")
        self._check_age(known)
        return {
            "token": token,
            "user": USER,
            "hub_domain": DOMAIN,
            "scopes": list(known.scopes),
            "hub_id": PORTAL_ID,
            "app_id": int(APP_ID),
            "expires_in": int(known.expires - self._monotonic()),
            "user_id": USER_ID,
            "token_type": "access",
        }

    def describe_refresh(self, token: str) -> dict[str, Any]:
        if token != self._settings.hubspot_refresh_token:
            raise not_found("Refresh token is unknown")
        return {
            "token": token,
            "user": USER,
            "hub_domain": DOMAIN,
            "scopes": list(self.scopes),
            "hub_id": PORTAL_ID,
            "client_id": self._settings.hubspot_client_id,
            "user_id": USER_ID,
            "token_type": "refresh",
        }

    def introspect(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """POST /oauth/{version}/token/introspect, for OAuth tokens of either kind."""
        token = str(form.get("token") or "")
        known = self._issued.get(token)
        shared = {"token": token, "hub_id": PORTAL_ID, "app_id": int(APP_ID), "user_id": USER_ID, "user": USER}
        shared |= {"client_id": self._settings.hubspot_client_id, "hub_domain": DOMAIN, "token_type": "bearer"}
        if token == self._settings.hubspot_refresh_token:
            return {"active": True, "token_use": "refresh_token", "scopes": list(self.scopes)} | shared
        if known is None or self._monotonic() >= known.expires:
            return {"active": False}
        seconds = int(known.expires - self._monotonic())
        return {
            "active": True,
            "token_use": "access_token",
            "scopes": list(known.scopes),
            "expires_in": seconds,
        } | shared

    def describe_private(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST /oauth/v2/private-apps/get/access-token-info: the scopes of a private app's or service key's token."""
        if body.get("tokenKey") != self._settings.hubspot_token:
            raise not_found("No private app access token was found for the given key")
        return {"userId": USER_ID, "hubId": PORTAL_ID, "appId": int(APP_ID), "scopes": list(self.scopes)}
