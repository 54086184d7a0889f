"""Calendar days of moments, in the workspace's time zone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus


@contextmanager
def days_of(zone: str, connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """Inside, PostgreSQL takes `moment::date` for the day in this zone. Sessions are in UTC before and after. RuntimeError outside a transaction.

    `at time zone` looks the zone up anew for each row, and finds no summer time in those that are called like an abbreviation, as `CET`.
    """
    connection.execute("select set_config('TimeZone', %s, true)", (zone,))
    if connection.info.transaction_status is TransactionStatus.IDLE:
        raise RuntimeError("a time zone was set outside of a transaction, where it does not last; begin one")
    yield
    connection.execute("set local TimeZone = 'UTC'")
