"""Text to nodes. The grammar is what the vendor's syntax page allows, less what no synchronizing client needs."""

import re
from functools import lru_cache
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.soql import complain
from sandbox.salesforce.soql.nodes import Aggregate, Comparison, Condition, Logic, Name, Order, Query, Value

MAX_LENGTH = 100_000

# Mixing AND with OR, or NOT with either, needs parentheses in SOQL; so it does here.
_GRAMMAR = r"""
query: SELECT selection FROM NAME where? ordering? limit? offset?
selection: count_all | item ("," item)*
count_all: COUNT "(" ")"
?item: NAME -> field
     | COUNT "(" NAME ")" NAME? -> aggregate
     | FUNCTION "(" NAME ")" NAME? -> aggregate
where: WHERE condition
?condition: simple | conjunction | disjunction | negation
conjunction: simple (AND simple)+
disjunction: simple (OR simple)+
negation: NOT simple
?simple: "(" condition ")" | comparison
comparison: NAME OPERATOR value -> compare
          | NAME LIKE value -> like
          | NAME IN members -> member
          | NAME NOT IN members -> not_member
          | NAME MULTI members -> multi
?members: "(" value ("," value)* ")" -> list
        | "(" query ")" -> subquery
value: STRING | DATETIME | DATE | NUMBER | WORD
ordering: ORDER BY order_item ("," order_item)*
order_item: NAME DIRECTION? nulls?
nulls: NULLS END
limit: LIMIT NUMBER
offset: OFFSET NUMBER

SELECT.5: /select\b/i
FROM.5: /from\b/i
WHERE.5: /where\b/i
AND.5: /and\b/i
OR.5: /or\b/i
NOT.5: /not\b/i
LIKE.5: /like\b/i
IN.5: /in\b/i
MULTI.5: /(includes|excludes)\b/i
ORDER.5: /order\b/i
BY.5: /by\b/i
LIMIT.5: /limit\b/i
OFFSET.5: /offset\b/i
NULLS.5: /nulls\b/i
END.5: /(first|last)\b/i
DIRECTION.5: /(asc|desc)\b/i
COUNT.5: /count(?=\s*\()/i
FUNCTION.5: /(count_distinct|min|max|sum|avg)(?=\s*\()/i
NAME: /[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*/
OPERATOR: "<=" | ">=" | "!=" | "<>" | "=" | "<" | ">"
STRING: /'(\\.|[^'\\])*'/s
DATETIME.4: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)/i
DATE.3: /\d{4}-\d\d-\d\d(?![\dT])/
NUMBER.2: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
WORD: /[A-Za-z][A-Za-z0-9_]*(:\d+)?/
%ignore /\s+/
"""
_PARSER = Lark(_GRAMMAR, start="query", parser="lalr", lexer="contextual", propagate_positions=False)
_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
    "%": "\\%",
    "_": "\\_",
}


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """The query's nodes; MALFORMED_QUERY where the text is no SOQL we know."""
    if len(text) > MAX_LENGTH:
        raise ApiError(400, "MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_LENGTH} characters.")
    try:
        tree = _PARSER.parse(text)
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise complain.unexpected(text, len(text), "<EOF>") from None
        raise complain.unexpected(text, error.token.start_pos or 0, str(error.token)) from None
    except UnexpectedCharacters as error:
        pos = error.pos_in_stream or 0
        word = re.match(r"[A-Za-z0-9_.:]+|.", text[pos:], re.DOTALL)
        raise complain.unexpected(text, pos, word[0] if word else "<EOF>") from None
    except UnexpectedEOF:
        raise complain.unexpected(text, len(text), "<EOF>") from None
    return _query(tree, text)


def _query(tree: Tree[Token], text: str) -> Query:
    fields: list[Name] = []
    aggregates: list[Aggregate] = []
    counts = False
    target = Name("", 0)
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset, offset_pos = 0, None
    for child in tree.children:
        if isinstance(child, Token):
            if child.type == "NAME":
                target = _name(child)
            continue
        match child.data:
            case "selection":
                for item in _trees(child):
                    if item.data == "count_all":
                        counts = True
                    elif item.data == "field":
                        fields.append(_name(item.children[0]))
                    else:
                        aggregates.append(_aggregate(item))
            case "where":
                where = _condition(child.children[1], text)
            case "ordering":
                order = tuple(_order(item) for item in _trees(child))
            case "limit":
                limit = _whole(child.children[1], text)
            case "offset":
                token = cast("Token", child.children[1])
                offset, offset_pos = _whole(token, text), token.start_pos
    if aggregates and fields:
        first = fields[0]
        raise complain.malformed(text, first.pos, f"Field must be grouped or aggregated: {first.text}")
    return Query(text, tuple(fields), tuple(aggregates), counts, target, where, order, limit, offset, offset_pos)


def _trees(tree: Tree[Token]) -> list[Tree[Token]]:
    return [c for c in tree.children if isinstance(c, Tree)]


def _name(token: Any) -> Name:
    return Name(str(token), token.start_pos or 0)


def _aggregate(item: Tree[Token]) -> Aggregate:
    token = cast("Token", item.children[0])
    alias = str(item.children[2]) if len(item.children) > 2 else None
    return Aggregate(str(token).lower(), _name(item.children[1]), alias, token.start_pos or 0)


def _whole(token: Any, text: str) -> int:
    if not str(token).isdigit():
        raise complain.unexpected(text, token.start_pos or 0, str(token))
    return int(token)


def _order(item: Tree[Token]) -> Order:
    descending = nulls_last = False
    for child in item.children[1:]:
        if isinstance(child, Token):
            descending = child.lower() == "desc"
        else:
            nulls_last = str(child.children[1]).lower() == "last"
    return Order(_name(item.children[0]), descending, nulls_last)


def _condition(node: Any, text: str) -> Condition:
    match node.data:
        case "conjunction" | "disjunction":
            parts = tuple(_condition(c, text) for c in _trees(node))
            return Logic("and" if node.data == "conjunction" else "or", parts)
        case "negation":
            return Logic("not", tuple(_condition(c, text) for c in _trees(node)))
        case "compare":
            field, op, value = node.children
            return Comparison(_name(field), "!=" if op == "<>" else str(op), (_value(value),))
        case "like":
            field, _, value = node.children
            return Comparison(_name(field), "like", (_value(value),))
        case "member":
            return Comparison(_name(node.children[0]), "in", _members(node.children[2], text), listed=True)
        case "not_member":
            return Comparison(_name(node.children[0]), "not in", _members(node.children[3], text), listed=True)
        case _:
            op = str(node.children[1]).lower()
            return Comparison(_name(node.children[0]), op, _members(node.children[2], text), listed=True)


def _members(node: Any, text: str) -> tuple[Value, ...] | Query:
    if node.data == "subquery":
        return _query(node.children[0], text)
    return tuple(_value(c) for c in node.children)


def _value(node: Any) -> Value:
    token = node.children[0]
    pos = token.start_pos or 0
    match token.type:
        case "STRING":
            return Value("string", _unescape(str(token)[1:-1]), pos)
        case "DATETIME":
            return Value("datetime", str(token), pos)
        case "DATE":
            return Value("date", str(token), pos)
        case "NUMBER":
            return Value("number", str(token), pos)
        case _:
            return Value("word", str(token).upper(), pos)


def _unescape(raw: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), raw, flags=re.DOTALL)
