"""Imports every table, so that the metadata is whole wherever it is compared or created."""

from models import audit, coverage, erased, issues, kept, making, partners, results, runs, targets, writeback
from models.base import SCHEMA, Base

__all__ = [
    "SCHEMA",
    "Base",
    "audit",
    "coverage",
    "erased",
    "issues",
    "kept",
    "making",
    "partners",
    "results",
    "runs",
    "targets",
    "writeback",
]
