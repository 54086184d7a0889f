"""The text of a file in whatever encoding it was saved: guessed where the bytes allow one reading alone, and as a person says otherwise."""

import codecs
import re
import unicodedata

_NAMES = {"utf-8-sig": "UTF-8", "cp932": "CP932", "utf-16": "UTF-16"}


class UnreadableListError(Exception):
    """The file is none that a list can be read from; the message says what was met, and what to do."""


def decoded(name: str, data: bytes, said: str | None = None) -> tuple[str, str]:
    """(the text, the name of its encoding). What Excel in Japan saves as CSV is CP932; what others save is UTF-8, or UTF-16 with a mark."""
    if said is not None:
        return _as_said(name, data, said)
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp932" and _is_western(data, text):
            raise UnreadableListError(
                f"{name} may be Western text (Windows-1252) or Japanese (CP932), and nobody can tell which; say --encoding cp1252 or "
                "--encoding cp932, or save it as «CSV UTF-8»."
            )
        if encoding != "cp932" or not _is_of_unix(data, text):
            return text, _NAMES[encoding]
    if other := _other(data):
        raise UnreadableListError(
            f"{name} looks like {other.upper()} text; say --encoding {other}, or save it as «CSV UTF-8»."
        )
    raise UnreadableListError(
        f"{name} is neither UTF-8 nor CP932 (Shift_JIS) text; save it from Excel as «CSV UTF-8», or say how it was saved, such as "
        "--encoding cp1252 for Western Windows."
    )


def _as_said(name: str, data: bytes, said: str) -> tuple[str, str]:
    try:
        codec = codecs.lookup(said).name
        return data.decode("utf-8-sig" if codec == "utf-8" else codec), codec.upper()
    except LookupError as e:  # none at all, or one of Python's that makes no text
        raise UnreadableListError(
            f"There is no encoding {said!r} of text; say one such as utf-8, cp932 or cp1252."
        ) from e
    except ValueError as e:
        raise UnreadableListError(f"{name} is no text in {said}; say another --encoding, or leave it out.") from e


def _other(data: bytes) -> str | None:
    """What nobody guesses at, but a person may say: the text of old mail, of Unix, and UTF-16 without its mark."""
    told = (
        ("iso-2022-jp", b"\x1b$" in data),
        ("utf-16-le", b"\n\x00" in data),
        ("utf-16-be", b"\x00\n" in data),
        ("euc-jp", True),
    )
    for encoding, likely in told:
        try:
            if likely and "\x00" not in data.decode(encoding):
                return encoding
        except UnicodeDecodeError:
            continue
    return None


def _encodings(data: bytes) -> tuple[str, ...]:
    """Those that may be meant; none where old mail's escapes (ISO-2022-JP), or UTF-16 without its mark, would pass for plain letters."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    return () if b"\x1b$" in data or 4 * data.count(0) > len(data) else ("utf-8-sig", "cp932")


def _is_western(data: bytes, as_cp932: str) -> bool:
    """Whether each letter that is not plain stands alone in a word of plain ones, and would be an accented letter there: Pérez is no P駻ez."""
    foreign = re.findall(r"[^\x00-\x7f]+", as_cp932)
    alone = all(len(run) == 1 for run in foreign) and len(re.findall(r"[A-Za-z][^\x00-\x7f]", as_cp932)) == len(foreign)
    if not foreign or not alone:
        return False
    try:
        western = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return all(c.isascii() or unicodedata.name(c, "").startswith(("LATIN", "RIGHT SINGLE")) for c in western)


def _is_of_unix(data: bytes, as_cp932: str) -> bool:
    """Whether it is EUC-JP, which CP932 takes for half-width kana; a list of those in CP932 has a kanji somewhere, which is none in EUC-JP."""
    foreign = [c for c in as_cp932 if not c.isascii()]
    if 2 * sum("\uff61" <= c <= "\uff9f" for c in foreign) <= len(foreign):
        return False
    try:
        data.decode("euc-jp")
    except UnicodeDecodeError:
        return False
    return True
