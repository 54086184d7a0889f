"""kill -9 between every two steps of delivery, in a loop, by collections and by bulk jobs; the ledger of applied writes is the oracle."""

# ruff: noqa: F811 (fixtures are imported)
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sync.errors import Unreachable
from sync.salesforce.connector import SalesforceConnector
from tests.acceptance.in_process_fixtures import world  # noqa: F401
from tests.acceptance.office import office  # noqa: F401
from tests.acceptance.writing import Office

ROOT = Path(__file__).parents[2]
STEPS = ("before the intent", "intent journalled", "answered", "answers settled")
JOB_STEPS = ("job opened", "before the intent", "intent journalled", "job submitted", "answered", "answers settled")
Kill = Callable[[str, int], bool]
BULK = 5  # records from which this file's jobs are made
EVERY = 10_000


@pytest.fixture(scope="module")
def killers(office: Office) -> Iterator[Callable[[int], Kill]]:
    """For a number of records from which jobs are made: kills a delivery at a step, and tells whether it came to that."""
    with ExitStack() as stack:
        running: dict[int, subprocess.Popen[str]] = {}

        def killer(bulk_from: int) -> Kill:
            if bulk_from not in running:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.acceptance.killed_delivery", str(office.folder), office.url, office.sandbox.url, str(bulk_from)],
                    cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
                running[bulk_from] = stack.enter_context(process)
                stack.callback(process.stdin.close)  # type: ignore[union-attr]
            return lambda step, times: _kill(running[bulk_from], step, times)

        yield killer


def _kill(process: subprocess.Popen[str], step: str, times: int) -> bool:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps({"step": step, "times": times}) + "\n")
    process.stdin.flush()
    while True:
        line = process.stdout.readline()
        assert line, "the killing process ended"
        if line.startswith('{"killed"'):
            return bool(json.loads(line)["killed"])


@pytest.mark.parametrize(
    ("bulk_from", "steps", "moments"), [(EVERY, STEPS, (1, 3)), (BULK, JOB_STEPS, (1,))], ids=["collections", "jobs"]
)
def test_a_delivery_killed_between_any_two_steps_is_finished_by_the_next_one(
    office: Office, killers: Callable[[int], Kill], bulk_from: int, steps: tuple[str, ...], moments: tuple[int, ...]
) -> None:
    """Each value is applied once, whatever the step and whichever batch; nothing has to be cleaned by hand."""
    kill = killers(bulk_from)
    kills = 0
    for step in steps:
        for times in moments:
            office.want()
            kills += kill(step, times)
            office.clean_send()
            office.all_is_well()
    assert kills == len(moments) * len(steps)


def test_a_delivery_killed_again_and_again_comes_to_its_end(office: Office, killers: Callable[[int], Kill]) -> None:
    """Each life is one step longer than the last: whatever it left, the next one goes on from there."""
    kill = killers(EVERY)
    office.want()
    for times in (1, 2):
        for step in STEPS:
            kill(step, times)
    office.clean_send()
    office.all_is_well()


def test_a_job_that_outlives_us_is_waited_for_and_its_results_are_taken(
    office: Office, killers: Callable[[int], Kill]
) -> None:
    """It was submitted and took effect later: nothing is concluded from the live values meanwhile."""
    office.want()
    kill = killers(BULK)
    assert kill("job submitted", 1)
    office.salesforce["bulk_writes_from"] = BULK
    office.clean_send()
    office.salesforce.pop("bulk_writes_from")
    office.all_is_well()


def test_half_a_job_refused_is_exactly_that_half(office: Office) -> None:
    office.want()
    office.salesforce["bulk_writes_from"] = BULK
    every = office.some("salesforce", "AttackListEntry__c", 1000)
    half = every[: len(every) // 2]
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    refuse = {"crm": "salesforce", "action": "refuse", "object": "AttackListEntry__c", "id": half}
    office.sandbox.act(**refuse, code=code)
    sent = office.send()
    assert sent.error is None
    assert sent.delivered["failed"] == 2 * len(half)
    assert office.causes() == {f"a validation rule of the organisation refuses it ({code})"}
    office.sandbox.act(**refuse, times=0)
    office.want()
    office.clean_send()
    office.all_is_well()
    office.salesforce.pop("bulk_writes_from")


def test_a_job_whose_end_cannot_be_learned_stays_open_until_it_can(office: Office) -> None:
    office.want()
    office.salesforce.update(bulk_writes_from=BULK, retry_for=1.0)
    away = {"kind": "status", "status": 503, "body": "<html>away</html>"}
    office.sandbox.faults(
        {"match": {"crm": "salesforce", "method": "GET", "path": "/jobs/ingest/"}, "effect": away, "times": None}
    )
    sent = office.send()
    assert isinstance(sent.error, Unreachable)
    assert office.statuses()["sent"] > 0
    office.salesforce.pop("retry_for")
    office.clean_send()
    office.all_is_well()
    office.salesforce.pop("bulk_writes_from")


def test_emptied_fields_are_emptied_by_every_way(office: Office) -> None:
    """JSON null, `#N/A` and the empty text: a date taken back is gone from either CRM."""
    for bulk_from in (EVERY, BULK):
        office.salesforce["bulk_writes_from"] = bulk_from
        office.want()
        office.clean_send()
        for subject, field in (("entry", "milestone_since"), ("partner", "tier_reason")):
            office.execute(
                f"update sakigake.subject_result set value = jsonb_set(value, '{{{field}}}', 'null') where subject = '{subject}'"
            )
        office.wanted = {k: None if k[1] in ("milestone_since", "tier_reason") else v for k, v in office.wanted.items()}
        office.clean_send()
        assert office.differences() == []
    office.salesforce.pop("bulk_writes_from")
    assert SalesforceConnector.batch_size == 1000
