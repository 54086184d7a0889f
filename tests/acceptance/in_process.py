"""Whole cycles without a process of their own: what a fault leaves behind shows in the same tables and sentences, and tests stay quick.

Waits are skipped and noted rather than waited for; each cycle opens its connectors anew, as a new process would.
"""

import contextlib
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import Engine

from jobs import views
from jobs.cli.common import set_logs
from jobs.cli.failures import explain
from jobs.pipeline import run_cycle
from jobs.runs import ended_as
from jobs.settings import load
from jobs.steps.reconcile import reconcile
from jobs.wiring import Workspace, choose_workspace, connect_with, read_rules
from models.vocabulary import Step
from sync.connector import Connector
from sync.hubspot import AccessToken, HubspotConnector, OAuthRefresh
from sync.records import Page
from sync.salesforce import ClientCredentials, SalesforceConnector
from tests.acceptance.desk import Sandbox
from tests.acceptance.truth import Ledger, connected, mapped_fields, mirror_differences

FACTS = (Step.PULL, Step.MAP)
SECRETS = re.compile(r"sandbox-(secret|token|hubspot-secret|refresh-token|password)|Bearer|\b00D\w{12,15}!")
PERSONAL = re.compile(r"name|phone|website|domain|mail|subject|title", re.IGNORECASE)
LIMIT = 120.0  # seconds within which a cycle has surely ended, on any machine, unless something keeps it for ever
PATIENCE = 180.0  # seconds for which a call is tried again, as in the configuration's default


