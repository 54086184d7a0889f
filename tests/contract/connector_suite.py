"""What every connector must do, whichever CRM stands behind it: one set of expectations, run against the sandbox over HTTP.

A test module subclasses `ConnectorSuite` and gives the fixture `subject`. The oracle is the sandbox's ledger, which no connector can see.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
import requests

from models.catalogue import CATALOGUE, CatalogueField, Kind, fields_of
from sync.connector import Connector
from sync.errors import FieldMissing, LoginRefused, ObjectMissing, Stop, SyncError
from sync.records import CrmRecord, Cursor, HistoryRow, Page, ReadSpec
from sync.writes import RecordWrite, WriteOutcome
from tests.known import Known

BREATH = timedelta(seconds=0.3)  # by the CRM's clock, between two readings of what a CRM may show late
WRONG_SECRET = "wr0ng-secret-value"


class CrmUser:
    """A person at the CRM's pages, and the one who knows the truth: the sandbox's control API."""

    def __init__(self, url: str, crm: str) -> None:
        self.url = f"{url}/_sandbox"
        self.crm = crm

    def _call(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        reply = requests.request(method, f"{self.url}/{path}", json=body, params=params, timeout=30)
        assert reply.ok, reply.text
        return reply.json()

    def create(self, object_name: str, fields: dict[str, Any]) -> str:
        return self._act("create", object=object_name, fields=fields)["id"]

    def edit(self, object_name: str, record_id: str, fields: dict[str, Any]) -> None:
        self._act("edit", object=object_name, id=record_id, fields=fields)

    def delete(self, object_name: str, record_id: str) -> None:
        self._act("delete", object=object_name, id=record_id)

    def undelete(self, object_name: str, record_id: str) -> None:
        self._act("undelete", object=object_name, id=record_id)

    def merge(self, object_name: str, winner: str, loser: str) -> str:
        """Merges, and says under which id the result stands."""
        return self._act("merge", object=object_name, id=winner, merge_id=loser)["id"]

    def _act(self, action: str, **body: Any) -> Any:
        return self._call("POST", "records", {"crm": self.crm, "action": action, **body})

    def records(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The truth, by id."""
        told = self._call("GET", "ledger", crm=self.crm, object=object_name)
        # HubSpot's former ids of merged records are gone without being deleted
        return {
            r["id"]: {**r, "deleted": r["deleted"] or r["merged_into"] is not None}
            for r in told["records"]
            if not r.get("purged")
        }

    def writes(self, object_name: str) -> list[dict[str, Any]]:
        """Every write of an API client that was applied, in order."""
        return self._call("GET", "ledger", crm=self.crm, object=object_name)["writes"]

    def calls(self) -> int:
        """API calls counted since the last `forget_calls`."""
        return self._call("GET", "calls")["total"].get(self.crm, 0)

    def forget_calls(self) -> None:
        self._call("POST", "calls/reset")

    def time_passes(self, how_long: timedelta) -> None:
        """By the CRM's clock, which is moved on: nobody waits, and a busy machine is no quicker or slower than another."""
        self._call("POST", "advance", {"days": how_long / timedelta(days=1)})

    def now(self) -> datetime:
        return datetime.fromisoformat(self._call("GET", "health")["now"]).astimezone(UTC)

    @contextmanager
    def fault(self, effect: dict[str, Any], *, times: int | None = 1, skip: int = 0, **match: str) -> Iterator[None]:
        """Something goes wrong inside the block."""
        script = {"match": {"crm": self.crm, **match}, "effect": effect, "times": times, "skip": skip}
        self._call("POST", "faults", script)
        try:
            yield
        finally:
            self._call("DELETE", "faults")


