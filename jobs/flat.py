"""Documents as one long table for spreadsheets: a row a number, with the columns that say which number it is."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = ("table", "type", "partner", "milestone", "from", "to", "measure", "value", "record")
Line = dict[str, Any]


def as_csv(lines: Iterable[Mapping[str, Any]]) -> str:
    """The lines with a heading; numbers as they are, what is not known is empty."""
    made = io.StringIO()
    writer = csv.DictWriter(made, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: safe(line.get(name)) for name in COLUMNS} for line in lines)
    return made.getvalue()


def indicator_lines(document: Mapping[str, Any]) -> Iterable[Line]:
    """Conversions, lead times, drift, partner rates and forecasts of an `indicators` document, with why a number is empty or may still grow.

    Of one partner also its entries under way, each by its record.
    """
    for table in ("conversion", "lead_time", "drift", "partner_rates"):
        for kind, steps in document.get(table, {}).items():
            for step, measures in steps.items():
                yield from _measures({"table": table, "type": kind, "milestone": step}, measures)
                for within in measures.get("within", ()):
                    where = {"table": "within", "type": kind, "milestone": step, "to": f"{within['days']} days"}
                    yield from _measures(where, within, skip=("days",))
    forecast = document.get("forecast", {})
    by_type = {kind: own["ahead"] for kind, own in forecast.get("by_type", {}).items()}
    if "all" in document.get("conversion", {}):
        by_type["all"] = forecast.get("ahead", {})
    for kind, ahead in by_type.items():
        for days, measures in ahead.items():
            yield from _measures({"table": "forecast", "type": kind, "to": f"{days} days"}, measures)
    of_whom = {"table": "forecast", "type": "all" if "all" in by_type else next(iter(by_type), None)}
    yield from _measures(of_whom, {name: forecast.get(name) for name in ("status", "under_way", "listed_a_week")})
    yield from _measures({**of_whom, "table": "tiers"}, document.get("tiers", {}))
    for kind, n in document.get("partners", {}).items():
        yield {"table": "partners", "type": kind, "measure": "partners", "value": n}
    for table in ("issues", "reporting_delay") if "all" in by_type else ():
        yield from _measures({"table": table, "type": "all"}, document.get(table, {}))
    partner = document.get("partner")
    if partner:
        who = {"type": partner["type"], "partner": partner["name"]}
        for step, measures in partner["rates"].items():
            yield from _measures({**who, "table": "partner_rates", "milestone": step}, measures)
        for days, measures in partner["forecast"].items():
            yield from _measures({**who, "table": "forecast", "to": f"{days} days"}, measures)
        yield {**who, "table": "tiers", "measure": "tier", "value": partner["tier"]}
        for measure in ("under_way", "listed_a_week"):
            yield {**who, "table": "forecast", "measure": measure, "value": partner[measure]}
        for row in partner["entries"]:
            yield from _entry(
                {**who, "table": "entries", "milestone": row["milestone"], "record": row["record"] or row["entry"]}, row
            )


def _entry(where: Mapping[str, Any], row: Mapping[str, Any]) -> Iterable[Line]:
    for days, chance in row["deal_within"].items():
        yield {**where, "to": f"{days} days", "measure": "deal_within", "value": chance}
    yield from _measures(where, row, skip=("entry", "record", "milestone"))


def target_lines(document: Mapping[str, Any]) -> Iterable[Line]:
    """Plans, the static table, weekly goals, partners and the next month of a `targets` document."""
    month = document["month"]
    for measure in ("verdict", "deals", "achieved", "in_flight", "chance_without_new", "earliest_month"):
        yield {"table": "target", "to": month, "measure": measure, "value": document[measure]}
    for kind, pace in document["a_week"].items():
        yield from _measures({"table": "a_week", "type": kind, "to": month}, pace)
    yield from _measures({"table": "at_capacity", "to": month}, document["at_capacity"] or {})
    for name, plan in document["plans"].items():
        yield from _measures({"table": f"{name}_plan", "to": month}, plan or {})
    for row in document["static"]:
        yield from _measures({"table": "static", "to": month, "milestone": row["milestone"]}, row, skip=("milestone",))
    for week in document["weeks"]:
        for milestone, kinds in week["goals"].items():
            for kind, goal in kinds.items():
                where = {
                    "table": "weekly",
                    "type": kind,
                    "milestone": milestone,
                    "from": week["from"],
                    "to": week["to"],
                }
                yield {**where, "measure": "goal", "value": goal}
    for milestone, total in document["totals"].items():
        where = {"table": "totals", "type": "all", "milestone": milestone, "to": month}
        yield from _measures(where, total)
        if total["latest_week"]:
            yield {**where, "measure": "latest_week", "value": total["latest_week"]["to"]}
        for kind, chance in (total["chance"] or {}).items():
            yield {"table": "chance_at_this_pace", "type": kind, "milestone": milestone, "to": month, "measure": "chance", "value": chance}  # fmt: skip
    for table, at, rows in (
        ("partners", month, document["partners"]),
        ("next_month", document["next_month"]["month"], document["next_month"]["partners"]),
    ):
        for row in rows:
            who = {"table": table, "type": row["type"], "partner": row["name"], "to": at}
            yield from _measures(who, row, skip=("id", "name", "type"))
            for milestone, n in row.get("waiting", {}).items():
                yield {**who, "milestone": milestone, "measure": "waiting", "value": n}


def _measures(where: Mapping[str, Any], found: Mapping[str, Any], skip: tuple[str, ...] = ()) -> Iterable[Line]:
    for measure, value in found.items():
        if measure not in skip and not isinstance(value, list | dict):
            yield {**where, "measure": measure, "value": value}


def safe(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is kept a text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
