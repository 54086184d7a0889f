"""The question put to every activity and milestone, for all partners and for each type: what `sakigake leading` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from indicators.assumptions import FLOORS, Floors
from indicators.inputs import Days, Floats, Ints
from indicators.leading.backtest import HORIZONS, Deals, Skill, backtests, baseline, block_features
from indicators.leading.describe import Description, describe
from indicators.leading.panel import Counted, Panel
from indicators.leading.panel_scores import NOT_TESTED, REPLICATES, PanelTest, lead_on
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
class Examined:
    """What the panel says of one indicator, forward and in reverse, how it is described, and what there is too little of to say anything."""

    indicator: str
    kind: Kind
    type: str
    forward: PanelTest
    reverse: PanelTest
    short: tuple[str, ...]
    description: Description


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """Whether anything leads, over whole weeks up to `as_of`.

    deals, milestones, activities   what occurred, by partner; partners are places in `partner_type` and `joined`
    types                           the names behind `partner_type`
    joined                          the day each partner came under contract, NO_DAY where unknown
    under_way                       where entries stood: of an activity, only what they do not let expect is put to the forward test
    rates                           by step, such as `listed>requested`: conversions as indicators, graded by T2 alone
    horizons                        weeks ahead that are forecast; the first one is what verdicts rest on
    """

    deals: Occurrences
    milestones: Mapping[str, Occurrences]
    activities: Mapping[str, Occurrences]
    types: Sequence[str]
    partner_type: Ints
    joined: Days
    as_of: int
    under_way: Stays | None = None
    rates: Mapping[str, Cohorts] = field(default_factory=dict)
    floors: Floors = FLOORS
    seed: str = "sakigake"
    replicates: int = REPLICATES
    horizons: Sequence[int] = HORIZONS

    @property
    def series(self) -> list[tuple[str, Kind, Occurrences]]:
        """Milestones, then activities."""
        found: list[tuple[str, Kind, Occurrences]] = [
            (name, "milestone", rows) for name, rows in self.milestones.items()
        ]
        return found + [(name, "activity", rows) for name, rows in self.activities.items()]

    @property
    def weeks(self) -> Weeks:
        """All whole weeks of which anything is known."""
        return whole_weeks(
            np.concatenate([rows.day for rows in (self.deals, *(r for _, _, r in self.series))]), self.as_of
        )

    def scopes(self) -> "list[Scope]":
        """What is asked of all partners, and of those of each type that has any."""
        weeks, whose = self.weeks, [(ALL, np.ones(len(self.partner_type), np.bool_))]
        whose += [(kind, self.partner_type == at) for at, kind in enumerate(self.types)]
        whose = [(name, mine) for name, mine in whose if name == ALL or mine.any()]
        start = windows(self.joined, weeks)
        rates = {
            name: rate_features(cohorts, weeks, [mine for _, mine in whose]) for name, cohorts in self.rates.items()
        }
        return [
            Scope(
                name=name,
                weeks=weeks,
                start=start[mine],
                deals=self.deals.of_partners(mine),
                series=[(of, kind, rows.of_partners(mine)) for of, kind, rows in self.series],
                under_way=None if self.under_way is None else self.under_way.of_partners(mine),
                rates={of: features[at] for of, features in rates.items()},
                floors=self.floors,
                seed=self.seed,
                replicates=self.replicates,
                horizons=self.horizons,
            )
            for at, (name, mine) in enumerate(whose)
        ]


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """A question as it is put to all partners (`all`), or to those of one type: partners are places among these.

    start   [partners] the first active week of each
    rates   by step [weeks, 1], what its conversion told at the end of each week
    """

    name: str
    weeks: Weeks
    start: Ints
    deals: Occurrences
    series: Sequence[tuple[str, Kind, Occurrences]]
    under_way: Stays | None
    rates: Mapping[str, Floats]
    floors: Floors
    seed: str
    replicates: int
    horizons: Sequence[int]


def does_it_lead(question: Question) -> Answers:
    """Verdicts on every milestone and activity. The same question gives the same answers."""
    return answers_to(question, [(by_panel(scope), by_backtest(scope)) for scope in question.scopes()])


def by_panel(scope: Scope) -> list[Examined]:
    """T1 of every indicator: does it lead within partners?"""
    n, weeks = len(scope.start), scope.weeks
    panel, y = Panel.of(scope.start, weeks.count), counts(scope.deals, weeks, n)
    came = Counted(panel, y)
    expecting = None
    if scope.under_way is not None:
        expecting = Expectation.of(panel, days_under_way(scope.under_way, weeks, n))
    found = []
    for name, kind, rows in scope.series:
        x = counts(rows, weeks, n)
        told = None if expecting is None or kind != "activity" else expecting.unexpected(x)
        seen, tag = Counted(panel, x, told), f"{scope.seed}|{scope.name}|{name}"
        forward = lead_on(came, seen, seed=f"{tag}|forward", replicates=scope.replicates)
        reverse = lead_on(seen, came, seed=f"{tag}|reverse", replicates=scope.replicates)
        short, described = short_of(forward, scope.floors), describe(y.sum(axis=0), x.sum(axis=0))
        found.append(Examined(name, kind, scope.name, forward, reverse, short, described))
    untested = (Examined(name, "rate", scope.name, NOT_TESTED, NOT_TESTED, (), Description()) for name in scope.rates)
    return [*found, *untested]


def by_backtest(scope: Scope) -> dict[str, tuple[Skill, ...]]:
    """T2 of every indicator: is it useful? One skill a horizon."""
    deals = Deals(vintages(scope.deals, scope.weeks))
    known = {name: block_features(vintages(rows, scope.weeks)) for name, _, rows in scope.series} | dict(scope.rates)
    skills = [backtests(deals, list(known.values()), baseline(deals, h)) for h in scope.horizons]
    return dict(zip(known, zip(*skills, strict=True), strict=True))


def answers_to(
    question: Question, parts: Sequence[tuple[Sequence[Examined], Mapping[str, tuple[Skill, ...]]]]
) -> Answers:
    """The verdicts on what `by_panel` and `by_backtest` say of each scope."""
    floors, weeks = question.floors, question.weeks
    tests = [t for examined, _ in parts for t in examined]
    skills = {(t.indicator, t.type): of[t.indicator] for examined, of in parts for t in examined}
    family = [t for t in tests if t.kind == "activity" and not t.short]
    forward_p, reverse_p = ([getattr(t, side).p for t in family] for side in ("forward", "reverse"))
    adjusted = {
        (t.indicator, t.type): (float(a), float(b), float(c))
        for t, a, b, c in zip(family, holm(forward_p), holm(reverse_p), benjamini_hochberg(forward_p), strict=True)
    }
    findings = []
    for t in tests:
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
                t.description, short, more,
            )
        )  # fmt: skip
    deals = int(counts(question.deals, weeks, len(question.partner_type)).sum())
    return Answers(tuple(findings), weeks, floors, deals)
