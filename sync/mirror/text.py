"""Values as PostgreSQL can take them: any text at all, also what no text column can hold."""

import json

from sync.writes import Value


def storable(value: Value) -> tuple[str | None, bool]:
    r"""(text for COPY, whether it had to be escaped).

    PostgreSQL text holds neither NUL nor lone surrogates. Such a value is kept with backslashes doubled, NUL as \x00 and a
    surrogate as \udXXX, which `restored` undoes; the caller flags the field.
    """
    if value is None:
        return None, False
    if isinstance(value, bool):
        return ("true" if value else "false"), False
    if isinstance(value, str):
        text = value
    elif isinstance(value, (list, dict)):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    else:
        text = str(value)
    if "\x00" not in text and _encodable(text):
        return text, False
    escaped = text.replace("\\", "\\\\").replace("\x00", "\\x00")
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8"), True


def restored(text: str) -> str:
    """The value that `storable` escaped."""
    out: list[str] = []
    i = 0
    while i < len(text):
        if text[i] != "\\":
            out.append(text[i])
            i += 1
        elif text[i + 1] == "\\":
            out.append("\\")
            i += 2
        elif text[i + 1] == "x":
            out.append(chr(int(text[i + 2 : i + 4], 16)))
            i += 4
        else:
            out.append(chr(int(text[i + 2 : i + 6], 16)))
            i += 6
    return "".join(out)


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
