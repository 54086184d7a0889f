"""Several connections' presets as one mapping: nothing of any is lost, and each CRM is looked into for its own rules alone."""

from itertools import product

import pytest
from ruamel.yaml import YAML

from jobs.presets.joining import joined
from jobs.presets.texts import PRESETS, SANDBOX, mapping_text
from sync.described import ObjectDescription
from sync.mapping.loading import load_mapping
from sync.mapping.proposals import Seen, propose
from tests.unit.test_mapping_proposal import CUSTOM, ORG, f, o

ALONE = [preset for preset in PRESETS if preset != SANDBOX]
SALESFORCE, HUBSPOT = ([p for p in ALONE if p.startswith(crm)] for crm in ("salesforce", "hubspot"))
MANY = [
    *({"salesforce": a, "hubspot": b} for a, b in product(SALESFORCE, HUBSPOT)),
    {"hub": "hubspot-custom-object", "eu": "salesforce-lead", "jp": "salesforce-campaign"},
]
LISTS = {"from": "lists.row"}
SHARED = ("timezone", "language", "sizes", "partner_types")


def read(text):
    return YAML(typ="safe", pure=True).load(text)


def without_marks(rules):
    return [{key: value for key, value in rule.items() if key != "match_on"} for rule in rules]


@pytest.mark.parametrize("presets", MANY, ids=lambda presets: "+".join(presets.values()))
def test_the_rules_of_every_connection_stand_in_turn_and_lists_once(presets):
    whole = read(joined(presets))
    parts = [read(joined({name: preset})) for name, preset in presets.items()]
    load_mapping(joined(presets))
    assert whole["entries"] == [rule for part in parts for rule in part["entries"] if rule != LISTS] + [LISTS]
    assert without_marks(whole["partners"]) == [rule for part in parts for rule in without_marks(part["partners"])]
    for key in ("activities", "deals_all_channels"):
        assert whole[key] == [rule for part in parts for rule in part[key]]
    for subject in ("partner", "entry"):
        assert whole["write_back"][subject] == {k: v for part in parts for k, v in part["write_back"][subject].items()}
    assert {k: v for part in parts for k, v in part["created"].items()}.items() <= whole["created"].items()
    assert all(part[key] == whole[key] for part in parts for key in SHARED)
    assert set(whole) == set(parts[0])


@pytest.mark.parametrize("presets", MANY, ids=lambda presets: "+".join(presets.values()))
def test_a_partner_is_met_by_the_same_marks_in_every_crm_and_named_by_the_record_made_first(presets):
    whole = read(joined(presets))
    assert {tuple(rule["match_on"]) for rule in whole["partners"]} == {
        ("corporate_number", "domain", "phone", "prefecture", "city")
    }
    assert all(rule["from"] in whole["created"] for rule in whole["partners"])


@pytest.mark.parametrize("preset", ALONE)
def test_a_single_connection_has_its_preset_as_it_stands(preset):
    assert joined({preset.partition("-")[0]: preset}) == mapping_text(preset)


def test_two_orgs_with_objects_of_one_name_are_proposed_for_apart():
    other = {
        **ORG,
        "Account": o("Account", f("Name", "取引先名"), f("Partner__c", "パートナー", options="なし|代理店"), f("Denwa__c", "電話番号")),
    }  # fmt: skip
    presets = dict.fromkeys(("jp", "eu"), "salesforce-custom-object")
    found = propose(joined(presets), {"jp": Seen(ORG.get, CUSTOM), "eu": Seen(other.get, CUSTOM)})
    jp, eu = load_mapping(found.text).partners
    assert (jp.match_on.corporate_number, jp.match_on.domain) == ("HoujinBangou__c", "Website")
    assert {name: c.values() for name, c in jp.where.conditions.items()} == {"Kubun__c": ("代理店",)}
    assert (eu.match_on.corporate_number, eu.match_on.phone) == (None, "Denwa__c")
    assert {name: c.values() for name, c in eu.where.conditions.items()} == {"Partner__c": ("代理店",)}
    assert [rule.object for rule in load_mapping(found.text).entries] == ["Shoukai__c", "Shoukai__c", "row"]
    of_from = {(c.connection, c.path) for c in found.choices if c.path.endswith(".from")}
    assert of_from == {("jp", "entries[0].from"), ("eu", "entries[1].from")}
    assert found.left == [f"{name}.Shoukai__c.Jyoukyou__c: 要確認" for name in presets]


def test_what_one_crm_lacks_leaves_the_rules_of_the_other_whole():
    presets = {"salesforce": "salesforce-custom-object", "hubspot": "hubspot-deals"}
    gone = {name: found for name, found in ORG.items() if name not in ("Event", "Task")}
    nothing_told = {**gone, "Opportunity": o("Opportunity", f("StageName", "フェーズ", options="提案|受注|失注"))}
    hubspot = read(joined({"hubspot": "hubspot-deals"}))
    activities = {name: ObjectDescription(name, name, ()) for name in ("meetings", "tasks")}
    seen = {"salesforce": Seen(nothing_told.get, CUSTOM), "hubspot": Seen(activities.get)}
    found = read(propose(joined(presets), seen).text)
    assert found["deals_all_channels"] == hubspot["deals_all_channels"]
    assert found["activities"] == hubspot["activities"]
    of_salesforce, of_hubspot, _ = found["entries"]
    assert "executed" not in of_salesforce["milestones"]
    assert of_hubspot == hubspot["entries"][0]
