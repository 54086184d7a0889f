"""What a mapping needs of the CRMs, and what it finds missing there."""

import json
from dataclasses import replace

import pytest

from jobs.presets.texts import mapping_text
from sync.described import FieldDescription, FieldType, ObjectDescription, Pipeline
from sync.mapping.check import check
from sync.mapping.loading import load_mapping
from sync.mapping.needs import needs
from sync.records import ReadSpec
from tests.mapping_world import preset, preset_text

OPTIONS = {
    "Industry": [("consulting", "コンサルティング"), ("restaurant_services", "飲食"), ("real_estate", "不動産"), ("sales_agency", "営業代行"), ("opening_support", "開業支援")],
    "Status__c": [("Listed", "掲載"), ("Requested", "打診依頼済"), ("Agreed", "合意"), ("Executed", "実施済"), ("Deal", "商談化"), ("Declined", "見送り")],
    "StageName": [("Prospecting", "Prospecting"), ("Closed Won", "Closed Won")],
    "dealstage": [(str(n), str(n)) for n in range(1001, 1008)] + [("closedwon", "Closed Won")],
    "Type": [("Channel Partner / Reseller", "Channel Partner / Reseller"), ("Customer", "Customer")],
}  # fmt: skip
OPTIONS["partner_industry"] = OPTIONS["Industry"]
DAYS = (
    "_on",
    "On__c",
    "CreatedDate",
    "createdate",
    "ActivityDate",
    "hs_timestamp",
    "hs_meeting_start_time",
    "partner_since",
    "PartnerSince__c",
)


def described(mapping):
    """Both CRMs as if made for the mapping."""
    found = {}
    for connection, objects in needs(mapping).items():
        for name, spec in objects.items():
            fields = tuple(_field(field) for field in spec.fields)
            found[connection, name] = ObjectDescription(name, name, fields)
    return found


def _field(name):
    kind = FieldType.DATE if name.endswith(DAYS) else FieldType.TEXT
    kind = FieldType.BOOLEAN if name == "partner_flag" else kind
    references = ("Opportunity",) if name == "Opportunity__c" else ()
    return FieldDescription(name, kind, name, str(kind), options=tuple(OPTIONS.get(name, ())), references=references)


DESCRIBED = described(preset())


def found_in(text, descriptions=DESCRIBED):
    return [str(problem) for problem in check(load_mapping(text, "mapping.yaml"), descriptions)]


def test_a_mapping_that_fits_has_no_problems():
    assert check(preset(), DESCRIBED) == []


