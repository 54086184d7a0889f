"""Puts the parts together: the one place that knows which connector, database and clock a workspace runs on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine

from jobs.errors import ConfigError
from jobs.settings import Configuration, WorkspaceSettings
from jobs.settings_connections import HubspotConnection, SalesforceConnection
from models.catalogue import fields_of
from sync.connector import Connector
from sync.mapping.depends import by_object
from sync.mapping.grammar import Mapping as Rules
from sync.mapping.loading import Looked, look_through
from sync.mapping.needs import needs
from sync.mapping.partners import UNCLASSIFIED
from sync.mapping.problems import MappingError
from sync.records import ReadSpec

if TYPE_CHECKING:
    from sync.mirror.pull import Pull

Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


def connect_with(engine: Engine) -> Connect:
    """Opens psycopg connections from the engine's pool, committing by themselves outside `conn.transaction()`."""

    @contextmanager
    def connect() -> Iterator[psycopg.Connection[Any]]:
        pooled = engine.raw_connection()
        conn = cast("psycopg.Connection[Any]", pooled.driver_connection)
        conn.autocommit = True
        try:
            yield conn
        finally:
            if conn.closed or conn.broken:
                pooled.invalidate()
            else:
                conn.autocommit = False
            pooled.close()

    return connect


@dataclass(frozen=True)
class Workspace:
    """One workspace, ready to run: settings, rules, our database, and its CRMs."""

    name: str
    settings: WorkspaceSettings
    rules: Rules
    engine: Engine
    connect: Connect
    connectors: Mapping[str, Connector]
    folder: Path = Path()  # of the configuration, from which the mapping's path counts
    home: Path | None = None  # where heads of the audit trail are noted

    @property
    def zone(self) -> ZoneInfo:
        return self.rules.zone

    def specs(self) -> dict[str, dict[str, ReadSpec]]:
        """What is mirrored, by connection and object: what the mapping needs, and what the settings add to it."""
        return {
            connection: {name: replace(s, ours=own.get(name, ())) for name, s in specs.items()}
            for connection, specs in specs_of(self.rules, self.settings).items()
            for own in [self.own_fields(connection)]
        }

    def own_fields(self, connection: str) -> dict[str, tuple[str, ...]]:
        """API names of the fields that we write back, by object."""
        found: dict[str, set[str]] = {}
        for subject, named in (("partner", self.rules.write_back.partner), ("entry", self.rules.write_back.entry)):
            for place, fields in named.items():
                where, _, name = place.partition(".")
                if where == connection:
                    chosen = (f for f in fields_of(subject) if fields == "default" or f.name in fields)  # type: ignore[arg-type]
                    made = (self.connectors[connection].api_name(f, self.settings.prefix) for f in chosen)
                    found.setdefault(name, set()).update(made)
        return {name: tuple(sorted(fields)) for name, fields in found.items()}

    def crm_now(self) -> datetime:
        """The latest of the CRMs' own clocks: what "now" means for facts."""
        return max(c.crm_now() for c in self.connectors.values())

    def today(self) -> date:
        """The as-of date: the CRM's own clock in the workspace's time zone."""
        return self.crm_now().astimezone(self.zone).date()

    def pull_of(self, connection: str, run_id: str) -> "Pull":
        from sync.mirror.pull import Pull  # all that lands rows, which most commands never do

        return Pull(
            self.name,
            connection,
            self.settings.schema_of(connection),
            run_id,
            self.connectors[connection].crm_now,
            by_object(self.rules, connection),
        )


def specs_of(rules: Rules, settings: WorkspaceSettings) -> dict[str, dict[str, ReadSpec]]:
    """What is read from each CRM, by connection and object: what the mapping needs, and what the settings add to it."""
    needed = needs(rules)
    return {
        connection: _mirrored(needed.get(connection, {}), given)
        for connection, given in settings.connections.items()
        if needed.get(connection) or given.mirror
    }


def _mirrored(needed: Mapping[str, ReadSpec], given: SalesforceConnection | HubspotConnection) -> dict[str, ReadSpec]:
    chosen = {**dict.fromkeys(needed, given.fields), **given.mirror}
    return {
        name: replace(
            needed.get(name, ReadSpec(name, ())),
            every=choice == "all",
            extra=tuple(sorted(set(choice))) if isinstance(choice, list) else (),
        )
        for name, choice in sorted(chosen.items())
    }


