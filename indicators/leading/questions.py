"""The question put to every activity and milestone, for all partners and for each type: what `sakigake leading` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import FLOORS, Floors
from indicators.inputs import Days, Flags, Floats, Ints
from indicators.leading.backtest import HORIZONS, Deals, Skill, backtests, baseline, block_features
from indicators.leading.describe import Description, describe
from indicators.leading.panel import NOT_TESTED, REPLICATES, Counted, Panel, PanelTest, lead_on
from indicators.leading.pipeline import Expectation, Stays, days_under_way
from indicators.leading.rates import Cohorts, rate_features
from indicators.leading.series import Occurrences, Weeks, counts, vintages, whole_weeks, windows
from indicators.leading.verdicts import (
    MECHANICAL,
    Finding,
    Kind,
    judge,
    short_of,
    skill_weeks_missing,
    weeks_missing,
)
from indicators.multiple import benjamini_hochberg, holm
from indicators.subjects import ALL


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """Findings by type (`all` first), milestones, activities, then rates; and the weeks they rest on."""

    findings: tuple[Finding, ...]
    weeks: Weeks
    floors: Floors
    deals: int

    def finding(self, indicator: str, type_name: str = ALL) -> Finding:
        """One of them; KeyError names what there is."""
        for f in self.findings:
            if (f.indicator, f.type) == (indicator, type_name):
                return f
        names = sorted({f.indicator for f in self.findings})
        raise KeyError(f"there is no {indicator!r} of {type_name!r}; indicators are {', '.join(names)}")


@dataclass(frozen=True, slots=True)
class _Tested:
    indicator: str
    kind: Kind
    type: str
    forward: PanelTest
    reverse: PanelTest
    short: tuple[str, ...]


def does_it_lead(
    deals: Occurrences,
    milestones: Mapping[str, Occurrences],
    activities: Mapping[str, Occurrences],
    types: Sequence[str],
    partner_type: Ints,
    joined: Days,
    as_of: int,
    *,
    under_way: Stays | None = None,
    rates: Mapping[str, Cohorts] | None = None,
    floors: Floors = FLOORS,
    seed: str = "sakigake",
    replicates: int = REPLICATES,
    horizons: Sequence[int] = HORIZONS,
) -> Answers:
    """Verdicts on every milestone and activity, over whole weeks up to `as_of`. The same inputs and seed give the same answers.

    deals, milestones, activities   what occurred, by partner; partners are places in `partner_type` and `joined`
    horizons                        weeks ahead that are forecast; the first one is what verdicts rest on
    under_way                       where entries stood: of an activity, only what they do not let expect is put to the forward test
    rates                           by step, such as `listed>requested`: conversions as indicators, graded by T2 alone
    joined                          the day each partner came under contract, NO_DAY where unknown
    """
    n = len(partner_type)
    series: list[tuple[str, Kind, Occurrences]] = [(name, "milestone", rows) for name, rows in milestones.items()]
    series += [(name, "activity", rows) for name, rows in activities.items()]
    every = [deals, *(rows for _, _, rows in series)]
    weeks = whole_weeks(np.concatenate([rows.day for rows in every]), as_of)
    start = windows(joined, weeks)
    y = counts(deals, weeks, n)
    columns = {name: counts(rows, weeks, n) for name, _, rows in series}
    stood = None if under_way is None else days_under_way(under_way, weeks, n)
    scopes: list[tuple[str, Flags]] = [(ALL, np.ones(n, np.bool_))]
    scopes += [(kind, partner_type == at) for at, kind in enumerate(types) if bool((partner_type == at).any())]
    rate_of = {
        name: rate_features(cohorts, weeks, [mine for _, mine in scopes]) for name, cohorts in (rates or {}).items()
    }
    tested: list[_Tested] = []
    skills: dict[tuple[str, str], tuple[Skill, ...]] = {}
    descriptions: dict[tuple[str, str], Description] = {}
    for at, (type_name, mine) in enumerate(scopes):
        their_deals = Deals(vintages(deals.only(mine[deals.partner]), weeks))
        panel = Panel.of(start[mine], weeks.count)
        came = Counted(panel, y[mine])
        expecting = None if stood is None else Expectation.of(panel, stood[:, mine])
        known: dict[str, Floats] = {}
        for name, kind, rows in series:
            x = columns[name][mine]
            told = None if expecting is None or kind != "activity" else expecting.unexpected(x)
            seen = Counted(panel, x, told)
            tag = f"{seed}|{type_name}|{name}"
            forward = lead_on(came, seen, seed=f"{tag}|forward", replicates=replicates)
            reverse = lead_on(seen, came, seed=f"{tag}|reverse", replicates=replicates)
            tested.append(_Tested(name, kind, type_name, forward, reverse, short_of(forward, floors)))
            known[name] = block_features(vintages(rows.only(mine[rows.partner]), weeks))
            descriptions[name, type_name] = describe(y[mine].sum(axis=0), x.sum(axis=0))
        for name, features in rate_of.items():
            known[name] = features[at]
            descriptions[name, type_name] = Description()
            tested.append(_Tested(name, "rate", type_name, NOT_TESTED, NOT_TESTED, ()))
        graded = [backtests(their_deals, list(known.values()), baseline(their_deals, h)) for h in horizons]
        skills |= {(name, type_name): of for name, of in zip(known, zip(*graded, strict=True), strict=True)}
    family = [t for t in tested if t.kind == "activity" and not t.short]
    forward_p, reverse_p = ([getattr(t, side).p for t in family] for side in ("forward", "reverse"))
    adjusted = {
        (t.indicator, t.type): (float(a), float(b), float(c))
        for t, a, b, c in zip(family, holm(forward_p), holm(reverse_p), benjamini_hochberg(forward_p), strict=True)
    }
    findings = []
    for t in tested:
        key = (t.indicator, t.type)
        p, back, explore = adjusted.get(key, (None, None, None))
        skill = skills[key][0]
        if t.kind != "activity":
            verdict, more = MECHANICAL, None if skill.testable else skill_weeks_missing(weeks.count, skill.horizon)
        else:
            verdict = judge(t.forward, t.reverse, p, back, skill, floors)
            more = weeks_missing(t.forward, floors) if verdict == "not enough data" else None
        short = t.short or (("effect",) if verdict == "not enough data" else ())
        findings.append(
            Finding(
                t.indicator, t.kind, t.type, verdict, t.forward, t.reverse, p, back, explore, skills[key],
                descriptions[key], short, more,
            )
        )  # fmt: skip
    return Answers(tuple(findings), weeks, floors, int(y.sum()))
