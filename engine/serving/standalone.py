"""Asks the model in this folder, without modeldeck: `python predict.py FILE` prints its answers as JSON.

FILE is CSV with a header, a JSON list of rows or one JSON row a line; `-` reads standard input. `--check` asks the
golden requests again and compares with the answers on record: exit 0 where all are the same, 1 where not.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main(arguments: list[str], folder: Path = HERE) -> int:
    """Answer rows or check the golden requests of a folder; what is wrong is one line on standard error and exit 2."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python predict.py FILE | - | --check\n")
        return 2
    if folder == HERE:
        sys.path.insert(0, str(HERE))
    from engine.serving.artifact import ArtifactError
    from engine.serving.contract import InputError
    from engine.serving.golden import check
    from engine.serving.predict import PredictError, Predictor

    try:
        predictor = Predictor.from_folder(folder)
        if arguments == ["--check"]:
            same, told = check(predictor.predict, json.loads((folder / "golden.json").read_bytes()))
            sys.stdout.write(f"{told}\n")
            return 0 if same else 1
        text = sys.stdin.read() if arguments == ["-"] else Path(arguments[0]).read_text(encoding="utf-8")
        rows = rows_of(text, {column.name: column.type for column in predictor.signature.inputs})
        answers = predictor.predict(rows)
    except (OSError, ValueError, ArtifactError, InputError, PredictError) as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 2
    json.dump(answers, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0


def rows_of(text: str, types: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of CSV, a JSON list or JSON lines; CSV cells by the type of their column, empty ones as null.

    Raises:
        ValueError: this is not JSON, or a cell not of its column's type.
    """
    start = text.lstrip()[:1]
    if start == "[":
        return list(json.loads(text))
    if start == "{":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return [
        {name: cell_of(cell, types.get(name, "string"), name) for name, cell in row.items() if name in types}
        for row in csv.DictReader(io.StringIO(text))
    ]


def cell_of(cell: str | None, kind: str, column: str) -> Any:
    """Return a CSV cell as a value of a column type of the signature."""
    if cell is None or cell == "":
        return None
    try:
        if kind == "double":
            return float(cell)
        if kind == "long":
            return int(cell)
        if kind == "boolean":
            return {"true": True, "1": True, "false": False, "0": False}[cell.strip().lower()]
    except (ValueError, KeyError):
        raise ValueError(f"column {column!r}: {cell!r} is no {kind}") from None
    return cell


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
