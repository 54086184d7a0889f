"""How sakigake.yaml says where a CRM is and how to log in. Secrets stand in it by reference only."""

import os
import stat
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from jobs.errors import ConfigError
from jobs.settings_base import NAME, NAME_IS, Settings
from models.vocabulary import Crm

ADDRESS = r"^https?://[^/\s@?#]+/?$"


class Secret(Settings):
    """Where a secret is: an environment variable, or a file that only its owner may read."""

    noun: ClassVar[str] = "a secret"
    written: ClassVar[str] = "{env: VARIABLE} or {file: PATH}, never the secret itself"
    secretive: ClassVar[bool] = True
    env: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of an environment variable"
    )
    file: Path | None = Field(
        None, description="a file that only its owner may read; relative ones count from the configuration's folder"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret names exactly one place, {env: VARIABLE} or {file: PATH}")
        return self

    def read(self, folder: Path) -> str:
        """The secret itself; relative files count from the configuration's folder. ConfigError tells what is wrong with its place."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
            if not value:
                raise ConfigError(
                    f"The environment variable {self.env} is not set; put the secret there, or change the reference in sakigake.yaml."
                )
            return value.strip()
        assert self.file is not None
        path = self.file if self.file.is_absolute() else folder / self.file
        try:
            mode = path.stat().st_mode
            text = path.read_text("utf-8").strip()
        except UnicodeDecodeError as e:
            raise ConfigError(
                f"The secret file {path} is not UTF-8 text; put the secret alone into it, as text."
            ) from e
        except (OSError, ValueError) as e:
            why = e.strerror if isinstance(e, OSError) else "its name is no name of a file"
            raise ConfigError(
                f"The secret file {path} cannot be read ({why}); create it, or change the reference in sakigake.yaml."
            ) from e
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            raise ConfigError(f"The secret file {path} can be read by everybody on this machine; say: chmod 600 {path}")
        if not text:
            raise ConfigError(f"The secret file {path} is empty; put the secret into it.")
        return text


class SalesforceAuth(Settings):
    """Client credentials (`client_secret`), or JWT bearer (`username` and `private_key`)."""

    noun: ClassVar[str] = "auth of Salesforce"
    secretive: ClassVar[bool] = True
    client_id: str = Field(min_length=1, description="the connected app's consumer key")
    client_secret: Secret | None = Field(None, description="the connected app's consumer secret")
    username: str | None = Field(None, description="the integration user, for JWT bearer")
    private_key: Secret | None = Field(None, description="the PEM key that signs the JWT")

    @model_validator(mode="after")
    def _one_flow(self) -> "SalesforceAuth":
        jwt = self.username is not None and self.private_key is not None
        if jwt == (self.client_secret is not None):
            raise ValueError(
                "give either `client_secret` (client credentials), or `username` and `private_key` (JWT bearer)"
            )
        return self


class HubspotAuth(Settings):
    """A service key or private app token (`token`), or an OAuth app (`client_id`, `client_secret`, `refresh_token`)."""

    noun: ClassVar[str] = "auth of HubSpot"
    secretive: ClassVar[bool] = True
    token: Secret | None = Field(None, description="a service key or private app token")
    client_id: str | None = Field(None, description="an OAuth app's client id")
    client_secret: Secret | None = Field(None, description="the OAuth app's client secret")
    refresh_token: Secret | None = Field(None, description="the OAuth app's refresh token")

    @model_validator(mode="after")
    def _one_flow(self) -> "HubspotAuth":
        oauth = None not in (self.client_id, self.client_secret, self.refresh_token)
        if oauth == (self.token is not None):
            raise ValueError("give either `token`, or `client_id`, `client_secret` and `refresh_token`")
        return self


def _choice(value: Any) -> Any:
    named = isinstance(value, list) and value and all(isinstance(name, str) and name for name in value)
    if value in ("mapped", "all") or named:
        return value
    raise ValueError(f"{value!r} is not understood; write mapped, all, or a list of field names")


def _threshold(value: Any) -> Any:
    if value == "never":
        return None
    if isinstance(value, str | bool | None):
        shown = "nothing" if value is None else repr(value)
        raise ValueError(f"{shown} is not understood; write a number of records, or never")  # noqa: TRY004 - pydantic's
    return value


FieldChoice = Annotated[str | list[str], BeforeValidator(_choice)]


class _Connection(Settings):
    noun: ClassVar[str] = "a connection"
    db_schema: str | None = Field(None, alias="schema", pattern=NAME, description=NAME_IS)
    daily_budget: int | None = Field(
        None, ge=100, description="API calls a day that we may use; default: what the CRM allows"
    )
    fields: str = Field(
        "mapped",
        pattern=r"^(mapped|all)$",
        description="which fields of the mapped objects are mirrored: those that the mapping reads (mapped), or all",
    )
    mirror: dict[str, FieldChoice] = Field(
        default_factory=dict,
        description="by object, also one that no rule reads: mapped, all, or a list of fields besides the mapped ones",
    )
    objects_at_once: int = Field(
        3, ge=1, le=10, description="objects of this connection that are read at the same time"
    )
    connect_timeout: float = Field(5.0, gt=0, le=60, description="seconds until a connection must stand")
    read_timeout: float = Field(60.0, gt=0, le=600, description="seconds that a reply may keep us waiting")
    retry_for: float = Field(
        180.0, ge=0, le=3600, description="seconds for which one call is tried again where that may help"
    )


class SalesforceConnection(_Connection):
    noun: ClassVar[str] = "a connection to Salesforce"
    crm: Literal[Crm.SALESFORCE]
    url: str = Field(pattern=ADDRESS, description="the org's My Domain, such as https://acme.my.salesforce.com")
    auth: SalesforceAuth
    api_version: str | None = Field(None, pattern=r"^\d\d\.0$", description="a version such as 66.0")
    bulk_threshold: Annotated[int | None, BeforeValidator(_threshold)] = Field(
        20_000, ge=1, le=1_000_000_000, description="records from which a reading goes by Bulk API, or never"
    )
    bulk_page: int = Field(
        50_000, ge=1_000, le=1_000_000, description="records of a bulk job that are fetched and stored at once"
    )
    bulk_patience: int = Field(300, ge=0, le=86_400, description="seconds that one run waits for a bulk job")
    bulk_deadline: int = Field(
        43_200, ge=60, le=604_800, description="seconds after which a bulk job that is not done is given up"
    )


class HubspotConnection(_Connection):
    noun: ClassVar[str] = "a connection to HubSpot"
    crm: Literal[Crm.HUBSPOT]
    url: str = Field("https://api.hubapi.com", pattern=ADDRESS, description="an address such as https://api.hubapi.com")
    auth: HubspotAuth
    api_version: str = Field(
        "2026-09", pattern=r"^(v3|20\d\d-\d\d)$", description="v3 or a dated version such as 2026-09"
    )
    ten_second_limit: int = Field(100, ge=10, le=1000, description="calls in ten seconds that we may use")


Connection = Annotated[SalesforceConnection | HubspotConnection, Field(discriminator="crm")]
