"""What the numbers assume where nobody has said otherwise: the section `assumptions` of a workspace. Defaults stand in `indicators/`."""

from dataclasses import replace
from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from indicators.assumptions import DEFAULTS, Assumptions, Floors, Rates, TierRule
from jobs.settings_base import Settings


class TierRows(Settings):
    """Valid rows of the attack list that bring a partner up, and below which it may come down again."""

    noun: ClassVar[str] = "rows of a tier"
    a_up: int = Field(ge=1, le=10_000, description="rows that bring a partner into A")
    a_down: int = Field(ge=1, le=10_000, description="fewer rows may take it out of A")
    b_up: int = Field(ge=1, le=10_000, description="rows that bring a partner into B")
    b_down: int = Field(ge=1, le=10_000, description="fewer rows may take it out of B")

    @model_validator(mode="after")
    def _in_order(self) -> "TierRows":
        if not (self.b_down <= self.b_up < self.a_up and self.b_up <= self.a_down <= self.a_up):
            raise ValueError(
                f"rows are a_up {self.a_up}, a_down {self.a_down}, b_up {self.b_up}, b_down {self.b_down}; "
                "they must fall: a_up, a_down, b_up, b_down, with a_up above b_up"
            )
        return self


class Assumed(Settings):
    """What the numbers assume; whatever is changed here is computed anew with the next run."""

    noun: ClassVar[str] = "assumptions"
    horizon: int = Field(DEFAULTS.horizon, ge=30, le=730, description="days after which a conversion counts no more")
    window: int = Field(
        DEFAULTS.window or 365,
        ge=30,
        le=3650,
        description="days looked back for the entries that a conversion is told from",
    )
    history_from: date | None = Field(
        None,
        description="first day that the CRMs' histories tell of in full; attempts begun before are left out of rates and lead times; "
        "by default what the histories show of themselves",
    )
    partner_window: int = Field(
        DEFAULTS.partner_window or 730, ge=30, le=3650, description="the same for a partner's own rates"
    )
    list_valid: int = Field(DEFAULTS.list_valid, ge=7, le=3650, description="days that an attack list is valid")
    tiers: dict[str, TierRows] = Field(
        default_factory=dict, description="rows of the attack list by partner type; `default` stands for all others"
    )
    min_in_tier: int = Field(
        DEFAULTS.min_in_tier, ge=0, le=365, description="days in a tier before a partner moves down"
    )
    quiet: int = Field(
        DEFAULTS.quiet, ge=1, le=365, description="days without a logged activity after which an entry may be stalled"
    )
    within: list[Annotated[int, Field(ge=1, le=730)]] = Field(
        list(DEFAULTS.within),
        min_length=1,
        max_length=6,
        description="days of the plain shares of cohorts old enough, rising, at most the horizon",
    )
    own_curve: int = Field(
        DEFAULTS.own_curve,
        ge=1,
        le=10_000,
        description="conversions from which a type's step speaks for itself in limits and forecasts; below, all types together",
    )
    default_p80: int = Field(
        DEFAULTS.default_p80,
        ge=1,
        le=730,
        description="days after which an entry warns where nobody's conversions tell it",
    )
    default_p95: int = Field(DEFAULTS.default_p95, ge=1, le=730, description="the same for stalled; over `default_p80`")
    override_lasts: int = Field(
        DEFAULTS.override_lasts, ge=1, le=366, description="days that a tier set by hand lasts where no day is given"
    )
    capacity_weeks: int = Field(
        DEFAULTS.capacity_weeks,
        ge=4,
        le=260,
        description="weeks whose best 4-week mean says how many entries can be listed, where `targets.capacity` does not",
    )
    capacity_spare: float = Field(
        DEFAULTS.capacity_spare, ge=1, le=10, description="times that mean: what could be listed in a hurry"
    )
    active_within: int = Field(
        Rates().active_within, ge=7, le=730, description="days within which a deal makes a partner active"
    )
    sure: float = Field(
        DEFAULTS.sure, ge=0.5, le=0.99, description="chance with which the safe plan of a month meets its target"
    )
    smallest_effect: float = Field(
        Floors().smallest_effect, gt=0, le=10, description="smallest effect of interest: deals per action"
    )

    @model_validator(mode="after")
    def _fit_each_other(self) -> "Assumed":
        if not self.default_p80 < self.default_p95 <= self.horizon:
            raise ValueError(
                f"default_p80 is {self.default_p80}, default_p95 {self.default_p95} and horizon {self.horizon}; "
                "they must rise: default_p80 below default_p95, and that at most the horizon"
            )
        if self.within != sorted(set(self.within)) or self.within[-1] > self.horizon:
            raise ValueError(
                f"within is {self.within}; write different days that rise up to {self.horizon}, the horizon"
            )
        return self

    @property
    def history_start(self) -> int | None:
        """`history_from` as the arithmetic takes it; None: what it finds."""
        from indicators.inputs import (
            day_number,
        )  # arithmetic is slow to load, and settings are read before every refusal

        return None if self.history_from is None else day_number(self.history_from)

    def for_numbers(self, seed: str) -> Assumptions:
        """As the arithmetic takes them. `seed`: draws depend on it."""
        rules = {name: TierRule(**rows.model_dump()) for name, rows in self.tiers.items()}
        return replace(
            DEFAULTS,
            seed=seed,
            horizon=self.horizon,
            window=self.window,
            partner_window=self.partner_window,
            list_valid=self.list_valid,
            tier_rule=rules.pop("default", DEFAULTS.tier_rule),
            tier_rules={**DEFAULTS.tier_rules, **rules},
            min_in_tier=self.min_in_tier,
            quiet=self.quiet,
            within=tuple(self.within),
            own_curve=self.own_curve,
            default_p80=self.default_p80,
            default_p95=self.default_p95,
            override_lasts=self.override_lasts,
            capacity_weeks=self.capacity_weeks,
            capacity_spare=self.capacity_spare,
            sure=self.sure,
        )

    @property
    def rates(self) -> Rates:
        """Of activation."""
        return replace(Rates(), active_within=self.active_within)

    @property
    def floors(self) -> Floors:
        """Of the leading test."""
        return replace(Floors(), smallest_effect=self.smallest_effect)
