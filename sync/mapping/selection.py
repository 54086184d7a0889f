"""Which records a rule is about: its conditions as a test of mirrored rows, related records read once."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from sync.mapping.links import linker
from sync.mapping.reader import MirrorReader, MirrorRow
from sync.mapping.where import Related, Where

Fits = Callable[[MirrorRow], bool]


def selector(where: Where, reader: MirrorReader, connection: str, object_name: str, zone: ZoneInfo) -> Fits:
    """Whether a row meets every condition; one without conditions passes. Days are days of `zone`.

    A linked record that is deleted, or not in the mirror, meets nothing.
    """
    tests = [_on_field(name, condition.predicate(zone)) for name, condition in where.conditions.items()]
    tests += (
        [_all([selector(part, reader, connection, object_name, zone) for part in where.and_])] if where.and_ else []
    )
    tests += [_any([selector(part, reader, connection, object_name, zone) for part in where.or_])] if where.or_ else []
    tests += [_not(selector(where.not_, reader, connection, object_name, zone))] if where.not_ is not None else []
    tests += [_related(related, reader, connection, object_name, zone) for related in where.related or ()]
    return _all(tests)


def _on_field(name: str, test: Callable[..., bool]) -> Fits:
    return lambda row: test(row.values.get(name))


def _all(tests: list[Fits]) -> Fits:
    if not tests:
        return lambda _row: True
    return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)


def _any(tests: list[Fits]) -> Fits:
    return lambda row: any(test(row) for test in tests)


def _not(test: Fits) -> Fits:
    return lambda row: not test(row)


def _related(related: Related, reader: MirrorReader, connection: str, object_name: str, zone: ZoneInfo) -> Fits:
    there = related.leads_to
    fits = selector(related.where, reader, connection, there, zone)
    fields = sorted(related.where.fields())
    fitting = {row.id for row in reader.rows(connection, there, fields) if fits(row)}
    find = linker(reader, connection, object_name, related.by)
    return lambda row: any(end in fitting for end in find(row.id, row.values))
