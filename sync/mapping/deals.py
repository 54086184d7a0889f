"""The deals of all channels: the denominator of the partner-sourced share."""

from collections import defaultdict

from models.vocabulary import RecordRef
from sync.mapping.dates import UnreadableDateError, day_of
from sync.mapping.facts import DealAnyChannel, IssueKind, Issues
from sync.mapping.grammar import Mapping
from sync.mapping.needs import needs
from sync.mapping.reader import MirrorReader
from sync.mapping.selection import selector


def derive_deals(mapping: Mapping, reader: MirrorReader, issues: Issues) -> list[DealAnyChannel]:
    """One row a deal, by the first rule that fits it."""
    deals: list[DealAnyChannel] = []
    wanted = needs(mapping)
    by_object: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, rule in enumerate(mapping.deals_all_channels):
        by_object[rule.connection, rule.object].append(index)
    for (connection, name), indexes in by_object.items():
        rules = [(index, mapping.deals_all_channels[index]) for index in indexes]
        tests = [
            (
                index,
                rule.at or mapping.created_field(connection, name) or "",
                selector(rule.where, reader, connection, name, mapping.zone),
                selector(rule.partner_sourced, reader, connection, name, mapping.zone),
                None if rule.won is None else selector(rule.won, reader, connection, name, mapping.zone),
            )
            for index, rule in rules
        ]
        for row in reader.rows(connection, name, wanted[connection][name].fields):
            for index, at, fits, sourced, is_won in tests:
                if not fits(row):
                    continue
                ref = RecordRef(connection, name, row.id)
                try:
                    day = day_of(row.values.get(at), mapping.zone)
                except UnreadableDateError:
                    day = None
                if day is None:
                    issues.add(IssueKind.DATE_UNREADABLE, f"deals_all_channels[{index}].at", ref, field=at)
                else:
                    deals.append(DealAnyChannel(day, sourced(row), ref, None if is_won is None else is_won(row)))
                break
    return deals
