"""Who sits at the keyboard, as the operating system knows them."""

import getpass


def person() -> str:
    """The login name; `unknown` where there is none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
