"""The schema's history, numbered; `jobs.database.upgrade` runs it from wherever the package is installed."""
