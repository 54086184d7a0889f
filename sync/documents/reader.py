"""YAML text as plain values, with the line of every key and value, so that a message can name it.

Read node by node rather than constructed: our files need no tags, anchors or aliases, and refusing them closes the door on
expansion bombs and cycles. Duplicate keys are refused, since the later one would silently win.
"""

import re
import warnings
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from sync.documents.problems import DocumentError, Problem
from sync.documents.unclosed import unclosed

Path = tuple[str | int, ...]
DEEPEST = 100  # brackets; the reader's time grows with the square of their depth
LONGEST = 2_000_000  # characters; a mapping of a thousand rules has a tenth of them
LONGEST_KEPT = 100_000  # characters: nodes take a hundred times their room
NEARBY = 5  # lines above the one where YAML gave up
_WIDE_COLON = re.compile(r"^[\s-]*[\w.]+：")
_PLAIN = "tag:yaml.org,2002:"
_KNOWN_TAGS = {_PLAIN + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge")}


@dataclass(slots=True)
class Document:
    """The values of a file, and the line (from 1) of every path in it."""

    file: str
    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: tuple[Hashable, ...]) -> int:
        """The line of the deepest part of `path` that is written in the file.

        Parts that stand only in the model (a shorthand written out, a union's branch) are stepped over.
        """
        found: Path = ()
        for part in path:
            if isinstance(part, str | int) and (*found, part) in self.lines:
                found = (*found, part)
        return self.lines.get(found, 1)


def read_document(text: str, file: str) -> Document:
    """Raises DocumentError with what YAML has to say, or with every alias, tag and duplicate key."""
    if _depth(text) > DEEPEST or len(text) > LONGEST:
        what = (
            "nested too deeply"
            if len(text) <= LONGEST
            else f"too long ({len(text):,} characters; at most {LONGEST:,} are read)"
        )
        raise DocumentError([Problem(file, 1, f"the file is {what}; nobody writes such a file by hand")])
    try:
        root = _kept(text) if len(text) <= LONGEST_KEPT else _composed(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it cannot be read"
        line = mark.line + 1 if mark else 1
        raise DocumentError([_slip(text, file, line) or _not_yaml(text, file, line, what, error)]) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(
            [Problem(file, line, "a control character stands here; save the file as plain UTF-8 text")]
        ) from None
    except RecursionError:
        raise DocumentError(
            [Problem(file, 1, "the file is nested too deeply; nobody writes such a file by hand")]
        ) from None
    except YAMLError as error:
        raise DocumentError([Problem(file, 1, f"this is not YAML: {error}")]) from None
    document = Document(file, None)
    problems: list[Problem] = []
    if root is not None:
        document.data = _value(root, (), document, problems, set())
    if problems:
        raise DocumentError(problems)
    return document


def _composed(text: str) -> Node | None:
    """What YAML makes of the text: nodes, which nobody changes; None of an empty one."""
    with warnings.catch_warnings():  # an anchor twice: its aliases are refused anyway
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
    return root


_kept = lru_cache(maxsize=16)(
    _composed
)  # each cycle of `serve` reads the same files anew, and this is nearly all that reading costs


def _slip(text: str, file: str, line: int) -> Problem | None:
    """A tab or a full-width colon, where one is the likely cause, with its line."""
    rows = text.split("\n")[:line]
    if rows and "\t" in rows[-1][: len(rows[-1]) - len(rows[-1].lstrip())]:
        return Problem(file, line, "this is not YAML: a tab stands here; indent with blanks alone")
    for number in range(len(rows), max(0, len(rows) - NEARBY), -1):
        if _WIDE_COLON.match(rows[number - 1]):
            return Problem(file, number, "this is not YAML: a full-width colon (：) stands after the key; write ': '")
    return None


def _not_yaml(text: str, file: str, line: int, what: str, error: MarkedYAMLError) -> Problem:
    """What was opened and not closed, by the line where it was opened; otherwise what YAML has to say."""
    found = unclosed(text, error) or (line, what)
    return Problem(file, found[0], f"this is not YAML: {found[1]}")


def _depth(text: str) -> int:
    """How deep brackets stand in each other, those in texts and comments counted too."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}" and depth:
            depth -= 1
    return deepest


def _value(node: Node, path: Path, document: Document, problems: list[Problem], seen: set[int]) -> Any:
    met = (
        node.anchor is not None and id(node) in seen
    )  # an alias is composed as the very node it names, which stands elsewhere
    line = document.lines.get(path) or (document.lines.get(path[:-1]) if met else None) or node.start_mark.line + 1
    document.lines.setdefault(path, line)

    def refuse(sentence: str, at: int = line) -> None:
        problems.append(Problem(document.file, at, sentence, "".join(f".{part}" for part in path).lstrip(".")))

    if met:
        refuse(f"aliases are not read (found *{node.anchor}); write the value out")
        return None
    seen.add(id(node))
    if str(node.tag) not in _KNOWN_TAGS:
        refuse(f"tags are not read (found {node.tag}); write the plain value")
        return None
    if isinstance(node, MappingNode):
        result: dict[str, Any] = {}
        for key, value in node.value:
            key_line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                refuse("a key must be a plain word", key_line)
                continue
            if key.value in result:
                first = document.lines[(*path, key.value)]
                refuse(f"the key '{key.value}' stands here twice, first on line {first}; keep one of them", key_line)
                continue
            document.lines[(*path, key.value)] = key_line
            result[key.value] = _value(value, (*path, key.value), document, problems, seen)
        return result
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, at), document, problems, seen) for at, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: Any) -> str | int | float | bool | None:
    """YAML 1.2's plain types, where the text survives it; `0123`, `1.50` and dates stay the text that was written."""
    text = str(node.value)
    kind = str(node.tag).removeprefix(_PLAIN)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for wanted, number in (("int", int), ("float", float)):
        if kind == wanted:
            try:
                value = number(text)
            except ValueError:
                return text
            return value if str(value) == text else text
    return text
