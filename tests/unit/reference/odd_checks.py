"""What must hold of everything that is told of a workspace, whatever was typed in. Each check gives a sentence for what does not."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from jobs.steps.made import Made
from tests.unit.reference.odd_tables import OddTables

Told = Mapping[str, Any]
Wrong = Iterator[str]


def numbers(value: Any) -> Iterator[float]:
    """Every number with a fraction anywhere in it; of an array those that are none, and the ends."""
    if isinstance(value, float | np.floating):
        yield float(value)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield from (float(n) for n in (*value[~np.isfinite(value)][:1], value.min(initial=0), value.max(initial=0)))
    elif isinstance(value, Mapping):
        yield from numbers(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from numbers(one)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from numbers([getattr(value, f.name) for f in fields(value)])


def broken(world: OddTables, made: Made, told: Told) -> Wrong:
    """All of it."""
    if any(n == 0 and math.copysign(1, n) < 0 for n in numbers(told)):
        yield "a zero has a sign"
    yield from _rates(made, told["document"])
    yield from _counted(world, made, told["document"])
    yield from _forecasts(made, told)
    yield from _rows(told["rows"])
    yield from _activation(told["reports"]["activation"])
    for steps in told["reports"]["lead_time_curves"]["curves"].values():
        for step, points in steps.items():
            yield from _shares(f"curve of {step}", *(share for _, share in points))
    for report in told["months"].values():
        for month in report["months"]:
            yield from _month(month)
    for name, plan in told.items():
        if name.startswith("targets"):
            yield from _plan(plan)
    if isinstance(told["rank"], dict):
        for row in (row for steps in told["rank"]["rank"].values() for row in steps.values() if row["partners"]):
            for one in row["partners"]:
                yield from _share("rank", one["best"], one["top_fifth"], one["rate"])
            yield from _same("first places", sum(one["best"] for one in row["partners"]), 1)
            yield from _same("places at the top", sum(one["top_fifth"] for one in row["partners"]), row["places"])


def _share(name: str, *values: Any) -> Wrong:
    if any(v is not None and not 0 <= v <= 1 for v in values):
        yield f"{name}: {values} are no shares"


def _rising(name: str, *values: Any) -> Wrong:
    if any(b < a - 1e-6 for a, b in pairwise(v for v in values if v is not None)):
        yield f"{name}: {values} do not rise"


def _shares(name: str, *values: Any) -> Wrong:
    """Shares that rise, such as an interval round its rate."""
    yield from _share(name, *values)
    yield from _rising(name, *values)


def _count(name: str, *values: Any) -> Wrong:
    if any(v is not None and v < 0 for v in values):
        yield f"{name}: of {values} one is negative"


def _same(name: str, a: Any, b: Any) -> Wrong:
    if abs(a - b) > 1e-5 * (1 + abs(a)):
        yield f"{name}: {a} is not {b}"


def _rates(made: Made, document: Told) -> Wrong:
    for kind in (*made.partners.types, "all"):
        for step, row in document["conversion"][kind].items():
            at = f"conversion {step} of {kind}"
            yield from _same(at, row["converted"] + row["lost"] + row["open"], row["n"])
            yield from _share(at, row["corrected"], row["skip_rate"], row["resolved"], row["product_of_steps"])
            yield from _count(at, row["n"], row["converted"], row["lost"], row["open"], row["flow_ratio"])
            yield from _rising(at, 0, row["regressed"], row["regressions"])
            for one in (row, *row["within"], *([row["ever"]] if "ever" in row else [])):
                yield from _shares(at, one["low"], one["rate"], one["high"])
                if (one["rate"] is None) != (one["n"] == 0):
                    yield f"{at}: rate {one['rate']} of {one['n']}"
            lead, at = document["lead_time"][kind][step], f"days of {step} of {kind}"
            yield from _rising(at, 0, lead["median"], lead["p80"])
            yield from _rising(at, 0, lead["business_median"], lead["business_p80"])
            yield from _rising(at, lead["median_low"], lead["median"], lead["median_high"])
            yield from _rising(at, lead["p80_low"], lead["p80"], lead["p80_high"])
        for step, row in document["drift"][kind].items():
            yield from _share(f"drift of {step}", row["p"], row["recent"], row["before"])
    for curve in (row.curve for row in made.results.conversions if row.curve is not None):
        if abs(curve.f1 + curve.f2 + curve.s - 1).max(initial=0) > 1e-9:
            yield "converted, lost and open do not sum to 1"
        if np.minimum(np.minimum(curve.f1, curve.f2), curve.s).min(initial=0) < -1e-9:
            yield "a share of a curve is negative"


def _counted(world: OddTables, made: Made, document: Told) -> Wrong:
    yield from _rising("reached", 0, *reversed(document["reached"].values()))
    yield from _same("tiers", sum(document["tiers"].values()), len(made.partners))
    yield from _same("partners", sum(document["partners"].values()), len(made.partners))
    left_out = sum(document["issues"].get(why, 0) for why in ("after_as_of", "before_2000"))
    yield from _same("events", document["n"]["events"] + left_out, len(world.events))


def _forecasts(made: Made, told: Told) -> Wrong:
    whole, ids = told["document"]["forecast"], made.partners.ids
    of_types = list(whole["by_type"].values())
    for part in ("under_way", "listed_a_week"):
        yield from _same(part, sum(one[part] for one in of_types), whole[part])
    for days, found in whole["ahead"].items():
        yield from _same("came", sum(one["came"][days] for one in of_types), whole["came"][days])
        if found["expected"] is not None and all(one["ahead"][days]["expected"] is not None for one in of_types):
            for part in ("expected", "in_flight", "new"):
                yield from _same(part, sum(one["ahead"][days][part] for one in of_types), found[part])
    for ahead in (whole["ahead"], *(o["ahead"] for o in of_types), *(told[f"partner {p}"]["forecast"] for p in ids)):
        for part in ("expected", "in_flight", "new", "low", "high"):
            yield from _rising(f"{part} by days", 0, *(row[part] for row in ahead.values()))
        for row in ahead.values():
            yield from _rising("forecast", row["low"], row["high"])
    for partner in ids:
        for step, row in told[f"partner {partner}"]["rates"].items():
            yield from _shares(f"own {step}", row["low"], row["rate"], row["high"])
            yield from _share(f"own {step}", row["own_data"])
            yield from _count(f"own {step}", row["converted"], row["open"], row["n"] - row["converted"] - row["open"])
        for row in told[f"under way {partner}"]:
            yield from _shares("entry", *row["deal_within"].values(), row["deal_eventually"])
            yield from _count("waited", row["waited_days"])
            if row["half_by"] and row["most_by"] and row["half_by"] > row["most_by"]:
                yield f"entry: days {row['half_by']}, {row['most_by']}"


def _rows(rows: Mapping[tuple[str, str, str], tuple[Any, Told]]) -> Wrong:
    for (_, _, field), (value, beside) in rows.items():
        if not beside.get("why"):
            yield f"{field}: no reason is told"
        if field in ("deal_probability", "cvr_listed_to_deal"):
            yield from _share(field, None if value is None else value / 100)
        elif isinstance(value, int | float):
            yield from _count(field, value)
        if field == "stalled" and value:
            yield from _share(field, beside["chance"], beside["chance_at_entry"])
            if (beside["chance_at_entry"] is None) != (beside["chance"] is None):
                yield f"{field}: one of two chances is known"


def _activation(of: Told) -> Wrong:
    *kinds, whole = of["activation"]
    for row in (*kinds, whole):
        yield from _shares("activation", row["low"], row["activation"], row["high"])
        yield from _shares("engagement", row["engagement_low"], row["engagement"], row["engagement_high"])
        yield from _rising("active", 0, row["active"], row["engaged"], row["base"])
    for part in ("base", "active", "engaged", "deals", "newcomers"):
        yield from _same(part, sum(row[part] for row in kinds), whole[part])
    for row in of["first_deal"]:
        yield from _rising("first deal", 0, row["low"], row["median"], row["high"])
        yield from _share("first deal", row["within_90"])
        yield from _rising("first deals", 0, row["events"], row["partners"])
    for row in of["cadence"]:
        yield from _rising("periods", 0, row["met"], row["due"])
        yield from _shares("cadence", row["low"], row["rate"], row["high"])
    for row in (of["sourced"], of["sourced"]["won"]):
        yield from _shares("share of deals", row["low"], row["share"], row["high"])
    yield from _share("concentration", of["concentration"]["top_share"], of["concentration"]["herfindahl"])
    yield from _share("leaks", of["leaks"]["share"])
    yield from _count("tiers", of["tiers"]["moves"], of["tiers"]["flap_rate"], *of["tiers"]["deals_per_month"])


def _month(month: Told) -> Wrong:
    yield from _share("elapsed", month["elapsed"])
    for row in month["rows"]:
        yield from _share("month", row["chance_of_target"])
        yield from _rising("month", row["actual"], row["landing_low"], row["landing_high"])
        yield from _count("month", row["planned"], row["landing_in_flight"], row["landing_new"])
        if row["landing"] is not None:
            parts = row["actual"] + row["landing_in_flight"] + row["landing_new"]
            yield from _same("landing", parts, row["landing"])
    for gap in month["gap"].values():
        if gap["volume"] is not None:
            yield from _same("gap", gap["volume"] + sum(gap["conversion"].values()), gap["gap"])


def _plan(plan: Told) -> Wrong:
    yield from _share("plan", plan["chance_without_new"], plan["in_time"])
    for way in (way for way in plan["plans"].values() if way is not None):
        yield from _share("plan", way["chance"])
        yield from _count("plan", way["entries"], way["expected"])
    if (most := plan["at_capacity"]) is not None:
        yield from _share("at capacity", most["chance"], most["rate"])
        yield from _count("at capacity", most["shortfall"], most["needed_rate"])
    for row in plan["static"]:
        yield from _rising("static", row["low"], row["goal"], row["high"])
        yield from _share("static", row["rate"])
    yield from _rising("needed", *(row["needed"] for row in reversed(plan["static"])))
    if plan["partners"]:
        parts = sum(row["target"] for row in plan["partners"])
        yield from _same("targets", parts, max(plan["deals"], plan["achieved"]))
        yield from _same("new", sum(row["list_entries"] for row in plan["partners"]), plan["totals"]["listed"]["goal"])
    for name, total in plan["totals"].items():
        yield from _share(f"{name} in all", *(total["chance"] or {}).values())
        if total["goal"] is not None:
            yield from _same("weeks", sum(week["goals"][name]["all"] for week in plan["weeks"]), total["goal"])
            yield from _rising(f"{name} in all", 0, total["in_flight"] + total["new"], total["goal"])
    for goals in (goals for week in plan["weeks"] for goals in week["goals"].values()):
        yield from _count("goals", *goals.values())
    for says in (plan["says"], plan["says_ja"]):
        if re.search(r"\?|\bnan\b|\binf\b|\bNone\b(?! of)", says):
            yield f"says: {says}"
