"""The question put to every activity and milestone, for all partners and for each type: what `sakigake leading` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
class Examined:
    """What the panel says of one indicator, forward and in reverse, how it is described, and what there is too little of to say anything."""

    indicator: str
    kind: Kind
    type: str
    forward: PanelTest
    reverse: PanelTest
    short: tuple[str, ...]
    description: Description


Key = tuple[str, str]
"""Indicator and type."""


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

    @property
    def scopes(self) -> list[tuple[str, Flags]]:
        """All partners, and those of each type that has any."""
        found: list[tuple[str, Flags]] = [(ALL, np.ones(len(self.partner_type), np.bool_))]
        of_types = ((kind, self.partner_type == at) for at, kind in enumerate(self.types))
        return found + [(kind, mine) for kind, mine in of_types if bool(mine.any())]


def does_it_lead(question: Question) -> Answers:
    """Verdicts on every milestone and activity. The same question gives the same answers."""
    return answers_to(question, by_panel(question), by_backtest(question))


def by_panel(question: Question) -> list[Examined]:
    """T1 of every indicator and type: does it lead within partners?"""
    n, weeks = len(question.partner_type), question.weeks
    start = windows(question.joined, weeks)
    y = counts(question.deals, weeks, n)
    columns = {name: counts(rows, weeks, n) for name, _, rows in question.series}
    stood = None if question.under_way is None else days_under_way(question.under_way, weeks, n)
    found = []
    for type_name, mine in question.scopes:
        panel = Panel.of(start[mine], weeks.count)
        came = Counted(panel, y[mine])
        expecting = None if stood is None else Expectation.of(panel, stood[:, mine])
        for name, kind, _ in question.series:
            x = columns[name][mine]
            told = None if expecting is None or kind != "activity" else expecting.unexpected(x)
            seen = Counted(panel, x, told)
            tag = f"{question.seed}|{type_name}|{name}"
            forward = lead_on(came, seen, seed=f"{tag}|forward", replicates=question.replicates)
            reverse = lead_on(seen, came, seed=f"{tag}|reverse", replicates=question.replicates)
            described = describe(y[mine].sum(axis=0), x.sum(axis=0))
            found.append(
                Examined(name, kind, type_name, forward, reverse, short_of(forward, question.floors), described)
            )
        found += [
            Examined(name, "rate", type_name, NOT_TESTED, NOT_TESTED, (), Description()) for name in question.rates
        ]
    return found


def by_backtest(question: Question) -> dict[Key, tuple[Skill, ...]]:
    """T2 of every indicator and type: is it useful? One skill a horizon."""
    weeks, scopes = question.weeks, question.scopes
    rates = {
        name: rate_features(cohorts, weeks, [mine for _, mine in scopes]) for name, cohorts in question.rates.items()
    }
    found: dict[Key, tuple[Skill, ...]] = {}
    for at, (type_name, mine) in enumerate(scopes):
        deals = Deals(vintages(question.deals.only(mine[question.deals.partner]), weeks))
        known: dict[str, Floats] = {
            name: block_features(vintages(rows.only(mine[rows.partner]), weeks)) for name, _, rows in question.series
        }
        known |= {name: features[at] for name, features in rates.items()}
        skills = [backtests(deals, list(known.values()), baseline(deals, h)) for h in question.horizons]
        found |= {(name, type_name): of for name, of in zip(known, zip(*skills, strict=True), strict=True)}
    return found


def answers_to(question: Question, tests: Sequence[Examined], skills: Mapping[Key, tuple[Skill, ...]]) -> Answers:
    """The verdicts on what `by_panel` and `by_backtest` say."""
    floors, weeks = question.floors, question.weeks
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
