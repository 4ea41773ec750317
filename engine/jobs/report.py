"""The exit report of one attempt: a job's last act, complete or not there at all."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.workspace import Workspace

REPORT_UNWRITTEN = 74  # exit code of an attempt whose disk took no report (EX_IOERR)

TIMED_OUT = "timed-out"


@dataclass(frozen=True, slots=True)
class Report:
    """How an attempt ended. `state` is succeeded, failed or cancelled."""

    state: str
    exit_code: int
    reason: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def attempt_folder(workspace: Workspace, job_id: str, attempt: int) -> Path:
    """Return the scratch folder of one attempt."""
    return workspace.jobs / f"{job_id}-{attempt}"


def log_of(workspace: Workspace, job_id: str) -> Path:
    """Return what a job prints, all its attempts in one file."""
    return workspace.logs / "jobs" / f"{job_id}.log"


def mark_timed_out(folder: Path) -> None:
    """Leave word that the attempt is stopped for its time: whoever ends it may be a later daemon."""
    (folder / TIMED_OUT).touch(mode=0o600)


def is_timed_out(folder: Path) -> bool:
    """Tell whether the attempt was stopped for its time."""
    return (folder / TIMED_OUT).exists()


def write_report(folder: Path, report: Report) -> None:
    """Write the report by temporary file and rename, on disk before it is seen."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / "result.json.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(report), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "result.json")


def read_report(folder: Path) -> Report | None:
    """Return the report, None where the attempt never wrote one."""
    try:
        said = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        return Report(**said)
    except (OSError, ValueError, TypeError):
        return None
