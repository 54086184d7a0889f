"""What the operating system refuses, as a sentence with the remedy."""

import errno
from pathlib import Path


def refused(error: OSError, home: Path) -> str:
    """For anything under ``home`` that could not be made, opened, read or written."""
    what = (error.strerror or type(error).__name__).lower()
    where = error.filename if error.filename and Path(str(error.filename)).is_absolute() else home
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        remedy = "free some space, or set SAKIGAKE_HOME to another disk."
    else:
        remedy = "set SAKIGAKE_HOME to a folder that you own (root: /var/lib/sakigake), or DATABASE_URL to a PostgreSQL server."
    return f"{where} cannot be used for the embedded PostgreSQL: {what}; {remedy}"
