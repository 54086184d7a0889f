"""Runs every measurement, prints a table, and writes bench/results.json; or those that are named, and prints only."""

import json
import sys
from pathlib import Path

from bench import bulk, computing, hubspot, landing, mapping, mapping_diff, recompute, writeback
from bench.measure import Row, show

RESULTS = Path(__file__).with_name("results.json")


MEASURES = (landing, recompute, computing, mapping, mapping_diff, bulk, hubspot, writeback)


def main() -> int:
    """All of them, or those named: `python -m bench landing bulk`. Each row is told as soon as it is measured."""
    named = sys.argv[1:]
    unknown = set(named) - {m.__name__.removeprefix("bench.") for m in MEASURES}
    if unknown:
        every_name = ", ".join(m.__name__.removeprefix("bench.") for m in MEASURES)
        sys.exit(f"bench: there is no {', '.join(sorted(unknown))}; there are {every_name}.")
    rows: list[Row] = []
    for module in MEASURES:
        if not named or module.__name__.removeprefix("bench.") in named:
            for row in module.measure():
                print(f"{row.name}: {row.ratio:.2f} of {row.demand:.2f}", file=sys.stderr, flush=True)
                rows.append(row)
    every = show(rows, "Ratios against a limit of the same run")
    if not named:
        RESULTS.write_text(json.dumps([r.document() for r in rows], indent=1) + "\n", "utf-8")
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
