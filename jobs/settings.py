"""sakigake.yaml: workspaces, their connections, schedules and guards. Secrets stand in it by reference only."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator

from jobs.errors import ConfigError
from jobs.settings_base import NAME, NAME_IS, Settings
from jobs.settings_connections import Connection, Secret
from jobs.settings_numbers import Assumed
from models.vocabulary import LISTS
from sync.documents import DocumentError, Problem, problems_of, read_document

MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"
DAYS = r"^20\d\d-\d\d-\d\d(\.\.20\d\d-\d\d-\d\d)?$"
SPAN = r"^[1-9]\d{0,3}[smhd]$"
PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}
OURS = {"sakigake": "our own tables", "public": "PostgreSQL", "information_schema": "PostgreSQL"}


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
    mix: dict[str, Annotated[float, Field(ge=0, le=1_000_000)]] = Field(
        default_factory=dict,
        description="weights of new entries by partner type, of any scale, such as {legacy: 3, growth1: 1}; by default as they were listed of late",
    )

    @model_validator(mode="after")
    def _something_is_listed(self) -> "Targets":
        if self.mix and not any(self.mix.values()):
            raise ValueError(
                f"mix is 0 for {', '.join(self.mix)}; give one partner type or more a weight above 0, or leave mix out to take the entries of late"
            )
        return self

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
