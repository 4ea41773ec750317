"""What a version answers, asked in a process of its own: the one that looks at traffic loads no model library.

`python -P -m engine.monitoring.asked -w DIR --model NAME --version N --rows FILE --to FILE`; a failure is one line on
stderr and exit code 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from engine.monitoring.layout import write_parquet
from store.errors import ModeldeckError, WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.rows import Version

ANSWER = "answer"


def answers(deck: Deck, version: Version, rows: pa.Table, kept: Path) -> pa.ChunkedArray:
    """Return the watched output of a version for each row that has one, and keep it at `kept`, from where it is read.

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
            _ask(deck, version, asked, kept)
        finally:
            asked.unlink(missing_ok=True)
    return pq.ParquetFile(kept).read()[ANSWER]


def _ask(deck: Deck, version: Version, rows: Path, to: Path) -> None:
    command = [sys.executable, "-P", "-m", "engine.monitoring.asked", "-w", str(deck.workspace.root)]
    command += ["--model", version.model, "--version", str(version.number), "--rows", str(rows), "--to", str(to)]
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
    parser.add_argument("--rows", required=True, type=Path)
    parser.add_argument("--to", required=True, type=Path)
    said = parser.parse_args()
    deck = open_deck(Workspace(said.workspace))
    try:
        version = versions.version(deck.database, said.model, said.version)
        write_parquet(pa.table({ANSWER: _answers(deck, version, pq.ParquetFile(said.rows).read())}), said.to)
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


def _answers(deck: Deck, version: Version, rows: pa.Table) -> pa.Array:
    from engine.model_io.load import score_version
    from engine.monitoring.reference import positive_class

    guess = score_version(deck, version, rows)
    positive = positive_class(version)
    if guess.items is not None:
        return pa.array([listed[0] for listed in guess.items if listed], pa.string())
    if guess.values is not None:
        return pa.array(guess.values)
    if positive is None:
        return pa.array(guess.labels.tolist(), pa.string())
    return pa.array(guess.scores[:, list(guess.classes).index(positive)])


if __name__ == "__main__":
    sys.exit(main())
