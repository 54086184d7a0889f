"""An instant that HubSpot writes as milliseconds is the same instant, whichever way it was asked for."""

from sync.hubspot.reading import in_one_way


def test_milliseconds_become_iso_in_fields_that_hold_instants_and_nowhere_else() -> None:
    given = {"at": "1651568400007", "number": "1651568400007", "iso": "2022-05-03T09:00:00Z", "none": None}
    assert in_one_way(given, {"at", "iso", "none", "absent"}) == {
        "at": "2022-05-03T09:00:00.007000+00:00",
        "number": "1651568400007",
        "iso": "2022-05-03T09:00:00Z",
        "none": None,
    }
