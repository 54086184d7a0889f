"""A process whose children plan and deliver, and are killed where told: `kill -9` at a step that is named, not at a moment.

Reads one JSON object a line: {"step", "times"} kills a child when it has reached the step so often; answers with how the child ended.
"""

import json
import os
import signal
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs import database as db
from jobs.pipeline import run_cycle
from jobs.steps import write_back
from models.vocabulary import Step
from tests.acceptance.desk import Sandbox
from tests.acceptance.writing import Office


def main(folder: str, url: str, sandbox: str, bulk_from: str) -> None:
    office = Office(Sandbox(sandbox, 0), Path(folder), url, None, salesforce={"bulk_writes_from": int(bulk_from)})  # type: ignore[arg-type]
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _deliver(office, asked["step"], asked["times"])
        _, status = os.waitpid(child, 0)
        answer = {"killed": os.WIFSIGNALED(status), "code": os.waitstatus_to_exitcode(status)}
        print(json.dumps(answer), flush=True)


def _deliver(office: Office, step: str, times: int) -> None:
    left = times

    def reached(name: str) -> None:
        nonlocal left
        left -= name == step
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    made = write_back.delivery_of

    def delivery(*given: Any) -> Any:
        return replace(made(*given), reached=reached, sleep=lambda _seconds: None)

    write_back.delivery_of = delivery  # type: ignore[assignment]
    code = 1
    try:
        with closing(Engine(office.url)) as engine:
            office.engine = engine.engine
            with office.opened() as ready:
                run_cycle(ready, steps=(Step.PLAN, Step.DELIVER))
        code = 0
    finally:
        os._exit(code)


class Engine:
    """An engine of the child's own."""

    def __init__(self, url: str) -> None:
        self.engine = db.engine(url)

    def close(self) -> None:
        self.engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
