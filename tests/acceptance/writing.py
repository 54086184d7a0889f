"""Deliveries one after the other, each of new values for the same fields, and the sandbox's ledger as what really became of them."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from jobs.pipeline import RunReport, run_cycle
from jobs.steps import write_back
from jobs.steps.provision import provision
from jobs.wiring import Workspace
from models.catalogue import BY_NAME
from models.vocabulary import Step
from sync.connector import Connector
from tests.acceptance.in_process import Company, Skipping
from tests.acceptance.truth import Ledger, alike, connected, ours, repeated_writes, strangers

SENDING = (Step.PLAN, Step.DELIVER)
TIERS = "ABCD"
Place = tuple[str, str, str]


@dataclass
class Sent:
    """What one run of plan and deliver came to."""

    report: RunReport | None
    error: Exception | None

    @property
    def delivered(self) -> dict[str, int]:
        assert self.report is not None, self.error
        return self.report.delivered


@dataclass
class Office(Company):
    """A company whose fields are provisioned and computed. `before_write` hears of connection, object and count before each write call."""

    before_write: Callable[[str, str, int], None] | None = None
    serial: int = 0
    began: int = 0  # the ledger's newest write before the values at hand
    wanted: dict[tuple[Place, str], Any] = field(default_factory=dict)

    def want(self, *, later: bool = True) -> int:
        """New results for every partner and entry, as if computed, an hour `later`; returns how many fields of records they are."""
        self.serial += 1
        n = self.serial
        partner = {"tier": TIERS[n % 4], "tier_reason": f"Reason {n}", "listed_90d": 1000 + n}
        entry = {"stalled": n % 2 == 1, "milestone_since": f"2026-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d}"}
        with connected(self.url) as conn:
            for subject, values in (("partner", partner), ("entry", entry)):
                conn.execute(
                    "update sakigake.subject_result set value = value || %s where subject = %s",
                    (json.dumps(values), subject),
                )
            if later:  # nothing that went unanswered before can still arrive
                conn.execute("update sakigake.change set uncertain_at = uncertain_at - interval '1 hour'")
        self.began = self.ledger().last_seq
        self.wanted = self._wanted()
        return len(self.wanted)

    def _wanted(self) -> dict[tuple[Place, str], Any]:
        with connected(self.url) as conn:
            rows = conn.execute(
                """select s.connection, s.object, s.record_id, r.field, r.value from sakigake.partner_source s
                join sakigake.field_result r on r.subject = 'partner' and r.subject_id = s.partner_id
                where r.field in ('tier', 'tier_reason', 'listed_90d')
                union all select e.connection, e.object, e.record_id, r.field, r.value from sakigake.entry_source e
                join sakigake.field_result r on r.subject = 'entry' and r.subject_id = e.entry_id
                where r.field in ('stalled', 'milestone_since')"""
            ).fetchall()
        return {((r[0], r[1], r[2]), r[3]): r[4] for r in rows}

    def ledger(self) -> Ledger:
        return Ledger.of(self.sandbox.ledger())

    def send(self, *steps: Step) -> Sent:
        """Plans and delivers, whatever becomes of it."""
        with self.opened() as ready:
            try:
                return Sent(run_cycle(ready, steps=steps or SENDING), None)
            except Exception as e:  # noqa: BLE001 - what it is, the test looks at
                return Sent(None, e)

    def clean_send(self, *steps: Step) -> Sent:
        """Plans and delivers while nothing goes wrong."""
        self.sandbox.faults()
        self.before_write = None
        sent = self.send(*steps)
        assert sent.error is None, sent.error
        assert sent.report is not None
        assert not sent.report.held, sent.report.held_because
        return sent

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        with self._opened({"salesforce": Skipping(), "hubspot": Skipping()}) as ready:
            connectors = {n: cast("Connector", Watched(c, self._before_write)) for n, c in ready.connectors.items()}
            yield replace(ready, connectors=connectors, folder=self.folder, home=self.folder / "home")

    def _before_write(self, connection: str, object_name: str, count: int) -> None:
        if self.before_write is not None:
            self.before_write(connection, object_name, count)

    def set_guard(self, old: str, new: str) -> None:
        """Changes sakigake.yaml, as in an editor."""
        path = self.folder / "sakigake.yaml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    # what became of it

    def differences(self) -> list[str]:
        """Fields that do not hold what is wanted now."""
        ledger, found = self.ledger(), []
        for (place, name), value in self.wanted.items():
            record = ledger.records[place]
            held = {n.lower(): v for n, v in record["fields"].items()}.get(ours(place[0], name))
            if not (record["deleted"] or record["merged_into"]) and not alike(
                BY_NAME[name], held or (False if name == "stalled" else held), value
            ):
                found.append(f"{place} {name}: {held!r}, wanted {value!r}")
        return found

    def writes(self) -> list[Mapping[str, Any]]:
        return self.ledger().written_since(self.began)

    def explained(self) -> list[str]:
        """Applied writes that no confirmed change of the journal tells of, and changes that are still open. Nothing means all is told."""
        with connected(self.url) as conn:
            told = {
                (r[0], r[1], r[2], r[3].lower(), _text(r[4]))
                for r in conn.execute(
                    """select connection, object, record_id, api_name, new from sakigake.change
                    where run_id is not null and (status = 'confirmed' or uncertain_at is not null)"""
                )
            }
            open_now = conn.execute(
                "select count(*) from sakigake.change where status in ('planned', 'sent')"
            ).fetchone()
        found = [
            f"write {w['seq']} of {w['object']}/{w['id']} {name}={value!r}"
            for w in self.writes()
            for name, value in w["fields"].items()
            if (w["crm"], w["object"], w["id"], name.lower(), _text(value)) not in told
        ]
        assert open_now
        return found + ([f"{open_now[0]} changes are open"] if open_now[0] else [])

    def all_is_well(self, *, twice: int = 0) -> None:
        """Every value is there, none was applied twice (but for `twice` at most), only ours, and the journal tells of each."""
        assert self.differences() == []
        assert self.explained() == []
        assert strangers(self.writes()) == set()
        assert len(repeated_writes(self.writes())) <= twice

    def statuses(self, plan_id: str | None = None) -> Counter[str]:
        with connected(self.url) as conn:
            return Counter(
                dict(
                    conn.execute(
                        """select status, count(*) from sakigake.change where plan_id = coalesce(%s,
                        (select plan_id from sakigake.plan order by created_at desc limit 1)) group by 1""",
                        (plan_id,),
                    ).fetchall()
                )
            )

    def causes(self) -> set[str]:
        """Of the newest plan's changes that failed or were dropped."""
        with connected(self.url) as conn:
            rows = conn.execute(
                """select distinct cause from sakigake.change where status in ('failed', 'dropped') and plan_id =
                (select plan_id from sakigake.plan order by created_at desc limit 1)"""
            ).fetchall()
        return {r[0] for r in rows}

    def some(self, connection: str, name: str, count: int = 1) -> list[str]:
        """Ids of records that are there, and are written to."""
        there = self.ledger().records
        live = (p for p, _ in self.wanted if not (there[p]["deleted"] or there[p]["merged_into"]))
        return sorted({p[2] for p in live if p[:2] == (connection, name)})[:count]


class Watched:
    """A connector before whose writes something may happen."""

    def __init__(self, real: Connector, before: Callable[[str, str, int], None]) -> None:
        self._real = real
        self._before = before
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, object_name: str, writes: Sequence[Any]) -> Any:
        self._count += 1
        self._before(self._real.connection, object_name, self._count)
        return self._real.write(object_name, writes)


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    if isinstance(value, bool):
        return "true"
    text = str(value)
    with contextlib.suppress(ValueError):
        return f"{float(text):g}"
    return "" if text == "false" else text


def ready_office(office: Office) -> None:
    """Fields made, everything read, mapped and computed, and the first plan delivered."""
    with office.opened() as ready:
        provision(ready.settings, ready.rules, ready.connectors, dry_run=False)
        run_cycle(ready)
    office.want()
    office.clean_send()
    office.all_is_well()


def quick(patch: pytest.MonkeyPatch) -> None:
    """Deliveries do not wait between two tries."""
    made = write_back.delivery_of
    patch.setattr(write_back, "delivery_of", lambda *given: replace(made(*given), sleep=lambda _seconds: None))
