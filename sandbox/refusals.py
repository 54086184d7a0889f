"""Records whose writes the CRM refuses, as a rule, a trigger or a lock of the account would: told by `/_sandbox/records`."""

from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]
"""Object and id."""
NEW = "new"  # instead of an id: whatever record is made of that object


@dataclass(slots=True)
class Refusal:
    """The error that an API client meets. `left`: so many times more; None is always."""

    code: str
    message: str
    left: int | None


@dataclass(slots=True)
class Refusals:
    """What is refused in one CRM. People and imports are not affected."""

    rules: dict[Key, Refusal] = field(default_factory=dict)

    def tell(self, object_name: str, body: dict[str, Any]) -> int:
        """Sets or, with `times` 0, lifts the refusal of one record or of a list of them; ValueError with a sentence."""
        ids, times = body.get("id"), body.get("times")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
            raise ValueError(f"times is how often it is refused, or null for always, got {times!r}")
        code = body.get("code")
        if times != 0 and not isinstance(code, str):
            raise ValueError("refuse needs the code of the error, such as FIELD_CUSTOM_VALIDATION_EXCEPTION")
        named = [str(i) for i in (ids if isinstance(ids, list) else [ids])]
        for record_id in named:
            self.rules.pop((object_name, record_id), None)
            if times != 0:
                message = str(body.get("message") or "refused by a rule of the account")
                self.rules[object_name, record_id] = Refusal(str(code), message, times)
        return len(named)

    def met(self, object_name: str, record_id: str) -> Refusal | None:
        """The refusal that a write of this record meets, counted; None where it is let through."""
        rule = self.rules.get((object_name, record_id))
        if rule is None or rule.left == 0:
            return None
        if rule.left is not None:
            rule.left -= 1
        return rule
