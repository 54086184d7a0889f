"""The defaults behind every indicator, in one place: configuration may change each, and pages show them as assumptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_BUDGET = 2_000_000  # draws of all partners together


@dataclass(frozen=True, slots=True)
class TierRule:
    """Valid rows of the attack list that bring a partner up into A or B at once, and below which it may leave A or B again."""

    a_up: int = 10
    a_down: int = 7
    b_up: int = 3
    b_down: int = 2


@dataclass(frozen=True, slots=True)
class Assumptions:
    """All in days unless said otherwise.

    horizon           a conversion later than this does not count
    window            entries that came to a milestone within this many days before the as-of day are the subjects of its rate
    min_subjects      the window grows until it holds this many
    min_at_risk       a curve is read up to the last day on which this many are still watched
    max_unwatched     a curve is also mature as far as no more of its subjects (a share) were too young to be watched
    within            windows of the plain cohort rates
    min_conversions   fewer: no lead time is published
    max_skip_rate     above: the lead time of a step is greyed out, since too many of its ends are unknown (a share)
    replicates        partner bootstrap
    seed              any text; intervals are the same bytes for the same text
    counted           trailing window of the counts per partner
    list_valid        a row of an attack list counts this long
    tier_rules        per partner type; `tier_rule` for all others
    min_in_tier       a partner stays at least this long before moving down
    override_lasts    of a manual tier without an end
    quiet             no logged activity for this long: an entry may be called stalled
    own_curve         conversions needed to judge stalled entries by their own type; below, all types together
    default_p80, default_p95   limits of age where even all types together have fewer
    little_chance     an entry whose chance sank below this share of its chance at entry is stalled (a share)
    drift_at, drift_recent   conversion by this day, of the entries of so many last days against those before
    partner_window    entries that came in this many days tell of a partner's own rates
    min_partners, min_attempts   a type with fewer partners, or attempts, borrows the spread of all types
    ahead             what the forecast looks ahead
    arrivals          weeks that tell how many entries come a week
    draws             of a forecast's interval; fewer where there are very many partners
    min_probability   below this chance no date is given (a share)
    checks            origins, 30 days apart, on which the forecast is checked against what came
    plan_draws        of rates, over which the chance of a plan is averaged
    sure              the chance with which the safe plan meets its target (a share)
    useful            an entry of a week is still useful while its chance is this share of the best week's
    hopeless          where fewer of the new entries (a share) can become a deal in time, new lists do not help
    capacity_weeks, capacity_spare   without a stated capacity: the best 4-week mean of so many weeks, times this
    """

    horizon: int = 180
    window: int | None = 365
    min_subjects: int = 30
    min_at_risk: int = 10
    max_unwatched: float = 0.10
    within: tuple[int, ...] = (30, 60)
    min_conversions: int = 10
    max_skip_rate: float = 0.20
    replicates: int = 1000
    seed: str = "sakigake"
    counted: int = 90
    list_valid: int = 180
    tier_rule: TierRule = TierRule()
    tier_rules: Mapping[str, TierRule] = field(
        default_factory=lambda: {"growth1": TierRule(a_up=20, a_down=14, b_up=5, b_down=3)}
    )
    min_in_tier: int = 28
    override_lasts: int = 90
    quiet: int = 14
    own_curve: int = 20
    default_p80: int = 30
    default_p95: int = 60
    little_chance: float = 0.25
    drift_at: int = 30
    drift_recent: int = 90
    partner_window: int | None = 730
    min_partners: int = 3
    min_attempts: int = 20
    ahead: tuple[int, ...] = (30, 60, 90)
    arrivals: int = 13
    draws: int = 2000
    min_probability: float = 0.05
    checks: int = 6
    plan_draws: int = 400
    sure: float = 0.80
    useful: float = 0.50
    hopeless: float = 0.05
    capacity_weeks: int = 26
    capacity_spare: float = 1.25

    def draws_each(self, partners: int) -> int:
        """How many draws each of so many partners gets, so that all together stay affordable."""
        return min(max(_BUDGET // max(partners, 1), 200), self.draws)


DEFAULTS = Assumptions()


@dataclass(frozen=True, slots=True)
class Rates:
    """Of activation: windows in days. `grace`: a partner younger than this is not in the base yet."""

    active_within: int = 90
    grace: int = 30
    share_within: int = 365


@dataclass(frozen=True, slots=True)
class Floors:
    """Of what leads: what there must be before a claim of either kind is made; `smallest_effect` is the least effect of interest, deals per action."""

    weeks: int = 26
    partners: int = 8
    deals: int = 30
    actions: int = 30
    smallest_effect: float = 0.2


RATES, FLOORS = Rates(), Floors()
