"""Fault scripts and call templates, without a network."""

import gzip

import pytest

from sandbox.calls import Calls, crm_of, template
from sandbox.faults import BadFault, Faults, Request
from sandbox.middleware import Reply, edit

HANG = {"kind": "hang"}


def ask(path: str = "/services/data/v62.0/query", method: str = "GET", **rest: str) -> Request:
    return Request(crm_of(path), method, path, rest.pop("query", ""), **rest)


class TestScripts:
    def test_the_first_script_that_strikes_decides_and_later_ones_do_not_see_the_call(self):
        faults = Faults()
        first, second = faults.add([{"effect": HANG}, {"effect": "cut"}])
        assert faults.strike(ask())[0] is first
        assert faults.strike(ask())[0] is second
        assert faults.strike(ask())[0] is None
        assert (first.seen, first.hits, second.seen, second.hits) == (3, 1, 2, 1)

    def test_all_that_a_match_names_must_hold(self):
        faults = Faults()
        match = {"crm": "salesforce", "method": "post", "path": "/query$", "query": "q=", "body": "SELECT"}
        faults.add([{"effect": HANG, "match": match, "times": None}])
        good = ask(method="POST", query="q=1", body="SELECT Id")
        assert faults.strike(good)[0] is not None
        for bad in (
            ask(method="GET", query="q=1", body="SELECT Id"),
            ask("/crm/v3/query", "POST", query="q=1", body="SELECT Id"),
            ask("/services/data/v62.0/query/0r8", "POST", query="q=1", body="SELECT Id"),
            ask(method="POST", body="SELECT Id"),
            ask(method="POST", query="q=1"),
        ):
            assert faults.strike(bad)[0] is None
        assert faults.read_bodies

    def test_skip_comes_before_times(self):
        faults = Faults()
        faults.add([{"effect": HANG, "skip": 2, "times": 2}])
        assert [faults.strike(ask())[0] is not None for _ in range(6)] == [False, False, True, True, False, False]

    def test_a_chance_without_times_never_ends(self):
        faults = Faults()
        faults.add([{"effect": HANG, "probability": 0.5, "seed": 1}])
        assert 60 < sum(faults.strike(ask())[0] is not None for _ in range(200)) < 140

    def test_a_token_expires_only_where_one_is_sent(self):
        faults = Faults()
        faults.add([{"effect": "expired_token"}])
        assert faults.strike(ask("/services/oauth2/token", "POST", authorization="Basic abc"))[0] is None
        assert faults.strike(ask(authorization="Bearer abc"))[0] is not None

    def test_one_bad_script_leaves_things_as_they_were(self):
        faults = Faults()
        with pytest.raises(BadFault, match="needs delay"):
            faults.add([{"effect": HANG}, {"effect": "late_apply"}])
        assert faults.scripts == []

    def test_clearing_gives_revoked_tokens_back(self):
        faults = Faults()
        faults.add([{"effect": HANG}])
        faults.revoked.add("Bearer x")
        assert faults.clear() == 1
        assert (faults.scripts, faults.revoked) == ([], set())


class TestTemplates:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/services/data", "/services/data"),
            ("/services/oauth2/token", "/services/oauth2/token"),
            ("/services/data/v62.0/sobjects/Account/001000000000001AAA", "/services/data/{version}/sobjects/Account/{id}"),
            ("/services/data/v59.0/query/0r8xx5R2yF2gs3VASQ-2000", "/services/data/{version}/query/{id}"),
            ("/services/data/v59.0/sobjects/AttackListEntry__c/describe", "/services/data/{version}/sobjects/AttackListEntry__c/describe"),
            ("/services/data/v59.0/jobs/query/750000000000001/results", "/services/data/{version}/jobs/query/{id}/results"),
            ("/crm/v3/objects/deals/123", "/crm/{version}/objects/deals/{id}"),
            ("/crm/objects/2026-09/deals/search", "/crm/objects/{version}/deals/search"),
            ("/crm/v3/properties/deals/sakigake_tier", "/crm/{version}/properties/deals/sakigake_tier"),
            ("/services/data/v62.0/composite/sobjects", "/services/data/{version}/composite/sobjects"),
            ("/services/data/v62.0/sobjects/OpportunityFieldHistory/updated", "/services/data/{version}/sobjects/OpportunityFieldHistory/updated"),
        ],
    )  # fmt: skip
    def test_versions_and_ids_become_names(self, path, expected):
        assert template(path) == expected

    @pytest.mark.parametrize("path", ["/services", "/services/data", "/id/00D000000000001AAA/005000000000001AAA"])
    def test_services_and_identity_urls_are_salesforce(self, path):
        assert crm_of(path) == "salesforce"

    @pytest.mark.parametrize(
        "path", ["/serviceshub", "/crm/v3", "/oauth/v1/token", "/account-info/v3/details", "/", ""]
    )
    def test_all_else_is_hubspot(self, path):
        assert crm_of(path) == "hubspot"

    def test_the_report_sums_up_each_crm(self):
        calls = Calls()
        for path in ("/services/data/v62.0/limits", "/services/data/v63.0/limits", "/account-info/v3/details"):
            calls.count(crm_of(path), "GET", path)
        report = calls.report()
        assert report["total"] == {"salesforce": 2, "hubspot": 1}
        assert {"crm": "salesforce", "method": "GET", "path": "/services/data/{version}/limits", "count": 2} in report[
            "calls"
        ]


class TestEdit:
    def test_bytes_that_are_no_text_survive_an_edit(self):
        reply = edit(Reply(200, [], b"\xff\x00page"), {"kind": "edit", "find": "page", "replace": "Page"})
        assert reply.body == b"\xff\x00Page"
        assert reply.headers == [(b"content-length", b"6")]

    def test_a_packed_body_is_cut_in_its_text_and_goes_out_unpacked(self):
        packed = Reply(200, [(b"content-encoding", b"gzip")], gzip.compress(b"one\ntwo\n"))
        cut = edit(packed, {"kind": "edit", "find": r"\n[^\n]*\n\Z", "replace": "\n"})
        assert (cut.body, cut.headers) == (b"one\n", [(b"content-length", b"4")])
        assert edit(packed, {"kind": "edit", "headers": {"x": "y"}}).body == packed.body

    def test_keep_is_a_share_up_to_one_and_bytes_above(self):
        whole = Reply(200, [], b"0123456789")
        assert edit(whole, {"kind": "edit", "keep": 0.5}).body == b"01234"
        assert edit(whole, {"kind": "edit", "keep": 3}).body == b"012"
        assert whole.body == b"0123456789"
