"""What a list's rows are to what is known: new, listed before by this partner or another, or a customer already. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.vocabulary import Target
from sync.lists.understand import target_key
from sync.mapping.names import name_key, phone_key, place_key


class Standing(StrEnum):
    """What is known of a target."""

    NEW = "new"
    LISTED = "listed"  # on this partner's list already
    CUSTOMER = "customer"  # won before, through whomever
    ELSEWHERE = "elsewhere"  # on another partner's list: taken in all the same, since the first to agree is the source


@dataclass(frozen=True, slots=True)
class Known:
    """A target that is known: whose entry it is (empty for a customer that no partner listed), and how far it came.

    `since`: the day from which it is a customer, where that is stated. `brought`: the hash of the file and the row of it that brought it.
    """

    partner_id: str
    partner: str
    target: Target
    won: bool = False
    since: date | None = None
    brought: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`by` is the mark that told; `partner` whose entry was found. `alike`: another target of the same name, which may be another shop."""

    standing: Standing
    by: str = ""
    partner: str = ""
    alike: bool = False


class KnownTargets:
    """What is known, by the marks that make two targets one: corporate number, domain, name with telephone number or with place.

    On one partner's list a number or domain tells together with the name, since shops of one company are targets of their own. Whoever buys,
    or is on another's list, is the company: there a number or a domain tells alone, unless both have numbers, and other ones.
    """

    def __init__(self, known: Iterable[Known]) -> None:
        self._by: dict[tuple[str, ...], list[Known]] = defaultdict(list)
        self._own: dict[tuple[str, ...], Known] = {}
        self._names: set[str] = set()
        self._brought: set[tuple[str, str, int, str]] = set()
        for one in known:
            if one.brought is not None:
                self._brought.add((one.partner_id, *one.brought, name_key(one.target.name)))
            for mark in (*marks_of(one.target), *_alone(one.target)):
                self._by[mark].append(one)
            self._own[one.partner_id, *target_key(one.target)] = one
            self._names.add(name_key(one.target.name))

    def look(
        self, target: Target, partner_id: str, listed_on: date | None = None, place: tuple[str, int] | None = None
    ) -> Found:
        """The strongest that is known: on this partner's own list, then a customer on the day of the row, then on another's list.

        `place` is the hash of the file and the row: the very file comes as known even where more of it is understood than the first time.
        """
        if own := self._own.get((partner_id, *target_key(target))):
            return Found(Standing.LISTED, "row", own.partner)  # the very same row, be it a name alone
        if place is not None and (partner_id, *place, name_key(target.name)) in self._brought:
            return Found(Standing.LISTED, "file")
        met = [(mark[0], one) for mark in marks_of(target) for one in self._by.get(mark, ())]
        company = [
            (mark[0], one)
            for mark in (*_alone(target), *marks_of(target))
            for one in self._by.get(mark, ())
            if mark[0] == "corporate_number" or not _other_numbers(one.target, target)
        ]
        for standing in (Standing.LISTED, Standing.CUSTOMER, Standing.ELSEWHERE):
            for by, one in met if standing is Standing.LISTED else company:
                if _stands(one, standing, partner_id, listed_on):
                    return Found(standing, by, one.partner)
        return Found(Standing.NEW, alike=name_key(target.name) in self._names)


def _stands(one: Known, standing: Standing, partner_id: str, day: date | None) -> bool:
    """Whether what is known of one stands so to a partner's row of that day."""
    if standing is Standing.LISTED:
        return one.partner_id == partner_id
    if standing is Standing.CUSTOMER:
        return one.won and (one.since is None or day is None or day >= one.since)
    return bool(one.partner_id)


def marks_of(target: Target) -> Iterator[tuple[str, ...]]:
    """The marks of a target, from strong to weak."""
    name = name_key(target.name)
    if target.corporate_number:
        yield "corporate_number", target.corporate_number, name
    if target.domain:
        yield "domain", target.domain, name
    if name and (phone := phone_key(target.phone)):
        yield "name_and_phone", name, phone
    if name and (place := place_key(target.prefecture, target.city)):
        yield "name_and_place", name, place


def _alone(target: Target) -> Iterator[tuple[str, ...]]:
    """The marks that tell of a company whatever name it is called by."""
    if target.corporate_number:
        yield "corporate_number", target.corporate_number
    if target.domain:
        yield "domain", target.domain


def _other_numbers(one: Target, other: Target) -> bool:
    return bool(one.corporate_number and other.corporate_number) and one.corporate_number != other.corporate_number
