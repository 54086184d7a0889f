"""How the rates of each type's partners are spread, step by step: what a partner's few entries lean on (METHODS 3d).

Open entries count by the chance that they will still convert, given how long they have waited (expectation), the rates and (a, b) follow from
that (maximisation), until neither moves. A type with too few partners or attempts borrows (a, b) of all types together. All searches are made side
by side, which costs a fraction of one after the other; each goes its own way as if it were alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indicators.assumptions import DEFAULTS, Assumptions
from indicators.beta_binomial import fit_groups
from indicators.curves import TypeCurves
from indicators.exposure import NONE, SIGNIFICANT, Exposure, fit_exposure, score_test
from indicators.inputs import Flags, Floats, Ints, PartnerTable
from indicators.subjects import Funnel
from indicators.tallies import Tally, Waiting, tallies_of

_ROUNDS, _REFIT = 200, 5


@dataclass(frozen=True, slots=True)
class Prior:
    """The rates of a type's partners are spread like Beta(a, b). `pooled`: those of all types are, since this one is too small.

    Where partners that list more convert more or less, `exposure` tells how the mean goes by that; (a, b) is of one in the middle.
    """

    a: float
    b: float
    pooled: bool
    exposure: Exposure = NONE

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def of(self, attempts: Ints) -> tuple[Floats, Floats]:
        """(a, b) of partners with so many attempts [partners]."""
        return leaning(self.a, self.b, self.exposure, attempts)


def leaning(a: float, b: float, exposure: Exposure, attempts: Ints) -> tuple[Floats, Floats]:
    """(a, b) [partners] with the mean that goes by the attempts of each."""
    if exposure.slope == 0:
        return np.full(len(attempts), a), np.full(len(attempts), b)
    mean = 1 / (1 + np.exp(-(np.log(a / b) + exposure.shift(attempts))))
    return mean * (a + b), (1 - mean) * (a + b)


Priors = tuple[tuple[Prior, ...], ...]
"""[types][4]"""


Case = tuple[Funnel, PartnerTable, Sequence[TypeCurves]]
"""A funnel on some day, its partners, and what `type_curves` gives of it."""


def fitted_priors(
    funnel: Funnel,
    partners: PartnerTable,
    curves: Sequence[TypeCurves],
    assumptions: Assumptions = DEFAULTS,
) -> Priors:
    """How the rates of each type's partners are spread, step by step."""
    return priors_of_many([(funnel, partners, curves)], assumptions)[0]


def priors_of_many(
    cases: Sequence[Case], assumptions: Assumptions = DEFAULTS, *, still: float = 1e-7
) -> tuple[Priors, ...]:
    """The same of several cases. `still`: a search rests when no rate moves by more once (a, b) were fitted anew."""
    asked = [_asked(*case, assumptions) for case in cases]
    found = iter(_searched([one for of_case in asked for one in of_case.searches], still))
    return tuple(of_case.told([next(found) for _ in of_case.searches]) for of_case in asked)


@dataclass(frozen=True, eq=False, slots=True)
class _Search:
    """One search for (a, b): the partners' attempts and conversions [partners], and their open entries."""

    attempts: Ints
    converted: Floats
    open: Waiting
    pooled: bool

    @classmethod
    def of(
        cls, tally: Tally, who: Flags, kind: Ints, curves: Sequence[TypeCurves], k: int, *, pooled: bool
    ) -> "_Search":
        """Of the partners `who` on step k; each open entry by the curve of its own partner's type."""
        chosen = np.flatnonzero(who)
        there = Waiting.at({t: row[k] for t, row in enumerate(curves)}, kind[chosen], tally.waiting[chosen])
        return cls(tally.attempts[chosen], tally.converted[chosen].astype(np.float64), there, pooled)

    @property
    def start(self) -> float:
        """The rate of all together, were those that wait left out."""
        decided = self.converted.sum() + 0.5
        return float(decided / max(self.attempts.sum() - self.open.entries.sum() + 1.0, decided + 0.5))


@dataclass(frozen=True, eq=False, slots=True)
class _Asked:
    """The searches of a case, and which of them each type [types][4] is told by."""

    searches: list[_Search]
    places: list[list[int]]

    def told(self, found: Sequence[Prior]) -> Priors:
        return tuple(tuple(found[place] for place in of_type) for of_type in self.places)


