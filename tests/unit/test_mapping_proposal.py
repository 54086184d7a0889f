"""`init --propose`: a preset made to speak of another CRM, by what its fields and stages look like."""

import pytest

from jobs.presets.texts import mapping_text
from sync.described import FieldDescription, FieldType, ObjectDescription
from sync.mapping.check import check
from sync.mapping.likeness import MILESTONES, meaning_of
from sync.mapping.loading import load_mapping
from sync.mapping.needs import needs
from sync.mapping.proposals import Seen, propose
from sync.mapping.rules import IMPORTED

T, D, N, B = FieldType.TEXT, FieldType.DATE, FieldType.NUMBER, FieldType.BOOLEAN


def f(name, label, kind=T, options="", references=()):
    pairs = tuple(tuple(part.split("=", 1)) if "=" in part else (part, part) for part in options.split("|") if part)
    crm_type = "reference" if references else "picklist" if pairs else str(kind)
    return FieldDescription(
        name, kind, label, crm_type, custom=name.endswith("__c"), references=references, options=pairs
    )


def o(name, *fields):
    return ObjectDescription(name, name, (f("Id", "ID"), *fields))


ACTIVITY = (
    f("Subject", "件名"),
    f("ActivityDate", "期日", D),
    f("WhatId", "関連先", references=("Account", "Shoukai__c")),
    f("WhoId", "名前", references=("Lead",)),
    f("CreatedDate", "作成日", FieldType.DATETIME),
)
ORG = {
    d.name: d
    for d in (
        o(
            "Account",
            f("Name", "取引先名"), f("Kubun__c", "取引先区分", options="顧客|代理店|その他"), f("HoujinBangou__c", "法人番号"),
            f("Website", "Web サイト"), f("Gyoushu__c", "業種", options="1=営業代行|2=飲食店向け|3=不動産仲介|9=その他"),
            f("NumberOfEmployees", "従業員", N), f("ListIkou__c", "リスト提出意向", options="Y=口頭であり|N=なし|?=不明"), f("KeiyakuBi__c", "契約日", D),
        ),
        o(
            "Shoukai__c",
            f("Name", "紹介番号"), f("Dairiten__c", "紹介元代理店", references=("Account",)), f("Kigyou__c", "対象企業名"), f("Denwa__c", "電話番号"),
            f("Jyoukyou__c", "進捗状況", options="新規掲載|打診依頼中|アクション合意|アプローチ済|商談化|見送り|要確認"), f("KeisaiBi__c", "掲載日", D), f("GouiBi__c", "合意日", D),
            f("Shoudan__c", "商談", references=("Opportunity",)), f("Riyuu__c", "見送り理由"), f("CreatedDate", "作成日", FieldType.DATETIME),
        ),
        o("Opportunity", f("StageName", "フェーズ", options="提案|受注|失注"), f("LeadSource", "リードソース", options="Web|代理店紹介"), f("CreatedDate", "作成日", FieldType.DATETIME)),
        ObjectDescription("Event", "Event", ACTIVITY),
        ObjectDescription("Task", "Task", ACTIVITY),
    )
}  # fmt: skip
CUSTOM = [("Nyukin__c", "入金"), ("Shoukai__c", "アタックリスト（紹介先）")]


@pytest.fixture(scope="module")
def proposed():
    return propose(mapping_text("salesforce-custom-object"), {"salesforce": Seen(ORG.get, CUSTOM)})


@pytest.fixture(scope="module")
def rules(proposed):
    return load_mapping(proposed.text, "mapping.yaml")


def test_what_is_proposed_fits_the_crm(rules):
    descriptions = {("salesforce", name): ORG[name] for name in needs(rules)["salesforce"]}
    assert [str(problem) for problem in check(rules, descriptions, {("lists", "row"): None})] == []


def test_the_object_its_partner_and_its_target_are_found_by_their_labels(rules):
    entry, lists = rules.entries
    assert lists.from_ == IMPORTED
    assert (entry.object, entry.partner.field) == ("Shoukai__c", "Dairiten__c")
    assert dict(entry.target.items()) == {"name": "Kigyou__c", "phone": "Denwa__c"}
    assert rules.write_back.entry == {"salesforce.Shoukai__c": "default"}


