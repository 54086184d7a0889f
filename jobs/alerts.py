"""Tells people that something waits for them: Slack, Teams, mail, webhooks, by Apprise."""

from collections.abc import Sequence
from pathlib import Path

import structlog

from jobs.settings_connections import Secret

log = structlog.get_logger()


def alert(addresses: Sequence[Secret], folder: Path, title: str, body: str) -> bool:
    """Sends the text to every address; False, and a line in the log, where one of them did not take it. Never stops a run."""
    if not addresses:
        return True
    import apprise  # it loads a hundred services: only where somebody is to be told

    teller = apprise.Apprise()
    told = True
    for number, secret in enumerate(addresses, 1):
        try:
            accepted = teller.add(secret.read(folder))
        except Exception as e:  # noqa: BLE001 - whatever is wrong with an address, the run goes on
            accepted = False
            log.error("alert has no address", number=number, cause=type(e).__name__)  # noqa: TRY400 - the cause may hold the secret
        told = told and accepted
    try:
        delivered = bool(teller.notify(title=title, body=body)) if len(teller) else False
    except Exception as e:  # noqa: BLE001 - as above
        delivered = False
        log.error("alert not sent", cause=type(e).__name__)  # noqa: TRY400 - as above
    if not (told and delivered):
        log.error("alert not taken by everybody", addresses=len(addresses), title=title)
    return told and delivered
