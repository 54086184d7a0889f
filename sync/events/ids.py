"""Ids of entries as sixteen bytes each, so that a million of them are put in order and found again without a text a row."""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Halves = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
WRITTEN = 36
"""The length of an id as text."""
_DIGITS = 32  # without the four dashes
_DIGIT_PLACES = np.array([at for at in range(WRITTEN) if at not in (8, 13, 18, 23)])


class Ids(Sequence[str]):
    """UUIDs in any order, as texts to who asks for one. Never changed."""

    __slots__ = ("high", "low")

    def __init__(self, high: Halves, low: Halves) -> None:
        self.high, self.low = high, low

    @classmethod
    def of_text(cls, written: bytes) -> "Ids":
        """Texts of UUIDs, one behind the other. ValueError where they are none."""
        digits = written.translate(None, b"-")
        if len(written) % WRITTEN or len(digits) * WRITTEN != len(written) * _DIGITS:
            raise ValueError("ids of entries are not written as UUIDs, expected 32 digits and 4 dashes each")
        return cls.of_packed(binascii.unhexlify(digits))

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Ids":
        """Ids that are texts so far. ValueError where one is no UUID."""
        return texts if isinstance(texts, cls) else cls.of_text("".join(texts).encode("ascii"))

    @classmethod
    def joined(cls, parts: "Sequence[Ids]") -> "Ids":
        """All of them, one part behind the other."""
        none = np.zeros(0, np.uint64)
        return cls(np.concatenate([none, *(p.high for p in parts)]), np.concatenate([none, *(p.low for p in parts)]))

    @classmethod
    def of_packed(cls, packed: bytes | npt.NDArray[Any]) -> "Ids":
        """Ids that are sixteen bytes each."""
        halves = np.frombuffer(packed, ">u8").reshape(-1, 2)
        return cls(halves[:, 0].astype(np.uint64), halves[:, 1].astype(np.uint64))

    @property
    def packed(self) -> npt.NDArray[np.void]:
        """Sixteen bytes each."""
        whole = np.column_stack((self.high, self.low)).astype(">u8")
        return np.ascontiguousarray(whole).view("V16").reshape(-1)

    def __len__(self) -> int:
        return len(self.high)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: "slice | npt.NDArray[Any]") -> "Ids": ...
    def __getitem__(self, at: "int | slice | npt.NDArray[Any]") -> "str | Ids":
        """The text at a place; or the ids of several places, or of those that are marked true."""
        if isinstance(at, slice | np.ndarray):
            return Ids(self.high[at], self.low[at])
        digits = f"{int(self.high[at]):016x}{int(self.low[at]):016x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def __iter__(self) -> Iterator[str]:
        return iter(self.written.astype(f"U{WRITTEN}").tolist())

    @property
    def written(self) -> npt.NDArray[np.bytes_]:
        """Their texts, each in ASCII."""
        texts = np.full((len(self), WRITTEN), ord("-"), np.uint8)
        texts[:, _DIGIT_PLACES] = np.frombuffer(binascii.hexlify(self.packed.tobytes()), np.uint8).reshape(-1, _DIGITS)
        return texts.view(f"S{WRITTEN}").reshape(-1)

    def distinct(self) -> tuple["Ids", Places]:
        """Each id once, in order, and the place there of each of these."""
        order = self.order()
        high, low = self.high[order], self.low[order]
        first = np.ones(len(self), np.bool_)
        first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        places = np.empty(len(self), np.int64)
        places[order] = np.cumsum(first) - 1
        return Ids(high[first], low[first]), places

    def order(self) -> Places:
        """The places in the order of the ids."""
        order = np.argsort(self.high)
        high, low = self.high[order], self.low[order]
        if ((high[1:] == high[:-1]) & (low[1:] != low[:-1])).any():
            return np.lexsort((self.low, self.high))  # two ids that begin alike, which chance never makes
        return order

    def places_among(self, others: "Ids") -> Places:
        """The place of each of these among the others, -1 where it is not there. The others are in order, and each there once."""
        if not len(others):
            return np.full(len(self), -1, np.int64)
        if (others.high[1:] == others.high[:-1]).any():
            place = {name: at for at, name in enumerate(others)}
            return np.fromiter((place.get(name, -1) for name in self), np.int64, len(self))
        at = np.minimum(np.searchsorted(others.high, self.high), len(others) - 1)
        found = (others.high[at] == self.high) & (others.low[at] == self.low)
        return np.where(found, at, -1)


def places_of(sought: Sequence[str], among: Sequence[str]) -> Places:
    """The place of each id among others, -1 where it is not there. Both are in order, and each id there once."""
    if isinstance(sought, Ids) and isinstance(among, Ids):
        return sought.places_among(among)
    place = {name: at for at, name in enumerate(among)}
    return np.fromiter((place.get(name, -1) for name in sought), np.int64, len(sought))