def read_rules(settings: WorkspaceSettings, folder: Path) -> Rules:
    """The workspace's mapping; ConfigError lists every fault with file and line, or says which partner type of the settings it does not name."""
    rules = read_mapping(mapping_path(settings, folder), settings)
    types = (*rules.partner_types, UNCLASSIFIED)
    for setting, named in (("mix", settings.targets.mix), ("capacity", settings.targets.capacity)):
        if unknown := [name for name in named if name not in types]:
            raise ConfigError(
                f"targets.{setting} names {', '.join(map(repr, unknown))}, expected partner types of the mapping: {', '.join(types)}; "
                "mend sakigake.yaml."
            )
    return rules


def mapping_path(settings: WorkspaceSettings, folder: Path) -> Path:
    """Where the workspace's mapping stands."""
    return settings.mapping if settings.mapping.is_absolute() else folder / settings.mapping


def read_mapping(path: Path, settings: WorkspaceSettings) -> Rules:
    """A file's mapping, of the workspace's connections; ConfigError lists every fault with file and line."""
    looked = looked_through(path, settings)
    if looked.problems:
        raise ConfigError(str(MappingError(looked.problems)))
    return looked.said


def looked_through(path: Path, settings: WorkspaceSettings) -> Looked:
    """A file's mapping with its contradictions; ConfigError where it cannot be read, or its form is wrong already."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as e:
        raise ConfigError(
            f"There is no {path}; make one with `sakigake init`, or mend `mapping:` in sakigake.yaml."
        ) from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8.") from e
    except OSError as e:
        raise ConfigError(f"{path} cannot be read ({e.strerror}); mend it, or `mapping:` in sakigake.yaml.") from e
    try:
        return look_through(text, str(path), settings.connections)
    except MappingError as e:
        raise ConfigError(str(e)) from e


def open_connector(
    name: str,
    settings: SalesforceConnection | HubspotConnection,
    folder: Path,
    *,
    retry_for: float | None = None,
) -> Connector:
    """The connector of one connection; secrets are read here, and kept in memory only. `retry_for`, in seconds, caps the setting."""
    patience = settings.retry_for if retry_for is None else min(retry_for, settings.retry_for)
    if isinstance(settings, SalesforceConnection):
        from sync.salesforce import ClientCredentials, JwtBearer, SalesforceConnector

        auth = settings.auth
        return SalesforceConnector(
            name,
            settings.url.rstrip("/"),
            ClientCredentials(auth.client_id, auth.client_secret.read(folder))
            if auth.client_secret is not None
            else JwtBearer(
                auth.client_id, str(auth.username), auth.private_key.read(folder) if auth.private_key else ""
            ),
            daily_budget=settings.daily_budget,
            api_version=settings.api_version,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            retry_for=patience,
            bulk_threshold=settings.bulk_threshold,
            bulk_page=settings.bulk_page,
            bulk_patience=float(settings.bulk_patience),
            bulk_deadline=float(settings.bulk_deadline),
        )
    from sync.hubspot import AccessToken, HubspotConnector, OAuthRefresh

    given = settings.auth
    return HubspotConnector(
        name,
        AccessToken(given.token.read(folder))
        if given.token is not None
        else OAuthRefresh(
            str(given.client_id),
            given.client_secret.read(folder) if given.client_secret else "",
            given.refresh_token.read(folder) if given.refresh_token else "",
        ),
        url=settings.url.rstrip("/"),
        api_version=settings.api_version,
        ten_second_limit=settings.ten_second_limit,
        daily_budget=settings.daily_budget,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        retry_for=patience,
    )


def choose_workspace(configuration: Configuration, name: str | None) -> tuple[str, WorkspaceSettings]:
    """The workspace asked for, or the only one."""
    if name is None and len(configuration.workspaces) == 1:
        return next(iter(configuration.workspaces.items()))
    known = ", ".join(configuration.workspaces)
    if name is None:
        raise ConfigError(f"sakigake.yaml has several workspaces ({known}); say which with --workspace NAME.")
    if name not in configuration.workspaces:
        raise ConfigError(f"sakigake.yaml has no workspace {name!r}; it has {known}.")
    return name, configuration.workspaces[name]


@contextmanager
def open_workspace(
    configuration: Configuration, folder: Path, engine: Engine, name: str | None = None, *, home: Path | None = None
) -> Iterator[Workspace]:
    """The workspace with its connectors open; they are closed at the end. Nothing is sent before a step asks for it."""
    chosen, settings = choose_workspace(configuration, name)
    rules = read_rules(settings, folder)
    with ExitStack() as stack:
        connectors: dict[str, Connector] = {}
        for connection, given in settings.connections.items():
            connectors[connection] = connector = open_connector(connection, given, folder)
            stack.callback(connector.close)
        yield Workspace(chosen, settings, rules, engine, connect_with(engine), connectors, folder, home)
