"""sakigake.yaml: workspaces, their connections, schedules and guards. Secrets stand in it by reference only."""

import os
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from jobs.errors import ConfigError
from jobs.settings_base import Settings
from jobs.settings_numbers import Assumed
from models.vocabulary import LISTS, Crm
from sync.documents import DocumentError, Problem, problems_of, read_document

NAME = r"^[a-z][a-z0-9_]{0,47}$"
NAME_IS = "a name of small letters, digits and _, beginning with a letter, at most 48 long"
MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"
DAYS = r"^20\d\d-\d\d-\d\d(\.\.20\d\d-\d\d-\d\d)?$"
ADDRESS = r"^https?://[^/\s@?#]+/?$"
SPAN = r"^[1-9]\d{0,3}[smhd]$"
PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}
OURS = {"sakigake": "our own tables", "public": "PostgreSQL", "information_schema": "PostgreSQL"}


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


def seconds_of(span: str) -> int:
    """Seconds of a length of time such as 90s, 15m, 1h, 7d."""
    return int(span[:-1]) * PER_UNIT[span[-1]]


class Guards(Settings):
    """What makes a plan wait for a person, and who that may be."""

    noun: ClassVar[str] = "guards"
    first_plan: Literal["hold", "deliver"] = Field(
        "hold", description="the first plan of all waits for a person, or is delivered"
    )
    first_mapping: Literal["hold", "activate"] = Field(
        "hold", description="the first version of the mapping waits for a person, or comes into force by itself"
    )
    records_changed: float = Field(0.5, gt=0, le=1, description="share of the mapped records that one plan may change")
    tiers_moved: float = Field(0.3, gt=0, le=1, description="share of the partners whose tier one plan may move")
    emptied: float = Field(0.1, gt=0, le=1, description="share of a field's values that one plan may empty")
    created: int = Field(200, ge=1, description="records that one list may make in the CRMs without asking")
    freshness: str = Field(
        "6h", pattern=SPAN, description="how far the mirror may lag behind the CRM's clock, such as 90m, 6h, 1d"
    )
    proof: str = Field(
        "7d",
        pattern=r"^(off|[1-9]\d{0,3}[smhd])$",
        description="how old the proof of completeness may be, such as 24h, 7d, or off",
    )
    miscalibrated: Literal["hold", "deliver"] = Field(
        "hold", description="plans with forecasts that past ones speak against wait for a person, or are delivered"
    )
    plan_expires: str = Field(
        "72h", pattern=SPAN, description="how long a plan may wait before a person applies it, such as 8h, 3d"
    )
    person_edits: Literal["overwrite", "keep", "ask"] = Field(
        "overwrite", description="what becomes of a value that a person wrote over ours"
    )
    keep_days: int = Field(30, ge=1, le=3650, description="days for which it is kept where person_edits is keep")
    two_persons: bool = Field(
        False, description="a held plan is applied by another person than the one who activated the mapping"
    )


class Schedule(Settings):
    noun: ClassVar[str] = "schedule"
    cycle: str = Field(
        "15m",
        pattern=r"^[1-9]\d{0,3}[smhd]$",
        description="time between the starts of two cycles, such as 90s, 15m, 1h",
    )
    reconcile: str = Field(
        "24h",
        pattern=r"^[1-9]\d{0,3}[smhd]$",
        description="time between two sweeps that compare the mirror with the CRMs record by record, such as 6h, 24h, 7d",
    )

    @property
    def cycle_seconds(self) -> int:
        return seconds_of(self.cycle)

    @property
    def reconcile_seconds(self) -> int:
        return seconds_of(self.reconcile)


class Calendar(Settings):
    noun: ClassVar[str] = "calendar"
    holidays: str = Field(
        "JP", pattern=r"^([A-Z]{2}|none)$", description="the country whose holidays are days off, such as JP, or none"
    )
    closures: list[Annotated[str, Field(pattern=DAYS)]] = Field(
        default_factory=list,
        description="days off of the company, as YYYY-MM-DD, or YYYY-MM-DD..YYYY-MM-DD with both ends included",
    )

    @model_validator(mode="after")
    def _real_days(self) -> "Calendar":
        list(self.closed_days())
        return self

    def closed_days(self) -> Iterator[date]:
        """Every day named by `closures`; ValueError for one that is none, or for a span that ends before it begins."""
        for text in self.closures:
            first, _, last = text.partition("..")
            try:
                start, end = date.fromisoformat(first), date.fromisoformat(last or first)
            except ValueError as e:
                raise ValueError(f"{text} is no day of the calendar; write YYYY-MM-DD or YYYY-MM-DD..YYYY-MM-DD") from e
            if end < start or (end - start).days > 366:
                raise ValueError(
                    f"{text} ends before it begins, or lasts over a year; write the first day, then the last"
                )
            yield from (start + timedelta(days=n) for n in range((end - start).days + 1))


