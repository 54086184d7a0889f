"""The errors of SOQL, with the line of context and the caret that Salesforce sends."""

import re

from sandbox.salesforce.errors import ApiError

_BEFORE, _AFTER = 33, 40  # characters of context each side, cut back to whole words (as recorded replies show)
_CUSTOM = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_CUSTOM_ENTITY = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


def at(text: str, pos: int, message: str) -> str:
    """The message under a window of the query with a caret below the place."""
    row = text.count("\n", 0, pos) + 1
    line_start = text.rfind("\n", 0, pos) + 1
    line_end = text.find("\n", pos)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    column = pos - line_start
    start = 0
    if column > _BEFORE:
        boundary = re.compile(r"(?<![A-Za-z0-9_.])(?=[A-Za-z0-9_])")
        found = boundary.search(line, column - _BEFORE)
        start = found.start() if found and found.start() <= column else column
    end = len(line)
    if end - column > _AFTER:
        cut = line.rfind(" ", column + 1, column + _AFTER)
        end = cut if cut > 0 else column + _AFTER
    return f"\n{line[start:end]}\n{' ' * (column - start)}^\nERROR at Row:{row}:Column:{column + 1}\n{message}"


def malformed(text: str, pos: int, message: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", at(text, pos, message))


def unexpected(text: str, pos: int, token: str) -> ApiError:
    return malformed(text, pos, f"unexpected token: '{token}'")


def unknown_field(text: str, pos: int, name: str, entity: str) -> ApiError:
    return ApiError(400, "INVALID_FIELD", at(text, pos, f"No such column '{name}' on entity '{entity}'. {_CUSTOM}"))


def unknown_relation(text: str, pos: int, name: str) -> ApiError:
    message = f"Didn't understand relationship '{name}' in field path. {_CUSTOM.replace('custom field,', 'custom relationship,')}"
    return ApiError(
        400,
        "INVALID_FIELD",
        at(text, pos, message.replace("'__c' after the custom field", "'__r' after the custom relationship")),
    )


def unknown_object(text: str, pos: int, name: str) -> ApiError:
    return ApiError(400, "INVALID_TYPE", at(text, pos, f"sObject type '{name}' is not supported. {_CUSTOM_ENTITY}"))


def bad_filter(text: str, pos: int, message: str, code: str = "INVALID_FIELD") -> ApiError:
    return ApiError(400, code, at(text, pos, message))
