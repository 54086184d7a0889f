# ruff: noqa: F811 (fixtures are imported)
"""What is kept beside results, over whole cycles: activation, tiers by hand, plan against actual, snapshots, what leads."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from jobs import cli
from jobs.pipeline import run_cycle
from models.vocabulary import Step
from tests.acceptance.in_process import Company, Ran
from tests.acceptance.in_process_fixtures import company, loaded_database, world  # noqa: F401 - fixtures

Ask = Callable[..., Any]


def compute(company: Company) -> Ran:
    ran = company._watched(lambda ready: run_cycle(ready, steps=(Step.PULL, Step.MAP, Step.COMPUTE)))
    assert ran.error is None, ran.sentence
    return ran


@pytest.fixture
def ask(company: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a reading command as a person would, and gives its document (or its text, without --json)."""
    monkeypatch.setenv("DATABASE_URL", company.url)
    monkeypatch.chdir(company.folder)

    def asked(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        said = capsys.readouterr()
        assert (caught.value.code or 0) == code, said.err
        if code:
            return said.err
        return json.loads(said.out) if "--json" in arguments else said.out

    return asked


def a_partner(company: Company) -> tuple[str, str]:
    """The id of a partner, and a record that is it."""
    row = company.one(
        """select partner_id || ' ' || connection || '.' || object || '/' || record_id from sakigake.partner_source
        join sakigake.partner using (workspace, partner_id) where removed_at is null order by 1 limit 1"""
    )
    partner_id, record = str(row).split(" ")
    return partner_id, record


def tier_of(company: Company, partner_id: str) -> str:
    return str(
        company.one(
            "select value #>> '{}' from sakigake.field_result where subject = 'partner' and field = 'tier' and subject_id = %s",
            partner_id,
        )
    )


def test_activation_share_and_cadence_are_kept_and_shown(company: Company, ask: Ask):
    compute(company)
    document = ask("activation", "--json")
    every = next(a for a in document["activation"] if a["type"] == "all")
    assert every["base"] == sum(a["base"] for a in document["activation"] if a["type"] != "all")
    assert every["base"] + every["newcomers"] <= 10
    share = document["sourced"]
    assert share["deals_all_channels"] == company.one(
        "select count(*) from sakigake.deal_any_channel where removed_at is null and occurred_on > %s::date - 365",
        document["as_of"],
    )
    assert 0 < share["share"] < 1
    assert share["low"] < share["share"] < share["high"]
    won = share["won"]
    year = "from sakigake.deal_any_channel where removed_at is null and won and occurred_on > %s::date - 365"
    assert won["deals_all_channels"] == company.one(f"select count(*) {year}", document["as_of"])
    assert won["partner_sourced"] == company.one(f"select count(*) {year} and partner_sourced", document["as_of"])
    assert won["judged"] == share["deals_all_channels"]
    rows = list(csv.DictReader(io.StringIO(ask("activation", "--csv"))))
    assert [r["type"] for r in rows] == [a["type"] for a in document["activation"]]
    assert rows[-1]["won_all_channels"] == str(won["deals_all_channels"])
    assert {r["share"] for r in rows[:-1]} == {""}
    assert "Of won deals: " in ask("activation", "--language", "en")
    assert ask("activation") == ask("activation", "--language", "ja")  # the mapping's language
    assert company.one("select active from sakigake.bi_activation where type = 'all'") == every["active"]
    assert ask("activation", "--json", "--as-of", document["as_of"]) == document
    early = ask("activation", "--json", "--as-of", "2001-01-01")
    assert {a["deals"] for a in early["activation"]} == {0}
    assert early["reporting_delay"]["n"] == 0
    assert "There is no partner type 'nobody'; the types are" in ask("activation", "--type", "nobody", code=1)
    assert "パートナー経由" in ask("activation", "--language", "ja")
    assert "Partner-sourced" in ask("activation", "--language", "en")
    assert "--language is 'fr', expected ja or en." in ask("activation", "--language", "fr", code=2)


def test_a_tier_set_by_hand_holds_until_it_is_ended_and_says_who_and_why(company: Company, ask: Ask):
    compute(company)
    partner_id, record = a_partner(company)
    before = tier_of(company, partner_id)
    other = "A" if before != "A" else "C"
    made = ask("tier", "set", record, other, "--reason", "年度末の重点", "--by", "sato", "--json")["override"]
    day = date.fromisoformat(made["starts_on"])
    assert date.fromisoformat(made["ends_on"]) - day == timedelta(days=90)
    assert tier_of(company, partner_id) == before
    compute(company)
    assert tier_of(company, partner_id) == other
    (told,) = [f for f in ask("explain", record, "tier", "--json")["fields"] if f["field"] == "tier"]
    assert (told["inputs"]["rule"], told["inputs"]["set_by"]) == ("override", "sato")
    assert "年度末の重点" in told["value"] + told["inputs"]["why"]
    assert before in told["inputs"]["what_would_change"]
    assert company.one("select set_by_hand from sakigake.bi_tier_history where current and partner_id = %s", partner_id)
    (listed,) = ask("tier", "list", "--json")["overrides"]
    assert (listed["tier"], listed["set_by"], listed["reason"]) == (other, "sato", "年度末の重点")
    ask("tier", "end", record, "--reason", "over", "--by", "sato")
    compute(company)
    assert tier_of(company, partner_id) == before
    assert ask("tier", "list", "--json")["overrides"] == []
    (over,) = ask("tier", "list", "--all", "--json")["overrides"]
    assert over["ended_because"] == "over"
    links = ask("audit", "log", "--json")["links"]
    assert [link["kind"] for link in links].count("override") == 2
    assert ask("audit", "verify", "--json")["ok"]


REFUSED = (
    (("RECORD", "E", "--reason", "x"), "'E' is no tier; choose A, B, C or D."),
    (("RECORD", "A", "--reason", " "), "--reason says why, in 1 to 500 characters."),
    (("RECORD", "A", "--reason", "x", "--until", "2001-01-01"), "which is over; choose a day from"),
    (("RECORD", "A", "--reason", "x", "--until", "2099-01-01"), "ends within a year"),
    (("RECORD", "A", "--reason", "x", "--until", "soon"), "--until is 'soon', expected a day such as"),
    (("here", "A", "--reason", "x"), "'here' does not name a record"),
)


def test_a_tier_that_cannot_be_set_is_refused_in_a_sentence(company: Company, ask: Ask):
    compute(company)
    _, record = a_partner(company)
    for arguments, sentence in REFUSED:
        given = [record if a == "RECORD" else a for a in arguments]
        assert sentence in ask("tier", "set", *given, code=2)
    assert "is no partner of workspace main" in ask("tier", "set", "hubspot.companies/0", "A", "--reason", "x", code=1)
    assert "No tier of this partner is set by hand" in ask("tier", "end", record, "--reason", "x", code=1)
    assert company.one("select count(*) from sakigake.tier_override") == 0


def test_a_month_s_target_is_set_against_what_was_reached(company: Company, ask: Ask):
    compute(company)
    month = str(company.one("select to_char(max(as_of), 'YYYY-MM') from sakigake.computation"))
    (planned,) = ask("actual", "--json")["months"]  # by the plan for the 40 deals that sakigake.yaml wants
    deals = {r["type"]: r["planned"] for r in planned["rows"] if r["milestone"] == "deal"}
    assert deals.pop("all") == sum(deals.values()) == 40
    set_up = ask("actual", "--month", month, "--deals", "6", "--by", "sato", "--json")
    assert set_up["numbers"]["deal"] == 6
    compute(company)
    (kept,) = ask("actual", "--json")["months"]
    rows = {r["milestone"]: r for r in kept["rows"] if r["type"] == "all"}
    first = f"{month}-01"
    reached = company.one(
        """select count(*) from sakigake.event e where milestone = 'listed' and op = 'assert' and occurred_on >= %s
            and occurred_on <= (select max(as_of) from sakigake.computation)
            and not exists (select from sakigake.event r where r.supersedes = e.event_id)""", first,
    )  # fmt: skip
    assert rows["listed"]["actual"] == reached
    for r in rows.values():
        assert r["gap"] == pytest.approx(r["actual"] - r["planned_to_date"], abs=1e-5)
        assert r["planned_to_date"] == pytest.approx(r["planned"] * kept["elapsed"], abs=1e-5)
    gap = kept["gap"]["all"]
    parts = [gap["volume"], *gap["conversion"].values()]
    assert sum(parts) == pytest.approx(gap["gap"], abs=1e-4)
    assert company.one("select planned from sakigake.bi_plan_vs_actual where type = 'all' and milestone = 'deal'") == 6
    assert "No target is kept for 2001-01" in ask("actual", "--month", "2001-01", code=2)
    assert "gap" in ask("actual", "--language", "en")
    assert "商談への寄与" in ask("actual", "--language", "ja")
    assert "--language is 'fr', expected ja or en." in ask("actual", "--language", "fr", code=2)
    assert "choose one" in ask("actual", "--json", "--csv", code=2)
    assert "--deals is 0" in ask("actual", "--month", month, "--deals", "0", code=2)


def test_each_day_s_fields_are_kept_and_yesterday_s_stay_as_they_were(company: Company):
    compute(company)
    first = company.one("select min(day) from sakigake.partner_day")
    before = company.one("select jsonb_agg(to_jsonb(d) order by partner_id) from sakigake.bi_partner_day d")
    assert company.one(
        """select count(*) from sakigake.bi_partner_day d join sakigake.bi_partner_scorecard s using (workspace, partner_id)
        where d.tier is distinct from s.tier or d.next_step is distinct from s.next_step or d.deals_90d is distinct from s.deals_90d"""
    ) == 0  # fmt: skip
    assert len(before) == company.one("select count(*) from sakigake.partner where removed_at is null")
    company.sandbox.advance(2)
    compute(company)
    assert company.one("select count(distinct day) from sakigake.partner_day") == 2
    after = company.one(
        "select jsonb_agg(to_jsonb(d) order by partner_id) from sakigake.bi_partner_day d where day = %s", first
    )
    assert after == before


def test_what_leads_is_kept_once_a_week_and_says_the_same_when_asked_again(company: Company, ask: Ask):
    compute(company)
    kept = ask("leading", "--json")
    assert kept["run"]
    assert {i["verdict"] for i in kept["indicators"] if i["kind"] == "milestone"} == {"mechanical"}
    assert {i["verdict"] for i in kept["indicators"] if i["kind"] == "activity"} == {"not enough data"}  # five months
    assert company.one("select count(*) from sakigake.bi_leading") == len(kept["indicators"])
    again = ask("leading", "--json", "--as-of", kept["as_of"], "--known-at", kept["known_at"])
    assert again["run"] is None
    assert again["indicators"] == kept["indicators"]
    company.execute("delete from sakigake.run_step where step = 'compute'")  # so that the day is computed again
    compute(company)
    assert company.one("select count(*) from sakigake.report where kind = 'leading'") == 1
    company.sandbox.advance(7)
    compute(company)
    assert company.one("select count(*) from sakigake.report where kind = 'leading'") == 2
    rows = list(csv.DictReader(io.StringIO(ask("leading", "--csv", "--type", "all"))))
    assert {r["type"] for r in rows} == {"all"}
    name, kind = company.one(
        "select jsonb_build_array(name, type) from sakigake.bi_partner_scorecard order by deals_90d desc, partner_id limit 1"
    )
    one = ask("leading", "--partner", name, "--json")
    assert (one["partner"]["name"], {i["type"] for i in one["indicators"]}) == (name, {kind})
    assert one["partner"]["n"]["deal"] > 0
    page = " ".join(ask("leading", "--partner", name, "--language", "en").split())
    assert f"One partner alone cannot show what leads (it takes 8). This is what partners of type {kind} show" in page
    assert "There is no partner 'nobody'" in ask("leading", "--partner", "nobody", code=1)
    assert "leave --type out" in ask("leading", "--partner", name, "--type", "all", code=2)
    assert "not enough data" in " ".join(ask("leading", "--language", "en").lower().split())
    assert "--language is 'fr', expected ja or en." in ask("leading", "--language", "fr", code=2)


def test_stalled_entries_come_with_their_next_step(company: Company, ask: Ask):
    compute(company)
    document = ask("stalled", "--json")
    assert len(document["entries"]) == company.one(
        "select count(*) from sakigake.field_result where field = 'stalled' and value = 'true'"
    )
    following = {"listed": "requested", "requested": "agreed", "agreed": "executed", "executed": "deal"}
    for e in document["entries"]:
        assert e["next"] == following[e["milestone"]]
        assert e["business_days"] <= e["days"]
        assert e["next_step"]
    chances = [e["chance"] for e in document["entries"]]
    known = [chance for chance in chances if chance is not None]
    assert chances == sorted(known, reverse=True) + [None] * (len(chances) - len(known)), "unknown ones come last"
    assert all(0 <= chance <= 1 for chance in known)


def test_pictures_are_drawn_from_the_commands(company: Company, ask: Ask):
    compute(company)
    for command in (("leading",), ("indicators",), ("targets", "--deals", "5")):
        ask(*command, "--plot", f"{command[0]}.svg", "--json")
        assert (company.folder / f"{command[0]}.svg").stat().st_size > 5000
    assert "expected a file that ends in" in ask("leading", "--plot", "x.gif", code=2)