@pytest.mark.parametrize(
    ("written", "wrong", "sentence"),
    [
        ("from: hubspot.meetings", "from: hubspot.meeting", "'hubspot' has no object 'meeting' that our user can see; did you mean 'meetings'?"),
        ("contract: PartnerContract__c", "contract: PartnerContract", "Account has no field 'PartnerContract' that our user can see; did you mean 'PartnerContract__c'?"),
        ("enters: {Status__c: Agreed}", "enters: {Status__c: Agred}", "'Agred' is no value of Status__c; did you mean 'Agreed'?"),
        ("enters: {Status__c: Agreed}", "enters: {Status__c: 合意}", "'合意' is the label of 'Agreed' in Status__c; write 'Agreed'"),
        ("enters: {Status__c: Agreed}", "enters: {Statuss__c: Agreed}", "has no field 'Statuss__c'"),
        ('{dealstage: "1003"}', '{dealstage: "1103"}', "'1103' is no value of dealstage; did you mean '1003'?"),
        ("at: RequestedOn__c", "at: TargetName__c", "'TargetName__c' is no date (text)"),
        ("object: Opportunity, at", "object: Account, at", "'Opportunity__c' does not lead to Account"),
        ("linked: Opportunity__c, object: Opportunity, at", "linked: Oportunity__c, object: Opportunity, at", "did you mean 'Opportunity__c'"),
        ('partner_flag: "true"', "partner_flag: 1", "'1' is no value of partner_flag; Allowed: false, true"),
        ("legacy: {industry: [restaurant_services]}", "legacy: {industry: [restaurants]}", "no partner's industry can be 'restaurants'; did you mean 'restaurant_services'?"),
        ("salesforce: CreatedDate", "salesforce: CreateDate", "has no field 'CreateDate'"),
        ("joined_on: PartnerSince__c", "joined_on: Name", "'Name' is no date"),
        ("joined_on: PartnerSince__c", "ended_on: Name", "'Name' is no date"),
        ("city: TargetCity__c", "city: TargetCty__c", "did you mean 'TargetCity__c'"),
        ("reason: LossReason__c", "reason: LossReasons__c", "did you mean 'LossReason__c'"),
        ("ignored: {Status__c: [Executed, Deal]}", "ignored: {Status__c: [Executed, Deals]}", "did you mean 'Deal'"),
        ("partner: Partner__c", "partner: Partner", "did you mean 'Partner__c'"),
        ("partner: Partner__c", "partner: Opportunity__c", "'Opportunity__c' leads to Opportunity and not to Account"),
        ("partner: Partner__c", "partner: ListedOn__c", "'ListedOn__c' holds no id of a record (date)"),
        ("partner: Partner__c", "partner: Status__c", "'Status__c' holds no id of a record (text)"),
        ("partner: Partner__c", "partner: {field: TargetName__c, object: Opportunity, then: CreatedDate}", "'CreatedDate' holds no id of a record"),
        ("kind: regular_meeting, partner: WhatId", "kind: regular_meeting, partner: ActivityDate", "'ActivityDate' holds no id of a record (date)"),
        ("employees: NumberOfEmployees", "employees: Industry", "'Industry' is no number (text)"),
        ("where: {Type: [Channel Partner / Reseller]}", "where: {Type: {at_least: 5}}", "'Type' is no number (text), so it is neither more nor less than one"),
        ("where: {Type: [Channel Partner / Reseller]}", "where: {Type: {since: 2026-01-01}}", "'Type' is no date (text), so it is neither before nor after one"),
        ("partner_sourced: {LeadSource: [Partner]}", "partner_sourced: {LeadSorce: [Partner]}", "did you mean 'LeadSource'"),
        ("won: {IsWon: true}", "won: {IsWonn: true}", "did you mean 'IsWon'"),
        ("won: {dealstage: closedwon}", "won: {dealstage: closed_won}", "did you mean 'closedwon'"),
        ("where: {Subject: {contains: 定例}}", "where: {or: [{Subjekt: {contains: 定例}}]}", "did you mean 'Subject'"),
        ("where: {Subject: {contains: 定例}}", "where: {ActivityDate: {at_least: 5}}", "'ActivityDate' is no number (date)"),
        ("where: {Subject: {contains: 定例}}", "where: {ActivityDate: {regex: '2026'}}", "'ActivityDate' is no text (date)"),
        ('where: {partner_flag: "true"}', "where: {partner_flag: {since: 2026-01-01}}", "'partner_flag' is no date (boolean)"),
        ("partner_sourced: {LeadSource: [Partner]}", "partner_sourced: {related: {by: PartnerAccount__c, object: Account, where: {Type: Partnr}}}", "Opportunity has no field 'PartnerAccount__c' that our user can see"),
        ("where: {Type: [Channel Partner / Reseller]}", "where: {not: {Type: [Channel Partner]}}", "did you mean 'Channel Partner / Reseller'?"),
        ("where: {Subject: {contains: 定例}}", "where: {Subjekt: {contains: 定例}}", "did you mean 'Subject'"),
    ],
)  # fmt: skip
def test_what_a_crm_does_not_have_is_named_with_its_line_and_the_nearest(written, wrong, sentence):
    text = preset_text()
    line = next(n for n, row in enumerate(text.splitlines(), 1) if written in row)
    found = found_in(text.replace(written, wrong, 1))
    assert any(problem.startswith(f"mapping.yaml:{line}: ") and sentence in problem for problem in found), found


