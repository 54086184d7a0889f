"""Records as JSON rows and as lines of a bulk file."""

from collections.abc import Callable, Sequence
from typing import Any

from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql.paths import Path
from sandbox.salesforce.values import to_csv, to_json
from sandbox.store import Record

Row = dict[str, Any]


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


def lines(columns: Sequence[Path], delimiter: str, ending: str) -> Callable[[Record], str]:
    """A function from a record to its line of a bulk file, every value quoted."""
    cells = [(c.read, to_csv(c.field)) for c in columns]
    between = f'"{delimiter}"'
    end = f'"{ending}'

    def render(r: Record) -> str:
        return '"' + between.join([shape(read(r)) for read, shape in cells]) + end

    return render


def header(columns: Sequence[Path], delimiter: str, ending: str) -> str:
    return delimiter.join(f'"{c.label}"' for c in columns) + ending
