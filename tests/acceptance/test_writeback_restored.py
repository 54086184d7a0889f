"""Yesterday's database wakes up: what was delivered since is neither undone nor overwritten, until everything is proven anew."""

# ruff: noqa: F811 (fixtures are imported)
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from jobs import database as db
from tests.acceptance.conftest import scratch
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.office import office  # noqa: F401
from tests.acceptance.truth import connected
from tests.acceptance.writing import Office


def settled(office: Office) -> None:
    """What a test before this one left is looked at, and proven."""
    office.want()
    office.send()
    office.sweep()


@pytest.fixture
def restored(office: Office, postgres_server: str, tmp_path: Path) -> Callable[..., AbstractContextManager[Office]]:
    """Delivers once more after a backup was taken, and gives the office as the backup knows it; with or without the folder beside it."""

    @contextmanager
    def lost_day(*, with_home: bool) -> Iterator[Office]:
        settled(office)
        office.want()
        office.clean_send()
        office.engine.dispose()
        home = office.folder / "home"
        shutil.copytree(home, tmp_path / "home")
        with scratch(postgres_server, office.url.rpartition("/")[2].partition("?")[0]) as backup:
            office.want()
            office.clean_send()
            office.engine.dispose()
            if with_home:
                shutil.rmtree(home)
                shutil.copytree(tmp_path / "home", home)
            engine = db.engine(backup)
            yield Office(office.sandbox, office.folder, backup, engine, serial=office.serial - 1)
            engine.dispose()

    return lost_day


@pytest.mark.parametrize("with_home", [False, True], ids=["its folder stayed", "its folder was restored too"])
def test_a_restored_backup_pushes_no_old_value(
    restored: Callable[..., AbstractContextManager[Office]], with_home: bool
) -> None:
    with restored(with_home=with_home) as office:
        office.serial += 40
        office.want()  # what was computed in the past
        newest = office.ledger().last_seq
        sent = office.send()
        assert sent.report
        assert sent.report.held
        assert any("backup of before was restored" in why for why in sent.report.held_because)
        assert any("sakigake reconcile" in why for why in sent.report.held_because)
        assert office.ledger().last_seq == newest
        office.sweep()
        office.clean_send()
        assert office.differences() == []


def test_values_that_only_a_lost_delivery_can_have_written_hold_the_next_plan(
    restored: Callable[..., AbstractContextManager[Office]],
) -> None:
    """The same records give the same results: nothing is to be written today, and that is what tells."""
    with restored(with_home=True) as office:
        office.want()
        newest = office.ledger().last_seq
        sent = office.clean_send()
        assert sent.delivered["confirmed"] == 0
        with connected(office.url) as conn:
            (doubt,) = conn.execute("select doubt from sakigake.epoch").fetchone() or ("",)
        assert re.match(r"The CRMs hold \d+ values in our fields that the journal does not know, such as ", doubt)
        office.want()
        held = office.send()
        assert held.report
        assert held.report.held
        assert held.report.held_because == [
            f"{doubt}. Bring it up to date and prove it with `sakigake reconcile`, then plan again."
        ]
        assert office.ledger().last_seq == newest
        office.sweep()
        office.clean_send()
        office.all_is_well()


def test_one_record_with_other_values_is_an_edit_and_no_doubt(office: Office) -> None:
    settled(office)
    office.want()
    (one,) = office.some("hubspot", "companies")
    values = {"sakigake_tier": "A", "sakigake_tier_reason": "mine", "sakigake_listed_90d": "3"}
    office.sandbox.act(crm="hubspot", action="edit", object="companies", id=one, fields=values)
    office.clean_send()
    office.all_is_well()