def test_a_connection_that_is_not_there_is_named():
    text = preset_text().replace("hubspot", "hubspo")
    assert (
        "there is no connection 'hubspo'; did you mean 'hubspot'? Allowed: hubspot, lists, salesforce"
        in found_in(text)[0]
    )


def test_a_free_text_field_may_hold_any_industry():
    account = DESCRIBED["salesforce", "Account"]
    fields = tuple(replace(f, options=()) for f in account.fields)
    free = {**DESCRIBED, ("salesforce", "Account"): replace(account, fields=fields)}
    assert found_in(preset_text().replace("industry: [restaurant_services]", "industry: [anything]"), free) == []


def test_needs_name_each_object_once_with_fields_histories_and_associations_in_order():
    wanted = needs(preset())
    assert list(wanted) == ["hubspot", "lists", "salesforce"]
    assert list(wanted["hubspot"]) == ["companies", "deals", "meetings", "tasks"]
    assert wanted["hubspot"]["tasks"] == ReadSpec(
        "tasks", ("hs_createdate", "hs_task_subject", "hs_timestamp"), (), ("companies", "deals")
    )
    assert wanted["hubspot"]["deals"].history == ("dealstage",)
    assert wanted["salesforce"]["Opportunity"] == ReadSpec(
        "Opportunity", ("CreatedDate", "IsWon", "LeadSource", "StageName"), ("StageName",)
    )
    for objects in wanted.values():
        for spec in objects.values():
            assert list(spec.fields) == sorted(set(spec.fields))


def test_what_is_written_back_is_never_read():
    text = preset_text().replace("write_back:", "# write_back:").split("# write_back:")[0]
    assert needs(load_mapping(text)) == needs(preset())


def test_conditions_on_a_linked_record_are_held_against_that_record():
    written = "from: salesforce.AttackListEntry__c"
    line = next(n for n, text in enumerate(preset_text().splitlines(), 1) if written in text)
    deals = {"by": "Opportunity__c", "object": "Opportunity"}
    for given, sentence in (
        ({**deals, "where": {"StageName": "Closed One"}}, "'Closed One' is no value of StageName; did you mean 'Closed Won'?"),
        ({**deals, "where": {"Stage": "Closed Won"}}, "Opportunity has no field 'Stage' that our user can see"),
        ({"by": "Opportunity__c", "object": "Account", "where": {"Type": "Customer"}}, "'Opportunity__c' does not lead to Account"),
    ):  # fmt: skip
        text = preset_text().replace(written, f"{written}\n    where: {{related: {json.dumps(given)}}}", 1)
        found = [p for p in found_in(text) if "created" not in p]
        assert found == [p for p in found if p.startswith(f"mapping.yaml:{line + 1}: ") and sentence in p], found
        assert found


def test_a_field_of_several_values_is_not_compared_as_one():
    account = DESCRIBED["salesforce", "Account"]
    fields = tuple(replace(f, crm_type="multipicklist") if f.name == "Type" else f for f in account.fields)
    several = {**DESCRIBED, ("salesforce", "Account"): replace(account, fields=fields)}
    (problem,) = found_in(preset_text(), several)
    assert "'Type' holds several values at once; write {includes: ...}" in problem
    assert (
        found_in(
            preset_text().replace("where: {Type: [", "where: {Type: {includes: [").replace("Reseller]}", "Reseller]}}"),
            several,
        )
        == []
    )


def test_a_related_record_is_read_with_what_is_asked_of_it():
    where = "where: {related: {by: Opportunity__c, object: Opportunity, where: {Amount: {at_least: 5}}}}"
    wanted = needs(load_mapping(preset_text().replace("from: salesforce.AttackListEntry__c", f"from: salesforce.AttackListEntry__c\n    {where}")))  # fmt: skip
    assert "Opportunity__c" in wanted["salesforce"]["AttackListEntry__c"].fields
    assert "Amount" in wanted["salesforce"]["Opportunity"].fields


