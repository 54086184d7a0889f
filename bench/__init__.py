"""`make bench`: ratios against a limit measured in the same run, since seconds on one machine tell little about another."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command has it; read when numpy is loaded