@dataclass
class Subject:
    """One CRM of the sandbox, and how to reach it. Names are the CRM's own."""

    connect: Callable[..., Connector]  # (**changes) -> a connector of its own; `secret` replaces the right one
    user: CrmUser
    object: str  # partners stand in it; it can be merged
    fields: tuple[str, ...]  # some of its fields: texts, numbers and days
    new: dict[str, Any]  # what a new record of it needs
    text: str  # a text field of it
    number: str  # a number field of it
    history_object: str
    history_field: str
    history_values: tuple[str, str, str]  # three values it may take, one after the other
    history_new: dict[str, Any]  # what a new record of `history_object` needs
    many: str  # an object of several pages
    many_fields: tuple[str, ...]
    write_path: str  # regular expression: the path of batch writes
    read_path: str  # regular expression: the path of calls that read pages of `object`
    deletes_told: bool = True  # whether a reading of changes tells deletions, or only a sweep
    renews: bool = True  # whether an ended session can be renewed
    unknown_id: str = ""  # well-formed, and nobody's
    again: timedelta = timedelta(
        0
    )  # how long the CRM may take to show a change, by its clock's steps; read again until then
    kept: list[str] = field(default_factory=list)

    def spec(self) -> ReadSpec:
        return ReadSpec(self.object, self.fields)


def read_all(connector: Connector, spec: ReadSpec, cursor: Cursor | None = None) -> list[Page]:
    """A reading, with each cursor sent through JSON as the mirror does."""
    pages = []
    for page in connector.pages(spec, cursor, Known()):
        assert json.loads(json.dumps(page.cursor)) == page.cursor
        pages.append(page)
    return pages


def newest(pages: Sequence[Page]) -> dict[str, CrmRecord]:
    """What a mirror holds after these pages: the newest version of each record."""
    held: dict[str, CrmRecord] = {}
    for page in pages:
        for record in page.records:
            if record.id not in held or record.version >= held[record.id].version:
                held[record.id] = record
    return held


def history_of(pages: Sequence[Page], record_id: str) -> list[HistoryRow]:
    rows = {row.change_id: row for page in pages for row in page.history if row.record_id == record_id}
    return sorted(rows.values(), key=lambda row: (row.changed_at, row.change_id))