class Targets(Settings):
    noun: ClassVar[str] = "targets"
    deals: int | None = Field(
        None, ge=0, le=1_000_000, description="deals wanted in a month that `months` does not name"
    )
    months: dict[Annotated[str, Field(pattern=MONTH)], Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default_factory=dict, description="deals wanted by month, such as {2026-12: 25}"
    )
    capacity: dict[str, Annotated[float, Field(ge=0, le=1_000_000)]] = Field(
        default_factory=dict, description="entries a week that can be listed at most, by partner type"
    )

    def deals_in(self, day: date) -> int | None:
        """The deals wanted in the month of that day; None where nobody has said."""
        return self.months.get(f"{day:%Y-%m}", self.deals)


class WorkspaceSettings(Settings):
    """One company or business unit: its connections, its mapping, its rules."""

    noun: ClassVar[str] = "a workspace"
    mapping: Path = Field(
        Path("mapping.yaml"), description="the mapping's file; relative ones count from the configuration's folder"
    )
    connections: dict[Annotated[str, Field(pattern=NAME, description=NAME_IS)], Connection] = Field(min_length=1)
    prefix: str = Field(
        "sakigake",
        pattern=r"^[a-z][a-z0-9]{1,19}$",
        description="a word of 2 to 20 small letters and digits, beginning with a letter",
    )
    team: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="people who look after partners; more than ten contacts a week each is a warning",
    )
    guards: Guards = Guards()
    alerts: list[Secret] = Field(
        default_factory=list, description="addresses that hear of held plans, in Apprise's form, each a secret"
    )
    schedule: Schedule = Schedule()
    calendar: Calendar = Calendar()
    targets: Targets = Targets()
    assumptions: Assumed = Assumed()
    lists_schema: str = Field(
        LISTS, pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="the schema of imported lists in PostgreSQL"
    )

    @model_validator(mode="after")
    def _lists_is_taken(self) -> "WorkspaceSettings":
        if LISTS in self.connections:
            raise ValueError(f"'{LISTS}' is the name of imported lists; give the connection another name")
        return self

    def at_once(self) -> dict[str, int]:
        """Objects that are read at the same time, by connection."""
        return {name: given.objects_at_once for name, given in self.connections.items()}

    def schema_of(self, connection: str) -> str:
        """The mirror's schema of a connection, or of imported lists."""
        if connection == LISTS:
            return self.lists_schema
        return self.connections[connection].db_schema or connection


class Configuration(Settings):
    noun: ClassVar[str] = "the configuration"
    workspaces: dict[Annotated[str, Field(pattern=NAME, description=NAME_IS)], WorkspaceSettings] = Field(min_length=1)


def load(path: Path) -> Configuration:
    """Reads sakigake.yaml; ConfigError lists every fault with file and line."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as e:
        raise ConfigError(
            f"There is no {path}; make one with: sakigake init --preset sandbox, or say where it is with --config FILE."
        ) from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8.") from e
    except OSError as e:
        raise ConfigError(
            f"{path} cannot be read ({e.strerror}); say with --config FILE where the configuration is."
        ) from e
    try:
        return read(text, str(path))
    except DocumentError as e:
        raise ConfigError(str(e)) from e


def read(text: str, filename: str = "sakigake.yaml") -> Configuration:
    """The configuration that the text says. DocumentError with all that is wrong, each with its line."""
    document = read_document(text, filename)
    if not isinstance(document.data, dict):
        what = "is empty" if document.data is None else "holds no keys with values"
        raise DocumentError([Problem(filename, 1, f"the file {what}; it starts with workspaces:")])
    try:
        configuration = Configuration.model_validate(document.data)
    except ValidationError as e:
        raise DocumentError(problems_of(e, Configuration, document)) from None
    problems = [Problem(filename, document.line(path), said) for path, said in _schemas_taken(configuration)]
    if problems:
        raise DocumentError(problems)
    return configuration


def _schemas_taken(configuration: Configuration) -> Iterator[tuple[tuple[str, ...], str]]:
    """Connections that would be mirrored into a schema which is not theirs."""
    taken = dict(OURS)
    for name, workspace in configuration.workspaces.items():
        for connection in workspace.connections:
            schema = workspace.schema_of(connection)
            if schema in taken or schema.startswith("pg_"):
                whose = taken.get(schema, "PostgreSQL")
                yield (
                    ("workspaces", name, "connections", connection, "schema"),
                    f"the schema {schema} is taken by {whose}, and connection {connection} of workspace {name} would be mirrored into it; give it `schema: another_name`",
                )
            taken.setdefault(schema, f"connection {connection} of workspace {name}")
