"""The objects of the sandbox's org: what partner sales works with."""

from collections.abc import Callable
from datetime import date
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.fields import (
    audit,
    computed,
    day,
    deletion,
    identity,
    lookup,
    number,
    owner,
    picklist,
    text,
    viewed,
)
from sandbox.salesforce.schema import Field, Object
from sandbox.store import Record

PARTNER_TYPE = "Channel Partner / Reseller"
INDUSTRIES = (
    ("restaurant_services", "飲食店向けサービス"),
    ("sales_agency", "営業代行"),
    ("consulting", "コンサルティング"),
    ("real_estate", "不動産"),
    ("opening_support", "開業支援"),
    ("Technology", "Technology"),
    ("Retail", "Retail"),
    ("Other", "Other"),
)
STATUSES = (
    ("Listed", "掲載"),
    ("Requested", "打診依頼済"),
    ("Agreed", "合意"),
    ("Executed", "実施済"),
    ("Deal", "商談化"),
    ("Declined", "見送り"),
)
LOSS_REASONS = (("timing", "時期尚早"), ("budget", "予算なし"), ("competitor", "他社採用"), ("no_contact", "連絡不通"))
STAGES: dict[str, tuple[float, bool, bool, str]] = {  # probability, closed, won, forecast category
    "Prospecting": (10.0, False, False, "Pipeline"),
    "Qualification": (20.0, False, False, "Pipeline"),
    "Proposal": (60.0, False, False, "BestCase"),
    "Closed Won": (100.0, True, True, "Closed"),
    "Closed Lost": (0.0, True, False, "Omitted"),
}
SOURCES = tuple((v, v) for v in ("Partner", "Web", "Inside Sales", "Event", "Outbound"))
TERRITORIES = ("北海道・東北", "関東", "中部", "関西", "中国・四国", "九州・沖縄")
_RECORD_TYPES = ((ids.mint("012", 1), "Partner"), (ids.mint("012", 2), "Customer"))


