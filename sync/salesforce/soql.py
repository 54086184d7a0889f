"""Queries. Names come from descriptions and checked specs, so that nothing needs escaping but what is quoted here."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sync.salesforce.describe import Facts
from sync.salesforce.stamps import literal


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def id_list(ids: Iterable[str]) -> str:
    return "(" + ", ".join(quoted(i) for i in ids) + ")"


def columns(facts: Facts, fields: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys((*facts.columns(), *fields)))


def load(object_name: str, facts: Facts, fields: Sequence[str], after: str | None) -> str:
    """Every record, by id."""
    where = f" WHERE Id > {quoted(after)}" if after else ""
    return f"SELECT {columns(facts, fields)} FROM {object_name}{where} ORDER BY Id"  # noqa: S608


def everything(object_name: str, names: Sequence[str]) -> str:
    """Every record in no order: an order would keep Salesforce from reading a large object in parts."""
    return f"SELECT {', '.join(names)} FROM {object_name}"  # noqa: S608


def everything_since(object_name: str, names: Sequence[str], stamp: str, since: datetime) -> str:
    return f"{everything(object_name, names)} WHERE {stamp} >= {literal(since)}"


def some(
    object_name: str, facts: Facts, names: Sequence[str], *, after: str | None = None, ordered: bool = True
) -> str:
    """Some fields of every live record, activities of long ago among them if asked as queryAll; by id, or in no order."""
    where = [*(["IsDeleted = false"] if facts.has_deleted else []), *([f"Id > {quoted(after)}"] if after else [])]
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return f"{everything(object_name, ('Id', *names))}{condition}{' ORDER BY Id' if ordered else ''}"


def changed(
    object_name: str, facts: Facts, fields: Sequence[str], since: datetime, after: tuple[datetime, str] | None
) -> str:
    """Every record stamped at or after `since`; or, in the same order, what comes behind `after`."""
    where = behind(facts.stamp, *after) if after else f"{facts.stamp} >= {literal(since)}"
    return f"SELECT {columns(facts, fields)} FROM {object_name} WHERE {where} ORDER BY {facts.stamp}, Id"  # noqa: S608


def these(object_name: str, facts: Facts, fields: Sequence[str], ids: Iterable[str]) -> str:
    """These records, in no order."""
    return f"SELECT {columns(facts, fields)} FROM {object_name} WHERE Id IN {id_list(ids)}"  # noqa: S608


def behind(stamp: str, at: datetime, record_id: str) -> str:
    """Keyset: many records share one second, so the id decides among them."""
    return f"(({stamp} = {literal(at)} AND Id > {quoted(record_id)}) OR {stamp} > {literal(at)})"


def history(
    object_name: str, parent: str, fields: Sequence[str], since: datetime | None, after: tuple[datetime, str] | None
) -> str:
    """Changes of the wanted fields, by the moment they were made: history rows have no SystemModstamp."""
    where = [f"Field IN {id_list(fields)}"]
    if after:
        where.append(behind("CreatedDate", *after))
    elif since:
        where.append(f"CreatedDate >= {literal(since)}")
    return (
        f"SELECT Id, {parent}, Field, OldValue, NewValue, CreatedDate FROM {object_name}"  # noqa: S608
        f" WHERE {' AND '.join(where)} ORDER BY CreatedDate, Id"
    )


WITHOUT_HISTORY = frozenset({"CampaignMember", "CampaignMemberStatus", "Event", "Task", "User"})
"""Objects whose fields Salesforce does not track: there is no object to ask for their history, and what we observe is all there is."""


def history_of(object_name: str) -> tuple[str, str]:
    """(the object that keeps the field history of an object, its field that names the record)."""
    if object_name.endswith("__c"):
        return object_name.removesuffix("__c") + "__History", "ParentId"
    # Opportunity has two: OpportunityHistory are snapshots, OpportunityFieldHistory is what every other object has
    return ("OpportunityFieldHistory" if object_name == "Opportunity" else f"{object_name}History"), f"{object_name}Id"