CAMPAIGN = mapping_text("salesforce-campaign")
LINKS = {
    "CampaignId": ("Campaign",),
    "LeadId": ("Lead",),
    "ConvertedOpportunityId": ("Opportunity",),
    "Partner__c": ("Account",),
}
CAMPAIGN_ORG = {
    place: replace(
        found,
        fields=tuple(
            replace(
                f,
                options=(),
                references=LINKS.get(f.name, ()),
                type=FieldType.DATE if f.name.endswith("Date") else f.type,
            )
            for f in found.fields
        ),
    )
    for place, found in described(load_mapping(CAMPAIGN)).items()
}


@pytest.mark.parametrize(
    ("written", "wrong", "sentence"),
    [
        ("", "", ""),
        ("then: Partner__c}  ", "then: Partnr__c}  ", "Campaign has no field 'Partnr__c' that our user can see; did you mean 'Partner__c'?"),
        ("{field: CampaignId, object: Campaign, then", "{field: CampaignID, object: Campaign, then", "CampaignMember has no field 'CampaignID'"),
        ("{field: LeadId, then: ConvertedOpportunityId}, object: Opportunity, at", "{field: LeadId, then: ConvertedOpportunityId}, object: Account, at", "'ConvertedOpportunityId' does not lead to Account"),
        ("{field: LeadId, then: ConvertedOpportunityId}, object: Opportunity, at", "{field: LeadId, then: ConvertedOppId}, object: Opportunity, at", "Lead has no field 'ConvertedOppId'"),
    ],
)  # fmt: skip
def test_each_step_of_a_link_is_held_against_the_record_it_is_on(written, wrong, sentence):
    assert written in CAMPAIGN
    found = found_in(CAMPAIGN.replace(written, wrong, 1), CAMPAIGN_ORG) if written else found_in(CAMPAIGN, CAMPAIGN_ORG)
    assert (
        any(sentence in problem for problem in found) if written else [p for p in found if "no date" not in p] == []
    ), found


PIPELINES = (
    Pipeline("default", "営業", (("qualified", "商談"), ("closedwon", "受注"), ("closedlost", "失注"))),
    Pipeline(
        "partner",
        "パートナー",
        (
            ("1001", "掲載"),
            ("1002", "打診依頼"),
            ("1003", "合意"),
            ("1004", "実施"),
            ("1005", "商談"),
            ("1006", "受注"),
            ("1007", "見送り"),
        ),
    ),
)


def with_pipelines(text):
    mapping = load_mapping(text, "mapping.yaml")
    found = described(mapping)
    deals = found["hubspot", "deals"]
    staged = tuple(
        replace(
            f, options=tuple(s for p in PIPELINES for s in p.stages), pipelines=PIPELINES, pipeline_field="pipeline"
        )
        if f.name == "dealstage"
        else f
        for f in deals.fields
    )
    return [p.sentence for p in check(mapping, found | {("hubspot", "deals"): replace(deals, fields=staged)})]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("closedwon", "'closedwon' (受注) is a stage of pipeline 'default' (営業), and this rule takes records of pipeline 'partner' (パートナー); did you mean '1006' (受注)? Allowed: 1001 (掲載), 1002 (打診依頼), 1003 (合意), 1004 (実施), 1005 (商談), 1006 (受注), 1007 (見送り)"),
        ("受注", "'受注' is the label of the stage '1006' in pipeline 'partner' (パートナー); write '1006'"),
        ("失注", "'失注' is a stage of pipeline 'default' (営業), and this rule takes records of pipeline 'partner' (パートナー); Allowed: 1001 (掲載), 1002 (打診依頼), 1003 (合意), 1004 (実施), 1005 (商談), 1006 (受注), 1007 (見送り)"),
        ("10006", "'10006' is no stage of pipeline 'partner' (パートナー); did you mean '1006' (受注)? Allowed: 1001 (掲載), 1002 (打診依頼), 1003 (合意), 1004 (実施), 1005 (商談), 1006 (受注), 1007 (見送り)"),
    ],
)  # fmt: skip
def test_a_stage_of_another_pipeline_or_a_label_is_told_with_its_pipeline_and_the_nearest_stage(written, said):
    text = mapping_text("hubspot-deals").replace(
        'won: {enters: {dealstage: "1006"}}', f'won: {{enters: {{dealstage: "{written}"}}}}'
    )
    assert with_pipelines(text) == [said]


