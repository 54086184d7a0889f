"""The person of a target whom a list names: used where a record that is made holds one, and kept nowhere else. Pure."""

import re
import unicodedata
from dataclasses import dataclass

_EMAIL = re.compile(r"^[^@\s<>,;:\"()]+@[^@\s<>,;:\"()]+\.[^@\s<>,;:\"().]{2,}$")
_POLITE = ("様", "さま", "さん", "殿", "氏", "御中")
_TITLES = frozenset({"mr", "mr.", "mrs", "mrs.", "ms", "ms.", "miss", "dr", "dr.", "prof", "prof."})


@dataclass(frozen=True, slots=True)
class Person:
    """Who is to be spoken to. `name` is the whole name; each is None where the list does not say it."""

    name: str | None = None
    last_name: str | None = None
    first_name: str | None = None
    email: str | None = None
    title: str | None = None


def person(whole: str, last: str, first: str, email: str | None, title: str) -> Person:
    """The parts of a name from the whole of it, or the other way round, as its letters are usually put."""
    whole, last, first = (_plain(part) for part in (whole, last, first))
    if not last and not first:
        last, first = parts_of(whole)
    together = (last, first) if _eastern(last + first) else (first, last)
    whole = whole or " ".join(part for part in together if part)
    return Person(whole or None, last or None, first or None, email, title or None)


def parts_of(whole: str) -> tuple[str, str]:
    """(last name, first name). 山田 太郎 begins with the last name, Taro Yamada ends with it, Yamada, Taro says so; one word is the last name."""
    before, comma, after = whole.partition(",")
    if comma:
        return before.strip(), after.strip()
    words = whole.split()
    if len(words) < 2:
        return whole, ""
    if _eastern(whole):
        return words[0], " ".join(words[1:])
    if words[0].casefold() in _TITLES:
        return (words[-1], " ".join(words[1:-1]))
    return words[-1], " ".join(words[:-1])


def email_in(text: str) -> str | None:
    """An e-mail address in small letters, also out of `mailto:` or brackets; None where there is none."""
    bare = text.strip().removeprefix("mailto:")
    found = re.search(r"<([^<>]+)>$", bare)
    bare = (found[1] if found else bare).strip().casefold()
    return bare if len(bare) <= 80 and _EMAIL.match(bare) else None


def _plain(name: str) -> str:
    """Without what is said to be polite."""
    name = name.strip()
    for word in _POLITE:
        if len(name) > len(word) + 1 and name.endswith(word):
            return name.removesuffix(word).strip()
    return name


def _eastern(text: str) -> bool:
    """Whether it is written in kanji, kana or hangul, whose names begin with the family's."""
    return any(unicodedata.name(letter, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL")) for letter in text)
