"""What is said of the partners' share of won deals, in the table and in CSV."""

import pytest

from jobs.cli.reports import ACTIVATION_COLUMNS, with_shares
from jobs.steps.more import share_document
from jobs.tables.partners import won_words
from sync.events.deals import DealCount


@pytest.mark.parametrize(
    ("deals", "said"),
    [
        (DealCount(900, 400, 900, 200, 90), "Of won deals: 90 of 200, 45.0 % (38.3 to 51.9 %); 88 entries of partners reached won."),
        (DealCount(900, 400, 700, 200, 90), "88 entries of partners reached won. 200 deals are left out: their rule does not say what makes a deal won."),
        (DealCount(900, 400), "Of won deals: not known; say in the mapping what makes a deal won (won, beside partner_sourced in deals_all_channels)."),
        (DealCount(900, 400, 900), "Of won deals: none of 900 deals is won yet."),
    ],
)  # fmt: skip
def test_the_share_of_won_deals_or_why_there_is_none_is_said_in_plain_words(deals, said):
    assert won_words(share_document(deals, 88)).endswith(said)


def test_the_row_of_all_types_bears_both_shares_and_the_others_none():
    rows = [{"type": "legacy"}, {"type": "all"}]
    legacy, every = with_shares({"activation": rows, "sourced": share_document(DealCount(900, 400, 900, 200, 90), 88)})
    assert (every["share"], every["won_share"], every["won_all_channels"]) == (
        pytest.approx(4 / 9, abs=1e-6),
        0.45,
        200,
    )
    assert legacy["share"] is legacy["won_share"] is None
    assert {*every} <= {*ACTIVATION_COLUMNS}
    assert (every["share_status"], every["won_share_status"], legacy["share_status"]) == ("ok", "ok", None)
    nothing = with_shares({"activation": rows, "sourced": share_document(DealCount(0, 0), 0)})[1]
    assert (nothing["share"], nothing["share_status"]) == (None, "no_data"), "a count of 0 of 0 is no share of nothing"
    assert (
        with_shares({"activation": rows, "sourced": share_document(DealCount(900, 400), 0)})[1]["won_all_channels"]
        is None
    )


def test_a_report_that_was_kept_before_won_deals_were_told_is_still_shown():
    kept = {k: v for k, v in share_document(DealCount(900, 400), 0).items() if k != "won"}
    (row,) = with_shares({"activation": [{"type": "all"}], "sourced": kept})
    assert (row["partner_sourced"], row["won_share"]) == (400, None)