def plain(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple((v, v) for v in values)


def make(name: str, label: str, plural: str, prefix: str, fields: list[Field], **more: Any) -> Object:
    return Object(name, label, plural, prefix, {f.name: f for f in fields}, custom=name.endswith("__c"), **more)


def address(r: Record) -> dict[str, Any]:
    part = {
        k: r.fields.get(f"Billing{k[0].upper()}{k[1:]}") for k in ("city", "country", "postalCode", "state", "street")
    }
    return {**part, "geocodeAccuracy": None, "latitude": None, "longitude": None}


def account(today: Callable[[], date]) -> Object:
    def days_since_list(r: Record) -> float | None:
        handed_in = r.fields.get("AttackListSubmittedOn__c")
        return None if handed_in is None else float((today() - date.fromisoformat(handed_in)).days)

    return make("Account", "Account", "Accounts", "001", [
        identity("Account"),
        deletion(),
        computed("MasterRecordId", "reference", "Master Record ID", lambda r: r.merged_into, length=18,
                 refers_to=("Account",), relationship="MasterRecord"),
        text("Name", "Account Name", nillable=False, name_field=True),
        picklist("Type", "Account Type", plain("Prospect", "Customer", PARTNER_TYPE, "Other"), length=40),
        lookup("RecordTypeId", "Record Type ID", "RecordType", "RecordType"),
        lookup("ParentId", "Parent Account ID", "Account", "Parent", children="ChildAccounts"),
        Field("BillingStreet", "textarea", "Billing Street", length=255, compound="BillingAddress"),
        text("BillingCity", "Billing City", 40, compound="BillingAddress"),
        text("BillingState", "Billing State/Province", 80, compound="BillingAddress"),
        text("BillingPostalCode", "Billing Zip/Postal Code", 20, compound="BillingAddress"),
        text("BillingCountry", "Billing Country", 80, compound="BillingAddress"),
        computed("BillingAddress", "address", "Billing Address", address),
        Field("Phone", "phone", "Account Phone", length=40),
        text("AccountNumber", "Account Number", 40),
        Field("Website", "url", "Website", length=255),
        picklist("Industry", "Industry", INDUSTRIES, length=40),
        Field("AnnualRevenue", "currency", "Annual Revenue", precision=18),
        Field("NumberOfEmployees", "int", "Employees", digits=8),
        Field("Description", "textarea", "Account Description", length=32000),
        owner(), *audit(), *viewed(),
        text("CorporateNumber__c", "法人番号", 13, external_id=True, id_lookup=True),
        picklist("PartnerContract__c", "パートナー契約", (("referral", "紹介"), ("mutual", "相互送客"), ("reseller", "再販"))),
        picklist("AttackListWillingness__c", "アタックリスト提出意思",
                 (("refused", "なし"), ("unknown", "不明"), ("verbal_yes", "口頭であり")), restricted=True),
        Field("Territories__c", "multipicklist", "対応地域", length=4099, values=plain(*TERRITORIES), restricted=True, custom=True),
        day("AttackListSubmittedOn__c", "アタックリスト提出日"),
        day("PartnerSince__c", "パートナー開始日"),
        computed("DaysSinceAttackList__c", "double", "リスト提出からの日数", days_since_list, precision=18,
                 formula="TODAY() - AttackListSubmittedOn__c"),
    ], mergeable=True, record_types=_RECORD_TYPES)  # fmt: skip


def entry() -> Object:
    return make("AttackListEntry__c", "アタックリスト", "アタックリスト", "a01", [
        identity("Record"), owner(), deletion(),
        text("Name", "リスト番号", 80, nillable=False, defaulted=True, name_field=True, auto_number=True,
             createable=False, updateable=False, id_lookup=True),
        *audit(), *viewed(),
        lookup("Partner__c", "パートナー", "Account", "Partner__r", children="AttackListEntries__r"),
        text("TargetName__c", "対象企業名"),
        Field("TargetWebsite__c", "url", "対象企業サイト", length=255, custom=True),
        text("TargetCorporateNumber__c", "対象企業法人番号", 13),
        Field("TargetPhone__c", "phone", "対象企業電話", length=40, custom=True),
        text("TargetPrefecture__c", "都道府県", 80),
        text("TargetCity__c", "市区町村", 80),
        picklist("Status__c", "ステータス", STATUSES, restricted=True),
        day("ListedOn__c", "掲載日"),
        day("RequestedOn__c", "打診依頼日"),
        day("AgreedOn__c", "合意日"),
        day("ExecutedOn__c", "実施日"),
        day("DeclinedOn__c", "見送り日"),
        lookup("Opportunity__c", "商談", "Opportunity", "Opportunity__r", children="AttackListEntries__r"),
        picklist("LossReason__c", "見送り理由", LOSS_REASONS),
        number("Attempt__c", "回数", 3),
        text("ExternalId__c", "外部ID", 64, external_id=True, id_lookup=True),
        Field("Note__c", "textarea", "メモ", length=32768, custom=True),
    ], durable_id=ids.mint("01I", 1))  # fmt: skip


def opportunity() -> Object:
    def stage(r: Record) -> tuple[float, bool, bool, str]:
        return STAGES.get(r.fields.get("StageName") or "", (0.0, False, False, "Pipeline"))

    def expected(r: Record) -> float | None:
        amount, probability = r.fields.get("Amount"), r.fields.get("Probability")
        return None if amount is None or probability is None else round(amount * probability / 100, 2)

    return make("Opportunity", "Opportunity", "Opportunities", "006", [
        identity("Opportunity"), deletion(),
        lookup("AccountId", "Account ID", "Account", "Account", children="Opportunities", cascades=True),
        text("Name", "Name", 120, nillable=False, name_field=True),
        Field("Description", "textarea", "Description", length=32000),
        picklist("StageName", "Stage", plain(*STAGES), nillable=False),
        Field("Amount", "currency", "Amount", precision=18, scale=2),
        Field("Probability", "percent", "Probability (%)", precision=3, defaulted=True),
        computed("ExpectedRevenue", "currency", "Expected Amount", expected, precision=18, scale=2),
        day("CloseDate", "Close Date", nillable=False),
        text("NextStep", "Next Step"),
        picklist("LeadSource", "Lead Source", SOURCES),
        computed("IsClosed", "boolean", "Closed", lambda r: stage(r)[1], nillable=False, defaulted=True),
        computed("IsWon", "boolean", "Won", lambda r: stage(r)[2], nillable=False, defaulted=True),
        computed("ForecastCategory", "picklist", "Forecast Category", lambda r: stage(r)[3], length=40, nillable=False,
                 values=plain("Omitted", "Pipeline", "BestCase", "Forecast", "Closed")),
        owner(), *audit(), *viewed(),
        lookup("PartnerAccount__c", "紹介パートナー", "Account", "PartnerAccount__r", children="IntroducedOpportunities__r"),
    ])  # fmt: skip


def _archived(today: Callable[[], date]) -> Callable[[Record], bool]:
    def read(r: Record) -> bool:
        on = r.fields.get("ActivityDate")
        return on is not None and (today() - date.fromisoformat(on)).days > 365

    return read


_WHAT = ("Account", "AttackListEntry__c", "Opportunity")


def _activity(today: Callable[[], date]) -> list[Field]:
    return [
        lookup("WhoId", "Name ID", ("Contact", "Lead"), "Who"),
        lookup("WhatId", "Related To ID", _WHAT, "What", children="Activities", cascades=True),
        Field("Description", "textarea", "Description", length=32000),
        owner(), deletion(), *audit(),
        computed("IsArchived", "boolean", "Archived", _archived(today), nillable=False, defaulted=True),
    ]  # fmt: skip


def task(today: Callable[[], date]) -> Object:
    return make("Task", "Task", "Tasks", "00T", [
        identity("Activity"),
        Field("Subject", "combobox", "Subject", length=255, values=plain("Call", "Email", "Other"), name_field=True),
        day("ActivityDate", "Due Date Only"),
        picklist("Status", "Status", plain("Not Started", "In Progress", "Completed", "Deferred"), length=40, nillable=False,
                 defaulted=True, default="Not Started"),
        picklist("Priority", "Priority", plain("High", "Normal", "Low"), length=40, nillable=False, defaulted=True,
                 default="Normal"),
        computed("IsClosed", "boolean", "Closed", lambda r: r.fields.get("Status") == "Completed", nillable=False,
                 defaulted=True),
        *_activity(today),
    ])  # fmt: skip


def event(today: Callable[[], date]) -> Object:
    return make("Event", "Event", "Events", "00U", [
        identity("Activity"),
        Field("Subject", "combobox", "Subject", length=255, values=plain("Call", "Email", "Meeting"), name_field=True),
        text("Location", "Location"),
        Field("IsAllDayEvent", "boolean", "All-Day Event", nillable=False, defaulted=True),
        Field("ActivityDateTime", "datetime", "Due Date Time"),
        day("ActivityDate", "Due Date Only"),
        Field("DurationInMinutes", "int", "Duration", digits=8),
        Field("StartDateTime", "datetime", "Start Date Time"),
        Field("EndDateTime", "datetime", "End Date Time"),
        *_activity(today),
    ])  # fmt: skip