def test_a_deal_is_won_by_a_stage_of_the_pipeline_whose_deals_its_rule_takes():
    of_another = mapping_text("hubspot-deals").replace('won: {dealstage: "1006"}', "won: {dealstage: closedwon}")
    (said,) = with_pipelines(of_another)
    assert said.startswith(
        "'closedwon' (受注) is a stage of pipeline 'default' (営業), and this rule takes records of pipeline 'partner'"
    )
    open_to_any = of_another.replace(
        "where: {pipeline: partner, deal_on: {empty: false}}", "where: {deal_on: {empty: false}}"
    )
    assert with_pipelines(open_to_any) == []


def test_without_a_pipeline_in_the_rule_a_stage_of_any_will_do_and_a_label_names_all_that_bear_it():
    text = mapping_text("hubspot-deals").replace("    where: {pipeline: partner}\n    partner:", "    partner:")
    assert (
        with_pipelines(text.replace('won: {enters: {dealstage: "1006"}}', "won: {enters: {dealstage: closedwon}}"))
        == []
    )
    (said,) = with_pipelines(text.replace('won: {enters: {dealstage: "1006"}}', "won: {enters: {dealstage: 受注}}"))
    assert said == (
        "'受注' is the label of the stage 'closedwon' in pipeline 'default' (営業) and '1006' in pipeline 'partner' (パートナー); write the one that is meant"
    )


def test_a_condition_on_the_stage_and_what_a_new_record_gets_are_held_against_the_pipeline_too():
    text = mapping_text("hubspot-deals").replace(
        "where: {pipeline: partner}\n    partner",
        "where: {pipeline: partner, dealstage: {not: closedlost}}\n    partner",
    )
    assert "closedlost" in with_pipelines(text)[0]


@pytest.mark.parametrize(
    ("written", "wrong", "said"),
    [
        ("partner: {association: companies, label: partner}", "partner: {association: companies, label: partnr}", "deals and companies are linked by no label 'partnr'; did you mean 'partner'? Allowed: Primary, partner"),
        ("entry: {association: deals}", "entry: {association: deals, label: x}", "tasks and deals are linked by no label 'x'; their links bear none; leave `label` out"),
    ],
)  # fmt: skip
def test_a_label_that_no_link_may_bear_is_named_with_its_line(written, wrong, said):
    known = {("hubspot", "deals", "companies"): {"Primary", "partner"}, ("hubspot", "tasks", "deals"): frozenset()}
    assert check(preset(), DESCRIBED, None, known) == []
    text = preset_text()
    line = next(n for n, row in enumerate(text.splitlines(), 1) if written in row)
    found = check(load_mapping(text.replace(written, wrong, 1), "mapping.yaml"), DESCRIBED, None, known)
    assert [str(problem) for problem in found] == [f"mapping.yaml:{line}: {said}"]
    assert check(load_mapping(text.replace(written, wrong, 1)), DESCRIBED) == [], "where nobody could be asked"


def test_our_own_fields_are_neither_suggested_nor_read():
    place = ("salesforce", "AttackListEntry__c")
    ours = FieldDescription("Sakigake_Milestone_Since__c", FieldType.DATE, "x", "date")
    there = {**DESCRIBED, place: replace(DESCRIBED[place], fields=(*DESCRIBED[place].fields, ours))}

    def said(at):
        rules = load_mapping(preset_text().replace("at: RequestedOn__c", f"at: {at}"), "mapping.yaml")
        return [problem.sentence for problem in check(rules, there, ours=frozenset([ours.name]))]

    (typed,) = said("Milestone_Since__c")
    assert ours.name not in typed
    (text,) = said("TargetName__c")
    assert text.startswith("'TargetName__c' is no date (text)")
    assert ours.name not in text
    (read,) = said(ours.name)
    assert read.startswith(f"'{ours.name}' is written by Sakigake itself, and what it writes feeds no rule; Allowed:")
