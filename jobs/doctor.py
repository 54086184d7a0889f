"""`sakigake doctor`: looks at everything a run needs, changes nothing, and says what to do about each finding."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Engine

from jobs.errors import SakigakeError
from jobs.mapping.check import problems_with
from jobs.reports import newest
from jobs.settings import Configuration, WorkspaceSettings
from jobs.steps.more import ACTIVATION
from jobs.steps.provision import ADVICE, made_fields, provision, targets
from jobs.tables.mirror import drift_sentence
from jobs.views import drift, late_histories, unmapped
from jobs.wiring import choose_workspace, connect_with, open_connector, read_rules, specs_of
from models.counted import counted
from sync.connector import Connector
from sync.errors import SyncError

OK, WARN, FAIL = "ok", "warn", "fail"
A_MOMENT = 4.0  # seconds of trying again: a person waits for the answer


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do where it is not ok."""

    subject: str
    status: str
    says: str
    advice: str = ""


def examine(configuration: Configuration, folder: Path, engine: Engine, workspace: str | None) -> Iterator[Finding]:
    """Every finding, in the order a person would mend them."""
    name, settings = choose_workspace(configuration, workspace)
    yield Finding("configuration", OK, f"workspace {name} with {', '.join(settings.connections)}")
    with engine.connect() as conn:
        version = conn.exec_driver_sql("show server_version").scalar()
    yield Finding("database", OK, f"PostgreSQL {version}, tables of this version")
    connectors: dict[str, Connector] = {}
    try:
        for connection, given in settings.connections.items():
            try:
                connectors[connection] = open_connector(connection, given, folder, retry_for=A_MOMENT)
                greeting = connectors[connection].greet()
            except (SyncError, SakigakeError) as e:
                connectors.pop(connection, None)
                yield Finding(connection, FAIL, str(e))
                continue
            used = (
                f", {greeting.quota_used:,} of {counted(greeting.quota_limit, 'call')} used today"
                if greeting.quota_limit and greeting.quota_used is not None
                else ""
            )
            yield Finding(
                connection, OK, f"{greeting.crm} account {greeting.account}, API {greeting.api_version}{used}"
            )
            for sentence in greeting.advice:
                yield Finding(connection, WARN, sentence)
            if greeting.zone:
                yield from _zone(connection, greeting.zone, greeting.crm_time, settings, folder)
            if (
                greeting.quota_limit
                and greeting.quota_used is not None
                and greeting.quota_used > 0.8 * greeting.quota_limit
            ):
                yield Finding(
                    connection,
                    WARN,
                    "more than 80 % of the day's API calls are used",
                    "Look for other users of this account, or set daily_budget.",
                )
        yield from _drift(engine, name)
        yield from _unmapped(engine, name)
        yield from _mapping(settings, folder, connectors)
        yield from _fields(settings, folder, connectors)
        yield from _rights(settings, folder, connectors)
        yield from histories(engine, name)
        yield from _capacity(engine, name)
    finally:
        for connector in connectors.values():
            connector.close()


def _zone(connection: str, zone: str, now: datetime, settings: WorkspaceSettings, folder: Path) -> Iterator[Finding]:
    """The account's own time zone against the mapping's: people compare numbers of both."""
    try:
        ours = read_rules(settings, folder).timezone
        there, here = ZoneInfo(zone), ZoneInfo(ours)
    except (SakigakeError, ZoneInfoNotFoundError, ValueError):  # the mapping is told of by itself
        return
    half_a_year = now + timedelta(days=182)
    if all(day.astimezone(there).utcoffset() == day.astimezone(here).utcoffset() for day in (now, half_a_year)):
        yield Finding(connection, OK, f"the account's time zone is {zone}; its days are the mapping's")
        return
    yield Finding(
        connection,
        WARN,
        f"the account's time zone is {zone}, the mapping's is {ours}.",
        "Sakigake counts days of the mapping's zone; the CRM's own reports count the account's, so that the two may differ by a day. "
        "Where one zone is wrong, mend `timezone` in mapping.yaml or the account's settings; otherwise nothing is to be done.",
    )


def _capacity(engine: Engine, workspace: str) -> Iterator[Finding]:
    """Whether the team can bear what the tiers ask of it, by the newest run; silent where its size is not configured."""
    with connect_with(engine)() as conn:
        kept = newest(conn, workspace, ACTIVATION)
    load = kept[1]["capacity"] if kept else None
    if load and load["status"] == "over":
        yield Finding(
            "tiers",
            WARN,
            f"they ask for {load['per_week']:g} contacts a week, {load['per_person']:.1f} for each of {load['team']} people",
            f"More than {load['limit']:g} are not kept up: raise the thresholds or the team; see: sakigake activation",
        )


def histories(engine: Engine, workspace: str) -> Iterator[Finding]:
    """Histories that begin later than their records, as the newest run found them."""
    with connect_with(engine)() as conn:
        found = late_histories(conn, workspace)
    for late in found:
        says = (
            f"its history tells of everything from {late['start']} on; {counted(late['before'], 'entry', 'entries')} begun before, of which "
            f"{late['further_before']:,} stood further than listed when first heard of."
        )
        advice = (
            "Steps from milestones reached before that day are left out of rates and lead times. Where the day is another one, set "
            f"assumptions.history_from, such as {late['start']}; a day before all records leaves nothing out."
        )
        yield Finding(late["history"], WARN, says, advice)


