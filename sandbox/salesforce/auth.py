"""/services/oauth2: tokens for JWT bearer, client credentials and username-password, and who holds one."""

import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import jwt
from jwt.types import Options

from sandbox.salesforce import stamps
from sandbox.salesforce.errors import OAuthError
from sandbox.salesforce.org import Org

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "api refresh_token"
_LONGEST_ASSERTION_S = 300


class Tokens:
    """The sessions of this org. They end after real seconds, whatever the sandbox's clock does."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._ends: dict[str, float] = {}

    def valid(self, token: str) -> bool:
        return self._ends.get(token, 0.0) > time.monotonic()

    def expire_all(self) -> None:
        self._ends.clear()

    def revoke(self, token: str) -> None:
        self._ends.pop(token, None)

    def issue(self, form: Mapping[str, str], authorization: str, base_url: str) -> dict[str, Any]:
        """The reply to a token request; OAuthError where the credentials are not right."""
        match form.get("grant_type"):
            case "client_credentials":
                self._check_client(form, authorization)
            case "password":
                self._check_client(form, authorization)
                settings = self._org.settings
                if (form.get("username"), form.get("password")) != (
                    settings.salesforce_username,
                    settings.salesforce_password,
                ):
                    raise OAuthError("invalid_grant", "authentication failure")
            case grant if grant == JWT_BEARER:
                self._check_assertion(form.get("assertion", ""), base_url)
            case _:
                raise OAuthError("unsupported_grant_type", "grant type not supported")
        return self._grant(base_url, with_signature=form.get("grant_type") != JWT_BEARER)

    def _check_client(self, form: Mapping[str, str], authorization: str) -> None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.lower().startswith("basic "):
            try:
                pair = base64.b64decode(authorization[6:], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise OAuthError("invalid_client", "invalid client credentials") from None
            client, _, secret = pair.partition(":")
            client, secret = unquote_plus(client), unquote_plus(secret)
        if client != self._org.settings.salesforce_client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not secrets.compare_digest(secret.encode(), self._org.settings.salesforce_client_secret.encode()):
            raise OAuthError("invalid_client", "invalid client credentials")

    def _check_assertion(self, assertion: str, base_url: str) -> None:
        key = self._org.settings.salesforce_jwt_public_key
        try:
            header = jwt.get_unverified_header(assertion)
            if header.get("alg") != "RS256":
                raise OAuthError("invalid_grant", "invalid assertion")
            options: Options = {"verify_exp": False, "verify_aud": False, "verify_signature": key is not None}
            claims = jwt.decode(assertion, key=key or "", algorithms=["RS256"], options=options)
            ends = int(claims.get("exp", 0))
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise OAuthError("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != self._org.settings.salesforce_client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not _right_audience(claims.get("aud"), base_url):
            raise OAuthError("invalid_grant", "audience is invalid")
        now = time.time()
        if ends <= now or ends > now + _LONGEST_ASSERTION_S:
            raise OAuthError("invalid_grant", "expired authorization code")
        if claims.get("sub") != self._org.settings.salesforce_username:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")

    def _grant(self, base_url: str, *, with_signature: bool) -> dict[str, Any]:
        token = f"{self._org.organization_id[:15]}!{secrets.token_urlsafe(48)}"
        self._ends[token] = time.monotonic() + self._org.settings.salesforce_token_lifetime_s
        reply = {
            "access_token": token,
            "scope": SCOPE,
            "instance_url": base_url,
            "id": self.identity_url(base_url),
            "token_type": "Bearer",
        }
        if with_signature:
            issued = str(int(time.time() * 1000))
            digest = hashlib.sha256((reply["id"] + issued).encode()).digest()
            reply |= {"issued_at": issued, "signature": base64.b64encode(digest).decode()}
        return reply

    def identity_url(self, base_url: str) -> str:
        return f"{base_url}/id/{self._org.organization_id}/{self._org.user_id}"

    def who_am_i(self, base_url: str) -> dict[str, Any]:
        """The userinfo reply; the identity URL shows the same."""
        user = self._org.store.table("User")[self._org.user_id]
        return {
            "sub": self.identity_url(base_url),
            "id": self.identity_url(base_url),
            "user_id": self._org.user_id,
            "organization_id": self._org.organization_id,
            "preferred_username": user.fields["Username"],
            "username": user.fields["Username"],
            "nickname": user.fields["Alias"],
            "name": user.fields["LastName"],
            "email": user.fields["Email"],
            "email_verified": True,
            "zoneinfo": "Asia/Tokyo",
            "urls": {
                "rest": f"{base_url}/services/data/v{{version}}/",
                "query": f"{base_url}/services/data/v{{version}}/query/",
                "sobjects": f"{base_url}/services/data/v{{version}}/sobjects/",
            },
            "active": True,
            "user_type": "STANDARD",
            "language": "ja",
            "locale": "ja_JP",
            "utcOffset": 32400000,
            "updated_at": stamps.bulk(user.modified_at),
            "is_salesforce_integration_user": True,
        }


def _right_audience(audience: Any, base_url: str) -> bool:
    text = str(audience).rstrip("/")
    return text == base_url or (text.startswith("https://") and text.endswith(".salesforce.com"))
