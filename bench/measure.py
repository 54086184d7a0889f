"""One measured row, and the way a thing is timed: the median of several rounds, limit and candidate taking turns."""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """`ratio` is candidate over limit, by rate; `demand` the least that is asked of it."""

    name: str
    value: float
    unit: str
    against: str
    ratio: float
    demand: float

    @property
    def ok(self) -> bool:
        return self.ratio >= self.demand

    def document(self) -> dict[str, object]:
        return {**asdict(self), "value": round(self.value, 1), "ratio": round(self.ratio, 3), "ok": self.ok}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_rates(n: int, limit: list[float], candidate: list[float]) -> tuple[float, float]:
    """(candidate's rate, its ratio to the limit's), both from medians of seconds for `n` rows."""
    mine, theirs = statistics.median(candidate), statistics.median(limit)
    return n / mine, theirs / mine


def show(rows: Iterable[Row], title: str) -> bool:
    """Prints the rows as a table; tells whether all demands are met."""
    shown = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("what", "value", "unit", "against", "ratio", "demand", ""):
        shown.add_column(column, justify="right" if column in {"value", "ratio", "demand"} else "left")
    every = True
    for r in rows:
        every &= r.ok
        met = "ok" if r.ok else "BELOW"
        shown.add_row(r.name, f"{r.value:,.0f}", r.unit, r.against, f"{r.ratio:.2f}", f"{r.demand:.2f}", met)
    Console().print(shown)
    return every