def plain(value: Any) -> Any:
    """A value without its CRM's dress: nothing, a truth, a number, or text."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return number.normalize() if number.is_finite() else str(value)


def sample(f: CatalogueField) -> list[Any]:
    """Values that a result of this field may have."""
    match f.kind:
        case Kind.CHOICE:
            return [f.choices[0][0], f.choices[-1][0], None]
        case Kind.TEXT:
            return ["定例会議 & 'quotes' <b>", None]
        case Kind.INTEGER:
            return [0, 12345, None]
        case Kind.NUMBER | Kind.PERCENT:
            return [0.0, 12.5 if f.digits else 12.0, None]
        case Kind.DATE:
            return ["2026-02-28", None]
        case Kind.FLAG:
            return [True, False]


class ConnectorSuite:
    """The expectations. Tests share one sandbox, so each makes the records it needs."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError("a subclass gives the fixture `subject`")

    @pytest.fixture
    def connector(self, subject: Subject) -> Iterator[Connector]:
        made = subject.connect()
        yield made
        made.close()

    # who we are

    def test_it_says_who_it_is_and_what_time_it_is_there(self, subject, connector):
        greeting = connector.greet()
        assert greeting.crm == connector.crm
        assert greeting.account
        assert greeting.user
        assert abs(greeting.crm_time - subject.user.now()) < timedelta(seconds=5)
        assert abs(connector.crm_now() - subject.user.now()) < timedelta(seconds=5)

    def test_a_wrong_secret_is_refused_with_a_remedy_and_is_not_repeated_to_anyone(self, subject):
        with pytest.raises(LoginRefused) as met:
            subject.connect(secret=WRONG_SECRET).greet()
        assert met.value.remedy
        assert WRONG_SECRET not in str(met.value)

    def test_its_count_of_calls_is_the_crm_s_own(self, subject):
        subject.user.forget_calls()
        connector = subject.connect()
        connector.greet()
        read_all(connector, subject.spec())
        assert sum(connector.calls().values()) == subject.user.calls()

    # what is there

    def test_a_description_types_the_fields(self, subject, connector):
        described = connector.describe(subject.object)
        assert described.name == subject.object
        assert set(subject.fields) <= {f.name for f in described.fields}
        assert described.field(subject.number).type.value in {"numeric", "bigint"}
        assert described.field(subject.text).type.value == "text"
        assert all(f.label for f in described.fields)

    def test_an_unknown_object_is_named_with_the_nearest(self, subject, connector):
        with pytest.raises(ObjectMissing, match=subject.object):
            connector.describe(subject.object[:-1] + "x")

    def test_an_unknown_field_is_named_with_the_nearest(self, subject, connector):
        wrong = subject.text + "x"
        with pytest.raises(FieldMissing) as met:
            read_all(connector, ReadSpec(subject.object, (wrong,)))
        assert wrong in met.value.message
        assert subject.text in met.value.message.replace(wrong, "")

    # first load

    def test_a_first_load_holds_every_record_as_the_ledger_has_it(self, subject, connector):
        pages = read_all(connector, subject.spec())
        held, truth = newest(pages), subject.user.records(subject.object)
        live = {i for i, r in truth.items() if not r["deleted"]}
        assert {i for i, r in held.items() if not r.deleted} == live
        for i in live:
            for name in subject.fields:
                assert plain(held[i].values[name]) == plain(truth[i]["fields"].get(name)), (i, name)
        assert pages[-1].loaded
        assert not any(p.loaded for p in pages[:-1])

    def test_a_first_load_can_be_gone_on_with_after_any_page(self, subject, connector):
        spec = ReadSpec(subject.many, subject.many_fields)
        whole = read_all(connector, spec)
        assert len(whole) >= 3
        truth = {i for i, r in subject.user.records(subject.many).items() if not r["deleted"]}
        for stop in sorted({0, len(whole) // 2, len(whole) - 2}):
            with subject_connector(subject) as other:
                rest = read_all(other, spec, whole[stop].cursor)
            got = newest([*whole[: stop + 1], *rest])
            assert {i for i, r in got.items() if not r.deleted} == truth
            assert any(p.loaded for p in rest)

    def test_a_load_s_expectation_is_what_it_brings(self, subject, connector):
        pages = read_all(connector, ReadSpec(subject.many, subject.many_fields))
        told = {p.expected for p in pages} - {None}
        assert told in (set(), {sum(len(p.records) for p in pages)})

    # changes

    def test_a_cycle_in_which_nothing_changed_makes_at_most_two_calls_and_brings_nothing_new(self, subject, connector):
        before = read_all(connector, subject.spec())
        cursor = read_all(connector, subject.spec(), before[-1].cursor)[-1].cursor
        subject.user.forget_calls()
        pages = read_all(connector, subject.spec(), cursor)
        assert subject.user.calls() <= 2
        known = newest(before)
        assert all(r.version <= known[r.id].version for p in pages for r in p.records)

    def test_what_was_created_and_edited_comes_with_the_next_reading(self, subject, connector):
        edited = subject.user.create(subject.object, subject.new)
        start = read_all(connector, subject.spec())[-1].cursor
        created = subject.user.create(subject.object, subject.new | {subject.text: "new & 新しい"})
        subject.user.edit(subject.object, edited, {subject.number: 77})
        came = self.until(subject, connector, start, lambda pages: {(created, "new & 新しい"), (edited, 77)} <= {
            (i, plain(r.values[name])) for i, r in newest(pages).items() for name in (subject.text, subject.number)
        })  # fmt: skip
        held = newest(came)
        assert held[created].values[subject.text] == "new & 新しい"
        assert plain(held[edited].values[subject.number]) == 77

    def test_what_changes_while_a_window_is_read_is_never_lost(self, subject, connector):
        one = subject.user.create(subject.object, subject.new)
        pages = read_all(connector, subject.spec())
        for n in range(3):
            for page in connector.pages(subject.spec(), pages[-1].cursor, Known()):
                subject.user.edit(
                    subject.object, one, {subject.number: 1000 + n}
                )  # between two pages, or behind the last
                pages.append(page)

        def last_value(got: list[Page]) -> Any:
            return plain(newest([*pages, *got])[one].values[subject.number])

        pages += self.until(subject, connector, pages[-1].cursor, lambda got: last_value(got) == 1002)
        assert last_value([]) == 1002

    def test_a_deleted_record_is_told_and_an_undeleted_one_comes_back(self, subject, connector):
        if not subject.deletes_told:
            assert connector.read(subject.object, [subject.unknown_id], [subject.text])[subject.unknown_id].missing
            return
        one = subject.user.create(subject.object, subject.new)
        cursor = read_all(connector, subject.spec())[-1].cursor
        subject.user.delete(subject.object, one)
        pages = read_all(connector, subject.spec(), cursor)
        assert newest(pages)[one].deleted or one in {i for p in pages for i in p.gone}
        subject.user.undelete(subject.object, one)
        pages = read_all(connector, subject.spec(), pages[-1].cursor)
        assert not newest(pages)[one].deleted
        assert one not in {i for p in pages for i in p.gone}

    def test_a_merge_leaves_one_record_and_says_where_the_other_went(self, subject, connector):
        winner = subject.user.create(subject.object, subject.new)
        loser = subject.user.create(subject.object, subject.new)
        stays = subject.user.merge(subject.object, winner, loser)
        live = connector.read(subject.object, [stays, loser], [subject.text])
        assert not live[stays].missing
        assert live[loser].missing
        assert live[loser].merged_into in (stays, None)

    def test_history_holds_each_change_in_order_and_is_the_same_at_every_reading(self, subject, connector):
        a, b, c = subject.history_values
        one = subject.user.create(subject.history_object, subject.history_new | {subject.history_field: a})
        spec = ReadSpec(subject.history_object, (subject.history_field,), history=(subject.history_field,))
        subject.user.edit(subject.history_object, one, {subject.history_field: b})
        pages = read_all(connector, spec)
        first = history_of(pages, one)
        subject.user.edit(subject.history_object, one, {subject.history_field: c})
        later = history_of(
            self.until(
                subject, connector, pages[-1].cursor, lambda got: c in {r.new for r in history_of(got, one)}, spec
            ),
            one,
        )
        merged = {r.change_id: r for r in [*first, *later]}
        chain = [(r.old, r.new) for r in sorted(merged.values(), key=lambda r: (r.changed_at, r.change_id))]
        assert [(old, new) for old, new in chain if old is not None] == [(a, b), (b, c)]
        assert {r.field for r in merged.values()} == {subject.history_field}
        with subject_connector(subject) as other:
            again = history_of(read_all(other, spec), one)
        assert {r.change_id: r for r in again} == merged

    # live values and writes

    def test_live_values_have_an_entry_for_every_id(self, subject, connector):
        one = subject.user.create(subject.object, subject.new | {subject.text: "here", subject.number: 5})
        gone = subject.user.create(subject.object, subject.new)
        subject.user.delete(subject.object, gone)
        live = connector.read(subject.object, [one, gone, subject.unknown_id], [subject.text, subject.number])
        assert live[one].values[subject.text] == "here"
        assert plain(live[one].values[subject.number]) == 5
        assert live[gone].missing
        assert live[subject.unknown_id].missing

    def test_a_batch_is_judged_record_by_record(self, subject, connector):
        good = subject.user.create(subject.object, subject.new)
        also = subject.user.create(subject.object, subject.new)
        writes = [
            RecordWrite(good, {subject.text: "written"}),
            RecordWrite(subject.unknown_id, {subject.text: "nobody"}),
            RecordWrite(also, {subject.number: "not a number"}),
        ]
        results = connector.write(subject.object, writes)
        assert [r.id for r in results] == [w.id for w in writes]
        assert [r.outcome for r in results] == [WriteOutcome.APPLIED, WriteOutcome.REFUSED, WriteOutcome.REFUSED]
        assert all(r.cause for r in results[1:])
        assert not any("not a number" in r.cause or "nobody" in r.cause for r in results)
        assert subject.user.records(subject.object)[good]["fields"][subject.text] == "written"

    def test_none_clears_a_field_and_fields_not_named_stay(self, subject, connector):
        one = subject.user.create(subject.object, subject.new | {subject.text: "stays", subject.number: 5})
        (result,) = connector.write(subject.object, [RecordWrite(one, {subject.number: None})])
        assert result.outcome is WriteOutcome.APPLIED
        live = connector.read(subject.object, [one], [subject.text, subject.number])[one]
        assert (plain(live.values[subject.text]), plain(live.values[subject.number])) == ("stays", None)

    def test_a_write_whose_reply_is_lost_is_unknown_and_was_sent_once(self, subject, connector):
        one = subject.user.create(subject.object, subject.new)
        connector.greet()
        before = len(subject.user.writes(subject.object))
        with subject.user.fault({"kind": "lost_reply"}, path=subject.write_path):
            (result,) = connector.write(subject.object, [RecordWrite(one, {subject.text: "applied all the same"})])
        assert result.outcome is WriteOutcome.UNKNOWN
        assert len(subject.user.writes(subject.object)) == before + 1
        assert connector.read(subject.object, [one], [subject.text])[one].values[subject.text] == "applied all the same"

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_write_met_by_a_broken_server_is_not_sent_again(self, subject, connector, status):
        one = subject.user.create(subject.object, subject.new)
        connector.greet()
        before = len(subject.user.writes(subject.object))
        with subject.user.fault({"kind": "status", "status": status, "body": "<html>"}, path=subject.write_path):
            (result,) = connector.write(subject.object, [RecordWrite(one, {subject.text: "x"})])
        assert result.outcome is WriteOutcome.UNKNOWN
        assert len(subject.user.writes(subject.object)) == before

    def test_more_than_a_batch_is_refused(self, subject, connector):
        with pytest.raises(ValueError, match=str(connector.batch_size)):
            connector.write(subject.object, [RecordWrite(subject.unknown_id, {})] * (connector.batch_size + 1))

    # our fields

    def test_provisioning_twice_makes_everything_once_and_dry_runs_make_nothing(self, subject, connector):
        ours = fields_of("entry")
        args = {"prefix": "suite", "language": "ja"}
        dry = connector.provision(subject.object, ours, dry_run=True, **args)
        assert {s.status for s in dry} <= {"would create", "present", "advice"}
        assert any(s.request for s in dry if s.status == "would create")
        names = [connector.api_name(f, "suite") for f in ours]
        assert not any(connector.describe(subject.object).field(n) for n in names)
        made = connector.provision(subject.object, ours, dry_run=False, **args)
        assert {s.status for s in made} <= {"created", "present", "advice"}
        described = connector.describe(subject.object)
        for f, name in zip(ours, names, strict=True):
            assert described.field(name).label == f.label_ja
            assert described.field(name).writable
        again = connector.provision(subject.object, ours, dry_run=False, **args)
        assert {s.status for s in again} == {"present", "advice"}
        assert all(s.advice for s in again if s.status == "advice")
        assert not any(s.request for s in again)

    def test_removal_takes_out_what_provisioning_made_and_nothing_else(self, subject, connector):
        ours = fields_of("entry")
        names = [connector.api_name(f, "gone") for f in ours]
        before = connector.describe(subject.object)
        connector.provision(subject.object, ours, prefix="gone", language="ja", dry_run=False)
        dry = connector.unprovision({subject.object: ours}, prefix="gone", dry_run=True)
        assert {s.status for s in dry} <= {"would remove", "kept"}
        assert any(s.request for s in dry)
        assert all(connector.describe(subject.object).field(n) for n in names)
        done = connector.unprovision({subject.object: ours}, prefix="gone", dry_run=False)
        assert {s.status for s in done} <= {"removed", "kept"}
        assert connector.describe(subject.object) == before
        again = connector.unprovision({subject.object: ours}, prefix="gone", dry_run=False)
        assert {s.status for s in again} <= {"kept"}

    def test_a_field_of_another_type_is_refused_with_advice_and_left_alone(self, subject, connector):
        flag = next(f for f in CATALOGUE if f.kind is Kind.FLAG)
        text = CatalogueField(flag.name, flag.subject, Kind.TEXT, "t", "t", "t", "t")
        args = {"prefix": "clash", "language": "en", "dry_run": False}
        connector.provision(subject.object, [text], **args)
        steps = connector.provision(subject.object, [flag], **args)
        refused = [s for s in steps if s.status == "refused"]
        assert refused
        assert refused[0].advice
        assert connector.describe(subject.object).field(connector.api_name(flag, "clash")).label == "t"

    def test_values_of_every_field_come_back_as_they_were_written(self, subject, connector):
        ours = list(CATALOGUE)
        connector.provision(subject.object, ours, prefix="round", language="en", dry_run=False)
        names = {f.name: connector.api_name(f, "round") for f in ours}
        one = subject.user.create(subject.object, subject.new)
        for n in range(3):
            wanted = {f.name: sample(f)[n % len(sample(f))] for f in ours}
            values = {names[f.name]: connector.encode(f, wanted[f.name]) for f in ours}
            (result,) = connector.write(subject.object, [RecordWrite(one, values)])
            assert result.outcome is WriteOutcome.APPLIED, result.cause
            live = connector.read(subject.object, [one], list(names.values()))[one].values
            assert {f.name: connector.decode(f, live[names[f.name]]) for f in ours} == wanted

    # what goes wrong on the way

    @pytest.mark.parametrize(
        "effect",
        [
            {"kind": "status", "status": 503, "body": "<html>busy</html>"},
            {"kind": "status", "status": 429, "body": {}},
            {"kind": "status", "status": 200, "body": "<html>a proxy's page</html>"},
            {"kind": "lost_reply"},
            {"kind": "cut"},
        ],
        ids=["503", "429", "HTML with 200", "lost reply", "cut"],
    )
    def test_a_reading_survives_what_passes(self, subject, connector, effect):
        connector.greet()
        with subject.user.fault(effect, times=2, path=subject.read_path):
            pages = read_all(connector, subject.spec())
        live = {i for i, r in subject.user.records(subject.object).items() if not r["deleted"]}
        assert {i for i, r in newest(pages).items() if not r.deleted} == live

    def test_a_server_that_stays_broken_is_a_failure_and_never_an_empty_object(self, subject, connector):
        connector.greet()
        effect = {"kind": "status", "status": 200, "body": "<html></html>"}
        with subject.user.fault(effect, times=None, path=subject.read_path), pytest.raises(SyncError) as met:
            read_all(connector, subject.spec())
        assert met.value.remedy or met.value.message

    def test_an_ended_session_is_renewed_once_or_said_to_need_a_person(self, subject, connector):
        connector.greet()
        with subject.user.fault({"kind": "expired_token"}, path=subject.read_path):
            if subject.renews:
                assert newest(read_all(connector, subject.spec()))
                return
            with pytest.raises(Stop):
                read_all(connector, subject.spec())

    @staticmethod
    def until(
        subject: Subject,
        connector: Connector,
        cursor: Cursor,
        came: Callable[[list[Page]], bool],
        spec: ReadSpec | None = None,
    ) -> list[Page]:
        """Readings from `cursor` on, repeated until what is wanted came or the CRM had its time: as many, however quick they are.

        That a record comes is not enough: an earlier state of it may, while the change is not shown yet.
        """
        pages: list[Page] = []
        for _ in range(1 + round(subject.again / BREATH)):
            pages += read_all(connector, spec or subject.spec(), pages[-1].cursor if pages else cursor)
            if came(pages):
                break
            subject.user.time_passes(BREATH)
        return pages


@contextmanager
def subject_connector(subject: Subject) -> Iterator[Connector]:
    """Another process, as it were: a connector that knows nothing but the cursor."""
    made = subject.connect()
    try:
        yield made
    finally:
        made.close()
