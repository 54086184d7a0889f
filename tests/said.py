"""What a command prints, run in this process."""

import pytest

from jobs.cli import main


def said(capsys: pytest.CaptureFixture[str], *given: str, code: int = 0) -> str:
    """Its answer; where it ends with another `code` than 0, the sentence on standard error."""
    with pytest.raises(SystemExit) as end:
        main(given)
    found = capsys.readouterr()
    assert end.value.code == code, found.err
    assert "Traceback" not in found.err
    return found.out if code == 0 else found.err
