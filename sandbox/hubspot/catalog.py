"""The properties the portal starts with: HubSpot's own that matter here, and those the partner team added."""

from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.properties import Group, Property, PropertyBook

DEFINED_AT = "2019-08-06T02:41:08.304Z"
ADDED_AT = "2024-04-01T01:30:00.512Z"

INDUSTRIES = {
    "restaurant_services": "飲食店向けサービス",
    "sales_agency": "営業代行",
    "consulting": "コンサルティング",
    "real_estate": "不動産",
    "opening_support": "開業支援",
}
CONTRACTS = {"referral": "紹介契約", "mutual": "相互紹介契約", "reseller": "代理店契約"}
WILLINGNESS = {"refused": "提出不可", "unknown": "未確認", "verbal_yes": "口頭で了承"}
LOSS_REASONS = {
    "no_need": "ニーズなし",
    "no_response": "応答なし",
    "competitor": "他社導入済み",
    "budget": "予算なし",
    "timing": "時期尚早",
}
SOURCES = {
    "partner": "パートナー紹介",
    "web": "Web",
    "inside_sales": "インサイドセールス",
    "event": "イベント",
    "outbound": "アウトバウンド",
}
MEETING_KINDS = {  # kind of activity: title, as people write it, and HubSpot's meeting type
    "regular_meeting": ("定例ミーティング", "Regular meeting"),
    "co_visit": ("営業同行", "Co-visit"),
    "study_session": ("勉強会", "Study session"),
    "dinner": ("会食", "Dinner"),
    "webinar": ("ウェビナー", "Webinar"),
}
TASK_KINDS = {"touch": "事例共有", "approach": "アプローチ実施"}
ENTRY_DATES = {
    "listed": "掲載日",
    "requested": "打診依頼日",
    "agreed": "合意日",
    "executed": "実施日",
    "deal": "商談日",
    "lost": "見送り日",
}

# name, label, type, field type; `!` after the type marks values that only HubSpot sets
_SYSTEM = """
hs_object_id|Record ID|number!|number
hs_object_source|Record source|string!|text
hs_object_source_id|Record source ID|string!|text
hs_object_source_label|Record source label|string!|text
hs_merged_object_ids|Merged record IDs|enumeration!|checkbox
hs_unique_creation_key|Unique creation key|string!|text
"""
_OWN = {
    "contacts": """
email|Email|string|text
firstname|First name|string|text
lastname|Last name|string|text
phone|Phone number|string|phonenumber
company|Company name|string|text
jobtitle|Job title|string|text
createdate|Create date|datetime!|date
lastmodifieddate|Last modified date|datetime!|date
hs_lastmodifieddate|Object last modified date/time|datetime!|date
""",
    "companies": """
name|Company name|string|text
domain|Company domain name|string|text
website|Website URL|string|text
phone|Phone number|string|phonenumber
state|State/Region|string|text
city|City|string|text
description|Description|string|textarea
numberofemployees|Number of employees|number|number
annualrevenue|Annual revenue|number|number
createdate|Create date|datetime!|date
hs_lastmodifieddate|Last modified date|datetime!|date
""",
    "deals": """
dealname|Deal name|string|text
amount|Amount|number|number
closedate|Close date|datetime|date
description|Deal description|string|textarea
createdate|Create date|datetime|date
hs_lastmodifieddate|Last modified date|datetime!|date
hs_is_closed|Is deal closed?|bool!|calculation_equation
hs_is_closed_won|Is closed won|bool!|calculation_equation
hs_deal_stage_probability|Deal probability|number!|number
hs_v2_date_entered_current_stage|Date entered current stage|datetime!|date
""",
    "meetings": """
hs_meeting_title|Meeting name|string|text
hs_meeting_body|Meeting description|string|html
hs_meeting_start_time|Meeting start time|datetime|date
hs_meeting_end_time|Meeting end time|datetime|date
hs_timestamp|Activity date|datetime|date
hs_createdate|Create date|datetime!|date
hs_lastmodifieddate|Last modified date|datetime!|date
""",
    "tasks": """
hs_task_subject|Task title|string|text
hs_task_body|Task notes|string|html
hs_timestamp|Due date|datetime|date
hs_createdate|Create date|datetime!|date
hs_lastmodifieddate|Last modified date|datetime!|date
""",
    "calls": """
hs_call_title|Call title|string|text
hs_call_body|Call notes|string|html
hs_call_duration|Call duration|number|number
hs_timestamp|Activity date|datetime|date
hs_createdate|Create date|datetime!|date
hs_lastmodifieddate|Last modified date|datetime!|date
""",
    "notes": """
hs_note_body|Note body|string|html
hs_timestamp|Activity date|datetime|date
hs_createdate|Create date|datetime!|date
hs_lastmodifieddate|Last modified date|datetime!|date
""",
}
_ADDED = {  # what the partner team defined
    "companies": """
corporate_number|法人番号|string|text
attack_list_submitted_on|アタックリスト最終提出日|date|date
partner_since|パートナー契約日|date|date
days_since_attack_list|アタックリスト提出からの日数|number!|calculation_equation
""",
    "deals": """
target_name|紹介先 会社名|string|text
target_domain|紹介先 ドメイン|string|text
target_corporate_number|紹介先 法人番号|string|text
target_phone|紹介先 電話番号|string|phonenumber
target_prefecture|紹介先 都道府県|string|text
target_city|紹介先 市区町村|string|text
attempt|回数|number|number
external_id|外部ID|string|text
""",
}
GROUPS = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
    "meetings": "meeting",
    "tasks": "task",
    "calls": "call",
    "notes": "note",
}


