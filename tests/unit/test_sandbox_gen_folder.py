"""Worlds read from a folder of CSV files with known truth."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from sandbox.companies import company
from sandbox.gen_folder import WorldFolderError, read_world
from sandbox.settings import SandboxSettings
from sandbox.state import make_world
from tests.shared_folder import shared

PARTNERS = """partner_id,type,industry,scale,contract,willingness,joined_on
P00000,legacy,restaurant_services,small,referral,submits,2024-01-01
P00001,growth1,consulting,medium,mutual,verbal,2024-02-01
P00002,growth2,real_estate,small,referral,none,2024-02-01
"""
ENTRIES = """entry_id,partner_id,crm,external_id,attempt,root_entry_id,listed_on
0,P00000,hubspot,hu-0,1,0,2024-01-05
1,P00001,salesforce,sa-1,1,1,2024-02-05
2,P00000,hubspot,hu-2,2,0,2024-06-05
"""
EVENTS = """event_id,entry_id,partner_id,external_id,milestone,occurred_on,recorded_on,op,supersedes
0,0,P00000,hu-0,M1_listed,2024-01-05,2024-01-06,assert,
1,1,P00001,sa-1,M1_listed,2024-02-05,2024-02-05,assert,
2,1,P00001,sa-1,M5_deal,2024-03-01,2024-03-03,assert,
3,0,P00000,hu-0,LOST,2024-03-20,2024-03-20,assert,
4,2,P00000,hu-2,M1_listed,2024-06-05,2024-06-05,assert,
5,0,P00000,dup-hu-0,M1_listed,2024-01-07,2024-01-09,assert,
6,1,P00001,sa-1,M5_deal,2024-03-01,2024-07-10,retract,2
7,1,P00001,sa-1,M5_deal,2024-02-25,2024-07-10,assert,
"""
ACTIVITIES = """activity_id,partner_id,kind,occurred_on
0,P00000,co_visit,2024-03-01
1,P00002,dinner,2024-03-02
"""
TRUTH = {"args": {"start": "2024-01-01", "seed": 7}, "as_of": "2024-07-01", "types": {}, "n_entries": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("partners", PARTNERS), ("entries", ENTRIES), ("events", EVENTS), ("activities", ACTIVITIES)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH), encoding="utf-8")
    return tmp_path


class TestSmallFolder:
    def test_the_clock_starts_where_truth_says_or_where_it_is_told(self, folder):
        world = read_world(folder)
        assert (world.start, world.as_of) == (date(2024, 1, 1), date(2024, 7, 1))
        assert [e.id for e in world.events if e.recorded_on > world.as_of] == ["6", "7"]
        early = make_world(SandboxSettings(world_dir=folder, as_of=date(2024, 3, 2)))
        assert early.as_of == date(2024, 3, 2)
        assert [h.id for h in early.happenings(early.as_of, date(2024, 3, 5))][:1] == ["2"]

    def test_a_partner_stands_where_its_entries_are(self, folder):
        partners = {p.id: p for p in read_world(folder).partners}
        assert partners["P00000"].crms == ("hubspot", "salesforce")  # at home in HubSpot; the duplicate adds Salesforce
        assert partners["P00001"].crms == ("salesforce",)
        assert len(partners["P00002"].crms) == 1  # no entries: somewhere
        assert partners["P00000"].elsewhere is not None

    def test_duplicates_become_records_of_the_same_target_in_the_other_crm(self, folder):
        world = read_world(folder)
        entries = {e.id: e for e in world.entries}
        dup = entries["dup-0"]
        assert (dup.crm, dup.external_id, dup.listed_on) == ("salesforce", "dup-hu-0", date(2024, 1, 7))
        assert dup.target == entries["0"].target == entries["2"].target == company("target", 0)
        assert next(e for e in world.events if e.id == "5").entry_id == "dup-0"

    def test_willingness_is_said_in_the_words_of_the_mapping(self, folder):
        said = {p.id: (p.willingness, p.submits_list) for p in read_world(folder).partners}
        assert said == {
            "P00000": ("verbal_yes", True),
            "P00001": ("verbal_yes", False),
            "P00002": ("refused", False),
        }

    def test_corrections_keep_their_link(self, folder):
        events = {e.id: e for e in read_world(folder).events}
        assert (events["6"].op, events["6"].supersedes, events["7"].op) == ("retract", "2", "assert")
        assert read_world(folder).partner_deal_days() == [date(2024, 2, 25)]

    def test_the_truth_of_the_folder_is_kept(self, folder):
        truth = read_world(folder).truth
        assert truth["n_entries"] == 3
        assert truth["as_of"] == "2024-07-01"

    @pytest.mark.parametrize(
        ("name", "old", "new", "told"),
        [
            (
                "entries.csv",
                "salesforce",
                "zoho",
                r"entries.csv line 3: crm is 'zoho', expected one of salesforce, hubspot",
            ),
            ("events.csv", "M5_deal", "M6", r"events.csv line 4: milestone is 'M6'"),
            (
                "events.csv",
                "2024-02-05,2024-02-05",
                "2024-02-05,soon",
                r"line 3: recorded_on is 'soon', expected a date",
            ),
            ("events.csv", "1,1,P00001", "1,9,P00001", r"line 3: entry_id is '9', expected an entry of entries.csv"),
            ("events.csv", "supersedes", "replaces", r"lacks the column supersedes"),
            ("partners.csv", "P00001,", "P00009,", r"names partner P00001, which partners.csv lacks"),
            ("partners.csv", "real_estate", "mining", r"line 4: industry is 'mining'"),
            ("entries.csv", "sa-1,1,1,", "sa-1,one,1,", r"attempt is 'one', expected a whole number"),
            ("entries.csv", ",2024-06-05", "", r"line 4 has another number of cells"),
            ("truth.json", "as_of", "at", r"truth.json is not JSON with a date under as_of"),
        ],
    )
    def test_a_file_that_is_wrong_is_named_with_its_line(self, folder, name, old, new, told):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(WorldFolderError, match=told):
            read_world(folder)

    @pytest.mark.parametrize("name", ["partners.csv", "entries.csv", "events.csv", "activities.csv", "truth.json"])
    def test_a_file_that_is_absent_is_named(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(WorldFolderError, match=name):
            read_world(folder)


@pytest.mark.parametrize("scenario", ["clean", "messy", "leading"])
def test_what_the_generator_writes_is_read_whole(tmp_path, scenario):
    script = shared("gen.py")
    arguments = [
        "--scenario",
        scenario,
        "--out",
        str(tmp_path),
        "--partners",
        "40",
        "--months",
        "14",
        "--entries",
        "900",
    ]
    subprocess.run([sys.executable, str(script), *arguments], check=True, timeout=60, capture_output=True)
    world = read_world(tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert len(world.partners) == 40
    assert len(world.events) == truth["n_events"]
    duplicates = [e for e in world.entries if e.external_id.startswith("dup-")]
    assert len(duplicates) == truth["duplicated_entries"]
    assert len(world.entries) - len(duplicates) == truth["n_entries"]
    assert world.truth["partner_sourced_share"] == pytest.approx(0.44, abs=0.01)
    assert Counter(p.type for p in world.partners) == {n: t["n_partners"] for n, t in truth["types"].items()}
    crms = {p.id: p.crms for p in world.partners}
    assert all(e.crm in crms[e.partner_id] for e in world.entries)