def _asked(funnel: Funnel, partners: PartnerTable, curves: Sequence[TypeCurves], assumptions: Assumptions) -> _Asked:
    """One search for each type and step; where a type is too small one of all types together, made once a step."""
    found = _Asked([], [[] for _ in partners.types])
    for k, tally in enumerate(tallies_of(funnel, partners, assumptions)):
        pooled: int | None = None
        for t, places in enumerate(found.places):
            mine = partners.type == t
            tried = mine & (tally.attempts > 0)
            small = (
                int(tried.sum()) < assumptions.min_partners
                or int(tally.attempts[mine].sum()) < assumptions.min_attempts
            )
            if small and pooled is not None:
                places.append(pooled)
                continue
            pooled = len(found.searches) if small else pooled
            places.append(len(found.searches))
            who = np.ones(len(partners), bool) if small else mine
            found.searches.append(_Search.of(tally, who, partners.type, curves, k, pooled=small))
    return found


def _searched(searches: Sequence[_Search], still: float) -> list[Prior]:
    """Expectation and maximisation by turns, until a fit of (a, b) moves no rate; then whether a type's mean goes by the attempts."""
    found: list[Prior | None] = [None] * len(searches)
    now = _Turn.first(searches)
    for turn in range(_ROUNDS):
        if not len(now.a):
            break
        y = now.y0 + now.open.expected(now.rate)[0]
        fitted = turn % _REFIT == 0
        if fitted:
            now.a, now.b = fit_groups(y, now.n, now.of, len(now.a), start=(now.a, now.b) if turn else None)
        moved = (now.a[now.of] + y) / ((now.a + now.b)[now.of] + now.n)
        largest = np.zeros(len(now.a))
        np.maximum.at(largest, now.of, np.abs(moved - now.rate))
        now.rate = moved
        if not fitted or not turn:
            continue  # rates that lean on the same (a, b) rest long before (a, b) would
        rests = largest < still
        for at in np.flatnonzero(rests).tolist():
            mine = now.of == at
            which, a, b = int(now.which[at]), float(now.a[at]), float(now.b[at])
            found[which] = _by_exposure(searches[which], a, b, y[mine], moved[mine], turn, still)
        if rests.any():
            now = now.only(~rests)
    for which, a, b in zip(now.which.tolist(), now.a.tolist(), now.b.tolist(), strict=True):
        found[which] = Prior(a, b, searches[which].pooled)
    return [one for one in found if one is not None]


@dataclass(eq=False, slots=True)
class _Turn:
    """Searches that go on: `which` [searches] they are, where they stand, and their partners [partners] with `of` the search of each."""

    which: Ints
    a: Floats
    b: Floats
    of: Ints
    n: Floats
    y0: Floats
    rate: Floats
    open: Waiting

    @classmethod
    def first(cls, searches: Sequence[_Search]) -> "_Turn":
        count = np.array([len(one.attempts) for one in searches], np.int64)
        of, start = np.repeat(np.arange(len(searches)), count), np.array([one.start for one in searches])
        n, y0 = (_joined([getattr(one, name) for one in searches]) for name in ("attempts", "converted"))
        open_ = Waiting.together([one.open for one in searches])
        return cls(np.arange(len(searches)), 12.0 * start, 12.0 * (1 - start), of, n, y0, start[of], open_)

    def only(self, kept: Flags) -> "_Turn":
        """These searches of them."""
        rows = kept[self.of]
        cells = rows[self.open.partner]
        at, place = np.cumsum(kept) - 1, np.cumsum(rows) - 1
        open_ = Waiting(
            place[self.open.partner[cells]], self.open.entries[cells], self.open.converters[cells],
            self.open.others[cells], int(rows.sum()),
        )  # fmt: skip
        return _Turn(
            self.which[kept], self.a[kept], self.b[kept], at[self.of[rows]], self.n[rows], self.y0[rows],
            self.rate[rows], open_,
        )  # fmt: skip


def _joined(parts: Sequence[NDArray[Any]]) -> Floats:
    return np.concatenate([np.zeros(0), *parts]).astype(np.float64)


def _by_exposure(search: _Search, a: float, b: float, y: Floats, rate: Floats, since: int, still: float) -> Prior:
    """What a search came to at turn `since`; of one type whose mean goes by the attempts, where it comes to with that."""
    n = search.attempts.astype(np.float64)
    tried = n > 0
    if search.pooled or score_test(y[tried], n[tried], a + b) > SIGNIFICANT:
        return Prior(a, b, search.pooled)
    a, b, exposure = fit_exposure(y[tried], n[tried], a, b)
    for turn in range(since + 1, _ROUNDS):
        y = search.converted + search.open.expected(rate)[0]
        fitted = turn % _REFIT == 0
        if fitted:
            a, b, exposure = fit_exposure(y[tried], n[tried], a, b, exposure.slope)
        moved = (leaning(a, b, exposure, search.attempts)[0] + y) / (a + b + n)
        largest = float(np.abs(moved - rate).max(initial=0.0))
        rate = moved
        if fitted and largest < still:
            break
    return Prior(a, b, pooled=False, exposure=exposure)