def _drift(engine: Engine, workspace: str) -> Iterator[Finding]:
    """What the last reading found to differ in the CRMs' descriptions, while nobody has settled it."""
    with connect_with(engine)() as conn:
        found = [d for d in drift(conn, workspace) if d["resolved_at"] is None]
    for d in found:
        place = ".".join(part for part in (d["object"], d["field"]) if part)
        rules, fields = d["depends"].get("rules", []), d["depends"].get("fields", [])
        advice = f"Read by {', '.join(rules)}; {len(fields)} of our fields rest on it." if rules else ""
        yield Finding(d["connection"], WARN, f"{place}: {drift_sentence(d)}.", advice)


def _unmapped(engine: Engine, workspace: str) -> Iterator[Finding]:
    """Values that no rule names, by the field that holds them."""
    with connect_with(engine)() as conn:
        found = unmapped(conn, workspace)["list"]
    by_field: dict[tuple[str, str, str], list[int]] = {}
    for value in found:
        by_field.setdefault((value["connection"], value["object"], value["field"]), []).append(value["records"])
    for (connection, name, field), records in by_field.items():
        says = f"{name}.{field}: {counted(len(records), 'value')} that no rule names, in {counted(sum(records), 'record')}."
        yield Finding(connection, WARN, says, "See: sakigake mapping coverage")


def _mapping(settings: WorkspaceSettings, folder: Path, connectors: dict[str, Connector]) -> Iterator[Finding]:
    try:
        rules = read_rules(settings, folder)
    except SakigakeError as e:
        yield Finding("mapping", FAIL, str(e))
        return
    unseen = [name for name in settings.connections if name not in connectors]
    if unseen:
        yield Finding("mapping", WARN, f"not held against {', '.join(unseen)}", "Mend the connection first.")
    try:
        problems = problems_with(rules, connectors, settings.prefix)
    except SyncError as e:
        yield Finding("mapping", FAIL, str(e))
        return
    for problem in problems:
        yield Finding("mapping", FAIL, str(problem))
    if not problems and not unseen:
        yield Finding("mapping", OK, f"version {rules.hash[:12]}, every object, field and stage it names is there")


def _fields(settings: WorkspaceSettings, folder: Path, connectors: dict[str, Connector]) -> Iterator[Finding]:
    """Whether our fields are in the CRMs, by what provisioning would still have to make."""
    try:
        rules = read_rules(settings, folder)
    except SakigakeError:
        return
    if set(connectors) != set(settings.connections):
        return
    try:
        steps = provision(settings, rules, connectors, dry_run=True)
    except SyncError as e:
        yield Finding("fields", FAIL, str(e))
        return
    steps = [(connection, s) for connection, s in steps if s.status != ADVICE]
    missing = [s for _, s in steps if s.status not in ("present", "created")]
    refused = [s for s in missing if s.status == "refused"]
    for s in refused:
        yield Finding("fields", FAIL, f"{s.what} on {s.object} cannot be made", s.advice)
    if len(missing) > len(refused):
        yield Finding(
            "fields",
            WARN,
            f"{counted(len(missing) - len(refused), 'field or right is', 'fields or rights are')} not made yet.",
            "Make them with: sakigake provision",
        )
    if not missing:
        yield Finding("fields", OK, f"all {counted(len(steps), 'field or right is', 'fields and rights are')} there")


def _rights(settings: WorkspaceSettings, folder: Path, connectors: dict[str, Connector]) -> Iterator[Finding]:
    """Rights granted against rights needed: what is missing will fail one day, what is too much is what a thief would use."""
    try:
        rules = read_rules(settings, folder)
    except SakigakeError:
        return
    specs = specs_of(rules, settings)
    for name, connector in connectors.items():
        writes = {
            object_name: [connector.api_name(f, settings.prefix) for f in fields]
            for connection, object_name, fields in targets(rules)
            if connection == name
        }
        try:
            rights = connector.rights(specs.get(name, {}), writes, made_fields(rules, name))
        except SyncError as e:
            yield Finding(name, WARN, f"rights could not be compared: {e}")
            continue
        if rights.unknown:
            yield Finding(name, WARN, rights.unknown)
        for these, says, advice in (
            (
                rights.missing,
                "rights missing",
                "Grant them to the integration user, or take the object out of the mapping.",
            ),
            (
                rights.excess,
                "more rights than needed",
                "Take them away: what the integration user cannot do, nobody does with its secret.",
            ),
            (rights.provisioning, "rights that only `sakigake provision` needs", "Take them away until it runs again."),
            (
                rights.others,
                "others may edit our fields",
                "Leave edit to the permission set of the integration user alone.",
            ),
        ):
            if these:
                yield Finding(name, WARN, f"{says}: {'; '.join(these)}.", advice)
        if not (rights.unknown or rights.missing or rights.excess or rights.others):
            yield Finding(name, OK, "the rights granted are the rights needed")