def test_stages_are_told_by_their_labels_and_what_looks_like_nothing_is_left_to_a_person(rules, proposed):
    entry, _ = rules.entries
    stages = {m.value: of.stage for m, of in entry.milestones.items() if of.stage and of.linked is None}
    assert stages == {
        "listed": ("Jyoukyou__c", ["新規掲載"]), "requested": ("Jyoukyou__c", ["打診依頼中"]), "agreed": ("Jyoukyou__c", ["アクション合意"]),
        "lost": ("Jyoukyou__c", ["見送り"]),
    }  # fmt: skip
    assert entry.ignored == {"Jyoukyou__c": ["アプローチ済", "商談化"]}
    assert proposed.left == ["salesforce.Shoukai__c.Jyoukyou__c: 要確認"]
    assert entry.milestones["won"].stage == ("StageName", ["受注"])
    assert {m.value: of.at for m, of in entry.milestones.items() if of.at} == {
        "listed": "KeisaiBi__c", "agreed": "GouiBi__c", "deal": "CreatedDate",
    }  # fmt: skip
    assert entry.milestones["lost"].reason == "Riyuu__c"


def test_partners_are_told_by_what_only_they_are_and_their_words_are_translated(rules):
    (partner,) = rules.partners
    assert {name: c.values() for name, c in partner.where.conditions.items()} == {"Kubun__c": ("代理店",)}
    assert (partner.match_on.corporate_number, partner.match_on.domain) == ("HoujinBangou__c", "Website")
    attributes = dict(partner.attributes.items())
    assert attributes["willingness"].values == {"Y": "verbal_yes", "N": "refused", "?": "unknown"}
    assert attributes["industry"].values == {"1": "sales_agency", "2": "restaurant_services", "3": "real_estate"}
    assert "submitted_on" not in attributes
    assert attributes["joined_on"].field == "KeiyakuBi__c"
    assert rules.deals_all_channels[0].partner_sourced.conditions["LeadSource"].values() == ("代理店紹介",)


def test_a_deal_is_won_by_the_stage_that_looks_like_it_where_the_preset_s_field_is_not_there(rules, proposed):
    assert rules.deals_all_channels[0].won.conditions["StageName"].values() == ("受注",)
    assert next(c for c in proposed.choices if c.path == "deals_all_channels[0].won").proposed == "StageName: 受注"
    stages = o("Opportunity", f("StageName", "フェーズ", options="提案|失注"), *ORG["Opportunity"].fields[2:])
    found = propose(
        mapping_text("salesforce-custom-object"), {"salesforce": Seen({**ORG, "Opportunity": stages}.get, CUSTOM)}
    )
    assert load_mapping(found.text).deals_all_channels[0].won is None
    assert next(c for c in found.choices if c.path == "deals_all_channels[0].won").proposed == ""
    standard = o("Opportunity", f("IsWon", "成立", B), *ORG["Opportunity"].fields[1:])
    found = propose(
        mapping_text("salesforce-custom-object"), {"salesforce": Seen({**ORG, "Opportunity": standard}.get, CUSTOM)}
    )
    assert load_mapping(found.text).deals_all_channels[0].won.conditions["IsWon"].values() == ("true",)


def test_every_choice_says_what_it_rests_on_and_comments_stay(proposed):
    by_path = {choice.path: choice for choice in proposed.choices}
    assert (
        by_path["entries[0].from"].why == "'アタックリスト（紹介先）': アタックリスト, リスト"
        or "アタックリスト" in by_path["entries[0].from"].why
    )
    assert by_path["entries[0].target.city"].proposed == ""
    assert all(choice.why for choice in proposed.choices)
    assert {c.connection for c in proposed.choices} == {"salesforce", None}
    assert {c.path for c in proposed.choices if c.connection is None} == {
        "partner_types.growth1.industry",
        "partner_types.growth2.industry",
    }
    assert "# Partners: companies that introduce customers." in proposed.text
    assert proposed.text.startswith("# yaml-language-server: $schema=mapping.schema.json\n")


@pytest.mark.parametrize(
    ("value", "milestone"),
    [
        ("Open - Not Contacted", "listed"), ("Closed - Not Converted", "lost"), ("Closed - Converted", "deal"), ("Working - Contacted", "executed"),
        ("Introduction Requested", "requested"), ("打診依頼済", "requested"), ("失注", "lost"), ("受注", "won"), ("closedwon", "won"), ("On hold", None),
    ],
)  # fmt: skip
def test_stages_in_two_languages_look_like_their_milestone(value, milestone):
    assert meaning_of(value, value, MILESTONES) == milestone
