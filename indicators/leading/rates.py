"""Conversions as indicators: what was known of a step's rate at each past week (METHODS 3k: rates are graded by T2 alone).

The rate at a week is the empirical Bayes estimate at that week (METHODS 3d): of the entries that came to the step's first milestone 8 to
34 weeks before, counting what followed within 8 weeks, each partner's rate leans on its scope's Beta(a, b), by how little its entries say,
and partners count by their entries. (a, b) are fitted to what all entries of the scope that were old enough had done by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.beta_binomial_counts import fit_beta_binomials
from indicators.inputs import LAST_DAY, Flags, Floats, Ints
from indicators.leading.series import WEEK, Occurrences, Weeks

MATURE, SPAN, REFIT = 8, 26, 4  # weeks


@dataclass(frozen=True, eq=False, slots=True)
class Passages:
    """First passages of one milestone: `attempt` names the attempt of each row, equal for all its milestones."""

    attempt: Ints
    rows: Occurrences

    def standing(self) -> "Passages":
        """Those that still stand, one an attempt."""
        kept = np.flatnonzero(self.rows.known_until >= LAST_DAY)
        _, first = np.unique(self.attempt[kept], return_index=True)
        chosen = kept[first]
        return Passages(self.attempt[chosen], self.rows.only(chosen))


@dataclass(frozen=True, eq=False, slots=True)
class Cohorts:
    """Entries that came to a step's first milestone, and those of them that went on in time; days are those of the first."""

    came: Occurrences
    went_on: Occurrences

    @classmethod
    def of(cls, first: Passages, second: Passages) -> "Cohorts":
        """Paired by attempt. That an entry went on is known when its later milestone is."""
        one, two = first.standing(), second.standing()
        place = np.searchsorted(two.attempt, one.attempt)
        place = np.minimum(place, max(len(two.attempt) - 1, 0))
        found = two.attempt[place] == one.attempt if len(two.attempt) else np.zeros(len(one.attempt), np.bool_)
        rows = one.rows.only(found)
        later = two.rows.only(place[found]) if len(two.attempt) else rows
        in_time = (later.day - rows.day <= WEEK * MATURE) & (later.day >= rows.day)
        known = np.maximum(rows.known_from, later.known_from)
        went = Occurrences.of(rows.partner, rows.day, known)
        return cls(one.rows, went.only(in_time))


def rate_feature(
    cohorts: Cohorts, weeks: Weeks, scope: Flags | None = None, assumptions: Assumptions = DEFAULTS
) -> Floats:
    """[weeks, 1]: ln of the odds of the rate of the partners in `scope` [partners], as known at the end of each week; None: of all."""
    return rate_features(cohorts, weeks, [scope], assumptions)[0]


def rate_features(
    cohorts: Cohorts, weeks: Weeks, scopes: Sequence[Flags | None], assumptions: Assumptions = DEFAULTS
) -> list[Floats]:
    """The same of several scopes, each as if it were alone."""
    if not weeks.count:
        return [np.zeros((0, 1))] * len(scopes)
    who = np.unique(cohorts.came.partner)
    mine = np.array([np.ones(len(who), np.bool_) if scope is None else scope[who] for scope in scopes])
    came, went = (np.searchsorted(who, rows.partner) for rows in (cohorts.came, cohorts.went_on))
    size = len(who)
    n, recent_n = _known(cohorts.came, came, size, weeks)
    y, recent_y = _known(cohorts.went_on, went, size, weeks)
    found = []
    for of_scope, a, b in zip(mine, *_priors(y, n, mine, assumptions), strict=True):
        n_i, y_i = recent_n[of_scope], recent_y[of_scope]
        entries = n_i.sum(axis=0)
        leaning = (n_i * (y_i + a) / (n_i + a + b)).sum(axis=0)
        rate = np.where(entries > 0, leaning / np.maximum(entries, 1), a / (a + b))
        found.append(np.asarray(np.log(rate / (1 - rate)), np.float64)[:, None])
    return found


def _known(rows: Occurrences, place: Ints, partners: int, weeks: Weeks) -> tuple[Floats, Floats]:
    """[partners, weeks]: how many that still stand were at least `MATURE` weeks old and known at the end of each week; and the newest of them."""
    week = weeks.of(rows.day)
    known = np.maximum(weeks.of(rows.known_from), week)

    def until(age: int) -> Floats:
        at = np.maximum(known, week + age)
        seen = (week >= 0) & (at < weeks.count)
        counted = np.bincount(place[seen] * weeks.count + at[seen], minlength=partners * weeks.count)
        return np.cumsum(counted.reshape(partners, weeks.count), axis=1).astype(np.float64)

    old_enough = until(MATURE)
    return old_enough, old_enough - until(MATURE + SPAN)


def _priors(y: Floats, n: Floats, mine: Flags, assumptions: Assumptions) -> tuple[Floats, Floats]:
    """(a, b), each [scopes, weeks], fitted every `REFIT` weeks to what the partners' entries had done by then, `mine` [scopes, partners].

    Where a scope is too small, to all partners'.
    """
    shape = len(mine), n.shape[1]
    a, b = np.full(shape, 0.5), np.full(shape, 0.5)
    refits = np.arange(MATURE, n.shape[1], REFIT)
    n_then, y_then = (counts[:, refits].T.astype(np.int64) for counts in (n, y))  # [refits, partners]
    tried = np.where(mine[:, None], n_then, 0)  # [scopes, refits, partners]
    small = (np.count_nonzero(tried, axis=2) < assumptions.min_partners) | (
        tried.sum(axis=2) < assumptions.min_attempts
    )
    who = mine[:, None] | small[:, :, None]
    flat = len(mine) * len(refits), n.shape[0]
    fitted = fit_beta_binomials(*(np.where(who, counts, 0).reshape(flat) for counts in (y_then, n_then)))
    fitted_a, fitted_b = (column.reshape(small.shape) for column in fitted)
    known = (who & (n_then > 0)).any(axis=2)
    for scope, at in np.argwhere(known).tolist():
        a[scope, refits[at] :], b[scope, refits[at] :] = fitted_a[scope, at], fitted_b[scope, at]
    return a, b
