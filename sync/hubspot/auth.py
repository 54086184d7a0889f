"""How a connection proves who it is: a token of a private app or service key, or OAuth with a refresh token."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.errors import BadReply, LoginRefused, Reauthenticate
from sync.hubspot.replies import Refused

REFUSED_FOR = 30.0  # seconds for which a refusal holds for all threads
EARLY = 60.0  # seconds before its end at which a token is no longer used


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The token of a private app or service key: it does not expire, and nothing can renew it."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthRefresh:
    """A public app's grant: access tokens of about 30 minutes are got with it."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


Exchange = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Sends a form to the token endpoint and returns its reply."""


class Session:
    """The token in use. Any number of threads may ask; however many find it expired, one refresh is made."""

    def __init__(self, auth: AccessToken | OAuthRefresh, exchange: Exchange, monotonic: Callable[[], float]) -> None:
        self._auth = auth
        self._exchange = exchange
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: str | None = auth.token if isinstance(auth, AccessToken) else None
        self._ends = float("inf")
        self._refused: tuple[LoginRefused, float] | None = None
        # a refresh may bring a new refresh token, and then the old one is void
        self._refresh_token = auth.refresh_token if isinstance(auth, OAuthRefresh) else ""

    @property
    def renewable(self) -> bool:
        return isinstance(self._auth, OAuthRefresh)

    def token(self) -> str:
        """A token that should be valid; logs in where there is none yet or it is about to end."""
        with self._lock:
            if self._token is None or self._monotonic() >= self._ends:
                self._renew()
            assert self._token is not None
            return self._token

    def renew(self, refused: str | None) -> None:
        """Replaces the token that was refused, unless another thread already did."""
        with self._lock:
            if self._token == refused or self._token is None:
                self._renew()

    def _renew(self) -> None:
        if not isinstance(self._auth, OAuthRefresh):
            raise LoginRefused(
                "HubSpot does not accept the access token.",
                remedy="Give a valid token: HubSpot, Settings, Integrations, your app or service key.",
                status=401,
            )
        if self._refused is not None and self._monotonic() < self._refused[1]:
            raise self._refused[0]
        self._token = None
        try:
            reply = self._exchange(
                {
                    "grant_type": "refresh_token",
                    "client_id": self._auth.client_id,
                    "client_secret": self._auth.client_secret,
                    "refresh_token": self._refresh_token,
                }
            )
        except (Refused, Reauthenticate) as refused:
            error = LoginRefused(
                f"HubSpot refused to renew the login ({refused.status}{f', {refused.code}' if refused.code else ''}).",
                remedy="Check client id and secret, and install the app again to get a new refresh token.",
                status=refused.status,
                code=refused.code,
            )
            self._refused = error, self._monotonic() + REFUSED_FOR
            raise error from refused
        token = reply.get("access_token")
        if not isinstance(token, str) or not token:
            raise BadReply(
                "HubSpot's token endpoint answered without an access token.", remedy="Check the connection's url."
            )
        lasts = reply.get("expires_in")
        self._ends = (
            self._monotonic() + max(float(lasts) - EARLY, EARLY) if isinstance(lasts, (int, float)) else float("inf")
        )
        newer = reply.get("refresh_token")
        if isinstance(newer, str) and newer:
            self._refresh_token = newer
        self._token = token
