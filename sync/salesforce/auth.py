"""How the integration user proves who it is: by a client secret, or by a signed assertion. SOAP login ends in 2027 and is left out."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import jwt

from sync.errors import BadReply, LoginRefused, SyncError

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105  (a path)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The client-credentials flow of a connected app: the app's own integration user."""

    client_id: str
    client_secret: str = field(repr=False)

    def form(self, now: datetime) -> dict[str, str]:  # noqa: ARG002  (one shape for both ways)
        return {"grant_type": "client_credentials"}

    def headers(self) -> dict[str, str]:
        pair = f"{self.client_id}:{self.client_secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """The JWT bearer flow: `private_key` is PEM. `audience` is https://test.salesforce.com for a Salesforce sandbox."""

    client_id: str
    username: str
    private_key: str = field(repr=False)
    audience: str = "https://login.salesforce.com"

    def form(self, now: datetime) -> dict[str, str]:
        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int(now.timestamp()) + 180,  # the CRM refuses more than three minutes
        }
        try:
            assertion = jwt.encode(claims, self.private_key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as e:
            raise LoginRefused(
                "The private key for the JWT login cannot be used.",
                remedy="Give an unencrypted RSA private key in PEM form, whose certificate the connected app holds.",
            ) from e
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    def headers(self) -> dict[str, str]:
        return {}


Auth = ClientCredentials | JwtBearer


@dataclass(frozen=True, slots=True)
class Token:
    """A session of the integration user."""

    value: str = field(repr=False)
    instance: str  # scheme and host, as the reply said
    organisation: str
    user: str
    scopes: tuple[str, ...] = ()


def token_from(reply: Any, url: str) -> Token:
    """The session that a login reply grants; BadReply where it names a host that is not Salesforce's."""
    if not isinstance(reply, Mapping) or not isinstance(reply.get("access_token"), str) or not reply["access_token"]:
        raise BadReply(
            "The login was answered without an access token.",
            remedy=f"Check that {url} is the My Domain address of the Salesforce organisation.",
        )
    instance = str(reply.get("instance_url") or url)
    if not trusted(instance, url):
        raise BadReply(
            f"The login reply sends us to {urlsplit(instance).hostname}, which is neither the configured host nor Salesforce's.",
            remedy="Set `url` to the organisation's My Domain address; nothing was sent to the other host.",
        )
    # https://login.salesforce.com/id/00D.../005...
    parts = str(reply.get("id") or "").rstrip("/").split("/")
    organisation, user = (parts[-2], parts[-1]) if len(parts) >= 2 else ("", "")
    return Token(reply["access_token"], instance, organisation, user, tuple(str(reply.get("scope") or "").split()))


def trusted(instance: str, url: str) -> bool:
    """Whether a token may be sent there: the configured host, or one of Salesforce's over https."""
    there, here = urlsplit(instance), urlsplit(url)
    if (there.hostname, there.port) == (here.hostname, here.port):
        return there.scheme in {here.scheme, "https"}
    host = there.hostname or ""
    return here.scheme == "https" and there.scheme == "https" and host.endswith((".salesforce.com", ".force.com"))


_REFUSALS = {
    "invalid_client_id": (
        "Salesforce does not know this client id",
        "Copy the consumer key from Setup > App Manager; a new connected app takes up to ten minutes to be known.",
    ),
    "invalid_client": (
        "Salesforce refused the client secret",
        "It is wrong, or it has been rotated: copy the present consumer secret from Setup > App Manager.",
    ),
    "invalid_client_credentials": (
        "Salesforce refused the client secret",
        "It is wrong, or it has been rotated: copy the present consumer secret from Setup > App Manager.",
    ),
    "invalid_grant": (
        "Salesforce refused to log the integration user in",
        "Check that the user is active, approved for the connected app, and, for JWT, that the certificate and the audience are right.",
    ),
    "inactive_user": ("The integration user is inactive", "Activate it in Setup > Users."),
    "inactive_org": ("The Salesforce organisation is locked or closed", "Ask its administrator."),
    "unsupported_grant_type": (
        "The connected app does not allow this way of logging in",
        "Enable the client-credentials flow, or use JWT, in the connected app's OAuth settings.",
    ),
    "unauthorized_client": (
        "The connected app does not allow this way of logging in",
        "Enable the client-credentials flow and choose its run-as user in the connected app's policies.",
    ),
}


def refusal(status: int, reply: Any) -> SyncError:
    """What a refused login means. Only Salesforce's own code is quoted: a description may name the user."""
    code = str(reply.get("error") or "") if isinstance(reply, Mapping) else ""
    said, remedy = _REFUSALS.get(
        code,
        ("Salesforce refused the login", "Check the client id, the secret and the connected app's policies."),
    )
    shown = f" ({code}, HTTP {status})." if code in _REFUSALS else f" (HTTP {status})."
    return LoginRefused(said + shown, remedy=remedy, status=status, code=code or None)
