"""What a month's target comes to: the plans, the verdict, and what they rest on (METHODS 3f)."""

from dataclasses import dataclass

from indicators.inputs import Floats, Ints
from indicators.month import Month
from indicators.open_entries import OpenEntries
from indicators.weekly import WeeklyTargets

VERDICTS = ("already_covered", "feasible", "infeasible_capacity", "infeasible_time", "not_enough_data")
ALREADY_COVERED, FEASIBLE, INFEASIBLE_CAPACITY, INFEASIBLE_TIME, NOT_ENOUGH_DATA = VERDICTS


@dataclass(frozen=True, slots=True)
class Plan:
    """New entries to list up to the end of the month.

    entries    in all; None where no number would do
    expected   deals in the month, achieved and under way included
    chance     of reaching the wanted deals
    over_capacity   it asks a type for more a week than it can list
    """

    entries: int | None
    expected: float
    chance: float
    over_capacity: bool


@dataclass(frozen=True, slots=True)
class AtCapacity:
    """What can be had where every type lists as much as it can.

    chance, expected, shortfall   of the wanted deals; deals; deals lacking on average
    rate, needed_rate             conversion from listed to deal today, and the one that would bring the wanted deals on average
    """

    chance: float
    expected: float
    shortfall: float
    rate: float
    needed_rate: float


@dataclass(frozen=True, eq=False, slots=True)
class TargetPlan:
    """One month's target. Arrays over types are in the order of PartnerTable.types.

    verdict, because   one of VERDICTS; what it rests on, as a key for a sentence
    achieved           deals of the month up to the as-of day
    in_flight          deals expected from what is under way
    in_flight_only     the chance of the target without any new entry
    pace               [types] entries a week today, and whether no entry came of late, so that it is by partners (`assumed_mix`)
    mix                [types] shares of new entries, see `new_mix`, and whether they are as somebody has said (`mix_said`)
    capacity           [types] entries a week at most; NaN-free: infinite where nothing limits it
    landing            of 100 new entries, the share that would be in time for the month, if all converted
    mean, safe         the two plans; None where there is not enough data
    listed             [types] new entries a week of the safe plan (of the mean plan where no safe one exists)
    weekly             what to reach by week and type
    at_capacity        where the plan needs more than the capacity
    earliest           for `infeasible_time`: the first of the 12 months after in which the same target can be met; None if in none
    immature           steps that are not watched long enough
    rates              [types, 4] conversions that the plan rests on
    """

    deals: int
    month: Month
    as_of: int
    verdict: str
    achieved: int
    in_flight: float
    in_flight_only: float | None
    pace: Floats
    assumed_mix: bool
    mix: Floats
    mix_said: bool
    capacity: Floats
    landing: float
    mean: Plan | None
    safe: Plan | None
    listed: Floats
    weekly: WeeklyTargets
    at_capacity: AtCapacity | None
    earliest: Month | None
    immature: tuple[int, ...]
    rates: Floats
    under_way: OpenEntries
    chances: Floats
    achieved_by: Ints
