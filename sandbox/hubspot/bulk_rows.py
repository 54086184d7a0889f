"""Many rows of one object at once, for load: plain values, no history of their own until somebody edits them."""

import gc
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.records import Records
from sandbox.hubspot.wire import iso
from sandbox.store import Fields, Record

SPAN = timedelta(days=720)
PREFECTURES = ("東京都", "大阪府", "愛知県", "福岡県", "北海道", "宮城県", "広島県")
STAGES = ("1001", "1002", "1003", "1004", "1005", "1007")


def _company(n: int) -> Fields:
    return {
        "name": f"株式会社サンプル{n:07d}",
        "domain": f"sample{n:07d}.invalid",
        "phone": f"03-{n // 10_000 % 10_000:04d}-{n % 10_000:04d}",
        "state": PREFECTURES[n % 7],
        "numberofemployees": str(1 + n % 500),
        "partner_flag": "false",
    }


def _deal(n: int) -> Fields:
    return {
        "dealname": f"サンプル案件{n:07d}",
        "pipeline": "partner",
        "dealstage": STAGES[n % 6],
        "amount": str(100_000 + n % 900 * 1000),
        "deal_source": "partner",
        "target_name": f"株式会社紹介先{n:07d}",
        "target_domain": f"target{n:07d}.invalid",
        "external_id": f"bulk-{n}",
    }


def _contact(n: int) -> Fields:
    return {"email": f"bulk{n}@sample.invalid", "firstname": "太郎", "lastname": f"見本{n}"}


def _meeting(_: int) -> Fields:
    return {
        "hs_meeting_title": "定例ミーティング",
        "hs_activity_type": "Regular meeting",
        "hs_meeting_outcome": "COMPLETED",
    }


def _task(_: int) -> Fields:
    return {"hs_task_subject": "事例共有", "hs_task_status": "COMPLETED"}


def _bare(_: int) -> Fields:
    return {}


_MAKERS: dict[str, Callable[[int], Fields]] = {
    "companies": _company,
    "deals": _deal,
    "contacts": _contact,
    "meetings": _meeting,
    "tasks": _task,
}


def fill(records: Records, kind: ObjectType, count: int, until: datetime) -> None:
    """Adds rows until the object holds `count` live ones, created evenly over two years up to `until`."""
    missing = count - len(records.rows(kind))
    if missing <= 0:
        return
    make = _MAKERS.get(kind.name, _bare)
    table, first = records.store.table(kind.name), until - SPAN
    step, rows = SPAN / missing, records.rows(kind)
    at_of = "hs_timestamp" if kind.created == "hs_createdate" and not kind.is_custom else None
    gc.disable()  # nothing here can become garbage: looking for some would take half of the time
    try:
        for n, record_id in enumerate(records.store.new_ids(kind.name, missing)):
            at = first + n * step
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            stamp, fields = iso(at), make(n)
            fields["hs_object_id"] = record_id
            fields[kind.created] = fields[kind.modified] = stamp
            if at_of is not None:
                fields[at_of] = stamp
            table[record_id] = record = Record(kind.name, record_id, fields, at, at)
            rows.add(record)
    finally:
        gc.enable()
    records.lag.touched(kind.name)
