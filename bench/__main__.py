"""Runs every measurement, prints a table, and writes bench/results.json; or those that are named, and prints only."""

import json
import os
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command has it; read when numpy is loaded

from bench import bulk, computing, hubspot, landing, mapping, mapping_diff, recompute, writeback
from bench.measure import Row

RESULTS = Path(__file__).with_name("results.json")


MEASURES = (landing, recompute, computing, mapping, mapping_diff, bulk, hubspot, writeback)


def main() -> int:
    """All of them, or those named: `python -m bench landing bulk`. Each row is told as soon as it is measured."""
    named = sys.argv[1:]
    unknown = set(named) - {m.__name__.removeprefix("bench.") for m in MEASURES}
    if unknown:
        sys.exit(
            f"bench: there is no {', '.join(sorted(unknown))}; there are {', '.join(m.__name__[6:] for m in MEASURES)}."
        )
    rows: list[Row] = []
    for module in MEASURES:
        if not named or module.__name__.removeprefix("bench.") in named:
            for row in module.measure():
                print(f"{row.name}: {row.ratio:.2f} of {row.demand:.2f}", file=sys.stderr, flush=True)
                rows.append(row)
    shown = Table(title="Ratios against a limit of the same run", box=box.SIMPLE_HEAD)
    for column in ("what", "value", "unit", "against", "ratio", "demand", ""):
        shown.add_column(column, justify="right" if column in {"value", "ratio", "demand"} else "left")
    for r in rows:
        shown.add_row(
            r.name, f"{r.value:,.0f}", r.unit, r.against, f"{r.ratio:.2f}", f"{r.demand:.2f}", "ok" if r.ok else "BELOW"
        )
    Console().print(shown)
    if named:
        return 0 if all(r.ok for r in rows) else 1
    RESULTS.write_text(json.dumps([r.document() for r in rows], indent=1) + "\n", "utf-8")
    return 0 if all(r.ok for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
