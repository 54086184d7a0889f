"""Imports every table, so that the metadata is whole wherever it is compared or created."""

from models import audit, coverage, kept, partners, results, runs
from models.base import SCHEMA, Base

__all__ = ["SCHEMA", "Base", "audit", "coverage", "kept", "partners", "results", "runs"]