def _rows(text: str, group: str, *, ours: bool) -> list[Property]:
    found = []
    for line in filter(None, text.splitlines()):
        name, label, value_type, field_type = line.split("|")
        calculated = field_type == "calculation_equation"
        found.append(
            Property(
                name,
                label,
                value_type.rstrip("!"),
                field_type,
                group,
                calculated=calculated,
                hubspot_defined=not ours,
                read_only=value_type.endswith("!"),
                created_at=ADDED_AT if ours else DEFINED_AT,
                updated_at=ADDED_AT if ours else DEFINED_AT,
                created_by="5150001" if ours else None,
            )
        )
    return found


def options(labels: dict[str, str]) -> list[dict[str, object]]:
    return [
        {"label": label, "value": value, "description": "", "displayOrder": n, "hidden": False}
        for n, (value, label) in enumerate(labels.items())
    ]


def _choice(
    name: str,
    label: str,
    labels: dict[str, str],
    group: str,
    *,
    ours: bool = True,
    external: bool = False,
    kind: str = "enumeration",
) -> Property:
    at = ADDED_AT if ours else DEFINED_AT
    return Property(
        name,
        label,
        kind,
        "booleancheckbox" if kind == "bool" else "select",
        group,
        options=options(labels),
        external_options=external,
        hubspot_defined=not ours,
        created_at=at,
        updated_at=at,
        created_by="5150001" if ours else None,
    )


def _choices(name: str, group: str) -> list[Property]:
    found = [_choice("hubspot_owner_id", "Owner", {}, group, ours=False, external=True)]
    if name == "companies":
        found += [
            _choice("partner_flag", "パートナー", {"true": "はい", "false": "いいえ"}, "partner", kind="bool"),
            _choice("partner_industry", "パートナー業種", INDUSTRIES, "partner"),
            _choice("partner_contract", "パートナー契約", CONTRACTS, "partner"),
            _choice("attack_list_willingness", "アタックリスト提出意向", WILLINGNESS, "partner"),
        ]
    if name == "deals":
        found += [
            _choice("pipeline", "Pipeline", {}, group, ours=False, external=True),
            _choice("dealstage", "Deal stage", {}, group, ours=False, external=True),
            _choice("loss_reason", "見送り理由", LOSS_REASONS, "partner_referral"),
            _choice("deal_source", "商談経路", SOURCES, "partner_referral"),
        ]
    if name == "meetings":
        outcomes = {k: k.title() for k in ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")}
        kinds = {kind: kind for _, kind in MEETING_KINDS.values()}
        found += [
            _choice("hs_meeting_outcome", "Meeting outcome", outcomes, group, ours=False),
            _choice("hs_activity_type", "Call and meeting type", kinds, group, ours=False),
        ]
    if name == "tasks":
        states = {k: k.title() for k in ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED")}
        priorities = {k: k.title() for k in ("NONE", "LOW", "MEDIUM", "HIGH")}
        found += [
            _choice("hs_task_status", "Task status", states, group, ours=False),
            _choice("hs_task_priority", "Priority", priorities, group, ours=False),
        ]
    if name == "calls":
        states = {k: k.title() for k in ("BUSY", "COMPLETED", "FAILED", "NO_ANSWER", "QUEUED", "RINGING")}
        found.append(_choice("hs_call_status", "Call status", states, group, ours=False))
    return found


def book(kind: ObjectType, stages: list[tuple[str, str]]) -> PropertyBook:
    """The property book of a standard object; `stages` are id and label of every deal stage."""
    group = GROUPS[kind.name]
    ours = {"companies": "partner", "deals": "partner_referral"}.get(kind.name, group)
    groups = [Group(group, group.title(), 0)]
    if ours != group:
        groups.append(Group(ours, {"partner": "パートナー", "partner_referral": "パートナー紹介"}[ours], 1))
    found = _rows(_SYSTEM, group, ours=False) + _rows(_OWN[kind.name], group, ours=False)
    found += _rows(_ADDED.get(kind.name, ""), ours, ours=True) + _choices(kind.name, group)
    for prop in found:
        prop.unique = prop.name in ("external_id", "email") and kind.name in ("deals", "contacts")
        if prop.name == "hs_merged_object_ids":
            prop.external_options = True
        if prop.type == "bool" and not prop.options:
            prop.options = list(options({"true": "True", "false": "False"}))
    if kind.name == "deals":
        for step, label in ENTRY_DATES.items():
            found += _rows(f"{step}_on|{label}|date|date", ours, ours=True)
        for stage, label in stages:
            found += stage_properties(stage, label, group)
    return PropertyBook(groups, found)


def stage_properties(stage: str, label: str, group: str) -> list[Property]:
    """What HubSpot adds for every stage of a pipeline: when a deal came, when it left, how long it stayed (seconds)."""
    text = f"""
hs_v2_date_entered_{stage}|Date entered "{label}"|datetime!|date
hs_v2_date_exited_{stage}|Date exited "{label}"|datetime!|date
hs_v2_latest_time_in_{stage}|Latest time in "{label}"|number!|number
hs_v2_cumulative_time_in_{stage}|Cumulative time in "{label}"|number!|number
"""
    return _rows(text, group, ours=False)


def custom_book(kind: ObjectType, properties: list[Property]) -> PropertyBook:
    """The property book of a custom object: its own properties beside the system ones."""
    group = f"{kind.singular}_information"
    system = """
hs_createdate|Object create date/time|datetime!|date
hs_lastmodifieddate|Object last modified date/time|datetime!|date
"""
    base = _rows(_SYSTEM + system, group, ours=False)
    base.append(_choice("hubspot_owner_id", "Owner", {}, group, ours=False, external=True))
    for prop in base:
        prop.external_options = prop.external_options or prop.name == "hs_merged_object_ids"
    return PropertyBook([Group(group, kind.labels[0], 0)], [*base, *properties])
