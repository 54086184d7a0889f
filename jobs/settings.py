"""sakigake.yaml: workspaces, their connections, schedules and guards. Secrets stand in it by reference only."""

import os
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.errors import ConfigError
from models.vocabulary import Crm
from sync.documents import DocumentError, read_document

NAME = r"^[a-z][a-z0-9_]{0,47}$"
PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Settings):
    """Where a secret is: an environment variable, or a file that only its owner may read."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret names exactly one place: `env: VARIABLE` or `file: PATH`")
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
        except OSError as e:
            raise ConfigError(
                f"The secret file {path} cannot be read ({e.strerror}); create it, or change the reference in sakigake.yaml."
            ) from e
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            raise ConfigError(f"The secret file {path} can be read by everybody on this machine; say: chmod 600 {path}")
        if not text:
            raise ConfigError(f"The secret file {path} is empty; put the secret into it.")
        return text


class SalesforceAuth(Settings):
    """Client credentials (`client_secret`), or JWT bearer (`username` and `private_key`)."""

    client_id: str
    client_secret: Secret | None = None
    username: str | None = None
    private_key: Secret | None = None

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

    token: Secret | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None

    @model_validator(mode="after")
    def _one_flow(self) -> "HubspotAuth":
        oauth = None not in (self.client_id, self.client_secret, self.refresh_token)
        if oauth == (self.token is not None):
            raise ValueError("give either `token`, or `client_id`, `client_secret` and `refresh_token`")
        return self


class _Connection(Settings):
    db_schema: str | None = Field(
        None, alias="schema", pattern=NAME, description="schema of the mirror; default: the connection's name"
    )
    daily_budget: int | None = Field(
        None, ge=100, description="API calls a day that we may use; default: what the CRM allows"
    )
    connect_timeout: float = Field(5.0, gt=0, le=60)
    read_timeout: float = Field(60.0, gt=0, le=600)


class SalesforceConnection(_Connection):
    crm: Literal[Crm.SALESFORCE]
    url: str = Field(
        pattern=r"^https?://[^/\s]+/?$", description="the org's My Domain, such as https://acme.my.salesforce.com"
    )
    auth: SalesforceAuth
    api_version: str | None = Field(
        None, pattern=r"^\d\d\.0$", description="default: the newest that the server and we both know"
    )


class HubspotConnection(_Connection):
    crm: Literal[Crm.HUBSPOT]
    url: str = Field("https://api.hubapi.com", pattern=r"^https?://[^/\s]+/?$")
    auth: HubspotAuth
    api_version: str = Field("2026-09", pattern=r"^(v3|20\d\d-\d\d)$")
    ten_second_limit: int = Field(100, ge=10, le=1000)


Connection = Annotated[SalesforceConnection | HubspotConnection, Field(discriminator="crm")]


class Guards(Settings):
    first_plan: Literal["hold", "deliver"] = Field(
        "hold", description="the first plan of all waits for a person, or is delivered"
    )


class Schedule(Settings):
    cycle: str = Field(
        "15m",
        pattern=r"^[1-9]\d{0,3}[smhd]$",
        description="time between the starts of two cycles, such as 90s, 15m, 1h",
    )

    @property
    def cycle_seconds(self) -> int:
        return int(self.cycle[:-1]) * PER_UNIT[self.cycle[-1]]


class WorkspaceSettings(Settings):
    """One company or business unit: its connections, its mapping, its rules."""

    mapping: Path = Path("mapping.yaml")
    connections: dict[Annotated[str, Field(pattern=NAME)], Connection] = Field(min_length=1)
    prefix: str = Field(
        "sakigake", pattern=r"^[a-z][a-z0-9]{1,19}$", description="what the names of our fields in the CRM begin with"
    )
    guards: Guards = Guards()
    schedule: Schedule = Schedule()

    def schema_of(self, connection: str) -> str:
        """The mirror's schema of a connection."""
        return self.connections[connection].db_schema or connection


class Configuration(Settings):
    workspaces: dict[Annotated[str, Field(pattern=NAME)], WorkspaceSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _schemas_apart(self) -> "Configuration":
        taken: dict[str, str] = {
            "sakigake": "our own tables",
            "public": "PostgreSQL",
            "information_schema": "PostgreSQL",
        }
        for name, workspace in self.workspaces.items():
            for connection in workspace.connections:
                schema = workspace.schema_of(connection)
                if schema in taken:
                    raise ValueError(
                        f"connection {connection} of workspace {name} would be mirrored into the schema {schema}, which is taken by {taken[schema]}; give it `schema: another_name`"
                    )
                taken[schema] = f"connection {connection} of workspace {name}"
        return self


def load(path: Path) -> Configuration:
    """Reads sakigake.yaml; ConfigError lists every fault with file and line."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as e:
        raise ConfigError(
            f"There is no {path}; make one with: sakigake init --preset sandbox, or say where it is with --config FILE."
        ) from e
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} cannot be read as UTF-8 text ({e}).") from e
    try:
        return read_document(text, str(path), Configuration)
    except DocumentError as e:
        raise ConfigError(str(e)) from e
