"""Records as JSON rows and as lines of a bulk file."""

from collections.abc import Callable, Sequence
from typing import Any

from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import TEXT_TYPES, Field
from sandbox.salesforce.soql.paths import Path
from sandbox.salesforce.values import to_csv, to_json
from sandbox.store import Record

Row = dict[str, Any]
_AT_ONCE = 1000  # rows that stay in the processor's cache
_PLAIN = TEXT_TYPES | {"date", "reference"}  # what the store holds as the text to print


def attributes(object_name: str, record_id: str, version: str, *, tooling: bool = False) -> Row:
    base = f"/services/data/{version}/{'tooling/' if tooling else ''}sobjects"
    return {"type": object_name, "url": f"{base}/{object_name}/{record_id}"}


def rows(columns: Sequence[Path], org: Org, version: str, *, tooling: bool = False) -> Callable[[Record], Row]:
    """A function from a record to its JSON row: own fields flat, a parent's fields in an object of their own or null."""
    cells = [(c, c.field.name, c.field.read, to_json(c.field)) for c in columns]

    def render(r: Record) -> Row:
        out: Row = {"attributes": attributes(r.object, r.id, version, tooling=tooling)}
        for column, name, read, shape in cells:
            if column.steps:
                _nest(out, r, column, org, version, tooling=tooling)
            else:
                out[name] = shape(read(r))
        return out

    return render


def _nest(out: Row, r: Record, column: Path, org: Org, version: str, *, tooling: bool) -> None:
    at: Record = r
    for step in column.steps:
        key = step.relationship or ""
        parent = org.parent(step.refers_to, step.read(at))
        if parent is None:
            out.setdefault(key, None)
            return
        if out.get(key) is None:
            out[key] = {"attributes": attributes(parent.object, parent.id, version, tooling=tooling)}
        out, at = out[key], parent
    out[column.field.name] = to_json(column.field)(column.field.read(at))


def whole(fields: Sequence[Field], r: Record, version: str, *, tooling: bool = False) -> Row:
    """A record as GET shows it."""
    out: Row = {"attributes": attributes(r.object, r.id, version, tooling=tooling)}
    for f in fields:
        out[f.name] = to_json(f)(f.read(r))
    return out


def page(columns: Sequence[Path], found: list[Record], delimiter: str, ending: str) -> str:
    """The records as lines of a bulk file, every value quoted; column by column, which is three times as fast."""
    between, end = f'"{delimiter}"', f'"{ending}'
    parts = []
    for start in range(0, len(found), _AT_ONCE):
        chunk = found[start : start + _AT_ONCE]
        parts += ['"' + between.join(row) + end for row in zip(*[_cells(c, chunk) for c in columns], strict=True)]
    return "".join(parts)


def _cells(column: Path, found: list[Record]) -> list[str]:
    f = column.field
    if column.steps or f.computed is not None or f.type not in _PLAIN:
        read, shape = column.read, to_csv(f)
        return [shape(read(r)) for r in found]
    name = f.name
    texts = [r.fields.get(name) or "" for r in found]
    return [t.replace('"', '""') if '"' in t else t for t in texts] if f.type in TEXT_TYPES else texts


def header(columns: Sequence[Path], delimiter: str, ending: str) -> str:
    return delimiter.join(f'"{c.label}"' for c in columns) + ending
