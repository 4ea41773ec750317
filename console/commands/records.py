"""Rows of a file the caller named, as records: CSV, JSON or JSONL. Read here, so that the daemon opens no such path."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from store.errors import Refused

Record = dict[str, Any]

TRUE = ("true", "1", "yes")
FALSE = ("false", "0", "no")


def read_records(name: str, stdin: TextIO, types: dict[str, str]) -> list[Record]:
    """Return the rows of a file, or of stdin for `-`.

    CSV cells become what `types` (column -> double, long, boolean, …) says; an empty cell is null. A cell that is no
    such value stays text, so that the server's answer names its row and column.

    Raises:
        Refused: the file is missing, unreadable or of no known form.
    """
    text = stdin.read() if name == "-" else _text(Path(name))
    kind = "" if name == "-" else Path(name).suffix.lower()
    if kind == ".csv":
        records = _from_csv(text, name, types)
    elif kind == ".tsv":
        records = _from_csv(text, name, types, "\t")
    else:
        records = _from_json(text, name)
    if not records:
        raise Refused(f"{_shown(name)} holds no rows", "give at least one")
    return records


def batches(records: list[Record], size: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield the rows in pieces, each with the number of its first row."""
    for start in range(0, len(records), size):
        yield start, records[start : start + size]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}", "check the path and its mode") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8 text", "give CSV, JSON or JSONL") from None


def _from_csv(text: str, name: str, types: dict[str, str], delimiter: str = ",") -> list[Record]:
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    records: list[Record] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise Refused(f"{name} line {reader.line_num}: another number of cells than the header has")
            records.append({column: _cell(cell, types.get(column, "string")) for column, cell in row.items()})
    except csv.Error as error:
        raise Refused(f"{name} line {reader.line_num}: {error}", "give CSV with a header line") from None
    return records


def _cell(cell: str, kind: str) -> Any:
    if cell == "":
        return None
    convert = _CONVERT.get(kind)
    if convert is None:
        return cell
    try:
        return convert(cell)
    except ValueError:
        return cell


def _boolean(cell: str) -> bool:
    if cell.lower() in TRUE:
        return True
    if cell.lower() in FALSE:
        return False
    raise ValueError(cell)


def _scalar(cell: str) -> Any:
    """Read a number where it is one; else it is text."""
    try:
        return int(cell)
    except ValueError:
        return float(cell)


_CONVERT: dict[str, Callable[[str], Any]] = {"double": float, "long": int, "boolean": _boolean, "number": _scalar}


def _from_json(text: str, name: str) -> list[Record]:
    """Read a JSON list of objects, an object with `rows`, one object, or one object a line."""
    try:
        said = json.loads(text)
    except ValueError as whole:
        said = _from_lines(text, name, whole)
    if isinstance(said, dict):
        said = said["rows"] if isinstance(said.get("rows"), list) else [said]
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        raise Refused(f"{_shown(name)} is no list of records", 'write [{"column": value, …}, …], or one object a line')
    return said


def _from_lines(text: str, name: str, whole: ValueError) -> list[Any]:
    rows: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                told = whole if number == 1 else error
                raise Refused(
                    f"{_shown(name)} line {number}: {told}", "give CSV (named .csv), JSON, or JSONL"
                ) from None
    return rows


def _shown(name: str) -> str:
    return "stdin" if name == "-" else name
