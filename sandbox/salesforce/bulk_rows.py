"""Makes one object large: plausible rows straight into the store, for measuring what size does to a client."""

import gc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sandbox.salesforce.objects import STAGES, STATUSES
from sandbox.salesforce.org import Org
from sandbox.store import Record

_ROWS_A_STAMP = 50  # rows that share their second
_PREFECTURES = ("東京都", "大阪府", "愛知県", "福岡県", "北海道")


def add(org: Org, object_name: str, count: int) -> None:
    """Adds rows until the object has `count`. They carry no history; their stamps lie in the hours before now."""
    obj = org.schema.find(object_name)
    if obj is None or obj.system or obj.rows:
        raise ValueError(
            f"{object_name} is not an object that can be made large; name Account, Contact, Task or the like"
        )
    table = org.store.table(obj.name)
    missing = count - len(table)
    if missing <= 0:
        return
    make = _maker(org, obj.name)
    newest = org.now() - timedelta(minutes=10)
    oldest = newest - timedelta(seconds=missing // _ROWS_A_STAMP)
    gc.disable()  # a million new objects are not garbage, and looking for some would take longer than making them
    try:
        for n, record_id in enumerate(org.store.new_ids(obj.name, missing)):
            at = oldest + timedelta(seconds=n // _ROWS_A_STAMP)
            table[record_id] = Record(obj.name, record_id, make(n), at, at)
    finally:
        gc.freeze()
        gc.enable()
    org.touch(obj.name)


def _maker(org: Org, name: str) -> Callable[[int], dict[str, Any]]:
    owner = org.user_id
    accounts: list[str | None] = [r.id for r in org.store.live("Account")]
    accounts = accounts or [None]
    entries = len(org.store.table("AttackListEntry__c"))
    statuses = [v for v, _ in STATUSES][:5]
    stages = list(STAGES)
    days = [(org.today() - timedelta(days=700 - n)).isoformat() for n in range(690)]

    def day(n: int) -> str:
        return days[n % 690]

    def account(n: int) -> dict[str, Any]:
        return {
            "Name": f"株式会社大量{n:07d}", "Type": "Prospect", "Industry": "Other", "NumberOfEmployees": n % 500,
            "Website": f"https://bulk{n}.invalid", "Phone": f"03-0000-{n % 10000:04d}",
            "BillingState": _PREFECTURES[n % 5], "BillingCity": "中央区", "OwnerId": owner,
        }  # fmt: skip

    def entry(n: int) -> dict[str, Any]:
        listed = day(n)
        return {
            "OwnerId": owner, "Name": f"ALE-{entries + n + 1:05d}", "Partner__c": accounts[n % len(accounts)],
            "TargetName__c": f"株式会社対象{n:07d}", "TargetWebsite__c": f"https://target{n}.invalid",
            "TargetPhone__c": f"06-0000-{n % 10000:04d}", "TargetPrefecture__c": _PREFECTURES[n % 5],
            "TargetCity__c": "北区", "Status__c": statuses[n % len(statuses)], "ListedOn__c": listed,
            "Attempt__c": 1.0, "ExternalId__c": f"bulk-{n}",
        }  # fmt: skip

    def opportunity(n: int) -> dict[str, Any]:
        stage = stages[n % len(stages)]
        return {
            "Name": f"大量商談{n:07d}", "StageName": stage, "Amount": float(100_000 + n % 900 * 1000),
            "Probability": STAGES[stage][0], "CloseDate": day(n), "LeadSource": "Web",
            "AccountId": accounts[n % len(accounts)], "OwnerId": owner,
        }  # fmt: skip

    def person(n: int) -> dict[str, Any]:
        values = {"LastName": f"大量{n:07d}", "FirstName": "太郎", "Email": f"bulk{n}@bulk.invalid", "OwnerId": owner}
        if name == "Contact":
            return {**values, "AccountId": accounts[n % len(accounts)]}
        return {**values, "Company": f"会社{n}", "Status": "Open - Not Contacted", "IsConverted": False}

    def activity(n: int) -> dict[str, Any]:
        more = {"Status": "Completed", "Priority": "Normal"} if name == "Task" else {"IsAllDayEvent": False}
        return {
            "Subject": "事例共有", "WhatId": accounts[n % len(accounts)], "ActivityDate": day(n), "OwnerId": owner, **more,
        }  # fmt: skip

    return {
        "Account": account, "AttackListEntry__c": entry, "Opportunity": opportunity, "Contact": person, "Lead": person,
        "Task": activity, "Event": activity,
    }[name]  # fmt: skip
