"""Files that runs keep, by the path the run gave them; their bytes are in the artifacts, by hash."""

from __future__ import annotations

import difflib

from store import blobs
from store.database import Reader, Write
from store.errors import Refused, UnknownName
from store.rows import RunArtifact

LONGEST_PATH = 500

_COLUMNS = "run_id, path, hash, size_bytes, logged_at"


def keep_artifact(tx: Write, run_id: str, path: str, hash: str, size: int) -> RunArtifact:
    """Record a file that the artifacts hold (`size` in bytes); a path kept again is overwritten.

    Raises:
        Refused: the path could lead out of a folder, or is no name of a file.
    """
    check_path(path)
    blobs.record_blob(tx, hash, size, "file")
    tx.execute(
        "INSERT INTO run_artifact (run_id, path, hash, size_bytes, logged_at) VALUES (:run, :path, :hash, :size, :at)"
        " ON CONFLICT (run_id, path) DO UPDATE SET hash = excluded.hash, size_bytes = excluded.size_bytes,"
        " logged_at = excluded.logged_at",
        {"run": run_id, "path": path, "hash": hash, "size": size, "at": tx.at},
    )
    return RunArtifact(run_id, path, hash, size, tx.at)


def check_path(path: str) -> None:
    """Refuse a path that is not plainly below a folder: `plots/roc.png`.

    Raises:
        Refused: it is not.
    """
    parts = path.split("/")
    plain = path.isprintable() and len(path) <= LONGEST_PATH and "\\" not in path
    if not plain or any(part in ("", ".", "..") for part in parts):
        raise Refused(
            f"{path[:80]!r} is no path of a run's file", "write it as plots/roc.png, without .. or a leading /"
        )


def artifacts(reader: Reader, run_id: str) -> list[RunArtifact]:
    """Return the files of a run, by path."""
    found = reader.rows(f"SELECT {_COLUMNS} FROM run_artifact WHERE run_id = :run ORDER BY path", {"run": run_id})
    return [RunArtifact(*row) for row in found]


def artifact(reader: Reader, run_id: str, path: str) -> RunArtifact:
    """Return one file of a run.

    Raises:
        UnknownName: the run kept none of that path.
    """
    row = reader.row(
        f"SELECT {_COLUMNS} FROM run_artifact WHERE run_id = :run AND path = :path", {"run": run_id, "path": path}
    )
    if row is None:
        known = [each.path for each in artifacts(reader, run_id)]
        close = difflib.get_close_matches(path, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"modeldeck runs artifacts {run_id[:16]} lists them"
        raise UnknownName(f"run {run_id[:16]} kept no file {path!r}", hint)
    return RunArtifact(*row)