class Skipping:
    """A clock on which a wait is over at once."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.waits)


@dataclass
class Ran:
    """One cycle: how it ended, what it said, and what `sakigake status --json` says of it."""

    error: Exception | None
    sentence: str  # what the command would have printed as its end
    said: str  # standard error and the logs
    status: dict[str, Any]
    waits: Mapping[str, Sequence[float]]
    calls: Mapping[str, int]
    newest: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.newest = self.status["runs"][0]

    def of(self, name: str) -> dict[str, Any]:
        """What the status says of `connection.Object`."""
        return next(o for o in self.status["objects"] if f"{o['connection']}.{o['object']}" == name)


@dataclass
class Company:
    """A workspace of the sandbox's preset on its own database."""

    sandbox: Sandbox
    folder: Path
    url: str
    engine: Engine
    salesforce: dict[str, Any] = field(default_factory=dict)  # settings of the connectors, beyond the usual
    hubspot: dict[str, Any] = field(default_factory=dict)
    oauth: OAuthRefresh | None = None
    between: Callable[[str, str, int], None] | None = (
        None  # hears of connection, object and count before each page is stored
    )

    def set(self, connection: str, **settings: Any) -> None:
        """More settings of a connection in sakigake.yaml."""
        file = self.folder / "sakigake.yaml"
        head, found, rest = file.read_text().partition(f"crm: {connection}\n")
        assert found
        lines = "".join(f"        {name}: {value}\n" for name, value in settings.items())
        file.write_text(head + found + lines + rest)

    def one_at_a_time(self) -> None:
        """Objects are read one after the other, so that what is sent and waited for does not depend on the threads' luck."""
        for connection in ("salesforce", "hubspot"):
            self.set(connection, objects_at_once=1)

    def run(self, *, noted: bool = True, turn: float | None = None) -> Ran:
        """One cycle, whatever becomes of it; `noted` is whether our database could take note of a failure."""
        return self._watched(lambda ready: run_cycle(ready, steps=FACTS, turn=turn), noted)

    def sweep(self) -> Ran:
        """`sakigake reconcile`."""
        return self._watched(reconcile)

    def clean(self) -> Ran:
        """One cycle in which nothing goes wrong."""
        self.sandbox.faults()
        self.between = None
        ran = self.run()
        assert ran.error is None, ran.sentence
        assert ran.newest["status"] == "succeeded"
        assert ran.newest["cause"] is None
        return ran

    def differences(self) -> list[str]:
        """Where the mirror is not the ledger. HubSpot's former ids of merged records lead to the last survivor."""
        ledger = Ledger.of(self.sandbox.ledger())
        records = {}
        for (crm, kind, record_id), r in ledger.records.items():
            winner = r["merged_into"]
            while crm == "hubspot" and winner and (further := ledger.records[crm, kind, winner]["merged_into"]):
                winner = further
            records[crm, kind, record_id] = {**r, "merged_into": winner, "deleted": r["deleted"] or winner is not None}
        with connected(self.url) as conn:
            return mirror_differences(conn, Ledger(records, ledger.writes), mapped_fields(self.folder))

    def recovers(self, *, runs: int = 2) -> None:
        """After at most so many clean cycles the mirror is the ledger."""
        found = ["nothing ran"]
        for _ in range(runs):
            self.clean()
            if not (found := self.differences()):
                return
        raise AssertionError(f"after {runs} clean runs: {found[:10]}")

    def one(self, query: str, *given: Any) -> Any:
        """The first column of the first row."""
        with connected(self.url) as conn:
            row = conn.execute(query, given).fetchone()
        return row[0] if row else None

    def execute(self, *statements: str) -> None:
        with connected(self.url) as conn:
            for statement in statements:
                conn.execute(statement)

    def cursors(self) -> dict[str, Any]:
        with connected(self.url) as conn:
            return dict(
                conn.execute("select connection || '.' || object, cursor from sakigake.mirror_object").fetchall()
            )

    def _watched(self, act: Callable[[Workspace], Any], noted: bool = True) -> Ran:
        error: Exception | None = None
        errors = io.StringIO()
        clocks = {"salesforce": Skipping(), "hubspot": Skipping()}
        began = time.monotonic()
        with self._opened(clocks) as ready:
            with contextlib.redirect_stderr(errors):
                set_logs("info")
                try:
                    act(ready)
                except Exception as e:  # noqa: BLE001  (whatever it is: it is what the test looks at)
                    error = e
                finally:
                    structlog.reset_defaults()
            calls = {name: sum(c.calls().values()) for name, c in ready.connectors.items()}
            with ready.connect() as conn:
                status = views.status(conn, ready.name)
        assert time.monotonic() - began < LIMIT
        sentence = explain(error)[0] if error else ""
        ran = Ran(error, sentence, errors.getvalue(), status, {n: c.waits for n, c in clocks.items()}, calls)
        self._discreet(ran)
        assert error is None or not noted or ran.newest["status"] == ended_as(error), ran.newest
        return ran

    def _discreet(self, ran: Ran) -> None:
        """Neither a secret nor a value of a record in what was said or noted."""
        said = "\n".join((ran.said, ran.sentence, *(str(r["cause"]) for r in ran.status["runs"])))
        assert not (found := SECRETS.search(said)), found
        assert "Traceback" not in said
        if said.isascii():
            return  # and so none of the values that are looked for
        for place, r in Ledger.of(self.sandbox.ledger()).records.items():
            for name, value in r["fields"].items():
                if PERSONAL.search(name) and isinstance(value, str) and not value.isascii() and len(value) > 3:
                    assert value not in said, (place, name)

    @contextlib.contextmanager
    def _opened(self, clocks: Mapping[str, Skipping]) -> Iterator[Workspace]:
        name, settings = choose_workspace(load(self.folder / "sakigake.yaml"), None)
        sf, hs = clocks["salesforce"], clocks["hubspot"]
        auth = ClientCredentials("sakigake-sandbox", "sandbox-secret")
        usual: dict[str, Any] = {"retry_for": PATIENCE}
        connectors: dict[str, Connector] = {
            "salesforce": SalesforceConnector(
                "salesforce",
                self.sandbox.url,
                auth,
                sleep=sf.sleep,
                monotonic=sf.monotonic,
                **{**usual, **self.salesforce},
            ),
            "hubspot": HubspotConnector(
                "hubspot",
                self.oauth or AccessToken("sandbox-token"),
                url=self.sandbox.url,
                sleep=hs.sleep,
                monotonic=hs.monotonic,
                **{**usual, "ten_second_limit": 100_000, "searches_per_second": 100_000, **self.hubspot},
            ),
        }
        seen = {n: cast("Connector", Meddled(c, self._between)) for n, c in connectors.items()}
        try:
            yield Workspace(
                name, settings, read_rules(settings, self.folder), self.engine, connect_with(self.engine), seen
            )
        finally:
            for c in connectors.values():
                c.close()

    def _between(self, connection: str, object_name: str, count: int) -> None:
        if self.between is not None:
            self.between(connection, object_name, count)


class Meddled:
    """A connector between whose pages something may happen."""

    def __init__(self, real: Connector, between: Callable[[str, str, int], None]) -> None:
        self._real = real
        self._between = between

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def pages(self, spec: Any, cursor: Any, known: Any) -> Iterator[Page]:
        for count, page in enumerate(self._real.pages(spec, cursor, known), 1):
            self._between(self._real.connection, spec.object, count)
            yield page
