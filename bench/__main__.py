"""Runs every measurement, prints a table, and writes bench/results.json."""

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


def main() -> int:
    rows: list[Row] = [
        *landing.measure(),
        *recompute.measure(),
        *computing.measure(),
        *mapping.measure(),
        *mapping_diff.measure(),
        *bulk.measure(),
        *hubspot.measure(),
        *writeback.measure(),
    ]
    shown = Table(title="Ratios against a limit of the same run", box=box.SIMPLE_HEAD)
    for column in ("what", "value", "unit", "against", "ratio", "demand", ""):
        shown.add_column(column, justify="right" if column in {"value", "ratio", "demand"} else "left")
    for r in rows:
        shown.add_row(
            r.name, f"{r.value:,.0f}", r.unit, r.against, f"{r.ratio:.2f}", f"{r.demand:.2f}", "ok" if r.ok else "BELOW"
        )
    Console().print(shown)
    RESULTS.write_text(json.dumps([r.document() for r in rows], indent=1) + "\n", "utf-8")
    return 0 if all(r.ok for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
