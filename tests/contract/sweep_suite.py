"""What a sweep may rely on, whichever CRM stands behind it: every live record listed with its version, and every question answered."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest

from sync.connector import Connector
from sync.errors import ObjectMissing, SyncError
from sync.records import Page, ReadSpec
from tests.contract.connector_suite import Subject, history_of, newest, read_all


def listed(connector: Connector, name: str) -> dict[str, datetime]:
    return {one.id: one.version for some in connector.identities(name) for one in some}


def live(subject: Subject, name: str) -> set[str]:
    return {i for i, r in subject.user.records(name).items() if not r["deleted"]}


def ended(pages: Sequence[Page]) -> set[str]:
    """The ids of which a fetch says that the CRM does not have them any more."""
    return {i for p in pages for i in (*p.gone, *p.forgotten)}


class SweepSuite:
    """The expectations, over the same subjects as the connector's suite."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError("a subclass gives the fixture `subject`")

    @pytest.fixture
    def connector(self, subject: Subject) -> Iterator[Connector]:
        made = subject.connect()
        yield made
        made.close()

    def test_the_list_holds_every_live_record_and_no_other(self, subject, connector):
        gone = subject.user.create(subject.object, subject.new)
        subject.user.delete(subject.object, gone)
        for name in (subject.object, subject.many):
            assert set(listed(connector, name)) == live(subject, name)

    def test_the_list_s_versions_are_those_of_a_reading(self, subject, connector):
        """Otherwise every record would look stale for ever."""
        read = newest(read_all(connector, subject.spec()))
        told = listed(connector, subject.object)
        assert told == {i: r.version for i, r in read.items() if not r.deleted}

    def test_the_list_costs_a_call_a_page(self, subject, connector):
        connector.describe(subject.many)
        size = 2000 if connector.batch_size > 100 else 100
        subject.user.forget_calls()
        listed(connector, subject.many)
        assert subject.user.calls() <= -(-len(live(subject, subject.many)) // size) + 1

    def test_the_count_is_that_of_the_list_once_the_crm_had_its_time(self, subject, connector):
        subject.user.create(subject.object, subject.new)
        subject.user.time_passes(subject.again)
        assert connector.count(subject.object) == len(live(subject, subject.object))

    def test_every_id_is_answered_for_whatever_became_of_it(self, subject, connector):
        user, name = subject.user, subject.object
        stays, gone, purged, winner, loser = (user.create(name, subject.new) for _ in range(5))
        user.delete(name, gone)
        user._act("purge", object=name, id=purged)
        survivor = user.merge(name, winner, loser)
        asked = [stays, gone, purged, winner, loser, subject.unknown_id]
        pages = list(connector.fetch(subject.spec(), asked))
        held = newest(pages)
        assert not held[stays].deleted
        assert held[gone].deleted
        assert held[gone].merged_into is None
        assert (held[loser].deleted, held[loser].merged_into) == (True, survivor)
        assert not held[survivor].deleted
        assert ended(pages) == {purged, subject.unknown_id}
        assert set(asked) <= held.keys() | ended(pages)

    def test_a_record_fetched_is_the_record_as_a_reading_brings_it(self, subject, connector):
        subject.user.create(subject.object, subject.new | {subject.text: "as read", subject.number: 12})
        read = {i: r for i, r in newest(read_all(connector, subject.spec())).items() if not r.deleted}
        fetched = newest(list(connector.fetch(subject.spec(), list(read))))
        assert {i: fetched[i] for i in read} == read

    def test_a_record_fetched_brings_its_history(self, subject, connector):
        a, b, _ = subject.history_values
        one = subject.user.create(subject.history_object, subject.history_new | {subject.history_field: a})
        subject.user.edit(subject.history_object, one, {subject.history_field: b})
        spec = ReadSpec(subject.history_object, (subject.history_field,), history=(subject.history_field,))
        fetched = history_of(list(connector.fetch(spec, [one])), one)
        assert [row.new for row in fetched][-1] == b
        assert fetched == history_of(read_all(connector, spec), one)

    def test_more_ids_than_any_call_takes_are_fetched_all_the_same(self, subject, connector):
        ids = sorted(live(subject, subject.many))
        pages = list(connector.fetch(ReadSpec(subject.many, subject.many_fields), ids))
        assert set(newest(pages)) == set(ids)
        assert ended(pages) == set()
        assert max(len(p.records) for p in pages) <= 2000

    def test_an_undeleted_record_is_listed_and_fetched_as_live(self, subject, connector):
        one = subject.user.create(subject.object, subject.new)
        subject.user.delete(subject.object, one)
        subject.user.undelete(subject.object, one)
        assert one in listed(connector, subject.object)
        assert not newest(list(connector.fetch(subject.spec(), [one])))[one].deleted

    @pytest.mark.parametrize(
        "effect",
        [{"kind": "status", "status": 503, "body": "<html>busy</html>"}, {"kind": "lost_reply"}, {"kind": "cut"}],
        ids=["503", "lost reply", "cut"],
    )
    def test_a_list_survives_what_passes(self, subject, connector, effect):
        connector.greet()
        with subject.user.fault(effect, times=2, path=subject.read_path):
            assert set(listed(connector, subject.object)) == live(subject, subject.object)

    def test_a_list_that_goes_round_in_a_circle_is_a_failure_and_never_a_shorter_list(self, subject, connector):
        connector.describe(subject.many)
        path = "/query" if connector.batch_size > 100 else f"/{subject.many}$"
        with (
            subject.user.fault({"kind": "duplicate_page"}, times=None, skip=1, path=path),
            pytest.raises(SyncError),
        ):
            listed(connector, subject.many)

    def test_a_broken_server_is_never_an_object_without_records(self, subject, connector):
        connector.describe(subject.object)
        effect = {"kind": "status", "status": 200, "body": "<html></html>"}
        with subject.user.fault(effect, times=None, path=subject.read_path):
            for ask in (
                lambda: listed(connector, subject.object),
                lambda: connector.count(subject.object),
                lambda: list(connector.fetch(subject.spec(), [subject.unknown_id])),
            ):
                with pytest.raises(SyncError):
                    ask()

    def test_an_unknown_object_is_named(self, subject, connector):
        with pytest.raises((ObjectMissing, SyncError), match=subject.object[:-1]):
            listed(connector, subject.object[:-1] + "x")
