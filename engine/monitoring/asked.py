"""What a version answers, asked in a process of its own: the one that looks at traffic loads no model library.

`python -P -m engine.monitoring.asked -w DIR --model NAME --version N --target NAME --rows FILE --to FILE`; a failure is
one line on stderr and exit code 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from engine.measures.estimate import Calibration
from engine.monitoring.layout import write_parquet
from engine.serving.contract import class_text
from store.errors import ModeldeckError, WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.measures.metrics import Predicted
    from store.rows import Version

ANSWER = "answer"
CALIBRATION = b"calibration"  # key of the file's metadata: a calibration, or why there is none


@dataclass(frozen=True, slots=True)
class Answers:
    """The watched output of each row that has one, and how a classification's scores are to be taken."""

    values: pa.ChunkedArray
    calibration: Calibration | None = None
    note: str = ""  # why there is no calibration


def answers(deck: Deck, version: Version, rows: pa.Table, target: str, kept: Path) -> Answers:
    """Return what a version answers, and keep it at `kept`, from where it is read.

    Watched is the value, the score of the positive class, the label where there are more classes, or the best item.

    Raises:
        CorruptArtifact: the version's artifact is missing or damaged.
        WorkFailed: the version cannot be loaded or asked.
    """
    import pyarrow.parquet as pq

    if not kept.is_file():
        deck.artifacts.verify(version.artifact_hash)
        asked = kept.with_name(f".{kept.stem}.rows.parquet")
        write_parquet(rows, asked)
        try:
            _ask(deck, version, target, asked, kept)
        finally:
            asked.unlink(missing_ok=True)
    table = pq.ParquetFile(kept).read()
    told = orjson.loads((table.schema.metadata or {}).get(CALIBRATION, b'""'))
    if isinstance(told, str):
        return Answers(table[ANSWER], note=told)
    return Answers(table[ANSWER], Calibration.from_state(told))


def _ask(deck: Deck, version: Version, target: str, rows: Path, to: Path) -> None:
    command = [sys.executable, "-P", "-m", "engine.monitoring.asked", "-w", str(deck.workspace.root)]
    command += ["--model", version.model, "--version", str(version.number), "--target", target]
    command += ["--rows", str(rows), "--to", str(to)]
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise WorkFailed(said[-1] if said else f"its process ended with {done.returncode}")


def main() -> int:
    """Ask, and keep what was answered."""
    import pyarrow.parquet as pq

    from engine.deck import open_deck
    from engine.workspace import Workspace
    from store import versions

    parser = argparse.ArgumentParser(prog="engine.monitoring.asked")
    parser.add_argument("-w", dest="workspace", required=True, type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True, type=int)
    parser.add_argument("--target", required=True)
    parser.add_argument("--rows", required=True, type=Path)
    parser.add_argument("--to", required=True, type=Path)
    said = parser.parse_args()
    deck = open_deck(Workspace(said.workspace))
    try:
        version = versions.version(deck.database, said.model, said.version)
        write_parquet(_answered(deck, version, said.target, pq.ParquetFile(said.rows).read()), said.to)
    except ModeldeckError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1
    except Exception as error:  # the model is user code, which raises anything
        told = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"the version cannot be asked ({told})", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        deck.database.close()
    return 0


def _answered(deck: Deck, version: Version, target: str, rows: pa.Table) -> pa.Table:
    from engine.model_io.load import score_version

    guess = score_version(deck, version, rows)
    told = _calibration(rows, target, guess) if guess.classes else ""
    table = pa.table({ANSWER: _watched(version, guess)})
    state = told.to_state() if isinstance(told, Calibration) else told
    return table.replace_schema_metadata({CALIBRATION: orjson.dumps(state)})


def _watched(version: Version, guess: Predicted) -> pa.Array:
    from engine.monitoring.watched import positive_class

    positive = positive_class(version)
    if guess.items is not None:
        return pa.array([listed[0] for listed in guess.items if listed], pa.string())
    if guess.values is not None:
        return pa.array(guess.values)
    if positive is None:
        return pa.array(guess.labels.tolist(), pa.string())
    return pa.array(guess.scores[:, list(guess.classes).index(positive)])


def _calibration(rows: pa.Table, target: str, guess: Predicted) -> Calibration | str:
    import numpy as np

    from engine.measures.estimate import calibrate

    if target not in rows.column_names:
        return f"the snapshot does not hold {target!r}"
    truth = np.array([class_text(one) for one in rows[target].to_pylist()], dtype=object)
    known = np.isin(truth, guess.classes)
    return calibrate(truth[known], guess.take(known))


if __name__ == "__main__":
    sys.exit(main())
