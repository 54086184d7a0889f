"""Runs every measurement, prints a table, and writes bench/results.json."""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command has it; read when numpy is loaded

from bench import bulk, computing, hubspot, landing, mapping, mapping_diff, recompute, writeback
from bench.measure import Row, show

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
    every = show(rows, "Ratios against a limit of the same run")
    RESULTS.write_text(json.dumps([r.document() for r in rows], indent=1) + "\n", "utf-8")
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
