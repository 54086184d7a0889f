"""docs/views.md as tests read it: its views, the rights of a reader, and its queries."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "views.md").read_text("utf-8")
VIEWS = re.findall(r"^## (bi_\w+)$", PAGE, re.MULTILINE)
OF_DAY = dict(re.findall(r"^\| `(bi_\w+_day)` \| `(bi_\w+)`.*\|$", PAGE, re.MULTILINE))
"""Views of each day, and the views whose columns they have."""
_EXAMPLES = PAGE.split("## Queries to begin with\n")[1].split("\n## ")[0]
QUERIES = dict(re.findall(r"^### (.+?)\n.*?```sql\n(.*?);\n```", _EXAMPLES, re.MULTILINE | re.DOTALL))
"""By heading."""


def grants(role: str) -> str:
    """The statements that make a reader of this name."""
    block = re.search(r"```sql\n(create role.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return re.sub(r"\b(role|to) bi\b", rf"\1 {role}", block.group(1))
